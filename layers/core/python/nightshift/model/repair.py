"""What an operator sees and mends: dead letters, unsettled effects, the state of the whole."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from nightshift.ids import CaseId, ChannelId, IdempotencyKey, RunId, StepId, TenantId
from nightshift.model.base import Noun
from nightshift.model.lane import BreakerState
from nightshift.model.plan import ToolName
from nightshift.model.view import QueueDepth
from nightshift.money import Money

__all__ = [
    "DeadLetter",
    "DeadPage",
    "EffectLine",
    "EffectPage",
    "LaneLine",
    "QueuePage",
    "Redrive",
    "Redriven",
    "Replayed",
    "Settled",
    "Settlement",
    "Status",
]

Told = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]


class DeadLetter(Noun):
    """A message that a queue gave up on, without what it says."""

    id: str
    sent_at: datetime
    tenant: str = Field(default="", description="whose it is, where the message names it")
    channel: str = ""
    delivery: str = ""


class DeadPage(Noun):
    """Some of what a queue gave up on; looking at it hides it from a redrive for a few seconds."""

    queue: str
    letters: tuple[DeadLetter, ...]


class QueuePage(Noun):
    """The queues of the path."""

    queues: tuple[QueueDepth, ...]


class Redrive(Noun):
    """How many messages to move back at most, with this one request."""

    limit: int = Field(default=100, ge=1, le=200)


class Redriven(Noun):
    """What one request moved back into its queue; `left` as SQS counts it, approximately."""

    queue: str
    moved: int
    failed: int
    left: int


class Replayed(Noun):
    """What became of a delivery that was taken in again, in a word: `sent`, `kept`, `parked`, `stored`."""

    channel: ChannelId
    delivery: str
    done: str


class EffectLine(Noun):
    """An effect that may have happened: a person has to find out, at the vendor."""

    run: RunId
    step: StepId
    occurrence: int
    attempt: int = Field(description="what a settlement is about; a later one is a conflict")
    tool: ToolName
    channel: ChannelId
    case: CaseId | None
    amount: Money | None
    key: IdempotencyKey = Field(description="what it can be found by at the vendor")
    code: str
    attempted_at: datetime


class EffectPage(Noun):
    """Effects that are not settled, oldest first."""

    effects: tuple[EffectLine, ...]
    next: str = ""


class Settlement(Noun):
    """What a person found out about an effect, and how.

    `done` needs `ref`, the vendor's id of what happened; its opposite needs `note`: where was looked.
    """

    attempt: int = Field(ge=1, description="of the effect as it was read")
    done: bool
    ref: Told = ""
    note: Told = ""


class Settled(Noun):
    """An effect after a person settled it."""

    run: RunId
    step: StepId
    state: Literal["DONE", "NOT_DONE"]
    case: CaseId | None


class LaneLine(Noun):
    """A channel's breaker, and why its writes stop, if they do."""

    channel: ChannelId
    breaker: BreakerState
    stopped: str | None


class Status(Noun):
    """The tenant's work at a glance.

    `cases` counts by status over the newest `looked_at` cases; `complete` says whether those are all.
    """

    tenant: TenantId
    halted: bool
    cases: dict[str, int]
    looked_at: int
    complete: bool
    oldest_open: datetime | None
    waiting_approvals: int
    unsettled: int = Field(description="effects that may have happened, at most 200")
    parked: int
    queues: tuple[QueueDepth, ...]
    lanes: tuple[LaneLine, ...]
