"""Runs as people see them: the list, and one run step by step."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import Field

from nightshift.api.cursors import cursor_of, place_of
from nightshift.api.desk import Desk
from nightshift.errors import NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import ApprovalId, RunId, StepId, undo_run_id
from nightshift.model.approval import Approval, ApprovalStatus, AskedStep
from nightshift.model.base import Noun
from nightshift.model.case import RunOutcome
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.log import EntryKind
from nightshift.model.plan import CONTROL, Proposal, Step
from nightshift.model.rundesk import RunDetail, RunLines, RunSummary, StepLine, StepState
from nightshift.model.tool import Outcome
from nightshift.model.verdict import StepVerdict, Verdict

__all__ = ["one_run", "see_run", "see_runs"]

READ_CASES: Final = "cases:read"
RUNNING: Final = "RUNNING"
WAITING: Final = "WAITING"
PAUSED: Final = "PAUSED"

_ENDED = {
    Outcome.DONE: StepState.DONE,
    Outcome.REJECTED: StepState.REJECTED,
    Outcome.NOT_DONE: StepState.NOT_DONE,
    Outcome.UNKNOWN: StepState.UNKNOWN,
}


class _Behind(Noun):
    """Behind which line a page begins."""

    line: str = Field(min_length=1, max_length=200)


def see_runs(desk: Desk, caller: Caller, *, limit: int, cursor: str = "") -> RunLines:
    """The tenant's runs without a case, newest first, a page at a time.

    Raises:
        NotPermitted: the caller may not read cases.
        BadInput: the cursor is none.
    """
    caller.must(READ_CASES)
    place = place_of(_Behind, cursor)
    lines, more = desk.launch.listed(caller.tenant, limit, place.line if place else "")
    waiting = {approval.run for approval in desk.approvals.waiting(caller.tenant)} if lines else set()
    runs = tuple(
        RunSummary(
            run=line.run,
            name=line.name,
            proposed_by=line.proposed_by,
            proposed_at=datetime.fromisoformat(line.proposed_at),
            status=_status(desk, line.run, desk.runs.outcome(line.run), waits=line.run in waiting),
        )
        for line in lines
    )
    return RunLines(runs=runs, next=cursor_of(_Behind(line=more)) if more else "")


def _status(desk: Desk, run: RunId, outcome: RunOutcome | None, *, waits: bool) -> str:
    if outcome is not None:
        return outcome.status
    if desk.reruns.standing(run).stopped:
        return PAUSED
    return WAITING if waits else RUNNING


def one_run(desk: Desk, caller: Caller, run: RunId) -> Proposal:
    """The plan of a run of the caller's tenant.

    Raises:
        NotFound: the tenant has no such run.
    """
    try:
        found = desk.runs.proposal(run)
    except NotFound:
        found = None
    if found is None or found.tenant != caller.tenant:
        message = f"there is no run {run}"
        raise NotFound(message)
    return found


def see_run(desk: Desk, caller: Caller, run: RunId) -> RunDetail:
    """One run, of a case or of none: its plan, what the gate said, how far each step is, how it ended.

    Raises:
        NotFound: the tenant has no such run.
        NotPermitted: the caller may not read cases.
    """
    caller.must(READ_CASES)
    proposal = one_run(desk, caller, run)
    try:
        verdict = desk.runs.verdict(run)
    except NotFound:
        verdict = None
    outcome = desk.runs.outcome(run)
    approvals = _approvals(desk, proposal)
    waits = outcome is None and any(each.status is ApprovalStatus.PENDING for each in approvals)
    results = desk.runs.results(run)
    effects = {effect.step: effect for effect in desk.ledger.of_run(run)}
    asked = {step.step for each in approvals if waits for step in each.steps}
    known = {
        **{step.step: StepState.DONE for each in approvals for step in each.steps if _agreed(each, step)},
        **{StepId(step): StepState.TAKEN_BACK for step in (outcome.undone if outcome else ())},
    }
    return RunDetail(
        run=run,
        status=_status(desk, run, outcome, waits=waits),
        proposal=proposal,
        verdict=verdict,
        steps=tuple(
            _line(
                step, verdict, results.get(step.id), effects.get(step.id), asked=step.id in asked
            ).model_copy(update={"state": known[step.id]} if step.id in known else {})
            for step in proposal.plan.steps
        ),
        approvals=approvals,
        outcome=outcome,
        compensation=_compensation(desk, run),
    )


def _agreed(approval: Approval, step: AskedStep) -> bool:
    """Whether a question that is a step of the plan itself was answered with yes: nothing else tells."""
    return approval.status is ApprovalStatus.APPROVED and step.tool in CONTROL


def _compensation(desk: Desk, run: RunId) -> RunId | None:
    back = undo_run_id(run)
    try:
        desk.runs.proposal(back)
    except NotFound:
        return None
    return back


def _approvals(desk: Desk, proposal: Proposal) -> tuple[Approval, ...]:
    """What the run asked people. Without a case no index knows it: its own log does."""
    if proposal.case is not None:
        return tuple(each for each in desk.approvals.of_case(proposal.case) if each.run == proposal.run)
    asked = [e for e in desk.log.read(proposal.run) if e.kind is EntryKind.APPROVAL_ASKED]
    ids = dict.fromkeys(ApprovalId(str(entry.detail.get("approval"))) for entry in asked)
    found = [desk.approvals.find(approval) for approval in ids]
    return tuple(each for each in found if each is not None)


def _line(
    step: Step,
    verdict: Verdict | None,
    result: StepResult | None,
    effect: Effect | None,
    *,
    asked: bool,
) -> StepLine:
    given = _verdicts(verdict).get(step.id)
    return StepLine(
        step=step.id,
        tool=step.tool,
        channel=step.channel,
        state=_state(result, effect, asked=asked),
        decision=given.decision if given else None,
        rule=given.rule if given else "",
        limit=step.limit,
        code=(result.code if result else "") or (effect.code if effect else ""),
        message=result.message if result else "",
        output=result.output if result else {},
        settled_at=result.settled_at if result else None,
    )


def _verdicts(verdict: Verdict | None) -> Mapping[StepId, StepVerdict]:
    return {each.step: each for each in verdict.steps} if verdict else {}


def _state(result: StepResult | None, effect: Effect | None, *, asked: bool) -> StepState:
    if effect is not None and effect.state is EffectState.UNKNOWN:
        return StepState.UNKNOWN
    if result is not None:
        if result.skipped:
            return StepState.SKIPPED
        return StepState.SHADOW if result.shadow else _ENDED[result.outcome]
    if effect is not None:
        return StepState.NOT_DONE if effect.state is EffectState.NOT_DONE else StepState.RUNNING
    return StepState.WAITING if asked else StepState.PENDING
