"""The routes by topic: each calls one function of `nightshift.api`. GET never decides anything."""

from typing import Any

from functions.api.routes import approvals, cases, installation, logproof, plans, recovery, repair, workflows
from functions.api.routes.asking import Asked
from nightshift.api.desk import Desk
from nightshift.api.entry import caller_of
from nightshift.wiring.http import HttpApi

__all__ = ["answer", "description"]

_API = HttpApi(
    cases.router,
    recovery.router,
    approvals.router,
    installation.router,
    repair.router,
    logproof.router,
    plans.router,
    workflows.router,
    path="/v1/openapi.json",
    title="nightshift",
    about="Cases, plans, workflows, approvals and the action log of one tenant. Every answer that is not "
    'a success has the body {"error": {"field", "problem", "fix"}}.',
)

description = _API.description


def answer(event: dict[str, Any], desk: Desk) -> dict[str, Any]:
    """The response to one request. Nobody unknown gets further than the API's own description."""
    return _API.answer(event, lambda authorization: Asked(desk, caller_of(desk, authorization)))
