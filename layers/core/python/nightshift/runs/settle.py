"""Settling: how a run ended, kept once, what it took back told, and what it had reserved given back."""

from pydantic import JsonValue

from nightshift.actionlog.chain import step_stream
from nightshift.errors import Conflict, NotFound, Rejected
from nightshift.ids import RunId, StepId, undo_run_id
from nightshift.model.approval import Approval, ApprovalStatus
from nightshift.model.case import RunOutcome
from nightshift.model.effect import EffectState
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.model.moves import after_answer, settling
from nightshift.model.plan import Proposal
from nightshift.model.tool import Outcome
from nightshift.model.verdict import RunState, Verdict
from nightshift.money import Money
from nightshift.ports.log import NewEntry
from nightshift.runs.closed import closed
from nightshift.runs.judge import Records, amount_moved, asked, judge
from nightshift.runs.parts import Settling
from nightshift.runs.unwind import begun, taken_back_of, what_to_take_back

__all__ = ["Settling", "expire", "settle", "withdraw"]


def expire(settling_with: Settling, run: RunId, generation: int, move: int) -> RunState:
    """Nobody answered in time: make the question EXPIRED, or obey the answer that was faster."""
    parts = settling_with
    try:
        proposal, verdict = parts.runs.authorised(run)
    except NotFound:
        return settling(run=run, generation=generation, index=move)
    try:
        approval = asked(proposal, verdict, parts.runs.results(run), parts.approvals)
    except Rejected:
        approval = None
    if approval is None:
        return settling(run=run, generation=generation, index=move)
    decided = _expired(parts, approval) if approval.status is ApprovalStatus.PENDING else approval
    _log_decision(parts, decided)
    return after_answer(decided, verdict, generation)


def withdraw(parts: Settling, run: RunId) -> None:
    """Nobody needs to answer what a run asks that was ended; a question that was answered stands."""
    try:
        proposal, verdict = parts.runs.authorised(run)
        approval = asked(proposal, verdict, parts.runs.results(run), parts.approvals)
    except (NotFound, Rejected):
        return
    if approval is None or approval.status is not ApprovalStatus.PENDING:
        return
    now = parts.clock.now()
    try:
        parts.approvals.decide(approval.id, ApprovalStatus.VOIDED, by=None, at=now, note="")
    except Conflict:
        return
    _log_decision(parts, parts.approvals.get(approval.id))


def _expired(parts: Settling, approval: Approval) -> Approval:
    now = parts.clock.now()
    try:
        return parts.approvals.decide(approval.id, ApprovalStatus.EXPIRED, by=None, at=now, note="")
    except Conflict:
        return parts.approvals.get(approval.id)


def _log_decision(parts: Settling, decided: Approval) -> None:
    """Whoever decided may have died before they could log it; said again, it adds no second line."""
    by = decided.decided_by
    detail: dict[str, JsonValue] = {
        "approval": decided.id,
        "status": decided.status,
        "digest": decided.digest,
        **({"role": by.role} if by is not None else {}),
    }
    entry = NewEntry(
        kind=EntryKind.APPROVAL_DECIDED,
        tenant=decided.tenant,
        at=decided.decided_at or parts.clock.now(),
        actor="runner" if by is None else f"person:{by.id}",
        ref=decided.id,
        detail=detail,
    )
    parts.log.append(decided.case or decided.run, entry)


def settle(parts: Settling, run: RunId, generation: int, error: str | None = None) -> RunOutcome:
    """Record how a run ended, once; the same call again gives the same answer.

    From here on the run makes no effect any more, in no generation. Every effect that is not settled by
    now is UNKNOWN if it may have happened, NOT_DONE if not. Of a compensation both ends are recorded, its
    own and that of the run it takes back, which is returned.

    Raises:
        Outdated: a newer generation carries the run on, and settles it.
    """
    proposal = parts.runs.proposal(run)
    failed = taken_back_of(proposal)
    if failed is not None:
        why = str(proposal.plan.inputs.get("error") or error or "")
        return settle(parts, failed, generation, why or None)
    outcome = _settled(parts, proposal, generation, error)
    if outcome.status == "UNKNOWN":
        parts.metrics.count(Metric.RECONCILE_PENDING)
    if outcome.status == "UNDO_FAILED":
        parts.metrics.count(Metric.UNDO_FAILED)
    if proposal.case is None and outcome.status not in {"DONE", "STOPPED"}:
        parts.metrics.count(Metric.RUNS_FAILED)
    return outcome


