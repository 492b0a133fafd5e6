"""Asking another of our functions, and what its failures mean."""

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import JsonValue

from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled, WireError
from nightshift.model.base import Noun

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["invoke"]

N = TypeVar("N", bound=Noun)

_WIRE: dict[str, type[WireError]] = {
    error.__name__: error for error in (Retryable, Throttled, OutcomeUnknown, Rejected, Misconfigured)
}


def invoke(client: "LambdaClient", function: str, payload: dict[str, JsonValue], answer: type[N]) -> N:
    """Invoke a function and read its answer.

    Raises:
        WireError: as the function raised it; `Retryable` where it broke off (what it does must bear being
            done again), `Misconfigured` where there is no such function.
    """
    try:
        got = client.invoke(FunctionName=function, Payload=json.dumps(payload).encode())
    except client.exceptions.TooManyRequestsException as exc:
        message = f"{function} is busy"
        raise Throttled(message, code="lambda.busy") from exc
    except client.exceptions.ResourceNotFoundException as exc:
        message = f"there is no function {function}"
        raise Misconfigured(message, code="function.absent") from exc
    body = got["Payload"].read()
    if "FunctionError" in got:
        raise _error(function, json.loads(body or b"null"))
    return answer.model_validate_json(body)


def _error(function: str, told: Any) -> WireError:  # noqa: ANN401  # whatever it said
    """The wire error a function raised, by its name; the message of any other may quote personal data."""
    said = told if isinstance(told, dict) else {}
    kind = _WIRE.get(str(said.get("errorType", "")).rsplit(".", 1)[-1])
    if kind is None:
        message = f"{function} broke off"
        return Retryable(message, code="function.crashed")
    return kind(str(said.get("errorMessage", "")), code="function.failed")
