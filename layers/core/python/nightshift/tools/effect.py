"""An effect, made once: first attempt, later attempts, and what each answer of the vendor leads to.

Only `nightshift.tools.run` calls this, with a step that is authorised, resolved and within its bounds.
"""

from datetime import datetime, timedelta

from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled
from nightshift.model.base import canonical_digest
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.model.tool import Outcome
from nightshift.ports.ledger import Fenced, Headroom, Stop
from nightshift.tools.binding import Done, Found
from nightshift.tools.door import (
    Door,
    Ready,
    checked,
    fence,
    headroom,
    log,
    log_intent,
    log_settled,
    log_unknown,
    refuse,
    result_of,
)
from nightshift.tools.doubt import Probe, keys_of_lost_wakes, with_key

__all__ = ["write"]


def write(door: Door, ready: Ready) -> StepResult:
    """Make the effect of a step once, or say how it ended before; raises as `run_step` does.

    Raises:
        Conflict: another attempt took the effect over.
    """
    known = door.ledger.find(ready.given.run, ready.step.id, ready.given.occurrence)
    if known is None:
        return _shadowed(door, ready) if ready.shadow else _first_attempt(door, ready)
    if known.args_digest != canonical_digest(ready.args):
        message = f"effect {known.key} was intended with other arguments"
        raise Misconfigured(message, code="ledger.other_arguments")
    return _later_attempt(door, ready, known)


def _first_attempt(door: Door, ready: Ready) -> StepResult:
    if not ready.live:  # no shadow of a step: what follows would tell the customer that it was done
        return refuse(door, ready.given, ready.proposal, _turned_off())
    ready.line.admit(ready.binding, writes=True, asks=ready.binding.room is not None)
    try:
        room = headroom(door, ready)
    except Rejected as exc:
        return refuse(door, ready.given, ready.proposal, exc)
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
        generation=ready.given.generation,
        state=EffectState.INTENT,
        claim=claim,
        lease_until=now + timedelta(seconds=door.lease_seconds),
        attempted_at=now,
        intended_at=now,
    )
    try:
        door.ledger.intend(effect, fence=fence(ready, effect), room=room)
    except Fenced as exc:
        if exc.stop is Stop.IN_DOUBT:
            return _doubted(door, ready, effect.model_copy(update={"in_doubt": True}), room)
        return _fenced(door, ready, exc)
    return _attempt(door, ready, effect)


def _doubted(door: Door, ready: Ready, effect: Effect, room: Headroom | None) -> StepResult:
    """A first attempt by our records, which lost what came last: ask the vendor before anything else."""
    try:
        door.ledger.intend(effect, fence=fence(ready, effect), room=room)
    except Fenced as exc:
        return _fenced(door, ready, exc)
    return _after_probe(door, ready, effect)


def _later_attempt(door: Door, ready: Ready, known: Effect) -> StepResult:
    match known.state:
        case EffectState.DONE | EffectState.REJECTED | EffectState.NOT_DONE:
            return _recorded(door, ready, known)
        case EffectState.INTENT if door.clock.now() < known.lease_until:
            message = "another attempt may still be under way"
            raise OutcomeUnknown(message, code="effect.in_flight", retry_after=door.lease_seconds)
        case _:
            pass
    _admitted_again(ready, known)
    now = door.clock.now()
    changes = {
        "attempt": known.attempt + 1,
        "state": EffectState.INTENT,
        "lease_until": now + timedelta(seconds=door.lease_seconds),
        "attempted_at": _at_the_latest(ready, known),
    }
    mine = known.model_copy(update=changes)
    ready.line.attempt = mine.attempt
    try:
        door.ledger.take_over(mine, before=known)
    except Fenced as exc:
        return _fenced(door, ready, exc)
    nothing_happened_for_certain = known.state is EffectState.RELEASED
    if nothing_happened_for_certain:
        return _again(door, ready, mine)
    return _after_probe(door, ready, mine)


def _at_the_latest(ready: Ready, known: Effect) -> datetime:
    """When the request of the attempt before may have left us; the vendor's silence counts from there."""
    never_came_back = known.state is EffectState.INTENT
    longest = timedelta(seconds=ready.binding.timeout) if never_came_back else timedelta()
    return known.attempted_at + longest


def _admitted_again(ready: Ready, known: Effect) -> None:
    """Let a later attempt through; also where writes are stopped, because it may only have to look.

    Raises:
        OutcomeUnknown: not now, and an earlier attempt may have happened.
        Throttled, Retryable: not now; nothing has happened for certain.
    """
    nothing_happened_for_certain = known.state is EffectState.RELEASED
    try:
        ready.line.admit(ready.binding, writes=False, asks=not nothing_happened_for_certain)
    except (Retryable, Throttled) as exc:
        if nothing_happened_for_certain:
            raise
        raise OutcomeUnknown(str(exc), code=exc.code, retry_after=exc.retry_after) from exc


def _after_probe(door: Door, ready: Ready, effect: Effect) -> StepResult:
    binding = ready.binding
    log_intent(door, ready, effect)
    if binding.probe is None:
        if binding.takes_key and not effect.in_doubt:  # the key was another one in another wake
            return _again(door, ready, effect, in_doubt=True)
        raise _unknown(door, ready, effect, "effect.unprobed", "a person must find out what the vendor did")
    found = _asked_vendor(door, ready, effect, binding.probe)
    if isinstance(found, Done):
        return _settled(door, ready, effect, found)
    silence_counts = door.clock.now() - effect.attempted_at >= timedelta(seconds=binding.settle_after)
    if found is Found.ABSENT and silence_counts:
        _not_in_a_lost_wake(door, ready, effect, binding.probe)
        return _again(door, ready, effect)
    raise _unknown(door, ready, effect, "effect.unsettled", "the vendor cannot say yet what happened")