def _settled(parts: Settling, proposal: Proposal, generation: int, error: str | None) -> RunOutcome:
    known = parts.runs.outcome(proposal.run)
    if known is not None:
        # a gate that was late may have reserved for a run that had ended without its verdict
        parts.windows.settle(proposal, {}, at=known.settled_at)
        _log(parts, proposal, known)
        return known
    # Effects first: what is settled while this looks has its result in what is read afterwards.
    effects = closed(proposal, generation, ledger=parts.ledger, clock=parts.clock)
    found = Records(
        proposal=proposal,
        verdict=_verdict(parts, proposal.run),
        results=parts.runs.results(proposal.run),
        effects=effects,
    )
    judged = judge(found, approvals=parts.approvals, at=parts.clock.now(), error=error)
    outcome = judged.model_copy(update={"generation": generation})
    if judged.status == "DONE" and begun(parts, proposal.run, generation) is not None:
        reason = "it was broken off while it was taken back"
        outcome = outcome.model_copy(update={"status": "FAILED", "reason": reason})
    if outcome.status != "DONE" and taken_back_of(proposal) is None:
        outcome = _with_undone(parts, found, outcome, generation, error=error)
    parts.windows.settle(proposal, _used(found), at=outcome.settled_at)
    stored = parts.runs.settle(outcome)
    _log(parts, proposal, stored)
    return stored


def _verdict(parts: Settling, run: RunId) -> Verdict | None:
    try:
        return parts.runs.verdict(run)
    except NotFound:
        return None


def _with_undone(
    parts: Settling, found: Records, outcome: RunOutcome, generation: int, *, error: str | None
) -> RunOutcome:
    """The same end with what was taken back and what stands; worse where taking back went wrong."""
    done = [effect.step for effect in found.effects if effect.state is EffectState.DONE]
    if not done:
        return outcome
    back = what_to_take_back(found.proposal, found.effects, found.results, error=error)
    ended = _compensation(parts, found.proposal.run, generation)
    undone = _undone(parts, found.proposal.run) if ended is not None else frozenset[StepId]()
    planned = {each.step for each in back.steps}
    changed_nothing = set(done) - planned - set(back.stuck) if planned or back.stuck else set[StepId]()
    left = tuple(step for step in done if step not in undone and step not in changed_nothing)
    changes: dict[str, object] = {"undone": tuple(step for step in done if step in undone), "left": left}
    if ended is not None and ended.status == "UNKNOWN":
        reason = f"taking it back: {ended.reason}"
        changes |= {"status": "UNKNOWN", "reason": reason, "failed_step": ended.failed_step}
    elif (planned - undone) or back.stuck:
        changes |= {"status": "UNDO_FAILED"}
    return outcome.model_copy(update=changes)


def _compensation(parts: Settling, run: RunId, generation: int) -> RunOutcome | None:
    """How the run ended that takes this one back, settled now if it was not; None: there is none."""
    try:
        child = parts.runs.proposal(undo_run_id(run))
    except NotFound:
        return None
    return _settled(parts, child, generation, None)


def _undone(parts: Settling, run: RunId) -> frozenset[StepId]:
    results = parts.runs.results(undo_run_id(run))
    return frozenset(step for step, result in results.items() if result.outcome is Outcome.DONE)


def _used(found: Records) -> dict[StepId, Money | None]:
    """What counts towards the windows: what was done, and the worst case of what may have been."""
    used: dict[StepId, Money | None] = {}
    for effect in found.effects:
        if effect.state is EffectState.UNKNOWN:
            used[effect.step] = found.proposal.plan.step(effect.step).limit
        elif effect.state is EffectState.DONE:
            used[effect.step] = amount_moved(found.results.get(effect.step))
    return used


def _log(parts: Settling, proposal: Proposal, outcome: RunOutcome) -> None:
    root = proposal.case or taken_back_of(proposal) or proposal.run
    heads: dict[str, JsonValue] = {}
    for step in proposal.plan.steps:
        entries = parts.log.read(step_stream(proposal.case or proposal.run, proposal.run, step.id))
        if entries:
            heads[step.id] = entries[-1].hash
    taken: dict[str, JsonValue] = {
        name: list[JsonValue](steps)
        for name, steps in (("undone", outcome.undone), ("left", outcome.left))
        if steps
    }
    entry = NewEntry(
        kind=EntryKind.RUN_SETTLED,
        tenant=proposal.tenant,
        at=outcome.settled_at,
        actor="runner",
        ref=outcome.run if outcome.generation == 1 else f"{outcome.run}-g{outcome.generation}",
        detail={
            "run": outcome.run,
            "status": outcome.status,
            "reason": outcome.reason,
            "moved": str(outcome.money_moved) if outcome.money_moved is not None else None,
            "heads": heads,
            **taken,
        },
    )
    parts.log.append(root, entry)
