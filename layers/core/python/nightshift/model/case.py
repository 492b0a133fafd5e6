"""A case: one matter about one subject, from its first event to its end."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from nightshift.ids import CaseId, RunId, TenantId
from nightshift.model.base import Document, Noun
from nightshift.model.event import Event, EventKind
from nightshift.model.order import Order
from nightshift.model.payment import Payment
from nightshift.money import Money

__all__ = [
    "Case",
    "CaseInput",
    "CaseStatus",
    "ContextPackage",
    "Episode",
    "ExecutionState",
    "Intent",
    "Lock",
    "Rest",
    "RunOutcome",
    "Signal",
    "SignalKind",
    "Woken",
]


Woken = Literal["opened", "event", "deadline", "again"]


class CaseStatus(StrEnum):
    """Where a case stands. It is always one of these; there is no fifth."""

    OPEN = "OPEN"
    SLEEPING = "SLEEPING"
    WITH_PERSON = "WITH_PERSON"
    CLOSED = "CLOSED"


class SignalKind(StrEnum):
    """Why a person must take a case before any model sees it."""

    FRAUD = "fraud"
    LEGAL = "legal"
    ANGRY = "angry"
    DISTRESSED = "distressed"


class Signal(Noun):
    """A sign that triage found, with the rule and where (never the text itself)."""

    kind: SignalKind
    rule: str
    evidence: str = Field(description="which field and which rule word; no personal data")


class Lock(Noun):
    """Automation is locked out of a case."""

    reason: str
    at: datetime


class Case(Document):
    """The record of a case; executions are a cache of it.

    `inbox_seq` counts the events of the case; `seen_seq` is how many of them the current wake saw;
    `wake` counts its wake-ups from 1; `generation` counts its executions from 1.
    """

    id: CaseId
    tenant: TenantId
    subject: str
    status: CaseStatus
    specialist: str
    generation: int = Field(ge=1)
    wake: int = Field(ge=0)
    inbox_seq: int = Field(ge=0)
    seen_seq: int = Field(ge=0)
    lock: Lock | None = None
    signals: tuple[Signal, ...] = ()
    customer: str | None = None
    intent: str | None = None
    moves: tuple[str, ...] = Field(default=(), description="the playbook moves carried out, in order")
    token: str | None = Field(default=None, description="task token while asleep")
    sleep_events: tuple[EventKind, ...] = ()
    deadline: datetime | None = None
    handoff_reason: str | None = None
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    last_run: RunId | None = None
    woken: Woken = Field(default="opened", description="why the current wake began")
    restarts: int = Field(default=0, ge=0, description="recoveries since the case last got on")
    restarted_at: datetime | None = None


class CaseInput(Noun):
    """What crosses the states of `case.asl.json`."""

    case: CaseId
    generation: int
    wake: int
    woken: Woken = "opened"


class ExecutionState(Noun):
    """How the execution of one generation of a case stands.

    `NONE`: there is no execution of that name. `started_at` is absent only then; `error` says how a
    failed one ended.
    """

    status: Literal["NONE", "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
    started_at: datetime | None = None
    error: str = ""


class Intent(Noun):
    """What the customer wants, as rules or a model read it, with its evidence."""

    name: str
    confidence: float = Field(ge=0, le=1)
    evidence: str


class Episode(Document):
    """What one closed case was, kept for the customer's next one."""

    case: CaseId
    tenant: TenantId
    customer: str
    subject: str
    intent: str | None
    outcome: str
    summary: str
    refunded: Money | None = None
    opened_at: datetime
    closed_at: datetime


class ContextPackage(Document):
    """Everything one wake of a case knows; proposes nothing.

    `person` says why a person must take it, if rules already decided so.
    """

    case: CaseId
    tenant: TenantId
    wake: int
    woken: Woken
    seen_seq: int
    subject: str
    specialist: str
    events: tuple[Event, ...]
    moves: tuple[str, ...] = ()
    order: Order | None = None
    order_channel: str | None = None
    order_problem: str = Field(default="", description="why the order could not be read")
    payment: Payment | None = None
    payment_channel: str | None = None
    payment_problem: str = Field(default="", description="why the payment could not be read")
    customer: str | None = None
    intents: tuple[Intent, ...] = ()
    signals: tuple[Signal, ...] = ()
    episodes: tuple[Episode, ...] = ()
    person: str | None = None
    sender_trusted: bool = Field(
        default=False, description="every message came from the vouched-for customer of order or payment"
    )
    known_seq: int = Field(default=0, ge=0, description="how many of the events an earlier wake had seen")


class RunOutcome(Document):
    """How a run ended.

    `STOPPED`: a person stopped it for good. `UNDO_FAILED`: it failed, and what it had done could not all be
    taken back: a person has to see to what is `left`.
    """

    run: RunId
    status: Literal[
        "DONE", "REFUSED", "REJECTED", "EXPIRED", "CHANGED", "FAILED", "STOPPED", "UNDO_FAILED", "UNKNOWN"
    ]
    reason: str = ""
    failed_step: str | None = None
    undone: tuple[str, ...] = Field(default=(), description="steps whose effects were taken back")
    left: tuple[str, ...] = Field(
        default=(), description="steps whose effects stand although the run did not go through"
    )
    money_moved: Money | None = None
    generation: int = Field(default=1, ge=1, description="the one that settled it")
    settled_at: datetime


class Rest(Noun):
    """What `commit` decided: what the case's state machine does next.

    `restart`: the run broke off without an end; a new generation carries it on.
    """

    case: CaseId
    generation: int
    wake: int
    rest: Literal["closed", "person", "sleep", "again", "restart"]
    seen_seq: int = 0
    sleep_seconds: int = 0
    deadline: str = ""
    error: str = ""
