"""Asking: from the queue's message to a durable PENDING record."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field, JsonValue

from nightshift.approvals.resume import resume
from nightshift.clock import Clock
from nightshift.errors import Conflict, Rejected
from nightshift.ids import RunId, approval_id
from nightshift.model.approval import Approval, ApprovalStatus, AskedStep, asked_digest
from nightshift.model.base import Noun
from nightshift.model.log import EntryKind
from nightshift.model.moves import after, settling
from nightshift.model.plan import Proposal
from nightshift.model.verdict import Verdict
from nightshift.money import Money
from nightshift.ports.approvals import Approvals
from nightshift.ports.flow import Executions
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.runs import Runs
from nightshift.tools.asked import asked_steps

__all__ = ["Asking", "Question", "ask"]


class Question(Noun):
    """The message a run puts into the approval queue while it waits on `token`."""

    run: RunId
    generation: int
    move: int
    token: str = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What asking needs."""

    runs: Runs
    approvals: Approvals
    executions: Executions
    log: ActionLog
    clock: Clock


def ask(asking: Asking, question: Question) -> Approval | None:
    """Store the question a run asks; asked again, the newest token wins and nothing else changes.

    None: nobody is asked. What is asked cannot be resolved, so nobody could agree to it, and the run goes
    to its end at once; or all that was to be asked is left out by its conditions, and the run goes on.

    Raises:
        NotFound: the run has no plan or no verdict.
    """
    proposal, verdict = asking.runs.authorised(question.run)
    try:
        steps = asked_steps(proposal, verdict, asking.runs.results(question.run))
    except Rejected:
        end = settling(run=question.run, generation=question.generation, index=question.move)
        asking.executions.succeed(question.token, end.model_dump(mode="json"))
        return None
    if not steps:
        onward = after(verdict, run=question.run, generation=question.generation, index=question.move)
        asking.executions.succeed(question.token, onward.model_dump(mode="json"))
        return None
    new = _approval(asking, proposal, verdict, steps)
    stored = _in_time(asking, asking.approvals.ask(new, question.token, question.generation))
    entry = NewEntry(
        kind=EntryKind.APPROVAL_ASKED,
        tenant=proposal.tenant,
        at=asking.clock.now(),
        actor="approvals",
        ref=stored.id,
        detail={
            "approval": stored.id,
            "digest": stored.digest,
            "tools": list[JsonValue](step.tool for step in steps),
            "rules": list[JsonValue](sorted({step.rule for step in steps})),
            "at_risk": str(stored.at_risk) if stored.at_risk is not None else None,
            "expires_at": stored.expires_at.isoformat(),
        },
    )
    asking.log.append(proposal.case or proposal.run, entry)
    answered_before_this_token_came = stored.status is not ApprovalStatus.PENDING
    if answered_before_this_token_came:
        resume(stored, asking.approvals, asking.runs, asking.executions)
    return stored


def _in_time(asking: Asking, stored: Approval) -> Approval:
    """A question that is asked once more after its time has run out has been answered by that."""
    now = asking.clock.now()
    if stored.status is not ApprovalStatus.PENDING or now < stored.expires_at:
        return stored
    try:
        return asking.approvals.decide(stored.id, ApprovalStatus.EXPIRED, by=None, at=now, note="")
    except Conflict:
        return asking.approvals.get(stored.id)


def _approval(asking: Asking, proposal: Proposal, verdict: Verdict, steps: tuple[AskedStep, ...]) -> Approval:
    digest = asked_digest(steps, verdict.policy_version)
    now = asking.clock.now()
    asked = {step.step for step in steps}
    reasons = dict.fromkeys(f.problem for f in verdict.findings if f.step in asked)  # each said once
    return Approval(
        id=approval_id(proposal.run, digest),
        tenant=proposal.tenant,
        run=proposal.run,
        case=proposal.case,
        subject=proposal.subject,
        requester=proposal.requester,
        summary=f"{proposal.plan.name}: {', '.join(step.tool for step in steps)}",
        steps=steps,
        digest=digest,
        policy_version=verdict.policy_version,
        at_risk=_sum(steps),
        evidence=(f"proposed by {proposal.proposed_by}", *reasons),
        asked_at=now,
        expires_at=now + timedelta(seconds=verdict.ask_seconds),
    )


def _sum(steps: tuple[AskedStep, ...]) -> Money | None:
    amounts = [step.money for step in steps if step.money is not None]
    if not amounts or len({amount.currency for amount in amounts}) > 1:
        return None
    return sum(amounts[1:], start=amounts[0])
