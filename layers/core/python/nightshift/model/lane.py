"""A lane: one channel's road to its vendor, shared by all its Lambdas. Its budget, its breaker, its state."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Noun

__all__ = ["Breaker", "BreakerState", "Budget", "Lane", "LaneState"]


class Budget(Noun):
    """What a vendor lets one channel use: `burst` units at once, `per_second` of them come back.

    `unit` says what the vendor counts: requests, or points that a request costs.
    """

    unit: Literal["requests", "points"] = "requests"
    per_second: float = Field(default=10.0, gt=0)
    burst: float = Field(default=20.0, gt=0)


class Breaker(Noun):
    """When a channel is left alone: after `failures` troubled calls in `within_seconds`.

    They must be at least `share` of all calls. It stays open for `open_seconds`, twice as long after each
    trial that fails.
    """

    failures: int = Field(default=5, ge=1)
    share: float = Field(default=0.5, gt=0, le=1)
    within_seconds: float = Field(default=60.0, gt=0)
    open_seconds: float = Field(default=30.0, gt=0)


class Lane(Noun):
    """One channel and the rules of its adapter."""

    tenant: TenantId
    channel: ChannelId
    budget: Budget = Budget()
    breaker: Breaker = Breaker()


class BreakerState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"  # none does
    HALF_OPEN = "half_open"  # one at a time does, to find out


class LaneState(Noun):
    """A lane as doctor, console and gate see it.

    Args:
        full_at: when the rate budget is whole again; in the past: it is.
        per_second: what the vendor said of its rate; None: nothing that differs from the adapter's.
        open_until: while the breaker is not closed: from when on a trial is made.
        opens: how often in a row the breaker opened.
        troubles: troubled calls in the breaker's present window.
        stopped: why writes stop until a person releases them; None: they do not.
    """

    tenant: TenantId
    channel: ChannelId
    full_at: datetime | None = None
    per_second: float | None = None
    breaker: BreakerState = BreakerState.CLOSED
    open_until: datetime | None = None
    opens: int = 0
    troubles: int = 0
    stopped: str | None = None
    stopped_at: datetime | None = None
