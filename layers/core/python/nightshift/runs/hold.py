"""Waiting: until when a run is held is fixed once, so that a later generation waits the rest only."""

import math
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue, ValidationError

from nightshift.actionlog.chain import step_stream
from nightshift.errors import Misconfigured, Rejected
from nightshift.gate.controls import control_input
from nightshift.ids import RunId, StepId
from nightshift.model.effect import StepResult
from nightshift.model.log import EntryKind
from nightshift.model.moves import after, unwinding
from nightshift.model.plan import Proposal, Step
from nightshift.model.tool import Outcome
from nightshift.model.verdict import RunState, Verdict
from nightshift.ports.log import NewEntry
from nightshift.runs.parts import Settling
from nightshift.tools.resolve import resolve, skipped

__all__ = ["LONGEST_WAIT", "hold"]

LONGEST_WAIT = timedelta(days=30)


def hold(parts: Settling, run: RunId, generation: int, move: int) -> RunState:
    """How long a run is held by the wait of one move, and what it does then.

    Raises:
        NotFound: the run has no plan or no verdict.
        Misconfigured: `step.unknown`: its verdict knows no such wait.
    """
    proposal, verdict = parts.runs.authorised(run)
    step = _waiting(proposal, verdict, move)
    results = parts.runs.results(run)
    known = results.get(step.id) or _begun(parts, proposal, step, results)
    if not known.went_well:
        return unwinding(run=run, generation=generation, index=move)
    state = after(verdict, run=run, generation=generation, index=move)
    return state.model_copy(update={"wait_seconds": _left(known, parts.clock.now())})


def _waiting(proposal: Proposal, verdict: Verdict, index: int) -> Step:
    step = next((move.step for move in verdict.moves if move.index == index), None)
    try:
        return proposal.plan.step(StepId(step or ""))
    except KeyError as exc:
        message = f"move {index} of run {proposal.run} waits for nothing"
        raise Misconfigured(message, code="step.unknown") from exc


def _begun(parts: Settling, proposal: Proposal, step: Step, results: dict[StepId, StepResult]) -> StepResult:
    """The wait's result, which says until when; logged before it is kept."""
    now = parts.clock.now()
    result = StepResult(run=proposal.run, step=step.id, outcome=Outcome.DONE, settled_at=now)
    try:
        if skipped(proposal.plan, step, results):
            changes: dict[str, object] = {"outcome": Outcome.NOT_DONE, "skipped": True, "code": "skipped"}
            kind = EntryKind.STEP_SKIPPED
        else:
            until = _until(proposal, step, results, now)
            changes, kind = {"output": {"until": until.isoformat()}}, EntryKind.STEP_WAITS
    except Rejected as exc:
        changes = {"outcome": Outcome.REJECTED, "code": exc.code, "message": str(exc)}
        kind = EntryKind.STEP_FAILED
    result = result.model_copy(update=changes)
    _log(parts, proposal, result, kind)
    return parts.runs.keep(result)


def _until(proposal: Proposal, step: Step, results: dict[StepId, StepResult], now: datetime) -> datetime:
    """The moment, at most thirty days from now.

    Raises:
        Rejected: `arguments.invalid`: the resolved arguments name no such moment.
    """
    resolved = resolve(proposal.plan, step, results)
    try:
        args = control_input(step.tool).model_validate(resolved).model_dump()
    except ValidationError as exc:
        message = f"{step.tool}: the resolved arguments do not fit"
        raise Rejected(message, code="arguments.invalid") from exc
    at, seconds = args.get("at"), args.get("seconds")
    until = at.astimezone(UTC) if isinstance(at, datetime) else _since(step, results, now, seconds)
    if until > now + LONGEST_WAIT:
        message = f"{step.tool} would wait for more than {LONGEST_WAIT.days} days"
        raise Rejected(message, code="arguments.invalid")
    return until


def _since(step: Step, results: dict[StepId, StepResult], now: datetime, seconds: object) -> datetime:
    """So long after the last of what it needs ended; after now where it needs nothing."""
    ended = [results[need].settled_at for need in step.needs if need in results]
    return max(ended, default=now) + timedelta(seconds=seconds if isinstance(seconds, int | float) else 0)


def _left(known: StepResult, now: datetime) -> int:
    until = known.output.get("until")
    if not isinstance(until, str):  # it was skipped
        return 0
    return max(0, math.ceil((datetime.fromisoformat(until) - now).total_seconds()))


def _log(parts: Settling, proposal: Proposal, result: StepResult, kind: EntryKind) -> None:
    detail: dict[str, JsonValue] = {"step": result.step, "code": result.code, **result.output}
    entry = NewEntry(
        kind=kind,
        tenant=proposal.tenant,
        at=result.settled_at,
        actor="runner",
        ref=f"{proposal.run}/{result.step}",
        detail=detail,
    )
    parts.log.append(step_stream(proposal.case or proposal.run, proposal.run, result.step), entry)
