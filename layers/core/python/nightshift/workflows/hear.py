"""The side of events: who wants this one, is it true for them, have they cooled down, are they armed?"""

from datetime import timedelta

from pydantic import JsonValue

from nightshift.errors import BadInput
from nightshift.expressions import Facts
from nightshift.model.base import Noun
from nightshift.model.event import Event
from nightshift.model.workflow import Armed, Occurrence, OnEvent, WorkflowHead
from nightshift.workflows.desk import Clockwork
from nightshift.workflows.facts import facts_of, is_structured
from nightshift.workflows.occur import TAINTED, Begun, begin, occurrence_of, owner_of, pause

__all__ = ["Heard", "hear"]


class Heard(Noun):
    """What became of an event with one workflow.

    `became`: `begun`, `not_true`, `rearmed`, `not_armed`, `cooling`, `halted`, `paused`, `held` (tests of its
    plan do not hold), `off` (not heard any more), or `unclear` (a condition could not be evaluated: it counts
    as not true, and is said).
    """

    workflow: str
    became: str
    run: str = ""


def hear(desk: Clockwork, event: Event) -> tuple[Heard, ...]:
    """Have every workflow that wants an event run; the same event again begins nothing anew.

    Raises:
        Conflict: others decided about the same subject at the same time; offer it again.
        Retryable: a run could not be started; offer it again.
    """
    names = desk.workflows.hearing(event.tenant, event.kind)
    facts = facts_of(event) if names else {}
    return tuple(_one(desk, desk.workflows.head(event.tenant, name), event, facts=facts) for name in names)


def _one(desk: Clockwork, head: WorkflowHead, event: Event, *, facts: dict[str, JsonValue]) -> Heard:
    trigger = head.trigger
    taken = desk.workflows.find(head.tenant, head.name, event.id)
    if taken is not None:
        return _again(desk, head, taken, event)
    if not head.runs_by_itself or not isinstance(trigger, OnEvent) or trigger.event is not event.kind:
        return Heard(workflow=head.name, became="off")
    try:
        seen = Facts({"event": facts})
        is_over = trigger.until is not None and seen.holds(trigger.until)
        is_true = trigger.when is None or seen.holds(trigger.when)
    except BadInput:
        return Heard(workflow=head.name, became="unclear")
    if is_over:
        return _rearmed(desk, head, event)
    if not is_true:
        return Heard(workflow=head.name, became="not_true")
    return _fire(desk, head, event, trigger=trigger, facts=facts)


def _again(desk: Clockwork, head: WorkflowHead, taken: Occurrence, event: Event) -> Heard:
    """The event came again: whoever took it may have died before its run began."""
    owner = owner_of(desk.config, desk.config.tenant(head.tenant), head.owner)
    if isinstance(owner, str):
        return Heard(workflow=head.name, became="off")
    return _told(head, begin(desk, taken, owner, tainted=_taint(event)))


def _told(head: WorkflowHead, begun: Begun) -> Heard:
    return Heard(workflow=head.name, became="held" if begun.held else "begun", run=begun.run)


def _taint(event: Event) -> tuple[str, ...]:
    return () if is_structured(event) else TAINTED


def _rearmed(desk: Clockwork, head: WorkflowHead, event: Event) -> Heard:
    subject = event.subject.key()
    stands = desk.workflows.armed(head.tenant, head.name, subject)
    if stands.armed:
        return Heard(workflow=head.name, became="not_true")
    armed = stands.model_copy(update={"armed": True, "seq": stands.seq + 1})
    desk.workflows.rearm(head.tenant, head.name, subject, armed)
    return Heard(workflow=head.name, became="rearmed")


def _fire(
    desk: Clockwork, head: WorkflowHead, event: Event, *, trigger: OnEvent, facts: dict[str, JsonValue]
) -> Heard:
    subject = event.subject.key()
    stands = desk.workflows.armed(head.tenant, head.name, subject)
    if not stands.armed:
        return Heard(workflow=head.name, became="not_armed")
    if not _cooled(stands, trigger, event):
        return Heard(workflow=head.name, became="cooling")
    tenant = desk.config.tenant(head.tenant)
    if tenant.halted:
        return Heard(workflow=head.name, became="halted")
    owner = owner_of(desk.config, tenant, head.owner)
    if isinstance(owner, str):
        pause(desk, head, owner)
        return Heard(workflow=head.name, became="paused")
    wanted = occurrence_of(head, event.id, facts, desk.clock.now())
    armed = _fired(stands, trigger, event)
    return _told(head, begin(desk, wanted, owner, tainted=_taint(event), subject=subject, armed=armed))


def _cooled(stands: Armed, trigger: OnEvent, event: Event) -> bool:
    if stands.fired_at is None:
        return True
    return event.received_at - stands.fired_at >= timedelta(seconds=trigger.cool_down_seconds)


def _fired(stands: Armed, trigger: OnEvent, event: Event) -> Armed | None:
    """How it stands once it has run; None where neither cool-down nor hysteresis asks for it."""
    if trigger.until is None and not trigger.cool_down_seconds:
        return None
    return Armed(armed=trigger.until is None, fired_at=event.received_at, seq=stands.seq + 1)
