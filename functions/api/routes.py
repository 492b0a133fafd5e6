"""The routes: each calls one function of `nightshift.api`. GET never decides anything."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final, NoReturn, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift.api.decisions import answer_approval, resolve_case
from nightshift.api.desk import Desk
from nightshift.api.doctor import examine
from nightshift.api.entry import caller_of
from nightshift.api.faults import answer_to
from nightshift.api.reads import (
    one_approval,
    see_cases,
    see_catalog,
    see_log,
    see_parked,
    view_case,
    waiting_approvals,
)
from nightshift.errors import BadInput, NightshiftError, NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import ApprovalId, CaseId
from nightshift.model.approval import Approval
from nightshift.model.case import CaseStatus
from nightshift.model.view import (
    ApprovalPage,
    CaseLine,
    CasePage,
    CaseView,
    DoctorReport,
    LogPage,
    Note,
    ParkedPage,
    Resolution,
    ToolPage,
)

__all__ = ["answer", "description"]

_DESCRIPTION_PATH: Final = "/v1/openapi.json"
_JSON = content_types.APPLICATION_JSON

app = APIGatewayHttpResolver(enable_validation=True)

Limit = Annotated[int, Query(ge=1, le=200, description="at most so many")]
CasePath = Annotated[str, Path(pattern=r"^case_[a-z2-7]{26}$", description="a case's id")]
ApprovalPath = Annotated[str, Path(pattern=r"^apr_[a-z2-7]{26}$", description="an approval's id")]


@dataclass(frozen=True)
class _Asked:
    desk: Desk
    caller: Caller


def answer(event: dict[str, Any], desk: Desk) -> dict[str, Any]:
    """The response to one request. Nobody unknown gets further than the API's own description."""
    if event.get("rawPath") != _DESCRIPTION_PATH:
        try:
            caller = caller_of(desk, event.get("headers", {}).get("authorization"))
        except NightshiftError as exc:
            status, faulty = answer_to(exc)
            headers = {"content-type": _JSON, "www-authenticate": "Bearer"}
            return {"statusCode": int(status), "headers": headers, "body": faulty.model_dump_json()}
        app.context.update(asked=_Asked(desk, caller))
    return app.resolve(event, LambdaContext())


def description() -> str:
    """The API's OpenAPI document, from the routes' models."""
    return app.get_openapi_json_schema(
        title="nightshift",
        version="1",
        description="Cases, approvals and the action log of one tenant. Every answer that is not a success "
        'has the body {"error": {"field", "problem", "fix"}}.',
        security_schemes={"identity": HTTPBearer(bearerFormat="JWT")},
        security=[{"identity": []}],
    )


def _asked() -> _Asked:
    return cast("_Asked", app.context["asked"])


@app.get(_DESCRIPTION_PATH, include_in_schema=False)
def openapi() -> Response[str]:
    """The API's description; no token needed."""
    return Response(status_code=HTTPStatus.OK, content_type=_JSON, body=description())


@app.get("/v1/cases", tags=["cases"])
def cases(limit: Limit = 50, status: Annotated[CaseStatus | None, Query()] = None) -> CasePage:
    """The tenant's cases, newest first. Needs `cases:read`."""
    asked = _asked()
    return see_cases(asked.desk, asked.caller, status=status, limit=limit)


@app.get("/v1/cases/<case>", tags=["cases"])
def case_by_id(case: CasePath) -> CaseView:
    """One case with its runs, approvals and context. Needs `cases:read`."""
    asked = _asked()
    return view_case(asked.desk, asked.caller, CaseId(case))


@app.get("/v1/cases/<case>/log", tags=["cases"])
def log(case: CasePath) -> LogPage:
    """All log entries of a case, by time. Needs `log:read`."""
    asked = _asked()
    return see_log(asked.desk, asked.caller, CaseId(case))


@app.post("/v1/cases/<case>/resolve", tags=["cases"])
def resolve(case: CasePath, body: Resolution) -> CaseLine:
    """Close a case as a person. Needs `cases:resolve`; 409 when an event came in between."""
    asked = _asked()
    return resolve_case(asked.desk, asked.caller, CaseId(case), body)


@app.get("/v1/approvals", tags=["approvals"])
def approvals(limit: Limit = 50) -> ApprovalPage:
    """What waits for a person, oldest first. Needs `approvals:read`."""
    asked = _asked()
    return waiting_approvals(asked.desk, asked.caller, limit=limit)


@app.get("/v1/approvals/<approval>", tags=["approvals"])
def approval_by_id(approval: ApprovalPath) -> Approval:
    """One question with everything it binds. Needs `approvals:read`."""
    asked = _asked()
    return one_approval(asked.desk, asked.caller, ApprovalId(approval))


@app.post("/v1/approvals/<approval>/approve", tags=["approvals"])
def approve(approval: ApprovalPath, body: Note) -> Approval:
    """Approve exactly what is shown. Needs `approvals:decide`, and not to be the requester."""
    asked = _asked()
    return answer_approval(asked.desk, asked.caller, ApprovalId(approval), verb="approve", note=body.note)


@app.post("/v1/approvals/<approval>/reject", tags=["approvals"])
def reject(approval: ApprovalPath, body: Note) -> Approval:
    """Reject; nothing is carried out. Needs `approvals:decide`, and not to be the requester."""
    asked = _asked()
    return answer_approval(asked.desk, asked.caller, ApprovalId(approval), verb="reject", note=body.note)


@app.get("/v1/catalog", tags=["installation"])
def catalog() -> ToolPage:
    """Every tool with its contract. Needs `catalog:read`."""
    asked = _asked()
    return see_catalog(asked.desk, asked.caller)


@app.get("/v1/deliveries/parked", tags=["installation"])
def parked(limit: Limit = 50) -> ParkedPage:
    """Deliveries that could not be made events. Needs `cases:read`."""
    asked = _asked()
    return see_parked(asked.desk, asked.caller, limit=limit)


@app.get("/v1/doctor", tags=["installation"])
def doctor() -> DoctorReport:
    """Channels, secrets, queues; `problems` is empty when all is well. Needs `config:read`."""
    asked = _asked()
    return examine(asked.desk, asked.caller)


def _refused(error: NightshiftError) -> Response[str]:
    status, faulty = answer_to(error)
    return Response(status_code=status, content_type=_JSON, body=faulty.model_dump_json())


def _invalid(error: RequestValidationError) -> Response[str]:
    first = error.errors()[0]
    inside = first["loc"][1:] if first["type"] != "json_invalid" else ()
    field = ".".join(str(part) for part in inside) or str(first["loc"][0])
    fix = f"{_DESCRIPTION_PATH} says what is accepted."
    return _refused(BadInput(field, str(first["msg"]).lower(), fix))


def _no_route(_: NotFoundError) -> Response[str]:
    return _refused(NotFound(f"there is no such path; {_DESCRIPTION_PATH} lists them"))


def _crashed(error: Exception) -> NoReturn:
    """Leave it to the entrypoint: the resolver would log the message, which may quote personal data."""
    raise error


app.exception_handler(NightshiftError)(_refused)
app.exception_handler(RequestValidationError)(_invalid)
app.exception_handler(NotFoundError)(_no_route)
app.exception_handler(Exception)(_crashed)
