"""What an operator sees beyond the cases, and mends: queues, parked deliveries, unsettled effects."""

from typing import Annotated, Final

from pydantic import StringConstraints

from nightshift.actionlog.chain import step_stream
from nightshift.api.cursors import cursor_of, place_of
from nightshift.api.desk import Desk
from nightshift.errors import BadInput, Conflict, NotFound
from nightshift.identity.caller import Caller
from nightshift.identity.token import PLATFORM
from nightshift.ids import CaseId, ChannelId, RunId, StepId
from nightshift.model.base import Noun
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.log import EntryKind
from nightshift.model.repair import (
    DeadPage,
    EffectLine,
    EffectPage,
    QueuePage,
    Redriven,
    Replayed,
    Settled,
    Settlement,
)
from nightshift.model.tool import Outcome
from nightshift.ports.deliveries import Delivery
from nightshift.ports.log import NewEntry

__all__ = [
    "redrive_queue",
    "replay_delivery",
    "see_dead_letters",
    "see_effects",
    "see_queues",
    "settle_effect",
]

READ_CONFIG: Final = "config:read"
READ_CASES: Final = "cases:read"
READ_QUEUES: Final = "queues:read"
REDRIVE: Final = "queues:redrive"
SEND: Final = "events:send"
RESOLVE: Final = "cases:resolve"

_BY_PERSON: Final = "settled.by_person"


KeyPart = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class _After(Noun):
    since: KeyPart
    pk: KeyPart
    sk: KeyPart


def see_queues(desk: Desk, caller: Caller) -> QueuePage:
    """How full the queues are, and how much each gave up on.

    Raises:
        NotPermitted: the caller runs neither the installation nor may read a tenant's configuration.
    """
    caller.must(READ_QUEUES if caller.tenant == PLATFORM else READ_CONFIG)
    return QueuePage(queues=desk.health.queues())


def see_dead_letters(desk: Desk, caller: Caller, queue: str, *, limit: int) -> DeadPage:
    """Some of what a queue gave up on, of all tenants: only for whoever runs the installation.

    Raises:
        NotPermitted: the caller does not.
        NotFound: there is no such queue.
    """
    caller.must(READ_QUEUES)
    return DeadPage(queue=queue, letters=desk.dead.look(queue, limit))


def redrive_queue(desk: Desk, caller: Caller, queue: str, *, limit: int) -> Redriven:
    """Move a queue's dead letters back, a bounded part of them; ask again until none is left.

    Raises:
        NotPermitted: the caller does not run the installation.
        NotFound: there is no such queue.
    """
    caller.must(REDRIVE)
    done = desk.dead.redrive(queue, limit)
    at = desk.clock.now()
    entry = NewEntry(
        kind=EntryKind.QUEUE_REDRIVEN,
        tenant=PLATFORM,
        at=at,
        actor=caller.actor,
        ref=f"{queue}@{at.isoformat()}",
        detail={"queue": queue, "moved": done.moved, "failed": done.failed, "left": done.left},
    )
    desk.log.append("setup:platform", entry)
    return done


def replay_delivery(desk: Desk, caller: Caller, channel: ChannelId, delivery: str) -> Replayed:
    """Take a parked delivery in once more, from its stored body, by the same normalisation.

    With the same ids as the first time: whatever had arrived already is known again. It leaves the list of
    parked ones when the dispatcher has it; if it is parked again, the list says why.

    Raises:
        NotPermitted: the caller may not send events.
        NotFound: no such delivery is parked.
        BadInput: it is a mail that never became an event: what SES said of it is not in its body.
        Retryable: the function that takes it in did not answer; nothing was lost.
    """
    caller.must(SEND)
    found = next(
        (
            each
            for each in desk.deliveries.parked(caller.tenant)
            if (each.channel, each.delivery) == (channel, delivery)
        ),
        None,
    )
    if found is None:
        message = f"no delivery {delivery} of {channel} is parked"
        raise NotFound(message)
    done = _taken_in(desk, found)
    at = desk.clock.now()
    entry = NewEntry(
        kind=EntryKind.DELIVERY_REPLAYED,
        tenant=caller.tenant,
        at=at,
        actor=caller.actor,
        ref=f"{channel}/{delivery}@{at.isoformat()}",
        detail={"channel": channel, "delivery": delivery, "done": done, "reason": found.parked},
    )
    desk.log.append(f"setup:{caller.tenant}", entry)
    return Replayed(channel=channel, delivery=delivery, done=done)


def _taken_in(desk: Desk, found: Delivery) -> str:
    adapter = desk.config.channel(found.tenant, found.channel).adapter
    if adapter not in desk.by_mail:
        return desk.replays.replay(found.tenant, adapter, channel=found.channel, ref=found.body_ref)
    if found.event is None:
        problem = "it is a mail that could not be read, and what SES said of its sender was not kept"
        fix = f"Read it in the mail bucket ({found.body_ref}) and answer by hand, or have it sent again."
        raise BadInput("delivery", problem, fix)
    desk.queue.send(found.event)
    return "sent"


