"""READ tools, invoked in the Lambda of the adapter that serves a channel."""

import json
from typing import TYPE_CHECKING

from pydantic import JsonValue

from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled, WireError
from nightshift.ids import ChannelId, TenantId
from nightshift.ports.config import Config

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["LambdaReadTools"]

_WIRE: dict[str, type[WireError]] = {
    error.__name__: error for error in (Retryable, Throttled, OutcomeUnknown, Rejected, Misconfigured)
}


class LambdaReadTools:
    """The `ReadTools` port; `prefix` + adapter is the name of an adapter's tools function."""

    def __init__(self, prefix: str, config: Config, client: "LambdaClient") -> None:
        self._prefix = prefix
        self._config = config
        self._client = client

    def read(
        self, tenant: TenantId, channel: ChannelId, tool: str, args: dict[str, JsonValue]
    ) -> dict[str, JsonValue]:
        """Run one READ tool.

        Raises:
            WireError: as the tool raised it. An error that is none of the five (a crash, a timeout) is
                `Retryable`: a read does nothing.
        """
        adapter = self._config.channel(tenant, channel).adapter
        call = {"read": {"tenant": tenant, "channel": channel, "tool": tool, "args": args}}
        try:
            answer = self._client.invoke(
                FunctionName=f"{self._prefix}{adapter}", Payload=json.dumps(call).encode()
            )
        except self._client.exceptions.TooManyRequestsException as exc:
            message = f"the tools of {adapter} are all busy"
            raise Throttled(message, code="lambda.busy") from exc
        except self._client.exceptions.ResourceNotFoundException as exc:
            message = f"there is no function for the tools of {adapter}"
            raise Misconfigured(message, code="adapter.absent") from exc
        body = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise _error(adapter, tool, body)
        if not isinstance(body, dict):
            message = f"{tool} of {adapter} gave no object"
            raise Misconfigured(message, code="tool.output")
        return body


def _error(adapter: str, tool: str, body: JsonValue) -> WireError:
    """The wire error a function raised, by its name; the message of any other may quote personal data."""
    told = body if isinstance(body, dict) else {}
    kind = _WIRE.get(str(told.get("errorType", "")).rsplit(".", 1)[-1])
    if kind is None:
        message = f"{tool} of {adapter} broke off"
        return Retryable(message, code="tool.crashed")
    return kind(str(told.get("errorMessage", "")), code="tool.failed")
