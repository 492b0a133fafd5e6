"""Errors as HTTP answers: a status and a body that names the field and the fix."""

from http import HTTPStatus

from nightshift.errors import (
    BadInput,
    Conflict,
    NightshiftError,
    NotFound,
    NotIdentified,
    NotPermitted,
    Retryable,
    Throttled,
)
from nightshift.model.view import Fault, Faulty

__all__ = ["answer_to"]

_ANSWERS: tuple[tuple[tuple[type[NightshiftError], ...], HTTPStatus, str, str], ...] = (
    (
        (NotIdentified,),
        HTTPStatus.UNAUTHORIZED,
        "authorization",
        "Send `Authorization: Bearer <token>`; `nightshift token issue` signs one.",
    ),
    ((NotFound,), HTTPStatus.NOT_FOUND, "id", "List the ids and use one of them."),
    ((Conflict,), HTTPStatus.CONFLICT, "id", "Read it again before you decide."),
    ((Retryable, Throttled), HTTPStatus.SERVICE_UNAVAILABLE, "", "Nothing happened. Try again in a moment."),
)


def answer_to(error: NightshiftError) -> tuple[HTTPStatus, Faulty]:
    """The status and body that tell a caller what went wrong and what to do.

    Raises:
        NightshiftError: the same again, when it is none of the caller's business (`Misconfigured`, …).
    """
    status, fault = _fault(error)
    return status, Faulty(error=fault)


def _fault(error: NightshiftError) -> tuple[HTTPStatus, Fault]:
    if isinstance(error, BadInput):
        return HTTPStatus.BAD_REQUEST, Fault(field=error.field, problem=error.problem, fix=error.fix)
    if isinstance(error, NotPermitted):
        fix = f"Ask somebody whose role holds {error.permission}."
        return HTTPStatus.FORBIDDEN, Fault(field="authorization", problem=str(error), fix=fix)
    for kinds, status, field, fix in _ANSWERS:
        if isinstance(error, kinds):
            return status, Fault(field=field, problem=str(error), fix=fix)
    raise error
