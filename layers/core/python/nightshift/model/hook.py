"""Whether a vendor calls us: one registration of a webhook at the vendor."""

from enum import StrEnum

from nightshift.model.base import Noun

__all__ = ["Hook", "HookState"]


class HookState(StrEnum):
    """How one topic's registration stands, or what was done about it."""

    RIGHT = "right"  # registered and pointing here
    MISSING = "missing"
    WRONG = "wrong"  # registered, but not as it must be
    CREATED = "created"
    FIXED = "fixed"


class Hook(Noun):
    """One registration at the vendor.

    `problem` says in one sentence what is wrong or what was fixed, and never holds a secret.
    """

    topic: str
    state: HookState
    url: str = ""
    problem: str = ""
