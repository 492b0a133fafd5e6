"""Observe: begin a wake, read what it needs, keep it. Reads only; the same wake again gives the same."""

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue, ValidationError

from nightshift.clock import Clock
from nightshift.context.intents import IntentRules, intents_of
from nightshift.context.outlived import Wake, outlived
from nightshift.context.payments import person_by_payment, read_payment
from nightshift.context.trust import sender_trusted
from nightshift.errors import NotFound, Rejected, Retryable, WireError
from nightshift.ids import CaseId, ChannelId
from nightshift.model.base import Noun
from nightshift.model.case import Case, CaseInput, CaseStatus, ContextPackage, Episode, Woken
from nightshift.model.event import Event, EventKind, SubjectKind
from nightshift.model.log import EntryKind
from nightshift.model.order import Order, RiskLevel
from nightshift.model.tenant import Tenant
from nightshift.ports.cases import Cases
from nightshift.ports.config import Config
from nightshift.ports.flow import ReadTools
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.memory import Episodes
from nightshift.ports.sealing import SubjectKeys

__all__ = ["Observed", "Observing", "observe"]

_EPISODES = 20
_PRIVACY = frozenset({EventKind.ERASURE_REQUESTED, EventKind.ACCESS_REQUESTED})


@dataclass(frozen=True, kw_only=True)
class Observing:
    """What observing needs; `definition` is the digest of the state machine in force."""

    cases: Cases
    config: Config
    tools: ReadTools
    episodes: Episodes
    log: ActionLog
    subjects: SubjectKeys
    clock: Clock
    rules: IntentRules
    definition: str


class Observed(Noun):
    """What crosses to the next state.

    `next`: a plan is made, a person takes the case, it goes on sleeping for `sleep_seconds`, or a new
    execution takes over. `person` says the same to executions from before there was `next`.
    """

    case: CaseId
    generation: int
    wake: int
    woken: Woken
    person: bool
    next: Literal["plan", "person", "sleep", "roll_over"]
    seen_seq: int = 0
    sleep_seconds: int = 0


@dataclass(frozen=True, kw_only=True)
class _OrderRead:
    """The order as re-read, or why it could not be; `channel` is where it was looked up."""

    order: Order | None = None
    channel: ChannelId | None = None
    problem: str = ""


def observe(parts: Observing, given: Wake) -> Observed:
    """Begin the wake and keep all it knows as its context package.

    A case whose execution was lost while it slept goes on sleeping until its deadline. An execution that
    has outlived itself begins no wake: a new one does.

    Raises:
        Outdated: another generation, or a later wake, has the case.
        WireError: the order could not be read now (not raised when a person takes the case anyway).
    """
    if outlived(given, parts.definition, parts.clock.now()):
        return _observed(given, "roll_over")
    case = parts.cases.observe(given)
    if case.status is CaseStatus.CLOSED:
        return _observed(given, "person")
    if case.status is CaseStatus.SLEEPING and case.lock is None:
        return _asleep(parts, case, given)
    package = _package(parts, case, given)
    parts.cases.keep_context(package)
    intent = package.intents[0].name if package.intents else None
    if package.customer and package.customer != case.customer:
        # before it is noted: forgetting the customer has to find what their case's log sealed
        parts.subjects.adopt(case.tenant, package.customer, case.id)
    parts.cases.note(case.id, customer=package.customer, intent=intent)
    parts.log.append(case.id, _entry(package, parts.clock))
    return _observed(given, "plan" if package.person is None else "person")


def _observed(given: CaseInput, following: Literal["plan", "person", "roll_over"]) -> Observed:
    return Observed(
        case=given.case,
        generation=given.generation,
        wake=given.wake,
        woken=given.woken,
        person=following == "person",
        next=following,
    )


def _asleep(parts: Observing, case: Case, given: CaseInput) -> Observed:
    """What the state Sleep needs; an event that came meanwhile is its own condition."""
    left = 1.0 if case.deadline is None else (case.deadline - parts.clock.now()).total_seconds()
    sleeps = {"next": "sleep", "seen_seq": case.seen_seq, "sleep_seconds": max(1, math.ceil(left))}
    return _observed(given, "plan").model_copy(update=sleeps)


