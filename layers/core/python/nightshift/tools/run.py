"""The one door for effects: intent, vendor, outcome, evidence, log; whatever dies in between.

`run_step` takes ids only and loads plan and verdict itself, so that no caller can widen them. For a
write the order is fixed: *intent* in the ledger by conditional write (with its claim, while the case
is ours and nothing is halted) → log → the vendor, with the key where it takes one → *outcome* with its
claim and result → log. An intent holds a lease beyond its Lambda's deadline; a later attempt waits
that out, asks the vendor (`probe`) and only then, if the vendor has nothing, calls again with the
same key.
"""

from nightshift.errors import Conflict, Misconfigured, NotFound, OutcomeUnknown, Rejected
from nightshift.ids import StepId, approval_id, idempotency_key
from nightshift.model.approval import ApprovalStatus, asked_digest
from nightshift.model.effect import EffectState, StepResult
from nightshift.model.log import EntryKind
from nightshift.model.plan import Proposal, Step
from nightshift.model.tool import EffectClass, Outcome
from nightshift.model.verdict import Decision, StepVerdict, Verdict
from nightshift.tools.asked import amount_of, arguments, asked_steps
from nightshift.tools.binding import Binding
from nightshift.tools.door import Door, Ready, StepCall, checked, log, log_settled, refuse, result_of, skip
from nightshift.tools.effect import write
from nightshift.tools.line import Line
from nightshift.tools.resolve import resolve, skipped
from nightshift.tools.witness import Witness

__all__ = ["Door", "StepCall", "run_step"]


def run_step(door: Door, given: StepCall) -> StepResult:
    """Carry out one step of an authorised plan, or say how it ended before.

    Returns:
        The result: `DONE` with its output, `REJECTED` with the reason's code, or `NOT_DONE`: in shadow
        mode, and where the step is skipped, as its `when` is false or what it needs was skipped. The same
        call again gives the same result and no second effect.

    Raises:
        Retryable, Throttled: nothing happened; call again later.
        OutcomeUnknown: it may have happened; call again after the lease, it will be probed.
        Misconfigured: no plan, no verdict, settings or credentials are wrong.
    """
    with Witness(door) as witness:
        witness.step(given)
        return witness.ended(_told(door, given, witness))


def _told(door: Door, given: StepCall, witness: Witness) -> StepResult:
    try:
        return _carried_out(door, given, witness)
    except NotFound as exc:
        raise Misconfigured(str(exc), code="record.missing") from exc
    except Conflict as exc:
        message = "another attempt has the effect, or many write at once"
        raise OutcomeUnknown(message, code="effect.in_flight", retry_after=door.lease_seconds) from exc


def _carried_out(door: Door, given: StepCall, witness: Witness) -> StepResult:
    proposal, verdict = door.runs.authorised(given.run)
    before = door.runs.results(given.run, given.occurrence)
    known = before.get(given.step)
    if known is not None and known.occurrence == given.occurrence:
        return _told_again(door, proposal, known)
    try:
        step, judged = _judged(proposal, verdict, given)
        if skipped(proposal.plan, step, before):
            return skip(door, given, proposal)
        ready = _prepare(door, given, proposal, verdict, judged=(step, judged), before=before)
    except Rejected as exc:
        return refuse(door, given, proposal, exc)
    witness.tool(proposal.tenant, ready.step.channel, ready.step.tool)
    witness.ready(ready)
    if ready.binding.contract.effect is EffectClass.READ:
        return _read(door, ready)
    return write(door, ready)


def _told_again(door: Door, proposal: Proposal, known: StepResult) -> StepResult:
    """A step that has ended; its attempt may have died before it could log that."""
    effect = door.ledger.find(known.run, known.step, known.occurrence)
    if effect is not None and effect.state in _ENDED:
        log_settled(door, proposal, effect)
    return known


def _prepare(
    door: Door,
    given: StepCall,
    proposal: Proposal,
    verdict: Verdict,
    *,
    judged: tuple[Step, StepVerdict],
    before: dict[StepId, StepResult],
) -> Ready:
    step, verdict_of_it = judged
    binding = door.adapter.binding(step.tool)
    channel = door.config.channel(proposal.tenant, step.channel)
    if binding is None or channel.adapter != door.adapter.name:
        message = f"{door.adapter.name} does not serve {step.tool} on this channel"
        raise Misconfigured(message, code="tool.unbound")
    args = arguments(binding.contract, resolve(proposal.plan, step, before))
    _within_bounds(binding, args, verdict_of_it)
    if verdict_of_it.decision is Decision.ASK and not verdict.shadow:
        _approved(door, proposal, verdict, before)
    return Ready(
        given=given,
        proposal=proposal,
        step=step,
        binding=binding,
        args=args,
        line=Line(door, channel),
        key=idempotency_key(given.run, step.id, given.occurrence),
        shadow=verdict.shadow,
        live=step.tool in channel.live_tools,
    )


def _judged(proposal: Proposal, verdict: Verdict, given: StepCall) -> tuple[Step, StepVerdict]:
    try:
        step, judged = proposal.plan.step(given.step), verdict.of(given.step)
    except KeyError as exc:
        message = f"plan or verdict of run {given.run} know no step {given.step}"
        raise Misconfigured(message, code="step.unknown") from exc
    plan_is_the_judged_one = proposal.digest == verdict.plan_digest == proposal.plan.digest()
    if not plan_is_the_judged_one or Decision.REFUSE in {verdict.decision, judged.decision}:
        message = f"run {given.run} is not authorised"
        raise Rejected(message, code="plan.not_authorised")
    return step, judged


def _within_bounds(binding: Binding, args: object, judged: StepVerdict) -> None:
    amount, limit = amount_of(binding.contract, args), judged.limit
    if not binding.contract.money:
        return
    fits = (
        amount is not None
        and limit is not None
        and amount.currency == limit.currency
        and 0 < amount.amount <= limit.amount
    )
    if not fits:
        message = f"{binding.contract.name} would move more than the verdict allows"
        raise Rejected(message, code="bounds.exceeded")


def _approved(door: Door, proposal: Proposal, verdict: Verdict, before: dict[StepId, StepResult]) -> None:
    digest = asked_digest(asked_steps(proposal, verdict, before), verdict.policy_version)
    approval = door.approvals.find(approval_id(proposal.run, digest))
    shown_and_agreed = (
        approval is not None and approval.digest == digest and approval.status is ApprovalStatus.APPROVED
    )
    if not shown_and_agreed:
        message = "nobody approved exactly this"
        raise Rejected(message, code="approval.missing")


def _read(door: Door, ready: Ready) -> StepResult:
    binding = ready.binding
    ready.line.admit(binding, writes=False)
    try:
        done = checked(binding, ready.ask(binding.call, binding.timeout))
    except Rejected as exc:
        return refuse(door, ready.given, ready.proposal, exc)
    # Logged first: whoever finds the result kept may rely on the log.
    log(door, ready, EntryKind.READ_DONE, ref=ready.key, detail={"tool": ready.step.tool})
    return door.runs.keep(result_of(ready, Outcome.DONE, door.clock.now(), done=done))


_ENDED = frozenset({EffectState.DONE, EffectState.REJECTED, EffectState.NOT_DONE})
