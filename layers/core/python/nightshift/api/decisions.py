"""What a caller may decide. Only the POST routes come here."""

from typing import Literal

from nightshift.api.desk import Desk
from nightshift.api.reads import one_approval, one_case
from nightshift.approvals.decide import Deciding, decide_approval
from nightshift.identity.caller import Caller
from nightshift.ids import ApprovalId, CaseId
from nightshift.model.approval import Approval
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind
from nightshift.model.view import CaseLine, Resolution
from nightshift.ports.log import NewEntry

__all__ = ["DECIDE", "RESOLVE", "answer_approval", "resolve_case"]

DECIDE = "approvals:decide"
RESOLVE = "cases:resolve"


def answer_approval(
    desk: Desk, caller: Caller, approval: ApprovalId, *, verb: Literal["approve", "reject"], note: str
) -> Approval:
    """Approve or reject exactly what the approval shows; its run goes on.

    Raises:
        NotPermitted: the caller may not decide.
        NotFound: the tenant has no such approval.
        BadInput: the caller asked for it themselves.
        Conflict: it is decided, expired or withdrawn already.
    """
    caller.must(DECIDE)
    found = one_approval(desk, caller, approval)
    deciding = Deciding(
        approvals=desk.approvals,
        runs=desk.runs,
        executions=desk.executions,
        log=desk.log,
        clock=desk.clock,
    )
    return decide_approval(deciding, found.id, verb=verb, by=caller.principal, note=note)


def resolve_case(desk: Desk, caller: Caller, case: CaseId, resolution: Resolution) -> CaseLine:
    """Close a case as a person; a sleeping execution is woken so that it ends.

    Raises:
        NotPermitted: the caller may not resolve cases.
        NotFound: the tenant has no such case.
        Conflict: an event came since the caller read the case.
    """
    caller.must(RESOLVE)
    found = one_case(desk, caller, case)
    if found.status is CaseStatus.CLOSED and _closing_is_logged(desk, found.id):
        return CaseLine.of(found)
    by = f"person:{caller.principal.id}"
    closed = desk.cases.resolve(found.id, by=by, note=resolution.note, seen_seq=resolution.events)
    entry = NewEntry(
        kind=EntryKind.CASE_RESOLVED,
        tenant=caller.tenant,
        at=desk.clock.now(),
        actor=by,
        ref=f"{found.id}#{resolution.events}",
        detail={"status": closed.status, "events": resolution.events, "role": caller.principal.role},
        personal={"note": resolution.note} if resolution.note else {},
    )
    desk.log.append(found.id, entry)
    if closed.token:
        desk.executions.succeed(closed.token, {})
    return CaseLine.of(closed)


def _closing_is_logged(desk: Desk, case: CaseId) -> bool:
    """Whether a closed case needs no line from us: a try that died after its write left none."""
    return any(
        entry.kind in {EntryKind.CASE_CLOSED, EntryKind.CASE_RESOLVED} for entry in desk.log.read(case)
    )
