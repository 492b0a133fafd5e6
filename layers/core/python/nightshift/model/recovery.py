"""Recovery on demand: what is asked for, and how far it is."""

from datetime import datetime

from pydantic import Field

from nightshift.ids import CaseId, TenantId
from nightshift.model.base import Noun

__all__ = ["Progress", "RecoverAll", "RecoveryRequest"]


class RecoverAll(Noun):
    """What a person asks of the API; `cursor` is empty at first, then what the last answer said."""

    restored_at: datetime | None = Field(
        default=None, description="the instant the tables were restored to, if they were"
    )
    cursor: str = Field(default="", max_length=2000)


class RecoveryRequest(RecoverAll):
    """One case, or all cases alive: of one tenant, or (no tenant) of all.

    After a restore the tenant is named, because its records are put in doubt. `by` is who asks.
    """

    tenant: TenantId | None = None
    case: CaseId | None = None
    by: str = "operator"


class Progress(Noun):
    """What one call did, and where to go on; the counts are of this call alone."""

    done: bool
    cursor: str = ""
    seen: int = Field(default=0, description="cases looked at")
    recovered: int = Field(default=0, description="cases that a new execution drives now")
    running: int = Field(default=0, description="cases whose execution is at work")
    handed_over: int = Field(default=0, description="cases that a person has now")
    replayed: int = Field(default=0, description="stored bodies taken in again")
    unreadable: int = Field(default=0, description="stored bodies that could not be taken in")

    def plus(self, more: "Progress") -> "Progress":
        """Both together, as far as the later one is."""
        counts = {name: getattr(self, name) + getattr(more, name) for name in _COUNTS}
        return more.model_copy(update=counts)


_COUNTS = ("seen", "recovered", "running", "handed_over", "replayed", "unreadable")
