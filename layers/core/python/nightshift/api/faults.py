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

_LATER = "Nothing happened. Try again in a moment."


def answer_to(error: NightshiftError) -> tuple[HTTPStatus, Faulty]:
    """The status and body that tell a caller what went wrong and what to do."""
    status, fault = _fault(error)
    return status, Faulty(error=fault)


def _fault(error: NightshiftError) -> tuple[HTTPStatus, Fault]:
    match error:
        case BadInput():
            fault = Fault(field=error.field, problem=error.problem, fix=error.fix)
            return HTTPStatus.BAD_REQUEST, fault
        case NotIdentified():
            fix = "Send `Authorization: Bearer <token>`; `nightshift token issue` signs one."
            return HTTPStatus.UNAUTHORIZED, Fault(field="authorization", problem=str(error), fix=fix)
        case NotPermitted():
            fix = f"Ask somebody whose role holds {error.permission}."
            return HTTPStatus.FORBIDDEN, Fault(field="authorization", problem=str(error), fix=fix)
        case NotFound():
            return HTTPStatus.NOT_FOUND, Fault(field="id", problem=str(error), fix="List the ids and use one.")
        case Conflict():
            fix = "Read it again before you decide."
            return HTTPStatus.CONFLICT, Fault(field="id", problem=str(error), fix=fix)
        case Retryable() | Throttled():
            return HTTPStatus.SERVICE_UNAVAILABLE, Fault(field="", problem=str(error), fix=_LATER)
        case _:
            fix = "Tell the people who run this installation; its log has the reason."
            problem = f"something inside is wrong ({type(error).__name__})"
            return HTTPStatus.INTERNAL_SERVER_ERROR, Fault(field="", problem=problem, fix=fix)
