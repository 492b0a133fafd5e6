"""The HTTP API as typed calls; every failure becomes one clear sentence."""

import re
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import ValidationError

from nightshift.errors import BadInput, NightshiftError
from nightshift.model.approval import Approval
from nightshift.model.base import Noun
from nightshift.model.rundesk import RunLines
from nightshift.model.view import (
    ApprovalPage,
    CaseLine,
    CasePage,
    CaseView,
    DoctorReport,
    Fault,
    Faulty,
    LogPage,
    Note,
    ParkedPage,
    Resolution,
    ToolPage,
)

__all__ = ["Connection", "Failed"]

M = TypeVar("M", bound=Noun)

_ASKED_WRONGLY = {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
_TIMEOUT_SECONDS = 30
_THIS_MACHINE = ("http://127.0.0.1", "http://localhost")
_MANY = 200


class Failed(NightshiftError):
    """It could not be done, though it was asked for correctly."""


class Connection:
    """One person's connection to one installation.

    Args:
        base: the API's URL.
        token: the signed identity, or nothing.
        transport: how requests are sent; the network unless told.
    """

    def __init__(self, base: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        if not base.startswith(("http://", "https://")):
            fix = "Set NIGHTSHIFT_API, or start the demo with `make run`."
            raise BadInput("NIGHTSHIFT_API", "it is not known where the API is", fix)
        self.base = base.rstrip("/")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=self.base,
            headers=headers,
            timeout=_TIMEOUT_SECONDS,
            transport=transport,
            trust_env=not self.base.startswith(_THIS_MACHINE),  # a proxy cannot reach the demo
        )

    def close(self) -> None:
        """Give up the connections to the API."""
        self._http.close()

    def cases(self, status: str | None = None, limit: int = 50, cursor: str = "") -> CasePage:
        """A page of cases, newest first."""
        asked = {"limit": str(limit), "status": status or "", "cursor": cursor}
        params = {name: value for name, value in asked.items() if value}
        return self.call(CasePage, "GET", "/v1/cases", params=params)

    def case(self, case: str) -> CaseView:
        """One case, by its id or an unambiguous beginning of it."""
        return self.call(CaseView, "GET", f"/v1/cases/{self.case_id(case)}")

    def log(self, case: str) -> LogPage:
        """The log of one case, by its id or an unambiguous beginning of it."""
        return self.call(LogPage, "GET", f"/v1/cases/{self.case_id(case)}/log")

    def resolve(self, case: str, note: str) -> CaseLine:
        """Close a case as it stands now; an event that comes in between is a conflict."""
        seen = self.case(case).case
        body = Resolution(note=note, events=seen.events)
        return self.call(CaseLine, "POST", f"/v1/cases/{seen.id}/resolve", body=body)

    def approvals(self) -> ApprovalPage:
        """Questions that wait for a person."""
        return self.call(ApprovalPage, "GET", "/v1/approvals")

    def approval(self, approval: str) -> Approval:
        """One question, by its id or an unambiguous beginning of it."""
        return self.call(Approval, "GET", f"/v1/approvals/{self._approval_id(approval)}")

    def decide(self, approval: str, verb: str, note: str) -> Approval:
        """Approve or reject; `verb` is `approve` or `reject`."""
        path = f"/v1/approvals/{self._approval_id(approval)}/{verb}"
        return self.call(Approval, "POST", path, body=Note(note=note))

    def catalog(self) -> ToolPage:
        """Every tool."""
        return self.call(ToolPage, "GET", "/v1/catalog")

    def parked(self) -> ParkedPage:
        """Deliveries that wait for a person."""
        return self.call(ParkedPage, "GET", "/v1/deliveries/parked")

    def doctor(self) -> DoctorReport:
        """Is the installation healthy?"""
        return self.call(DoctorReport, "GET", "/v1/doctor")

    def deliver(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        """Post a webhook as its vendor would; the status and text of the answer."""
        answer = self._send("POST", path, headers=headers, content=body)
        return answer.status_code, answer.text

    def case_id(self, given: str) -> str:
        """The whole id of a case that begins as given.

        Raises:
            BadInput: none does, or several do.
        """
        if _is_whole(given, "case"):
            return given
        return _one("CASE", given, [line.id for line in self.cases(limit=_MANY).cases])

    def run_id(self, given: str) -> str:
        """The whole id of a run that begins as given, among the newest without a case.

        Raises:
            BadInput: none does, or several do.
        """
        if _is_whole(given, "run"):
            return given
        page = self.call(RunLines, "GET", "/v1/runs", params={"limit": str(_MANY)})
        return _one("RUN", given, [line.run for line in page.runs])

    def _approval_id(self, given: str) -> str:
        if _is_whole(given, "apr"):
            return given
        return _one("ID", given, [found.id for found in self.approvals().approvals])

    def call(
        self,
        model: type[M],
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Noun | None = None,
    ) -> M:
        """Ask the API, and read its answer.

        Raises:
            BadInput: the API says that something was asked wrongly: names the field and the fix.
            Failed: it refused, broke off or does not answer.
        """
        content = body.model_dump_json().encode() if body else None
        headers = {"content-type": "application/json"} if body else None
        answer = self._send(method, path, params=params, headers=headers, content=content)
        if not answer.is_success:
            _refuse(answer)
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as exc:
            message = f"{self.base} answered in a shape this version does not know; update one of the two"
            raise Failed(message) from exc

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        try:
            return self._http.request(method, path, params=params, headers=headers, content=content)
        except httpx.HTTPError as exc:
            message = f"{self.base} does not answer ({type(exc).__name__}); `make run` starts the demo's"
            raise Failed(message) from exc


def _refuse(answer: httpx.Response) -> None:
    try:
        fault = Faulty.model_validate_json(answer.content).error
    except ValidationError:
        fault = Fault(field="", problem=f"the API answered {answer.status_code}", fix="Try again later.")
    if answer.status_code in _ASKED_WRONGLY:
        raise BadInput(fault.field, fault.problem, fault.fix)
    where = f"{fault.field}: " if fault.field else ""
    message = f"{where}{fault.problem}. {fault.fix}"
    raise Failed(message)


def _is_whole(given: str, prefix: str) -> bool:
    return re.fullmatch(rf"{prefix}_[a-z2-7]{{26}}", given) is not None


def _one(field: str, given: str, known: list[str]) -> str:
    found = [name for name in known if name.startswith(given) or name.split("_", 1)[-1].startswith(given)]
    match found:
        case [only]:
            return only
        case []:
            raise BadInput(field, f"nothing begins with {given!r}", "List the ids, and give more of one.")
        case _:
            some = ", ".join(found[:5])
            raise BadInput(field, f"{given!r} could be {some}", "Give more of the id.")
