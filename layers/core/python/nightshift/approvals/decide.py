"""Deciding: a signed person says yes or no, once."""

from dataclasses import dataclass
from typing import Literal

from nightshift.approvals.resume import resume
from nightshift.clock import Clock
from nightshift.errors import BadInput, Conflict
from nightshift.ids import ApprovalId
from nightshift.model.approval import Approval, ApprovalStatus
from nightshift.model.log import EntryKind
from nightshift.model.plan import Principal
from nightshift.model.verdict import Tier
from nightshift.ports.approvals import Approvals
from nightshift.ports.flow import Executions
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.runs import Runs

__all__ = ["Deciding", "decide_approval"]

_STATUS = {"approve": ApprovalStatus.APPROVED, "reject": ApprovalStatus.REJECTED}


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """What deciding needs."""

    approvals: Approvals
    runs: Runs
    executions: Executions
    log: ActionLog
    clock: Clock


def decide_approval(
    deciding: Deciding,
    approval: ApprovalId,
    *,
    verb: Literal["approve", "reject"],
    by: Principal,
    note: str,
) -> Approval:
    """Decide a question and resume its run.

    The same person saying the same thing again changes nothing and resumes the run once more, in case
    the first answer did not reach it. Whether `by` may decide at all (tenant, permission) is the
    caller's check.

    Raises:
        NotFound: no such approval.
        BadInput: the requester would decide their own request, or one factor is not enough.
        Conflict: it was decided otherwise, has expired or was withdrawn.
    """
    record = deciding.approvals.get(approval)
    if by.id == record.requester.id or by.kind != "person":
        fix = "Ask somebody else who may decide approvals."
        raise BadInput("by", "who asks may not decide", fix)
    if any(step.tier is Tier.TWO_FACTOR for step in record.steps):
        raise BadInput("approval", "it needs two factors", "A person has to take over the case and do this.")
    wanted = _STATUS[verb]
    said_before = record.status is wanted and record.decided_by is not None and record.decided_by.id == by.id
    decided = record if said_before else _decide(deciding, record, wanted, by, note)
    _log(deciding, decided, by)
    resume(decided, deciding.approvals, deciding.runs, deciding.executions)
    if decided.status is not wanted:
        message = f"approval {approval} expired before it was decided"
        raise Conflict(message)
    return decided


def _decide(
    deciding: Deciding, record: Approval, wanted: ApprovalStatus, by: Principal, note: str
) -> Approval:
    if record.status is not ApprovalStatus.PENDING:
        message = f"approval {record.id} is {record.status.value} already"
        raise Conflict(message)
    now = deciding.clock.now()
    too_late = now >= record.expires_at
    status = ApprovalStatus.EXPIRED if too_late else wanted
    return deciding.approvals.decide(
        record.id, status, by=None if too_late else by, at=now, note="" if too_late else note
    )


def _log(deciding: Deciding, decided: Approval, by: Principal) -> None:
    """Once per approval, also when the first answer died before it could say so."""
    entry = NewEntry(
        kind=EntryKind.APPROVAL_DECIDED,
        tenant=decided.tenant,
        at=decided.decided_at or deciding.clock.now(),
        actor=f"person:{by.id}",
        ref=decided.id,
        detail={
            "approval": decided.id,
            "status": decided.status,
            "digest": decided.digest,
            "role": by.role,
        },
        personal={"note": decided.note} if decided.note else {},
    )
    deciding.log.append(decided.case or decided.run, entry)
