"""What people are shown: the shapes of the HTTP API, which the CLI reads back."""

from datetime import datetime

from pydantic import Field

from nightshift.ids import CaseId, ChannelId, EventId, RunId, TenantId
from nightshift.model.approval import Approval
from nightshift.model.base import Noun
from nightshift.model.case import Case, CaseStatus, ContextPackage, RunOutcome
from nightshift.model.event import Event, EventKind
from nightshift.model.log import LogEntry
from nightshift.model.plan import Proposal
from nightshift.model.tool import ToolSpec
from nightshift.model.verdict import Verdict

__all__ = [
    "ApprovalPage",
    "CaseLine",
    "CasePage",
    "CaseView",
    "ChannelHealth",
    "DoctorReport",
    "EventLine",
    "Fault",
    "Faulty",
    "LogPage",
    "Note",
    "ParkedLine",
    "ParkedPage",
    "QueueDepth",
    "Resolution",
    "RunView",
    "ToolPage",
]


NEXT = "the `cursor` of the next page; empty on the last"


class Fault(Noun):
    """What is wrong with a request, and what would be accepted."""

    field: str = Field(description="what it is about: a field, a path parameter, a header")
    problem: str
    fix: str


class Faulty(Noun):
    """The body of every answer that is not a success."""

    error: Fault


class Note(Noun):
    """Why a person decided as they did."""

    note: str = Field(default="", max_length=1000)


class Resolution(Noun):
    """How a person settled a case, and how many of its events they had seen when they did."""

    note: str = Field(min_length=1, max_length=1000)
    events: int = Field(ge=1, description="`events` of the case as it was read; a newer one is a conflict")


class CaseLine(Noun):
    """A case in a list. No task token, no personal data beyond the vendor's customer id."""

    id: CaseId
    tenant: TenantId
    subject: str
    status: CaseStatus
    specialist: str
    intent: str | None
    customer: str | None
    locked: str | None = Field(description="why automation is locked out")
    handoff_reason: str | None
    events: int
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    deadline: datetime | None = Field(description="when a sleeping case wakes by itself")

    @classmethod
    def of(cls, case: Case) -> "CaseLine":
        """The line of one case."""
        return cls(
            id=case.id,
            tenant=case.tenant,
            subject=case.subject,
            status=case.status,
            specialist=case.specialist,
            intent=case.intent,
            customer=case.customer,
            locked=case.lock.reason if case.lock else None,
            handoff_reason=case.handoff_reason,
            events=case.inbox_seq,
            opened_at=case.opened_at,
            updated_at=case.updated_at,
            closed_at=case.closed_at,
            deadline=case.deadline,
        )


class CasePage(Noun):
    """Cases, newest first."""

    cases: tuple[CaseLine, ...]
    next: str = Field(default="", description=NEXT)


class EventLine(Noun):
    """That an event came, without what it says."""

    id: EventId
    kind: EventKind
    channel: ChannelId
    delivery: str
    received_at: datetime

    @classmethod
    def of(cls, event: Event) -> "EventLine":
        """The line of one event."""
        return cls(
            id=event.id,
            kind=event.kind,
            channel=event.channel,
            delivery=event.delivery,
            received_at=event.received_at,
        )


class RunView(Noun):
    """What one wake-up of a case proposed, what the gate said, how it ended."""

    run: RunId
    proposal: Proposal
    verdict: Verdict | None
    outcome: RunOutcome | None


class CaseView(Noun):
    """One case with everything a person needs to take it over."""

    case: CaseLine
    signals: tuple[str, ...]
    moves: tuple[str, ...]
    events: tuple[EventLine, ...]
    runs: tuple[RunView, ...]
    approvals: tuple[Approval, ...]
    context: ContextPackage | None = Field(description="what the last wake-up knew")


class LogPage(Noun):
    """All entries of a case over all its streams, by time."""

    case: CaseId
    entries: tuple[LogEntry, ...]


class ApprovalPage(Noun):
    """Questions that wait for a person, oldest first."""

    approvals: tuple[Approval, ...]
    next: str = Field(default="", description=NEXT)


class ToolPage(Noun):
    """Every tool, with its contract."""

    tools: tuple[ToolSpec, ...]


class ParkedLine(Noun):
    """A delivery that could not be made an event, and why."""

    channel: ChannelId
    delivery: str
    received_at: datetime
    reason: str


class ParkedPage(Noun):
    """Deliveries that wait for a person."""

    parked: tuple[ParkedLine, ...]
    next: str = Field(default="", description=NEXT)


class ChannelHealth(Noun):
    """One channel: is its secret there, which tools make effects and which stay in shadow mode?"""

    channel: ChannelId
    adapter: str
    account: str
    secret: bool
    live: tuple[str, ...]
    shadow: tuple[str, ...]


class QueueDepth(Noun):
    """How much waits in one queue, and how much it gave up on."""

    queue: str
    waiting: int
    under_way: int
    dead: int


class DoctorReport(Noun):
    """Is this tenant's installation healthy? `problems` is empty when it is."""

    tenant: TenantId
    halted: bool
    channels: tuple[ChannelHealth, ...]
    queues: tuple[QueueDepth, ...]
    waiting_approvals: int
    parked: int
    problems: tuple[str, ...]
