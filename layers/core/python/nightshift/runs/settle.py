"""Settling: how a run ended, from its records alone, and what it had reserved given back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from nightshift.actionlog.chain import step_stream
from nightshift.clock import Clock
from nightshift.errors import Conflict, NotFound, Outdated, Rejected
from nightshift.ids import RunId, StepId, approval_id
from nightshift.model.approval import Approval, ApprovalStatus, asked_digest
from nightshift.model.case import RunOutcome
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.log import EntryKind
from nightshift.model.moves import after_answer, settling
from nightshift.model.plan import Proposal
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, RunState, Verdict
from nightshift.money import Money
from nightshift.ports.approvals import Approvals
from nightshift.ports.ledger import Fence, Fenced, Ledger
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.runs import Runs
from nightshift.ports.windows import Windows
from nightshift.tools.asked import asked_steps

__all__ = ["Settling", "expire", "settle"]

# A refusal that says: the world is not what the plan was made for. A fresh plan may do better.
_CHANGED = frozenset(
    {"state.changed", "approval.missing", "reference.missing", "order.being_edited", "claim.no_room"}
)

_REASON_LENGTH = 500


@dataclass(frozen=True, kw_only=True)
class Settling:
    """What settling needs."""

    runs: Runs
    ledger: Ledger
    approvals: Approvals
    windows: Windows
    log: ActionLog
    clock: Clock


def expire(settling_with: Settling, run: RunId, generation: int, move: int) -> RunState:
    """Nobody answered in time: make the question EXPIRED, or obey the answer that was faster."""
    parts = settling_with
    try:
        proposal, verdict = parts.runs.authorised(run)
    except NotFound:
        return settling(run=run, generation=generation, index=move)
    try:
        approval = _asked(parts, proposal, verdict, parts.runs.results(run))
    except Rejected:
        approval = None
    if approval is None:
        return settling(run=run, generation=generation, index=move)
    decided = _expired(parts, approval) if approval.status is ApprovalStatus.PENDING else approval
    _log_decision(parts, decided)
    return after_answer(decided, verdict, generation)


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
    now is UNKNOWN if it may have happened, NOT_DONE if not.

    Raises:
        Outdated: a newer generation carries the run on, and settles it.
    """
    known = parts.runs.outcome(run)
    proposal = parts.runs.proposal(run)
    if known is not None:
        # a gate that was late may have reserved for a run that had ended without its verdict
        parts.windows.settle(proposal, {}, at=known.settled_at)
        _log(parts, proposal, known)
        return known
    try:
        parts.ledger.end(run, fence=Fence(case=proposal.case, generation=generation))
    except Fenced as exc:
        message = f"run {run} is carried on by a newer generation"
        raise Outdated(message) from exc
    # Effects first: what is settled while this looks has its result in what is read afterwards.
    effects = tuple(_closed(parts, effect) for effect in parts.ledger.of_run(run))
    results = parts.runs.results(run)
    try:
        verdict = parts.runs.verdict(run)
    except NotFound:
        verdict = None
    outcome = _judge(parts, proposal, verdict, results, effects=effects, error=error)
    used = _used(proposal, results, effects)
    parts.windows.settle(proposal, used, at=outcome.settled_at)
    stored = parts.runs.settle(outcome)
    _log(parts, proposal, stored)
    return stored


def _closed(parts: Settling, effect: Effect) -> Effect:
    """An effect as it stands when its run ends."""
    match effect.state:
        case EffectState.RELEASED:
            return _mark(parts, effect, EffectState.NOT_DONE)
        case EffectState.INTENT:
            return _mark(parts, effect, EffectState.UNKNOWN)
        case _:
            return effect


def _mark(parts: Settling, effect: Effect, state: EffectState) -> Effect:
    marked = effect.model_copy(update={"state": state, "settled_at": parts.clock.now()})
    try:
        parts.ledger.settle(marked, None)
    except Conflict:
        now = parts.ledger.find(effect.run, effect.step, effect.occurrence)
        return _closed(parts, now) if now is not None else marked
    return marked


