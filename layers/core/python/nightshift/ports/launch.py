"""Runs that no case carries: a person's plan, an occurrence of a workflow, an undo."""

from typing import Protocol

from nightshift.ids import RunId, TenantId
from nightshift.model.base import Noun
from nightshift.model.plan import Proposal

__all__ = ["Launch", "RunLine"]


class RunLine(Noun):
    """One line of a tenant's list of runs.

    Args:
        name: the plan's.
        proposed_by: who wrote it (`person:<id>`, `workflow:<name>@<version>`).
        proposed_at: ISO 8601, UTC.
    """

    run: RunId
    name: str
    proposed_by: str
    proposed_at: str


class Launch(Protocol):
    """Begins runs without a case. Nothing runs that the gate, the run's first state, does not allow."""

    def launch(self, proposal: Proposal) -> Proposal:
        """Store the plan, list the run and start its execution; the plan that stands is returned.

        Safe to repeat: the first plan stored for a run is *the* plan, a second start finds the first.

        Raises:
            Retryable: it could not be started; the same call again goes on.
        """

    def again(self, proposal: Proposal, generation: int) -> None:
        """Start a run's execution anew in a later generation: after a stop, or from its failed step."""

    def stop(self, run: RunId, generation: int, why: str) -> None:
        """Stop a run's execution; nothing that has happened is undone."""

    def listed(self, tenant: TenantId, limit: int, cursor: str) -> tuple[tuple[RunLine, ...], str]:
        """A tenant's runs without a case, the newest first, and the cursor of the next page (`""`: none)."""
