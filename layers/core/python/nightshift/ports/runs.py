"""What is kept of a run: its plan, the verdict, the results, the end. First writer wins."""

from typing import Protocol

from nightshift.ids import RunId, StepId
from nightshift.model.case import RunOutcome
from nightshift.model.effect import StepResult
from nightshift.model.plan import Proposal
from nightshift.model.verdict import Verdict

__all__ = ["Runs"]


class Runs(Protocol):
    """Reads are strongly consistent."""

    def propose(self, proposal: Proposal) -> Proposal:
        """Store the plan of a run; when one is stored already, that one is returned and stands."""

    def proposal(self, run: RunId) -> Proposal:
        """The plan of a run.

        Raises:
            NotFound: none was proposed.
        """

    def give(self, verdict: Verdict) -> Verdict:
        """Store the verdict of a run; when one is stored already, that one is returned and stands."""

    def verdict(self, run: RunId) -> Verdict:
        """The verdict on a run.

        Raises:
            NotFound: the gate has not decided.
        """

    def authorised(self, run: RunId) -> tuple[Proposal, Verdict]:
        """Plan and verdict in one read.

        Raises:
            NotFound: one of them is not there.
        """

    def keep(self, result: StepResult) -> StepResult:
        """Store how a step ended; when a result is stored already, that one is returned and stands."""

    def results(self, run: RunId, occurrence: int = 0) -> dict[StepId, StepResult]:
        """What the steps of a run gave back so far, as one occurrence sees it.

        A step that is not repeated has only its first result; every occurrence sees that one.
        """

    def settle(self, outcome: RunOutcome) -> RunOutcome:
        """Store how a run ended; when that is stored already, the stored one is returned."""

    def outcome(self, run: RunId) -> RunOutcome | None:
        """How a run ended, or None while it has not."""
