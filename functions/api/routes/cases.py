"""Cases: see them, and settle them as a person."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.api.routes.asking import CasePath, Cursor, Limit, asked_of
from nightshift.api.decisions import resolve_case
from nightshift.api.reads import see_cases, see_log, view_case
from nightshift.ids import CaseId
from nightshift.model.case import CaseStatus
from nightshift.model.view import CaseLine, CasePage, CaseView, LogPage, Resolution
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()


@router.get("/v1/cases", tags=["cases"])
def cases(
    limit: Limit = 50, status: Annotated[CaseStatus | None, Query()] = None, cursor: Cursor = ""
) -> CasePage:
    """The tenant's cases, newest first. Needs `cases:read`."""
    asked = asked_of(router)
    return see_cases(asked.desk, asked.caller, status=status, limit=limit, cursor=cursor)


@router.get("/v1/cases/<case>", tags=["cases"])
def case_by_id(case: CasePath) -> CaseView:
    """One case with its runs, approvals and context. Needs `cases:read`."""
    asked = asked_of(router)
    return view_case(asked.desk, asked.caller, CaseId(case))


@router.get("/v1/cases/<case>/log", tags=["cases"])
def log(case: CasePath) -> LogPage:
    """All log entries of a case, by time. Needs `log:read`."""
    asked = asked_of(router)
    return see_log(asked.desk, asked.caller, CaseId(case))


@router.post("/v1/cases/<case>/resolve", tags=["cases"])
def resolve(case: CasePath, body: Resolution) -> CaseLine:
    """Close a case as a person. Needs `cases:resolve`; 409 when an event came in between."""
    asked = asked_of(router)
    return resolve_case(asked.desk, asked.caller, CaseId(case), body)
