"""From one move of a run to the next: pure, shared by every Lambda of the run saga."""

from nightshift.ids import RunId
from nightshift.model.approval import Approval, ApprovalStatus
from nightshift.model.verdict import Move, RunState, Verdict

__all__ = ["after", "after_answer", "settling", "unwinding"]


def after(verdict: Verdict, *, run: RunId, generation: int, index: int) -> RunState:
    """The state after the move with this index went well."""
    following = [move for move in verdict.moves if move.index > index]
    move = following[0] if following else Move(index=index + 1, next="settle")
    return RunState(run=run, generation=generation, move=move, ask_seconds=verdict.ask_seconds)


def settling(*, run: RunId, generation: int, index: int, error: str = "") -> RunState:
    """The state of a run that stops here, whatever was to follow."""
    move = Move(index=index, next="settle")
    return RunState(run=run, generation=generation, move=move, ask_seconds=1, error=error)


def unwinding(*, run: RunId, generation: int, index: int) -> RunState:
    """The state of a run of which a step failed: what it did is taken back, then it settles."""
    return RunState(run=run, generation=generation, move=Move(index=index, next="undo"), ask_seconds=1)


def after_answer(approval: Approval, verdict: Verdict, generation: int) -> RunState:
    """Where a run goes on after a person's answer: to its next move, or to its end."""
    asked = next((move.index for move in verdict.moves if move.next == "ask"), 0)
    if approval.status is ApprovalStatus.APPROVED:
        return after(verdict, run=approval.run, generation=generation, index=asked)
    return settling(run=approval.run, generation=generation, index=asked)
