"""Resuming a run with the answer its record holds."""

from nightshift.errors import NotFound
from nightshift.model.approval import Approval
from nightshift.model.moves import after_answer
from nightshift.ports.approvals import Approvals
from nightshift.ports.flow import Executions
from nightshift.ports.runs import Runs

__all__ = ["resume", "resume_decided"]

_BATCH = 50


def resume(approval: Approval, approvals: Approvals, runs: Runs, executions: Executions) -> bool:
    """Give the waiting state its answer; False when nothing waits any more (the run reads the record).

    Whoever asks again later is told the answer there; so it is given, whatever this finds.
    """
    token = approvals.token(approval.id)
    given = False
    if token is not None:
        proposal, verdict = runs.authorised(approval.run)
        state = after_answer(approval, verdict, proposal.generation)
        given = executions.succeed(token, state.model_dump(mode="json"))
    approvals.resumed(approval.id)
    return given


def resume_decided(approvals: Approvals, runs: Runs, executions: Executions) -> int:
    """Give the answers that were decided and never told: whoever decided died in between. How many."""
    return sum(_resumed(approval, approvals, runs, executions) for approval in approvals.unresumed(_BATCH))


def _resumed(approval: Approval, approvals: Approvals, runs: Runs, executions: Executions) -> bool:
    try:
        return resume(approval, approvals, runs, executions)
    except NotFound:  # its run is not in the records (any more): nothing waits, and others do
        approvals.resumed(approval.id)
        return False
