"""The one door for effects: intent, vendor, outcome, evidence, log; whatever dies in between.

`run_step` takes ids only and loads plan and verdict itself, so that no caller can widen them. For a
write the order is fixed: *intent* in the ledger by conditional write (with its claim, while the case
is ours and nothing is halted) → log → the vendor, with the key where it takes one → *outcome* with its
claim and result → log. An intent holds a lease beyond its Lambda's deadline; a later attempt waits
that out, asks the vendor (`probe`) and only then, if the vendor has nothing, calls again with the
same key.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from nightshift.actionlog.chain import step_stream
from nightshift.errors import (
    Conflict,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Retryable,
    Throttled,
)
from nightshift.ids import StepId, approval_id, idempotency_key
from nightshift.model.approval import ApprovalStatus, asked_digest
from nightshift.model.base import canonical_digest
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.log import EntryKind
from nightshift.model.plan import Proposal, Step
from nightshift.model.tool import EffectClass, Outcome
from nightshift.model.verdict import Decision, StepVerdict, Verdict
from nightshift.ports.ledger import Fenced, Stop
from nightshift.tools.asked import amount_of, arguments, asked_steps
from nightshift.tools.binding import Binding, Call, Done, Found
from nightshift.tools.door import (
    Door,
    Ready,
    StepCall,
    checked,
    entry,
    fence,
    log,
    log_intent,
    log_settled,
    result_of,
    room_left,
)
from nightshift.tools.resolve import resolve

__all__ = ["Door", "StepCall", "run_step"]


def run_step(door: Door, given: StepCall) -> StepResult:
    """Carry out one step of an authorised plan, or say how it ended before.

    Returns:
        The result: `DONE` with its output, `REJECTED` with the reason's code, or `NOT_DONE` in shadow
        mode. The same call again gives the same result and no second effect.

    Raises:
        Retryable, Throttled: nothing happened; call again later.
        OutcomeUnknown: it may have happened; call again after the lease, it will be probed.
        Misconfigured: no plan, no verdict, settings or credentials are wrong.
    """
    try:
        return _carried_out(door, given)
    except NotFound as exc:
        raise Misconfigured(str(exc), code="record.missing") from exc
    except Conflict as exc:
        message = "another attempt has the effect, or many write at once"
        raise OutcomeUnknown(message, code="effect.in_flight", retry_after=door.lease_seconds) from exc


def _carried_out(door: Door, given: StepCall) -> StepResult:
    proposal, verdict = door.runs.authorised(given.run)
    before = door.runs.results(given.run)
    known = before.get(given.step)
    if known is not None and known.occurrence == given.occurrence:
        return _told_again(door, proposal, known)
    try:
        ready = _prepare(door, given, proposal, verdict, before=before)
    except Rejected as exc:
        return _refused(door, given, proposal, exc)
    if ready.binding.contract.effect is EffectClass.READ:
        return _read(door, ready)
    return _write(door, ready)


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
    before: dict[StepId, StepResult],
) -> Ready:
    step, judged = _judged(proposal, verdict, given)
    binding = door.adapter.binding(step.tool)
    channel = door.config.channel(proposal.tenant, step.channel)
    if binding is None or channel.adapter != door.adapter.name:
        message = f"{door.adapter.name} does not serve {step.tool} on this channel"
        raise Misconfigured(message, code="tool.unbound")
    args = arguments(binding.contract, resolve(proposal.plan, step, before))
    _within_bounds(binding, args, judged)
    if judged.decision is Decision.ASK and not verdict.shadow:
        _approved(door, proposal, verdict, before)
    return Ready(
        given=given,
        proposal=proposal,
        step=step,
        binding=binding,
        args=args,
        client=door.adapter.connect(channel, door.secrets.get(channel.secret_ref)),
        key=idempotency_key(given.run, step.id, given.occurrence),
        shadow=verdict.shadow or step.tool not in channel.live_tools,
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
    try:
        done = checked(ready.binding, ready.binding.call(ready.call()))
    except Rejected as exc:
        return _refused(door, ready.given, ready.proposal, exc)
    # Logged first: whoever finds the result kept may rely on the log.
    log(door, ready, EntryKind.READ_DONE, ref=ready.key, detail={"tool": ready.step.tool})
    return door.runs.keep(result_of(ready, Outcome.DONE, door.clock.now(), done=done))


def _shadowed(door: Door, ready: Ready) -> StepResult:
    detail = {"tool": ready.step.tool, "args": canonical_digest(ready.args), "shadow": True}
    log(door, ready, EntryKind.EFFECT_SETTLED, ref=f"{ready.key}:shadow", detail=detail)
    return door.runs.keep(result_of(ready, Outcome.NOT_DONE, door.clock.now(), code="shadow"))


def _refused(door: Door, given: StepCall, proposal: Proposal, why: Rejected) -> StepResult:
    result = StepResult(
        run=given.run,
        step=given.step,
        occurrence=given.occurrence,
        outcome=Outcome.REJECTED,
        code=why.code,
        message=str(why),
        settled_at=door.clock.now(),
    )
    stream = step_stream(proposal.case or given.run, given.run, given.step)
    detail = {"step": given.step, "code": why.code}
    door.log.append(stream, entry(door, proposal, EntryKind.STEP_FAILED, why.code, detail))
    return door.runs.keep(result)


def _write(door: Door, ready: Ready) -> StepResult:
    known = door.ledger.find(ready.given.run, ready.step.id, ready.given.occurrence)
    if known is None:
        return _shadowed(door, ready) if ready.shadow else _first_attempt(door, ready)
    if known.args_digest != canonical_digest(ready.args):
        message = f"effect {known.key} was intended with other arguments"
        raise Misconfigured(message, code="ledger.other_arguments")
    return _later_attempt(door, ready, known)


def _first_attempt(door: Door, ready: Ready) -> StepResult:
    try:
        room = room_left(ready)
    except Rejected as exc:
        return _refused(door, ready.given, ready.proposal, exc)
    now = door.clock.now()
    contract = ready.binding.contract
    claim = contract.once_per(ready.step.channel, ready.args) if contract.once_per is not None else None
    effect = Effect(
        key=ready.key,
        tenant=ready.proposal.tenant,
        run=ready.given.run,
        step=ready.step.id,
        occurrence=ready.given.occurrence,
        tool=ready.step.tool,
        channel=ready.step.channel,
        args_digest=canonical_digest(ready.args),
        attempt=1,
        state=EffectState.INTENT,
        claim=claim,
        lease_until=now + timedelta(seconds=door.lease_seconds),
        attempted_at=now,
        intended_at=now,
    )
    try:
        door.ledger.intend(effect, fence=fence(ready), room=room)
    except Fenced as exc:
        return _fenced(door, ready, exc)
    return _attempt(door, ready, effect)


def _later_attempt(door: Door, ready: Ready, known: Effect) -> StepResult:
    match known.state:
        case EffectState.DONE | EffectState.REJECTED | EffectState.NOT_DONE:
            return _recorded(door, ready, known)
        case EffectState.INTENT if door.clock.now() < known.lease_until:
            message = "another attempt may still be under way"
            raise OutcomeUnknown(message, code="effect.in_flight", retry_after=door.lease_seconds)
        case _:
            pass
    now = door.clock.now()
    changes = {
        "attempt": known.attempt + 1,
        "state": EffectState.INTENT,
        "attempted_at": now,
        "lease_until": now + timedelta(seconds=door.lease_seconds),
    }
    mine = known.model_copy(update=changes)
    try:
        door.ledger.take_over(mine, before=known)
    except Fenced as exc:
        return _fenced(door, ready, exc)
    nothing_happened_for_certain = known.state is EffectState.RELEASED
    if nothing_happened_for_certain:
        return _again(door, ready, mine)
    return _after_probe(door, ready, mine, last_tried=known.attempted_at)


def _after_probe(door: Door, ready: Ready, effect: Effect, *, last_tried: datetime) -> StepResult:
    binding = ready.binding
    log_intent(door, ready, effect)
    if binding.probe is None:
        if binding.takes_key:
            return _again(door, ready, effect, in_doubt=True)
        raise _unknown(door, effect, "effect.unprobed", "a person must find out what the vendor did")
    found = _asked_vendor(door, ready, effect, binding.probe)
    if isinstance(found, Done):
        return _settled(door, ready, effect, found)
    silence_counts = door.clock.now() - last_tried >= timedelta(seconds=binding.settle_after)
    if found is Found.ABSENT and silence_counts:
        return _again(door, ready, effect)
    raise _unknown(door, effect, "effect.unsettled", "the vendor cannot say yet what happened")


def _asked_vendor(
    door: Door, ready: Ready, effect: Effect, probe: Callable[[Call[Any]], Done | Found]
) -> Done | Found:
    try:
        found = probe(ready.call())
        return checked(ready.binding, found) if isinstance(found, Done) else found
    except (Retryable, Throttled, Rejected, OutcomeUnknown) as exc:
        raise _unknown(door, effect, exc.code or "effect.unprobed", "the vendor could not be asked") from exc


def _again(door: Door, ready: Ready, effect: Effect, *, in_doubt: bool = False) -> StepResult:
    """Call again, if the case is still ours and nothing is halted.

    `in_doubt`: an earlier attempt may have happened, and only the vendor's own key keeps the two apart.
    Then nothing but an answer of the vendor settles it; whatever else comes leaves it UNKNOWN.
    """
    forbidden = _forbidden(door, ready, effect)
    if forbidden is None:
        return _attempt(door, ready, effect, in_doubt=in_doubt)
    if in_doubt:
        raise _unknown(door, effect, forbidden.code, "it is open, and no call is allowed now")
    if forbidden.code == Stop.UNKNOWN:
        door.ledger.release(effect)
        raise OutcomeUnknown(str(forbidden), code=forbidden.code, retry_after=door.lease_seconds)
    return _settled_without(door, ready, effect, state=EffectState.NOT_DONE, why=forbidden)


def _forbidden(door: Door, ready: Ready, effect: Effect) -> Rejected | None:
    try:
        door.ledger.permit(effect, fence=fence(ready))
    except Fenced as exc:
        return Rejected(_WHY[exc.stop], code=exc.stop.value)
    return Rejected("the tool was turned off since", code="shadow") if ready.shadow else None


def _attempt(door: Door, ready: Ready, effect: Effect, *, in_doubt: bool = False) -> StepResult:
    log_intent(door, ready, effect)
    try:
        done = checked(ready.binding, ready.binding.call(ready.call()))
    except OutcomeUnknown as exc:
        raise _unknown(door, effect, exc.code, str(exc)) from exc
    except (Retryable, Throttled, Rejected, Misconfigured) as exc:
        if in_doubt:
            raise _unknown(door, effect, exc.code, "this call did nothing, an earlier one may have") from exc
        return _nothing_done(door, ready, effect, exc)
    return _settled(door, ready, effect, done)


def _nothing_done(
    door: Door, ready: Ready, effect: Effect, why: Retryable | Throttled | Rejected | Misconfigured
) -> StepResult:
    match why:
        case Rejected():
            return _settled_without(door, ready, effect, state=EffectState.REJECTED, why=why)
        case Misconfigured():
            _settled_without(door, ready, effect, state=EffectState.NOT_DONE, why=why)
        case Retryable() | Throttled():
            door.ledger.release(effect)
    raise why


def _settled(door: Door, ready: Ready, effect: Effect, done: Done) -> StepResult:
    now = door.clock.now()
    result = result_of(ready, Outcome.DONE, now, done=done)
    changes = {"state": EffectState.DONE, "settled_at": now, "vendor_ref": done.vendor_ref, "code": ""}
    settled = effect.model_copy(update=changes)
    door.ledger.settle(settled, result)
    log_settled(door, ready.proposal, settled)
    return result


def _settled_without(
    door: Door, ready: Ready, effect: Effect, *, state: EffectState, why: Rejected | Misconfigured
) -> StepResult:
    now = door.clock.now()
    result = result_of(ready, Outcome(state.value), now, code=why.code, message=str(why))
    settled = effect.model_copy(update={"state": state, "settled_at": now, "code": why.code})
    door.ledger.settle(settled, result)
    log_settled(door, ready.proposal, settled)
    return result


def _unknown(door: Door, effect: Effect, code: str, message: str) -> OutcomeUnknown:
    door.ledger.settle(effect.model_copy(update={"state": EffectState.UNKNOWN, "code": code}), None)
    return OutcomeUnknown(message, code=code, retry_after=door.lease_seconds)


def _recorded(door: Door, ready: Ready, effect: Effect) -> StepResult:
    """An effect that is settled has its result beside it: both were one transaction."""
    log_settled(door, ready.proposal, effect)
    result = door.runs.results(effect.run).get(effect.step)
    if result is None:
        message = f"effect {effect.key} is settled but its result is gone"
        raise Misconfigured(message, code="ledger.result_missing")
    return result


def _fenced(door: Door, ready: Ready, why: Fenced) -> StepResult:
    match why.stop:
        case Stop.INTENDED:
            message = "another attempt was faster"
            raise OutcomeUnknown(message, code="effect.in_flight", retry_after=door.lease_seconds)
        case Stop.UNKNOWN:
            raise OutcomeUnknown(_WHY[why.stop], code=why.stop.value, retry_after=door.lease_seconds)
        case Stop.CLAIMED | Stop.NO_ROOM | Stop.CASE | Stop.HALTED:
            refusal = Rejected(_WHY[why.stop], code=why.stop.value)
            return _refused(door, ready.given, ready.proposal, refusal)


_ENDED = frozenset({EffectState.DONE, EffectState.REJECTED, EffectState.NOT_DONE})

_WHY = {
    Stop.CLAIMED: "the same effect was already made or is under way elsewhere",
    Stop.NO_ROOM: "together with what is under way it would exceed what is left",
    Stop.UNKNOWN: "another effect of this run is not settled yet",
    Stop.CASE: "the case was taken from this run",
    Stop.HALTED: "the tenant is halted",
}
