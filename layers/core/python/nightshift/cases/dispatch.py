"""The dispatcher: an event opens a case, joins an open one, wakes a sleeping one, or is noted."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from nightshift.actionlog.personal import first_line
from nightshift.cases.routing import learnt, name_of, route
from nightshift.clock import Clock
from nightshift.errors import Conflict
from nightshift.ids import CaseId, case_id
from nightshift.model.case import Case, CaseInput, CaseStatus, Lock, Signal
from nightshift.model.event import Event, MessageDetail
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.model.tenant import Tenant
from nightshift.ports.cases import Accepted, Cases
from nightshift.ports.config import Config
from nightshift.ports.flow import Executions
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.metrics import Metrics
from nightshift.ports.workflows import Offers
from nightshift.triage import signals as triage

__all__ = ["Desk", "dispatch"]

_ATTEMPTS = 8
_ACTOR = "dispatcher"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the dispatcher works with; `offers`: workflows that may want an event, beside its case."""

    cases: Cases
    config: Config
    executions: Executions
    log: ActionLog
    metrics: Metrics
    clock: Clock
    offers: Offers | None = None


def dispatch(event: Event, desk: Desk) -> Accepted:
    """Accept one event, once, and see to it that its case is at work.

    Triage runs first; what it finds locks the case in the same transaction. An event that was accepted
    before, by delivery or by body, changes nothing, but its case is started or woken all the same: the
    dispatcher may have died between the two.

    Raises:
        NotFound: the tenant, or its policy, is not there.
        Conflict: others were faster every time; try again.
        WireError: workflows could not be told; try again.
    """
    tenant = desk.config.tenant(event.tenant)
    found = triage(event, desk.config.policy_of(tenant).triage)
    accepted = _accept(event, tenant, found, desk)
    if accepted.case is not None:
        case = desk.cases.get(accepted.case)
        if found and not accepted.repeated:
            desk.metrics.count(Metric.HANDED_OVER)
            waited = desk.clock.now() - event.received_at
            desk.metrics.count(Metric.HANDOFF_SECONDS, waited.total_seconds())
        _record(event, case, found, accepted=accepted, desk=desk)
        _rouse(case, event, desk)
    if desk.offers is not None and accepted.repeated != "body":  # that one was another event's
        desk.offers.offer(event)
    return accepted


def _accept(event: Event, tenant: Tenant, found: tuple[Signal, ...], desk: Desk) -> Accepted:
    for _ in range(_ATTEMPTS):
        try:
            return _try(event, tenant, found, desk)
        except Conflict:
            continue
    message = f"event {event.id} met another writer {_ATTEMPTS} times"
    raise Conflict(message)


def _try(event: Event, tenant: Tenant, found: tuple[Signal, ...], desk: Desk) -> Accepted:
    name = name_of(event, tenant.order_channel, tenant.payment_channel)
    known = desk.cases.subject_of(event.tenant, name.channel, name.name) if name else None
    way = route(event, tenant.order_channel, tenant.payment_channel, known=known, signalled=bool(found))
    for subject in way.subjects:
        if case := desk.cases.open_case(event.tenant, subject):
            return desk.cases.join(case, event, learnt(event, subject, known), signals=found)
    aliases = learnt(event, way.opening, known)
    if way.opening is None:
        return desk.cases.pass_over(event, aliases)
    case = _opened(event, tenant, way.opening, found=found, at=desk.clock.now())
    return desk.cases.open(case, event, aliases)


def _opened(event: Event, tenant: Tenant, subject: str, *, found: tuple[Signal, ...], at: datetime) -> Case:
    reason = "triage: " + ", ".join(sorted({signal.kind for signal in found}))
    return Case(
        id=case_id(event.tenant, subject, event.id),
        tenant=event.tenant,
        subject=subject,
        status=CaseStatus.WITH_PERSON if found else CaseStatus.OPEN,
        specialist=tenant.specialist,
        generation=1,
        wake=0,
        inbox_seq=1,
        seen_seq=0,
        lock=Lock(reason=reason, at=at) if found else None,
        signals=found,
        handoff_reason=reason if found else None,
        opened_at=at,
        updated_at=at,
    )


def _record(event: Event, case: Case, found: tuple[Signal, ...], *, accepted: Accepted, desk: Desk) -> None:
    at = desk.clock.now()
    origin = {"event": event.id, "kind": event.kind, "channel": event.channel, "delivery": event.delivery}

    def entry(kind: EntryKind, **detail: JsonValue) -> NewEntry:
        return NewEntry(
            kind=kind, tenant=event.tenant, at=at, actor=_ACTOR, ref=event.id, detail={**origin, **detail}
        )

    entries: list[NewEntry] = []
    if accepted.repeated != "body":
        opened = case.id == case_id(event.tenant, case.subject, event.id)
        entries += [
            entry(EntryKind.EVENT_RECEIVED, body_digest=event.body_digest).model_copy(
                update={"personal": _personal(event)}
            ),
            entry(EntryKind.CASE_OPENED if opened else EntryKind.CASE_JOINED, subject=case.subject),
        ]
        if found:
            signs: list[JsonValue] = [signal.model_dump(mode="json") for signal in found]
            entries.append(entry(EntryKind.CASE_LOCKED, signals=signs))
    if accepted.repeated:
        # a crash may have come before the lines of the first time; what stands is left out
        entries.append(entry(EntryKind.DELIVERY_REPEATED, by=accepted.repeated))
    desk.log.append(case.id, *entries)


def _personal(event: Event) -> dict[str, str]:
    """Who wrote and how it begins, for a person who reads the log."""
    if not isinstance(event.detail, MessageDetail):
        return {}
    said = {"sender": event.detail.sender, "first_line": first_line(event.detail.text)}
    return {name: value for name, value in said.items() if value}


def _rouse(case: Case, event: Event, desk: Desk) -> None:
    """Start a case that was never observed, wake one that sleeps; one at work sees its inbox itself."""
    if case.status is CaseStatus.CLOSED:
        return
    if case.wake == 0:
        desk.executions.start_case(CaseInput(case=case.id, generation=case.generation, wake=1))
    elif case.token is not None and not _woken(case.id, case.token, event, desk):
        # the deadline may have been faster, and the case may sleep again by now: look once more
        again = desk.cases.get(case.id).token
        if again is not None and again != case.token:
            _woken(case.id, again, event, desk)
    elif case.token is None and case.status is CaseStatus.SLEEPING:
        desk.cases.expect(case)


def _woken(case: CaseId, token: str, event: Event, desk: Desk) -> bool:
    resumed = desk.executions.succeed(token, {"woken": "event"})
    if not resumed:
        # its deadline was faster, or its execution is lost: whoever looks after cases finds out
        desk.cases.lose_token(case, token)
    else:
        desk.cases.forget_token(case, token)
        line = NewEntry(
            kind=EntryKind.CASE_WOKEN,
            tenant=event.tenant,
            at=desk.clock.now(),
            actor=_ACTOR,
            ref=event.id,
            detail={"event": event.id},
        )
        desk.log.append(case, line)
    return resumed