def _judge(
    parts: Settling,
    proposal: Proposal,
    verdict: Verdict | None,
    results: Mapping[StepId, StepResult],
    *,
    effects: tuple[Effect, ...],
    error: str | None,
) -> RunOutcome:
    def ended(status: str, reason: str = "", step: str | None = None) -> RunOutcome:
        return RunOutcome.model_validate(
            {
                "run": proposal.run,
                "status": status,
                "reason": reason,
                "failed_step": step,
                "money_moved": _moved(proposal, results),
                "settled_at": parts.clock.now(),
            }
        )

    if verdict is None:
        return ended("FAILED", error or "the gate did not decide")
    if verdict.decision is Decision.REFUSE:
        found = "; ".join(f"{f.rule}: {f.problem}" for f in verdict.findings)
        return ended("REFUSED", found[:_REASON_LENGTH])  # the verdict holds them all
    unknown = next((e for e in effects if e.state is EffectState.UNKNOWN), None)
    if unknown is not None:
        return ended("UNKNOWN", f"{unknown.tool} may have happened ({unknown.code})", unknown.step)
    failed = next((r for r in results.values() if r.outcome is not Outcome.DONE and not r.shadow), None)
    if failed is not None:
        status = "CHANGED" if failed.code in _CHANGED else "FAILED"
        return ended(status, failed.code, failed.step)
    if all(step.id in results for step in proposal.plan.steps):
        shadow = verdict.shadow or any(result.shadow for result in results.values())
        return ended("DONE", "shadow" if shadow else "")
    return _unanswered(parts, proposal, verdict, results, ended_as=ended, error=error)


def _unanswered(
    parts: Settling,
    proposal: Proposal,
    verdict: Verdict,
    results: Mapping[StepId, StepResult],
    *,
    ended_as: Callable[..., RunOutcome],
    error: str | None,
) -> RunOutcome:
    """Steps are missing and none failed: a person said no or nothing, or the saga broke off."""
    if error is None and _was_asked(verdict, results):
        try:
            approval = _asked(parts, proposal, verdict, results)
        except Rejected as exc:
            return ended_as("CHANGED" if exc.code in _CHANGED else "FAILED", exc.code)
        if approval is not None and approval.status is ApprovalStatus.REJECTED:
            return ended_as("REJECTED", "a person said no")
        if approval is None or approval.status in {ApprovalStatus.EXPIRED, ApprovalStatus.PENDING}:
            return ended_as("EXPIRED", "nobody answered in time")
        if approval.status is ApprovalStatus.VOIDED:
            return ended_as("CHANGED", "the question was withdrawn")
    return ended_as("FAILED", error or "not all steps were carried out")


def _was_asked(verdict: Verdict, results: Mapping[StepId, StepResult]) -> bool:
    """Whether the run came as far as its question: everything before it has a result."""
    ask = next((move.index for move in verdict.moves if move.next == "ask"), None)
    if ask is None:
        return False
    before = [lane for move in verdict.moves if move.index < ask for lane in move.lanes]
    return all(step in results for lane in before for step in lane.steps)


def _asked(
    parts: Settling, proposal: Proposal, verdict: Verdict, results: Mapping[StepId, StepResult]
) -> Approval | None:
    if not any(move.next == "ask" for move in verdict.moves):
        return None
    digest = asked_digest(asked_steps(proposal, verdict, results), verdict.policy_version)
    return parts.approvals.find(approval_id(proposal.run, digest))


def _moved(proposal: Proposal, results: Mapping[StepId, StepResult]) -> Money | None:
    """What the run's money steps moved, where it is one currency."""
    moved: list[Money] = []
    for step in proposal.plan.steps:
        result = results.get(step.id)
        if step.limit is None or result is None or result.outcome is not Outcome.DONE:
            continue
        amount = _amount(result)
        if amount is not None:
            moved.append(amount)
    if not moved or len({amount.currency for amount in moved}) > 1:
        return None
    return sum(moved[1:], start=moved[0])


def _used(
    proposal: Proposal, results: Mapping[StepId, StepResult], effects: tuple[Effect, ...]
) -> dict[StepId, Money | None]:
    """What counts towards the windows: what was done, and the worst case of what may have been."""
    used: dict[StepId, Money | None] = {}
    for effect in effects:
        if effect.state is EffectState.UNKNOWN:
            used[effect.step] = proposal.plan.step(effect.step).limit
        elif effect.state is EffectState.DONE:
            used[effect.step] = _amount(results.get(effect.step))
    return used


def _amount(result: StepResult | None) -> Money | None:
    given = {} if result is None else result.output
    amount = given.get("amount") or given.get("refunded")
    return Money.model_validate(amount) if isinstance(amount, dict) else None


def _log(parts: Settling, proposal: Proposal, outcome: RunOutcome) -> None:
    root = proposal.case or proposal.run
    heads: dict[str, JsonValue] = {}
    for step in proposal.plan.steps:
        entries = parts.log.read(step_stream(root, proposal.run, step.id))
        if entries:
            heads[step.id] = entries[-1].hash
    entry = NewEntry(
        kind=EntryKind.RUN_SETTLED,
        tenant=proposal.tenant,
        at=outcome.settled_at,
        actor="runner",
        ref=outcome.run,
        detail={
            "run": outcome.run,
            "status": outcome.status,
            "reason": outcome.reason,
            "moved": str(outcome.money_moved) if outcome.money_moved is not None else None,
            "heads": heads,
        },
    )
    parts.log.append(root, entry)
