"""Rate budgets and breakers of channels, shared by all their Lambdas."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from nightshift.errors import NightshiftError
from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Noun
from nightshift.model.lane import Lane, LaneState

__all__ = ["Admitted", "Limits", "Refusal", "Refused"]


class Refusal(StrEnum):
    """Why a lane lets a call not through."""

    EXHAUSTED = "vendor.budget"
    OPEN = "breaker.open"
    STOPPED = "channel.stopped"


class Refused(NightshiftError):
    """A lane let a call not through; nothing was taken from it.

    Args:
        why: what is in the way.
        wait: seconds after which it makes sense to ask again; None: a person has to act first.
    """

    def __init__(self, why: Refusal, wait: float | None) -> None:
        super().__init__(why.value)
        self.why = why
        self.wait = wait


class Admitted(Noun):
    """A call that a lane let through.

    Args:
        full_at: epoch seconds when the budget is whole again, this call included.
        per_second: the rate that was reckoned with.
        trial: the one call that finds out whether the vendor is back.
        opens: how often in a row the breaker had opened.
        stopped: writes are stopped: this call may read, and nothing it learns may lead to a write.
    """

    lane: Lane
    full_at: float
    per_second: float
    trial: bool = False
    opens: int = 0
    stopped: bool = False


class Limits(Protocol):
    """One lane per channel.

    What is reported after a call never fails it: a report that the store does not take now is lost.
    """

    def admit(self, lane: Lane, *, cost: float, writes: bool, now: datetime) -> Admitted:
        """Take `cost` units of the budget, if the breaker lets one through.

        Raises:
            Refused: there is not enough left, the breaker is open, or writes are stopped.
        """

    def correct(self, admitted: Admitted, full_at: float, *, lower: bool, per_second: float | None) -> None:
        """Set when the budget is whole again to what the vendor says.

        Args:
            admitted: the call that heard it.
            full_at: epoch seconds.
            lower: set it earlier, if nobody else took from it since; otherwise only ever later.
            per_second: the vendor's own rate from now on, where it said one.
        """

    def owe(self, lane: Lane, units: float) -> None:
        """Let the next call of this process pay for what this one used beyond its cost; writes nothing."""

    def troubled(self, admitted: Admitted, *, now: datetime) -> bool:
        """Count a call that the vendor's trouble ended; True when this opened the breaker."""

    def recovered(self, admitted: Admitted) -> None:
        """Close the breaker: the trial was answered."""

    def undecided(self, admitted: Admitted) -> None:
        """Give a trial back that never reached the vendor, so that the next call makes it."""

    def drifted(self, lane: Lane, *, at_once: bool, why: str, now: datetime) -> bool:
        """Note an answer of a shape nobody expected; True when this stopped the lane's writes.

        Args:
            lane: whose vendor answered.
            at_once: stop at the first (a write's answer); otherwise at the third within ten minutes.
            why: for the person who releases it; never the vendor's words.
            now: the moment.
        """

    def hold(self, lane: Lane, name: str, *, seconds: float, now: datetime) -> bool:
        """Take a named turn of a lane for so long; False: somebody else has it."""

    def let_go(self, lane: Lane, name: str) -> None:
        """Give a turn back."""

    def states(self, tenant: TenantId, channels: Sequence[ChannelId]) -> tuple[LaneState, ...]:
        """The lanes of these channels, in their order (eventually consistent)."""

    def release(self, tenant: TenantId, channel: ChannelId) -> bool:
        """Let writes go on; False: they were not stopped."""
