"""Cases that something must drive: which are due for a look, and which generation drives them."""

from datetime import datetime
from typing import Protocol

from nightshift.ids import CaseId, RunId
from nightshift.model.base import Noun
from nightshift.model.case import Case, CaseInput, ExecutionState

__all__ = ["Drivers", "Page", "Watch"]


class Page(Noun):
    """Some cases in the order in which they are due; `after` is where the next page begins, if any."""

    cases: tuple[CaseId, ...]
    after: str = ""


class Watch(Protocol):
    """Cases that are OPEN or SLEEPING, by the instant from which somebody looks after them.

    The order comes from an index and is eventually consistent: read a case before you act on it.
    """

    def due(self, now: datetime, limit: int) -> tuple[CaseId, ...]:
        """Cases due by now, the longest overdue first."""

    def alive(self, limit: int, after: str = "") -> Page:
        """All of them, page by page. A case that is postponed meanwhile may come twice, never not at all."""

    def postpone(self, case: Case, until: datetime) -> None:
        """Look again at `until`; nothing changes if the case moved on since `case` was read."""

    def advance(self, case: Case, to: int, *, counted: bool, look_again: datetime) -> Case:
        """Give a case to the generation `to`: whatever older one still runs can change nothing any more.

        The token is forgotten. `counted`: it is a recovery, and counts as one more without progress.
        The case is due at `look_again`, so that a crash before the new execution starts is found.

        Raises:
            Conflict: it has another generation by now, or needs no execution any more.
        """


class Drivers(Protocol):
    """The executions that drive cases, one per generation."""

    def start_case(self, given: CaseInput) -> None:
        """Start the execution of a case's generation; one that runs or ran already is left alone."""

    def state(self, case: CaseId, generation: int) -> ExecutionState:
        """How the execution of a generation stands (a start may take a moment to be seen)."""

    def stop(self, case: CaseId, generation: int, run: RunId | None) -> None:
        """Stop what a generation runs: the case's execution, and that of its `run`. Ended ones stay so."""
