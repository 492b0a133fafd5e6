"""Typed, prefixed ids, derived from what they name, so that a retry makes the same id.

An id is `prefix_` + 26 characters of Crockford-like base32 over SHA-256 of its length-prefixed parts:
length prefixes keep ("a", "bc") and ("ab", "c") apart; 130 bits make a collision irrelevant.
"""

import base64
import hashlib
import uuid
from typing import NewType

__all__ = [
    "ApprovalId",
    "CaseId",
    "ChannelId",
    "EventId",
    "IdempotencyKey",
    "RunId",
    "StepId",
    "TenantId",
    "approval_id",
    "as_uuid",
    "asked_undo_run_id",
    "body_digest",
    "case_id",
    "event_id",
    "execution_name",
    "idempotency_key",
    "occurrence_run_id",
    "opaque",
    "run_execution_name",
    "run_id",
    "undo_run_id",
]

TenantId = NewType("TenantId", str)
ChannelId = NewType("ChannelId", str)
EventId = NewType("EventId", str)
CaseId = NewType("CaseId", str)
RunId = NewType("RunId", str)
StepId = NewType("StepId", str)
ApprovalId = NewType("ApprovalId", str)
IdempotencyKey = NewType("IdempotencyKey", str)


def _derive(prefix: str, *parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return f"{prefix}_{base64.b32encode(digest.digest()).decode().lower()[:26]}"


def event_id(tenant: TenantId, channel: ChannelId, delivery: str) -> EventId:
    """The id of the event that one vendor delivery carries."""
    return EventId(_derive("evt", tenant, channel, delivery))


def case_id(tenant: TenantId, subject: str, opening_event: EventId) -> CaseId:
    """The id of the case that `opening_event` opens about `subject`."""
    return CaseId(_derive("case", tenant, subject, opening_event))


def run_id(case: CaseId, wake: int) -> RunId:
    """The id of the one run of a case's wake-up; recovery repeats it, a new wake does not."""
    return RunId(_derive("run", case, str(wake)))


def occurrence_run_id(tenant: TenantId, what: str, occurrence: str) -> RunId:
    """The id of the run of one occurrence of a workflow, or of one request of a person (`what`: who asked).

    The same occurrence again, or the same request sent twice, is the same run.
    """
    return RunId(_derive("run", tenant, what, occurrence))


def undo_run_id(run: RunId) -> RunId:
    """The id of the one run that takes back what a failed run did: its compensation."""
    return RunId(_derive("undo", run))


def asked_undo_run_id(tenant: TenantId, run: RunId, number: int) -> RunId:
    """The id of the run by which a person has a run taken back: of their first try, or of a later one."""
    return occurrence_run_id(tenant, f"undo:{run}", str(number))


def approval_id(run: RunId, digest: str) -> ApprovalId:
    """The id of the question a run asks about one digest; a changed world is another question."""
    return ApprovalId(_derive("apr", run, digest))


def idempotency_key(run: RunId, step: StepId, occurrence: int) -> IdempotencyKey:
    """The key of one effect; the same on every try."""
    return IdempotencyKey(_derive("key", run, step, str(occurrence)))


def execution_name(case: CaseId, generation: int) -> str:
    """The Step Functions execution that drives a case in one generation."""
    return f"{case}-g{generation}"


def run_execution_name(run: RunId, generation: int) -> str:
    """The Step Functions execution that carries out a run in one generation of its case."""
    return f"{run}-g{generation}"


def opaque(prefix: str, *parts: str) -> str:
    """A derived id for anything that has no type of its own: claims, alias items, deduplication."""
    return _derive(prefix, *parts)


def body_digest(body: bytes) -> str:
    """SHA-256 of a raw body, hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def as_uuid(key: str) -> str:
    """A UUID (RFC 9562 version 8: vendor-defined) made of a key, for vendors that want that form."""
    raw = bytearray(hashlib.sha256(key.encode()).digest()[:16])
    raw[6] = (raw[6] & 0x0F) | 0x80
    raw[8] = (raw[8] & 0x3F) | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))
