"""The dispatcher: an event opens a case, joins an open one, wakes a sleeping one, or is noted."""

from dataclasses import dataclass
from datetime import datetime

from nightshift.clock import Clock
from nightshift.errors import Conflict
from nightshift.ids import CaseId, case_id
from nightshift.model.case import Case, CaseInput, CaseStatus, Lock, Signal
from nightshift.model.event import Event
from nightshift.model.log import EntryKind
from nightshift.model.tenant import Tenant
from nightshift.ports.cases import Accepted, Cases
from nightshift.ports.config import Config
from nightshift.ports.flow import Executions
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.triage import signals as triage

from nightshift.cases.routing import learnt, name_of, route

__all__ = ["Desk", "dispatch"]

_ATTEMPTS = 8
_ACTOR = "dispatcher"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the dispatcher works with."""

    cases: Cases
    config: Config
    executions: Executions
    log: ActionLog
    clock: Clock


def dispatch(event: Event, desk: Desk) -> Accepted:
    """Accept one event, once, and see to it that its case is at work.

    Triage runs first; what it finds locks the case in the same transaction. An event that was accepted
    before, by delivery or by body, changes nothing, but its case is started or woken all the same: the
    dispatcher may have died between the two.

    Raises:
        NotFound: the tenant, or its policy, is not there.
        Conflict: others were faster every time; try again.
    """
    tenant = desk.config.tenant(event.tenant)
    found = triage(event, desk.config.policy(event.tenant).triage)
    accepted = _accept(event, tenant, found, desk)
    if accepted.case is not None:
        case = desk.cases.get(accepted.case)
        desk.log.append(case.id, *_entries(event, case, found, accepted=accepted, at=desk.clock.now()))
        _rouse(case, event, desk)
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
    name = name_of(event, tenant.order_channel)
    known = desk.cases.subject_of(event.tenant, name.channel, name.name) if name else None
    way = route(event, tenant.order_channel, known=known, signalled=bool(found))
    for subject in way.subjects:
        if case := desk.cases.open_case(event.tenant, subject):
            return desk.cases.join(case, event, learnt(event, subject, known), signals=found)
    aliases = learnt(event, way.opening, known)
    if way.opening is None:
        return desk.cases.pass_over(event, aliases)
    case = _opened(event, tenant, way.opening, found=found, at=desk.clock.now())
    return desk.cases.open(case, event, aliases)


def _opened(
    event: Event, tenant: Tenant, subject: str, *, found: tuple[Signal, ...], at: datetime
) -> Case:
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
