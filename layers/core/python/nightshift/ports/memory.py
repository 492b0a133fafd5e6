"""Episodes: what is remembered of closed cases."""

from datetime import datetime
from typing import Protocol

from nightshift.ids import TenantId
from nightshift.model.case import Episode

__all__ = ["Episodes"]


class Episodes(Protocol):
    """Kept per tenant and customer; nobody else's are ever recalled."""

    def keep(self, episode: Episode, *, until: datetime) -> None:
        """Keep an episode until then; the same case again (same `closed_at`) overwrites it with the same."""

    def recall(self, tenant: TenantId, customer: str, *, limit: int, at: datetime) -> tuple[Episode, ...]:
        """A customer's episodes that have not expired at `at`, newest first, at most `limit`."""
