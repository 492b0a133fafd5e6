"""Approvals: what waits for a person, and the answers."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.api.routes.asking import Cursor, Limit, asked_of
from nightshift.api.decisions import answer_approval
from nightshift.api.reads import one_approval, waiting_approvals
from nightshift.ids import ApprovalId
from nightshift.model.approval import Approval
from nightshift.model.view import ApprovalPage, Note
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()

ApprovalPath = Annotated[str, Path(pattern=r"^apr_[a-z2-7]{26}$", description="an approval's id")]


@router.get("/v1/approvals", tags=["approvals"])
def approvals(limit: Limit = 50, cursor: Cursor = "") -> ApprovalPage:
    """What waits for a person, oldest first. Needs `approvals:read`."""
    asked = asked_of(router)
    return waiting_approvals(asked.desk, asked.caller, limit=limit, cursor=cursor)


@router.get("/v1/approvals/<approval>", tags=["approvals"])
def approval_by_id(approval: ApprovalPath) -> Approval:
    """One question with everything it binds. Needs `approvals:read`."""
    asked = asked_of(router)
    return one_approval(asked.desk, asked.caller, ApprovalId(approval))


@router.post("/v1/approvals/<approval>/approve", tags=["approvals"])
def approve(approval: ApprovalPath, body: Note) -> Approval:
    """Approve exactly what is shown. Needs `approvals:decide`, and not to be the requester."""
    asked = asked_of(router)
    return answer_approval(asked.desk, asked.caller, ApprovalId(approval), verb="approve", note=body.note)


@router.post("/v1/approvals/<approval>/reject", tags=["approvals"])
def reject(approval: ApprovalPath, body: Note) -> Approval:
    """Reject; nothing is carried out. Needs `approvals:decide`, and not to be the requester."""
    asked = asked_of(router)
    return answer_approval(asked.desk, asked.caller, ApprovalId(approval), verb="reject", note=body.note)
