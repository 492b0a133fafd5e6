"""What a restore of the tables does not take back: the stored bodies, and who can read them."""

from datetime import datetime
from typing import Protocol

from nightshift.ids import TenantId
from nightshift.model.base import Noun
from nightshift.model.recovery import Progress, RecoveryRequest

__all__ = ["Bodies", "Recoveries", "Replays", "StoredBody"]


class StoredBody(Noun):
    """Where a raw body is kept, and since when."""

    key: str
    stored_at: datetime


class Bodies(Protocol):
    """The raw bodies that ingress stored."""

    def of_day(self, prefix: str) -> tuple[StoredBody, ...]:
        """Everything under a prefix."""


class Replays(Protocol):
    """Stored bodies, taken in once more by the function that took them in first."""

    def replay(self, vendor: str, tenant: TenantId, key: str) -> bool:
        """Take one in again; False: it cannot be read, or says no longer what it was.

        Raises:
            Retryable: the function could not say; ask again.
        """


class Recoveries(Protocol):
    """Recovery, as those ask for it who may not do it themselves."""

    def ask(self, request: RecoveryRequest) -> Progress:
        """Do the next part of what is asked.

        Raises:
            BadInput: what is asked cannot be.
            NotFound: the tenant has no such case.
            Retryable: recovery did not answer; ask the same again.
        """