def see_effects(desk: Desk, caller: Caller, *, limit: int, cursor: str) -> EffectPage:
    """Effects that may have happened and that nobody settled yet, oldest first; also those left under way.

    Raises:
        NotPermitted: the caller may not read cases.
        BadInput: the cursor is none.
    """
    caller.must(READ_CASES)
    place = place_of(_After, cursor)
    after = None if place is None else (place.since, place.pk, place.sk)
    effects, more = desk.ledger.unknown(caller.tenant, limit, after)
    now = desk.clock.now()
    return EffectPage(
        effects=tuple(_line(desk, effect) for effect in effects if effect.for_a_person(now)),
        next="" if more is None else cursor_of(_After(since=more[0], pk=more[1], sk=more[2])),
    )


def _line(desk: Desk, effect: Effect) -> EffectLine:
    return EffectLine(
        run=effect.run,
        step=effect.step,
        occurrence=effect.occurrence,
        attempt=effect.attempt,
        tool=effect.tool,
        channel=effect.channel,
        case=_case(desk, effect.run),
        amount=effect.claim.amount if effect.claim else None,
        key=effect.key,
        code=effect.code or effect.state.value,
        attempted_at=effect.attempted_at,
    )


def _case(desk: Desk, run: RunId) -> CaseId | None:
    try:
        return desk.runs.proposal(run).case
    except NotFound:
        return None


def settle_effect(
    desk: Desk, caller: Caller, run: RunId, step: StepId, *, occurrence: int, found: Settlement
) -> Settled:
    """Record what a person found out about an effect that may have happened; its claim is settled with it.

    The same answer again changes nothing. Its run has ended; the case stays with the person, to be resolved
    or recovered.

    Raises:
        NotPermitted: the caller may not do what the effect does, or may not resolve cases.
        NotFound: the tenant has no such effect.
        BadInput: the evidence is missing.
        Conflict: the effect has an outcome, or is under way, or is at another attempt.
    """
    caller.must(RESOLVE)
    effect = desk.ledger.find(run, step, occurrence)
    if effect is None or effect.tenant != caller.tenant:
        message = f"there is no effect {step} of {run}"
        raise NotFound(message)
    caller.must(_permission(desk, effect))
    _check_evidence(found)
    state = EffectState.DONE if found.done else EffectState.NOT_DONE
    proposal = desk.runs.proposal(run)
    if not _is_settled_so(effect, state, found):
        _settle(desk, effect, state, found)
    entry = NewEntry(
        kind=EntryKind.EFFECT_SETTLED,
        tenant=caller.tenant,
        at=desk.clock.now(),
        actor=caller.actor,
        ref=f"{effect.key}#{found.attempt}#person",
        detail={
            "step": step,
            "tool": effect.tool,
            "key": effect.key,
            "outcome": state,
            "code": _BY_PERSON,
            "vendor_ref": found.ref or None,
            "role": caller.principal.role,
        },
        personal={"note": found.note} if found.note else {},
    )
    desk.log.append(step_stream(proposal.case or run, run, step), entry)
    return Settled(run=run, step=step, state="DONE" if found.done else "NOT_DONE", case=proposal.case)


def _permission(desk: Desk, effect: Effect) -> str:
    """What doing it takes, saying that it was done takes as well; of a tool that is gone, all it may have."""
    spec = next((tool for tool in desk.tools if tool.name == effect.tool), None)
    return spec.permission if spec is not None else "config:write"


def _check_evidence(found: Settlement) -> None:
    if found.done and not found.ref:
        raise BadInput("ref", "it is missing", "Give the vendor's id of what happened, e.g. the refund's.")
    if not found.done and not found.note:
        raise BadInput("note", "it is missing", "Say where was looked, and by whom it was confirmed.")
    if not found.done and found.ref:
        raise BadInput("ref", "what did not happen has no id", "Leave it out, or say that it was done.")


def _is_settled_so(effect: Effect, state: EffectState, found: Settlement) -> bool:
    same = (effect.state, effect.code, effect.attempt) == (state, _BY_PERSON, found.attempt)
    return same and (effect.vendor_ref or "") == found.ref


def _settle(desk: Desk, effect: Effect, state: EffectState, found: Settlement) -> None:
    now = desk.clock.now()
    if not effect.for_a_person(now) or effect.attempt != found.attempt:
        message = f"the effect is {effect.state} at attempt {effect.attempt}"
        raise Conflict(message)
    settled = effect.model_copy(
        update={"state": state, "settled_at": now, "code": _BY_PERSON, "vendor_ref": found.ref or None}
    )
    result = StepResult(
        run=effect.run,
        step=effect.step,
        occurrence=effect.occurrence,
        outcome=Outcome(state.value),
        code=_BY_PERSON,
        message="a person found out what the vendor did",
        settled_at=now,
    )
    desk.ledger.settle(settled, result)
