"""What mail in and mail out have in common: our mark, names of conversations, addresses."""

import re

__all__ = ["MARK", "is_conversation", "is_message_id", "mail_address"]

MARK = "X-Nightshift-Conversation"
"""A header on every mail of ours: which conversation it belongs to. Coming in, it is a loop."""

_CONVERSATION = re.compile(r"mail_[a-z2-7]{26}")
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9!#%&'*+/=?^_|~.-]{1,120}@[A-Za-z0-9.:\[\]_-]{1,79}")


def is_conversation(name: str) -> bool:
    """Whether this is a name we give to threads of mails; nobody can guess one."""
    return _CONVERSATION.fullmatch(name) is not None


def is_message_id(text: str) -> bool:
    """Whether this is a Message-ID without its angle brackets, safe in a header of ours."""
    return _MESSAGE_ID.fullmatch(text) is not None


def mail_address(given: str) -> str:
    """A mail address as it is compared, with ASCII in lower case; empty where it is none."""
    # bytes.lower() folds ASCII only: no two addresses become one by Unicode's foldings.
    lowered = given.strip().strip("<>").encode("utf-8", "replace").lower().decode("utf-8", "replace")
    return lowered if _ADDRESS.fullmatch(lowered) else ""
