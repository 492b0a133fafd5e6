"""How a run ended, from its records alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from nightshift.errors import Rejected
from nightshift.gate.controls import ASK
from nightshift.ids import StepId, approval_id
from nightshift.model.approval import Approval, ApprovalStatus, AskedStep, asked_digest
from nightshift.model.case import RunOutcome
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.plan import Proposal
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Verdict
from nightshift.money import Money
from nightshift.ports.approvals import Approvals
from nightshift.tools.asked import asked_steps

__all__ = ["STOPPED", "Records", "amount_moved", "asked", "judge"]

STOPPED: Final = "Stopped"
"""The error of a run that a person stopped for good."""

# A refusal that says: the world is not what the plan was made for. A fresh plan may do better.
_CHANGED: Final = frozenset(
    {"state.changed", "approval.missing", "reference.missing", "order.being_edited", "claim.no_room"}
)

_REASON_LENGTH: Final = 500


@dataclass(frozen=True, kw_only=True)
class Records:
    """What is kept of a run that is over; no verdict: the gate did not decide."""

    proposal: Proposal
    verdict: Verdict | None
    results: Mapping[StepId, StepResult]
    effects: tuple[Effect, ...]


def judge(found: Records, *, approvals: Approvals, at: datetime, error: str | None) -> RunOutcome:
    """How it ended. `error`: what broke its execution off, if anything did."""

    def ended(status: str, reason: str = "", step: str | None = None) -> RunOutcome:
        return RunOutcome.model_validate(
            {
                "run": found.proposal.run,
                "status": status,
                "reason": reason,
                "failed_step": step,
                "money_moved": _moved(found),
                "settled_at": at,
            }
        )

    verdict = found.verdict
    if verdict is None:
        return ended("STOPPED" if error == STOPPED else "FAILED", error or "the gate did not decide")
    if verdict.decision is Decision.REFUSE:
        problems = "; ".join(f"{f.rule}: {f.problem}" for f in verdict.findings)
        return ended("REFUSED", problems[:_REASON_LENGTH])  # the verdict holds them all
    return _carried_out(found, verdict, approvals, ended_as=ended, error=error)


def _carried_out(
    found: Records,
    verdict: Verdict,
    approvals: Approvals,
    *,
    ended_as: Callable[..., RunOutcome],
    error: str | None,
) -> RunOutcome:
    """The end of a run that was let through, by its effects, results and answers, in this order."""
    unknown = next((e for e in found.effects if e.state is EffectState.UNKNOWN), None)
    if unknown is not None:
        return ended_as("UNKNOWN", f"{unknown.tool} may have happened ({unknown.code})", unknown.step)
    failed = next((result for result in found.results.values() if not result.went_well), None)
    if failed is not None:
        return ended_as("CHANGED" if failed.code in _CHANGED else "FAILED", failed.code, failed.step)
    steps = found.proposal.plan.steps
    whole = all(step.id in found.results for step in steps if step.tool != ASK)
    if whole and not _nobody_agreed(found, verdict, approvals):
        shadow = verdict.shadow or any(result.shadow for result in found.results.values())
        return ended_as("DONE", "shadow" if shadow else "")
    if error == STOPPED:
        return ended_as("STOPPED", "a person stopped it")
    return _unanswered(found, verdict, approvals, ended_as=ended_as, error=error)


def _nobody_agreed(found: Records, verdict: Verdict, approvals: Approvals) -> bool:
    """Whether a question of the plan's own is not agreed to: where no step needs it, none shows that."""
    if verdict.decision is not Decision.ASK or not any(s.tool == ASK for s in found.proposal.plan.steps):
        return False
    try:
        put = asked_steps(found.proposal, verdict, found.results)
    except Rejected:
        return True
    if not put:
        return False  # its `when` was false
    answer = _answer_to(put, found.proposal, verdict, approvals)
    return answer is None or answer.status is not ApprovalStatus.APPROVED


def _unanswered(
    found: Records,
    verdict: Verdict,
    approvals: Approvals,
    *,
    ended_as: Callable[..., RunOutcome],
    error: str | None,
) -> RunOutcome:
    """Steps are missing and none failed: a person said no or nothing, or the saga broke off."""
    if error is None and _was_asked(verdict, found.results):
        try:
            approval = asked(found.proposal, verdict, found.results, approvals)
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


def asked(
    proposal: Proposal, verdict: Verdict, results: Mapping[StepId, StepResult], approvals: Approvals
) -> Approval | None:
    """The question a run asks with these results, or None where it asks, or has asked, none.

    Raises:
        Rejected: what is asked cannot be resolved.
    """
    if not any(move.next == "ask" for move in verdict.moves):
        return None
    return _answer_to(asked_steps(proposal, verdict, results), proposal, verdict, approvals)


def _answer_to(
    put: tuple[AskedStep, ...], proposal: Proposal, verdict: Verdict, approvals: Approvals
) -> Approval | None:
    return approvals.find(approval_id(proposal.run, asked_digest(put, verdict.policy_version)))


def _moved(found: Records) -> Money | None:
    """What the run's money steps moved, where it is one currency."""
    moved: list[Money] = []
    for step in found.proposal.plan.steps:
        result = found.results.get(step.id)
        if step.limit is None or result is None or result.outcome is not Outcome.DONE:
            continue
        amount = amount_moved(result)
        if amount is not None:
            moved.append(amount)
    if not moved or len({amount.currency for amount in moved}) > 1:
        return None
    return sum(moved[1:], start=moved[0])


def amount_moved(result: StepResult | None) -> Money | None:
    """What one step moved, as its tool says; None where it moved nothing."""
    given = {} if result is None else result.output
    amount = given.get("amount") or given.get("refunded")
    return Money.model_validate(amount) if isinstance(amount, dict) else None
