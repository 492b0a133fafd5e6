"""Mail that machines wrote: loops, auto-replies, lists and reports, none of which is ever answered."""

from nightshift.ingress.mime import Mail, Report
from nightshift.model.mail import MARK, is_conversation

__all__ = ["conversation_of", "why_never_answered"]

_BULK = frozenset({"bulk", "junk", "list", "auto_reply", "auto-reply"})


def why_never_answered(mail: Mail, *, ours: str) -> str:
    """Why no mail like this is acted on: `loop`, `auto-reply` or `list`; empty: a person may have written it.

    Args:
        mail: the mail.
        ours: the address it came to.
    """
    told = mail.headers
    if MARK.casefold() in told or mail.sender == ours:
        return "loop"
    submitted = told.get("auto-submitted", "no").split(";")[0].strip().casefold()
    if submitted not in {"", "no"} or _suppresses(told.get("x-auto-response-suppress", "")):
        return "auto-reply"
    if "x-autoreply" in told or "x-autorespond" in told:
        return "auto-reply"
    if "list-id" in told or told.get("precedence", "").strip().casefold() in _BULK:
        return "list"
    return ""


def _suppresses(value: str) -> bool:
    return bool({word.strip().casefold() for word in value.split(",")} & {"all", "autoreply", "oof"})


def conversation_of(report: Report) -> str:
    """The conversation of the mail of ours that a report is about, as that mail's mark says; or nothing."""
    told = (report.original or {}).get(MARK.casefold(), "").strip()
    return told if is_conversation(told) else ""
