"""Deliveries: what ingress stored, before and until the dispatcher accepts it."""

from datetime import datetime
from typing import Protocol

from nightshift.ids import CaseId, ChannelId, TenantId
from nightshift.model.base import Document
from nightshift.model.event import Event

__all__ = ["Deliveries", "Delivery"]


class Delivery(Document):
    """One stored delivery.

    `event` is absent where nobody acts on its topic or the body could not be read (`parked` says why).
    `pending` is since when (or, after a new try, from when) it is due in an inbox; None: it is not.
    `case` is the case that holds it; `none` when it was noted only.
    """

    tenant: TenantId
    channel: ChannelId
    delivery: str
    topic: str
    body_ref: str
    body_digest: str
    received_at: datetime
    event: Event | None = None
    pending: datetime | None = None
    attempts: int = 0
    parked: str | None = None
    case: CaseId | None = None


class Deliveries(Protocol):
    """Stored deliveries; kept for 30 days."""

    def keep(self, delivery: Delivery) -> Delivery:
        """Store a delivery unless one of its id is stored; returns the one that stands."""

    def pending(self, before: datetime, limit: int) -> tuple[Delivery, ...]:
        """Deliveries due before an instant, oldest first, of all tenants (eventually consistent)."""

    def postpone(self, delivery: Delivery, due: datetime) -> None:
        """Count one more attempt; due again at `due`. Nothing changes once it reached an inbox."""

    def park(self, tenant: TenantId, channel: ChannelId, delivery: str, *, reason: str) -> None:
        """Put a delivery aside for a person. Nothing changes once it reached an inbox."""

    def park_stray(self, message: str, body: str, reason: str) -> None:
        """Put aside a queue message that names no delivery, under the tenant `unknown`."""

    def parked(self, tenant: TenantId) -> tuple[Delivery, ...]:
        """A tenant's parked deliveries, oldest first (eventually consistent)."""
