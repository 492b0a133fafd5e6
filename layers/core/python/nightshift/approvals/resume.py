"""Resuming a run with the answer its record holds."""

from nightshift.model.approval import Approval
from nightshift.model.moves import after_answer
from nightshift.ports.approvals import Approvals
from nightshift.ports.flow import Executions
from nightshift.ports.runs import Runs

__all__ = ["resume"]


def resume(approval: Approval, approvals: Approvals, runs: Runs, executions: Executions) -> bool:
    """Give the waiting state its answer; False when nothing waits any more (the run reads the record)."""
    token = approvals.token(approval.id)
    if token is None:
        return False
    proposal, verdict = runs.authorised(approval.run)
    state = after_answer(approval, verdict, proposal.generation)
    return executions.succeed(token, state.model_dump(mode="json"))
