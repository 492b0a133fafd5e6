"""One entry of the action log."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field, JsonValue, ValidationError

from nightshift.ids import TenantId
from nightshift.model.base import Document, Noun

__all__ = ["EntryKind", "LogEntry", "Sealed", "StoredEntry"]


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
    STEP_SKIPPED = "step.skipped"
    STEP_WAITS = "step.waits"
    RUN_UNDOING = "run.undoing"
    RUN_SETTLED = "run.settled"
    RUN_STOPPED = "run.stopped"
    RUN_RESUMED = "run.resumed"
    RUN_RETRIED = "run.retried"
    CASE_SLEPT = "case.slept"
    CASE_HANDED_OVER = "case.handed_over"
    CASE_RESOLVED = "case.resolved"
    CASE_CLOSED = "case.closed"
    CASE_RECOVERED = "case.recovered"
    CASE_ROLLED_OVER = "case.rolled_over"
    MEMORY_KEPT = "memory.kept"
    SHAPE_DRIFTED = "shape.drifted"
    CHANNEL_STOPPED = "channel.stopped"
    CHANNEL_RELEASED = "channel.released"
    PERSONAL_READ = "personal.read"
    TENANT_ADDED = "tenant.added"
    TENANT_HALTED = "tenant.halted"
    TENANT_RESUMED = "tenant.resumed"
    POLICY_SAVED = "policy.saved"
    STAFF_SET = "staff.set"
    STAFF_REMOVED = "staff.removed"
    CHANNEL_CONNECTED = "channel.connected"
    TOOL_SWITCHED = "tool.switched"
    WORKFLOW_SAVED = "workflow.saved"
    WORKFLOW_ENABLED = "workflow.enabled"
    WORKFLOW_DISABLED = "workflow.disabled"
    WORKFLOW_PAUSED = "workflow.paused"
    WORKFLOW_HELD = "workflow.held"
    DELIVERY_REPLAYED = "delivery.replayed"
    QUEUE_REDRIVEN = "queue.redriven"


class Sealed(Noun):
    """Personal fields of an entry, readable only while the data key of their subject exists.

    `subject` is the root of the entry's stream; `key` tells which of its data keys sealed them, so that
    a forgotten field is told from a damaged one. `fields` are base64: nonce, ciphertext and tag.
    """

    subject: str
    key: str
    fields: dict[str, str]


class LogEntry(Document):
    """One line of what happened: append-only, chained to the one before it in its stream.

    `entry` is derived from what it records, so that a retry's second line can be told from a second
    happening. `detail` holds ids, digests, amounts and rule names; never personal data or a secret:
    what a person needs of those stands in `sealed`.
    """

    stream: str
    seq: int = Field(ge=1)
    entry: str
    tenant: TenantId
    kind: EntryKind
    at: datetime
    actor: str
    detail: dict[str, JsonValue]
    sealed: Sealed | None = None
    prev: str = Field(description="hash of the entry before it; 64 zeros for the first")
    hash: str


class StoredEntry(Noun):
    """An entry as it stands in the table, whatever was done to it: its key, and its document unread."""

    stream: str
    place: str
    doc: str

    def entry(self) -> LogEntry | None:
        """The entry, or None when it cannot be read as one."""
        try:
            return LogEntry.model_validate_json(self.doc)
        except ValidationError:
            return None