def _package(parts: Observing, case: Case, given: CaseInput) -> ContextPackage:
    events = parts.cases.events(case.id)[: case.seen_seq]
    tenant = parts.config.tenant(case.tenant)
    person = _person_by_record(case, events)
    read = _order(parts, case, tenant, must=person is None)
    paid = read_payment(parts.tools, case, must=person is None and not _told_to_a_person(events))
    buyer = read.order.customer.id if read.order and read.order.customer else None
    customer = buyer or (paid.payment.customer if paid.payment else None) or case.customer
    settled = case.intent if case.moves else None
    return ContextPackage(
        case=case.id,
        tenant=case.tenant,
        wake=given.wake,
        woken=given.woken,
        seen_seq=case.seen_seq,
        known_seq=_known(parts, given),
        subject=case.subject,
        specialist=case.specialist,
        events=events,
        moves=case.moves,
        order=read.order,
        order_channel=read.channel,
        order_problem=read.problem,
        payment=paid.payment,
        payment_channel=paid.channel,
        payment_problem=paid.problem,
        customer=customer,
        intents=intents_of(parts.rules, events, settled=settled, subject=case.subject.partition(":")[0]),
        signals=case.signals,
        episodes=_recall(parts, case, customer),
        person=person or _person_by_order(read.order) or person_by_payment(events, paid.payment),
        sender_trusted=sender_trusted(events, read.order, paid.payment),
    )


def _person_by_record(case: Case, events: tuple[Event, ...]) -> str | None:
    """Why a person takes the case, whatever the order says."""
    if case.lock is not None:
        return case.lock.reason
    if case.signals:
        return f"triage found signs of {', '.join(sorted({s.kind.value for s in case.signals}))}"
    if case.status is CaseStatus.WITH_PERSON:
        return case.handoff_reason or "the case is with a person"
    if any(event.kind is EventKind.MESSAGE_BOUNCED for event in events):
        return "a message to the customer came back"
    if events and events[0].kind in _PRIVACY:
        return "a privacy request is for a person"
    return None


def _told_to_a_person(events: tuple[Event, ...]) -> bool:
    """What a person hears of whether or not the processor can be asked again."""
    return any(event.kind in {EventKind.DISPUTE_OPENED, EventKind.REFUND_FAILED} for event in events)


def _person_by_order(order: Order | None) -> str | None:
    if order is not None and order.risk is RiskLevel.HIGH:
        return "the shop's own assessment of the order is a high risk of fraud"
    return None


def _order(parts: Observing, case: Case, tenant: Tenant, *, must: bool) -> _OrderRead:
    """The order of the case's subject. `must`: a wire error is raised, for the saga to try again."""
    kind, channel, ref = case.subject.split(":", 2)
    if kind != SubjectKind.ORDER:
        return _OrderRead(problem="the case names no order")
    where = tenant.order_channel or ChannelId(channel)
    try:
        output = parts.tools.read(case.tenant, where, "orders.get", {"order": ref})
        return _OrderRead(order=Order.model_validate(output), channel=where)
    except Rejected:
        return _OrderRead(channel=where, problem="the order cannot be found")
    except ValidationError as exc:
        if must:
            raise Retryable("the order came back in another shape", code="order.shape") from exc
    except WireError:
        if must:
            raise
    return _OrderRead(channel=where, problem="the order could not be read")


def _known(parts: Observing, given: CaseInput) -> int:
    try:
        return parts.cases.context(given.case, given.wake - 1).seen_seq if given.wake > 1 else 0
    except NotFound:
        return 0


def _recall(parts: Observing, case: Case, customer: str | None) -> tuple[Episode, ...]:
    if customer is None:
        return ()
    return parts.episodes.recall(case.tenant, customer, limit=_EPISODES, at=parts.clock.now())


def _entry(package: ContextPackage, clock: Clock) -> NewEntry:
    detail: dict[str, JsonValue] = {
        "wake": package.wake,
        "woken": package.woken,
        "events": len(package.events),
        "order": package.order.id if package.order else None,
        "order_problem": package.order_problem,
        "payment": package.payment.id if package.payment else None,
        "payment_problem": package.payment_problem,
        "intents": [f"{i.name} {i.confidence:.2f}" for i in package.intents],
        "evidence": [i.evidence for i in package.intents],
        "signals": [s.kind.value for s in package.signals],
        "episodes": len(package.episodes),
        "sender_trusted": package.sender_trusted,
        "person": package.person,
    }
    return NewEntry(
        kind=EntryKind.CONTEXT_READ,
        tenant=package.tenant,
        at=clock.now(),
        actor="context",
        ref=f"{package.case}#{package.wake}",
        detail=detail,
    )