def _not_in_a_lost_wake(door: Door, ready: Ready, effect: Effect, probe: Probe) -> None:
    for key in keys_of_lost_wakes(door, ready) if effect.in_doubt else ():
        if _asked_vendor(door, ready, effect, with_key(probe, key)) is not Found.ABSENT:
            message = "the vendor has it of a wake that the restored records do not know"
            raise _unknown(door, ready, effect, "effect.lost_wake", message)


def _asked_vendor(door: Door, ready: Ready, effect: Effect, probe: Probe) -> Done | Found:
    try:
        found = ready.ask(probe, ready.binding.ask_timeout)
        return checked(ready.binding, found) if isinstance(found, Done) else found
    except (Retryable, Throttled, Rejected, OutcomeUnknown) as exc:
        code = exc.code or "effect.unprobed"
        raise _unknown(door, ready, effect, code, "the vendor could not be asked") from exc
    except Misconfigured as exc:
        _unknown(door, ready, effect, exc.code, str(exc))
        raise


def _again(door: Door, ready: Ready, effect: Effect, *, in_doubt: bool = False) -> StepResult:
    """Call again, if the case is still ours and nothing is halted.

    `in_doubt`: an earlier attempt may have happened, and only the vendor's own key keeps the two apart.
    Then nothing but an answer of the vendor settles it; whatever else comes leaves it UNKNOWN.
    """
    calling = effect.model_copy(update={"attempted_at": door.clock.now()})
    forbidden = _forbidden(door, ready, calling)
    if forbidden is None:
        return _attempt(door, ready, calling, in_doubt=in_doubt)
    if forbidden.code == Stop.IN_DOUBT:
        return _after_probe(door, ready, calling.model_copy(update={"in_doubt": True}))
    if in_doubt:
        raise _unknown(door, ready, effect, forbidden.code, "it is open, and no call is allowed now")
    if forbidden.code == Stop.UNKNOWN:
        door.ledger.release(effect)
        raise OutcomeUnknown(str(forbidden), code=forbidden.code, retry_after=door.lease_seconds)
    if forbidden.code == Stop.OUTDATED:
        door.ledger.release(effect)
        return _given_up(door, ready, Stop.OUTDATED)
    return _settled_without(door, ready, effect, state=EffectState.NOT_DONE, why=forbidden)


def _forbidden(door: Door, ready: Ready, effect: Effect) -> Rejected | None:
    try:
        door.ledger.permit(effect, fence=fence(ready, effect))
    except Fenced as exc:
        return Rejected(_WHY[exc.stop], code=exc.stop.value)
    if ready.line.stopped:
        return Rejected("the channel's writes are stopped", code="channel.stopped")
    return None if ready.live else _turned_off()


def _turned_off() -> Rejected:
    return Rejected("the tool was turned off since its run was authorised", code="tool.turned_off")


def _attempt(door: Door, ready: Ready, effect: Effect, *, in_doubt: bool = False) -> StepResult:
    log_intent(door, ready, effect)
    ready.line.attempt = effect.attempt
    try:
        done = checked(ready.binding, ready.ask(ready.binding.call, ready.binding.timeout))
    except OutcomeUnknown as exc:
        ready.line.noted(exc)
        ended = effect.model_copy(update={"attempted_at": door.clock.now()})
        raise _unknown(door, ready, ended, exc.code, str(exc)) from exc
    except (Retryable, Throttled, Rejected, Misconfigured) as exc:
        if in_doubt:
            raise _unknown(
                door, ready, effect, exc.code, "this call did nothing, an earlier one may have"
            ) from exc
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


def _unknown(door: Door, ready: Ready, effect: Effect, code: str, message: str) -> OutcomeUnknown:
    unknown = effect.model_copy(update={"state": EffectState.UNKNOWN, "code": code})
    door.ledger.settle(unknown, None)
    log_unknown(door, ready, unknown)
    door.metrics.count(Metric.EFFECTS_UNKNOWN)
    return OutcomeUnknown(message, code=code, retry_after=door.lease_seconds)


def _recorded(door: Door, ready: Ready, effect: Effect) -> StepResult:
    """An effect that is settled has its result beside it: both were one transaction."""
    log_settled(door, ready.proposal, effect)
    result = door.runs.results(effect.run, effect.occurrence).get(effect.step)
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
            return refuse(door, ready.given, ready.proposal, refusal)
        case Stop.OUTDATED | Stop.ENDED | Stop.IN_DOUBT:
            return _given_up(door, ready, why.stop)


def _given_up(door: Door, ready: Ready, why: Stop) -> StepResult:
    """This caller may go no further. Nothing is kept: whoever carries the run on finds its step open."""
    return result_of(ready, Outcome.NOT_DONE, door.clock.now(), code=why.value)


def _shadowed(door: Door, ready: Ready) -> StepResult:
    detail = {"tool": ready.step.tool, "args": canonical_digest(ready.args), "shadow": True}
    log(door, ready, EntryKind.EFFECT_SETTLED, ref=f"{ready.key}:shadow", detail=detail)
    return door.runs.keep(result_of(ready, Outcome.NOT_DONE, door.clock.now(), code="shadow"))


_WHY = {
    Stop.CLAIMED: "the same effect was already made or is under way elsewhere",
    Stop.NO_ROOM: "together with what is under way it would exceed what is left",
    Stop.UNKNOWN: "another effect of this run is not settled yet",
    Stop.CASE: "the case was taken from this run",
    Stop.OUTDATED: "a newer generation carries this run on",
    Stop.ENDED: "the run is settled",
    Stop.IN_DOUBT: "its records were restored since it began",
    Stop.HALTED: "the tenant is halted",
}
