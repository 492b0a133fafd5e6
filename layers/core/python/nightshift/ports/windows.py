"""Cumulative windows: what was, or may yet be, used of a tool by a customer, a workflow, or the store."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, Protocol

from pydantic import Field

from nightshift.ids import RunId, StepId, TenantId
from nightshift.model.base import Noun
from nightshift.model.plan import Proposal, ToolName
from nightshift.money import Money

__all__ = ["EVERY_WRITE", "Reservation", "WindowCounter", "WindowKey", "WindowTotal", "WindowUse", "Windows"]

EVERY_WRITE: Final = "*"
"""Instead of a tool: whatever changes something."""


class WindowKey(Noun):
    """Whose uses of which tool are counted together; of nobody in particular: the whole tenant's.

    At most one of customer, specialist and workflow is named; tool `*` stands for every write.
    """

    tenant: TenantId
    customer: str | None
    tool: ToolName | Literal["*"]
    specialist: str | None = None
    workflow: str | None = None


class WindowUse(Noun):
    """One step's use. A reserved one may yet happen; `amount` is then the worst case."""

    run: RunId
    step: StepId
    amount: Money | None = None
    at: datetime
    state: Literal["reserved", "done"]


class WindowTotal(Noun):
    """Settled uses of one stretch of time, folded into one: how many, and what they moved per currency.

    It reaches from `begins` for `seconds`; a window that touches it counts all of it.
    """

    begins: datetime
    seconds: int = Field(gt=0)
    count: int = Field(ge=1)
    moved: dict[str, int] = Field(default_factory=dict)


class WindowCounter(Noun):
    """All uses of one key at one version; version 0 stands for a counter that nobody wrote yet.

    `uses` are those that may yet happen, each by itself; `totals` those that did, folded.
    """

    key: WindowKey
    version: int = Field(default=0, ge=0)
    uses: tuple[WindowUse, ...] = ()
    totals: tuple[WindowTotal, ...] = ()


class Reservation(Noun):
    """What one run adds to one counter as it was loaded.

    Uses and totals that ended before `keep_from` are beyond every window and are dropped when it is written.
    """

    counter: WindowCounter
    uses: tuple[WindowUse, ...]
    keep_from: datetime


class Windows(Protocol):
    """Uses are keyed by run and step, so that a retry reserves nothing twice."""

    def load(self, keys: Sequence[WindowKey]) -> tuple[WindowCounter, ...]:
        """The counters of these keys in their order, strongly consistent."""

    def reserve(self, run: RunId, reservations: Sequence[Reservation]) -> None:
        """Put a run's uses into all these counters, or into none.

        What the same run had reserved in them before is replaced.

        Raises:
            Conflict: a counter changed since it was loaded; nothing was written.
        """

    def settle(self, proposal: Proposal, moved: Mapping[StepId, Money | None], *, at: datetime) -> None:
        """Turn a run's reservations into what happened. Called once more, it changes nothing.

        The runner calls it at the end of every run, also of one that was refused or never decided.

        Args:
            proposal: the run's plan.
            moved: the steps that took effect, each with the money it moved (None: no money). A step
                whose outcome is unknown counts as if it had happened: give its limit. Reservations of
                all other steps are removed.
            at: when it happened; windows count it from then.

        Raises:
            Conflict: other writers won over and over; nothing of this run was changed.
        """
