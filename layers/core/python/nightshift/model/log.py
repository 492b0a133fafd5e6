"""One entry of the action log."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field, JsonValue

from nightshift.ids import TenantId
from nightshift.model.base import Document

__all__ = ["EntryKind", "LogEntry"]


class EntryKind(StrEnum):
    """What an entry records."""

    EVENT_RECEIVED = "event.received"
    DELIVERY_REPEATED = "delivery.repeated"
    CASE_OPENED = "case.opened"
    CASE_JOINED = "case.joined"
    CASE_WOKEN = "case.woken"
    CASE_LOCKED = "case.locked"
    CONTEXT_READ = "context.read"
    PLAN_PROPOSED = "plan.proposed"
    VERDICT_GIVEN = "verdict.given"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_DECIDED = "approval.decided"
    EFFECT_INTENDED = "effect.intended"
    EFFECT_SETTLED = "effect.settled"
    READ_DONE = "read.done"
    STEP_FAILED = "step.failed"
    RUN_SETTLED = "run.settled"
    CASE_SLEPT = "case.slept"
    CASE_HANDED_OVER = "case.handed_over"
    CASE_RESOLVED = "case.resolved"
    CASE_CLOSED = "case.closed"
    MEMORY_KEPT = "memory.kept"


class LogEntry(Document):
    """One line of what happened: append-only, chained to the one before it in its stream.

    `entry` is derived from what it records, so that a retry's second line can be told from a second
    happening. `detail` holds ids, digests, amounts and rule names; never personal data or a secret.
    """

    stream: str
    seq: int = Field(ge=1)
    entry: str
    tenant: TenantId
    kind: EntryKind
    at: datetime
    actor: str
    detail: dict[str, JsonValue]
    prev: str = Field(description="hash of the entry before it; 64 zeros for the first")
    hash: str
