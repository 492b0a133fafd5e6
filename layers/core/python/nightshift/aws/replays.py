"""Stored bodies, taken in once more by the webhook function of their vendor."""

from typing import TYPE_CHECKING

from pydantic import JsonValue

from nightshift.aws.invoke import invoke
from nightshift.ids import TenantId
from nightshift.model.base import Noun

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["LambdaReplays"]


class _Done(Noun):
    done: str


class LambdaReplays:
    """The `Replays` port; `prefix` + adapter is the name of a vendor's webhook function."""

    def __init__(self, prefix: str, client: "LambdaClient") -> None:
        self._prefix = prefix
        self._client = client

    def replay(self, tenant: TenantId, adapter: str, *, channel: str, ref: str) -> str:
        """Take a stored body in again, with the same ids; says what was done."""
        asked: dict[str, JsonValue] = {"tenant": tenant, "channel": channel, "ref": ref}
        return invoke(self._client, f"{self._prefix}{adapter}", {"replay": asked}, _Done).done
