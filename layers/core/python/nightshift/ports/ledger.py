"""The effect ledger: what may have happened to the world, and who holds what."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from nightshift.errors import NightshiftError
from nightshift.ids import CaseId, RunId, StepId, TenantId
from nightshift.model.base import Noun
from nightshift.model.effect import Effect, StepResult

__all__ = ["Fence", "Fenced", "Headroom", "Ledger", "Stop"]


class Stop(StrEnum):
    """Why an intent was refused, found in the same transaction that would have written it."""

    INTENDED = "intent.exists"  # another attempt got there first
    CLAIMED = "claim.taken"  # another run or case holds this payment and lines
    NO_ROOM = "claim.no_room"  # together with open claims it would exceed what is left
    UNKNOWN = "run.unknown"  # another effect of this run is not settled
    CASE = "case.taken"  # locked, handed over, or closed
    OUTDATED = "case.outdated"  # driven by a newer generation: the caller was given up
    ENDED = "run.ended"  # the run is settled, and makes no effect any more
    IN_DOUBT = "effect.in_doubt"  # older than its tenant's restored records: ask the vendor first
    HALTED = "tenant.halted"


class Fenced(NightshiftError):
    """An intent was refused; nothing was written.

    Args:
        stop: why.
        holder: for `CLAIMED`: the run that holds the claim.
    """

    def __init__(self, stop: Stop, holder: str = "") -> None:
        super().__init__(stop.value)
        self.stop = stop
        self.holder = holder


class Fence(Noun):
    """What must hold at the very moment an intent is written.

    Without a case the run's own record tells its generation. `began` is when the matter began that the
    effect is for; None: the vendor was asked already whether the effect happened before the records were
    restored.
    """

    case: CaseId | None
    generation: int
    began: datetime | None = None


class Headroom(Noun):
    """What a vendor has `left` of a pool, in minor units, when `drawn` effects had drawn on it."""

    left: int
    drawn: int


class Ledger(Protocol):
    """Every method is one conditional write or one consistent read."""

    def find(self, run: RunId, step: StepId, occurrence: int) -> Effect | None:
        """The effect of one step, strongly consistent."""

    def of_run(self, run: RunId) -> tuple[Effect, ...]:
        """All effects of a run, strongly consistent."""

    def unknown(
        self, tenant: TenantId, limit: int, after: tuple[str, str, str] | None = None
    ) -> tuple[tuple[Effect, ...], tuple[str, str, str] | None]:
        """A tenant's effects without an outcome, oldest first (eventually consistent).

        UNKNOWN ones, and those that are under way or were left so; `Effect.for_a_person` tells them apart.

        `after` is what an earlier page gave beside its effects; None there: that was the last.
        """

    def intend(self, effect: Effect, *, fence: Fence, room: Headroom | None) -> None:
        """Write the first intent together with its claim, if everything the fence names holds.

        `room` is what may be drawn from the claim's pool; it counts only while nothing else was drawn.

        Raises:
            Fenced: something does not hold; says what.
        """

    def take_over(self, effect: Effect, *, before: Effect) -> None:
        """Write a later attempt over `before`. It may ask the vendor, not yet call it.

        Raises:
            Fenced: `INTENDED`: another attempt was faster.
        """

    def drawn(self, tenant: TenantId, pool: str) -> int:
        """How many effects have drawn on a pool so far, strongly consistent."""

    def permit(self, effect: Effect, *, fence: Fence) -> None:
        """Write when the vendor is called again, if everything the fence names still holds.

        Raises:
            Fenced: something does not hold; says what.
        """

    def end(self, run: RunId, *, fence: Fence) -> None:
        """Close a run to new effects for good, before it is settled. Safe to repeat.

        Raises:
            Fenced: `OUTDATED`: a newer generation carries the run on; nothing was changed.
        """

    def release(self, effect: Effect) -> None:
        """Record that nothing happened for certain (no earlier attempt either); the next need not wait."""

    def settle(self, effect: Effect, result: StepResult | None) -> None:
        """Record how an effect stands, with its claim, pool and result, in one transaction.

        `UNKNOWN` closes the run to further writes until this effect is settled.

        Raises:
            Conflict: another attempt has taken the effect over.
        """
