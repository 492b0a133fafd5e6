"""Onboarding's questions, put to the Lambda of the adapter that serves a channel."""

from typing import TYPE_CHECKING, TypeVar

from nightshift.aws.invoke import invoke
from nightshift.model.base import Noun
from nightshift.model.tenant import Channel
from nightshift.tools.onboard import Account, Hooks, OnboardCall

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["LambdaConnectors"]

N = TypeVar("N", bound=Noun)


class LambdaConnectors:
    """The `Connectors` port; `prefix` + adapter is the name of an adapter's tools function."""

    def __init__(self, prefix: str, client: "LambdaClient") -> None:
        self._prefix = prefix
        self._client = client

    def check(self, channel: Channel, version: str | None) -> Account:
        """Whose credentials a channel has."""
        return self._ask(OnboardCall(op="check", channel=channel, version=version), Account)

    def hooks(self, channel: Channel, url: str) -> Hooks:
        """How a channel's registrations stand."""
        return self._ask(OnboardCall(op="hooks", channel=channel, url=url), Hooks)

    def ensure(self, channel: Channel, version: str | None, url: str) -> Hooks:
        """Make a channel's registrations right."""
        return self._ask(OnboardCall(op="ensure", channel=channel, version=version, url=url), Hooks)

    def _ask(self, call: OnboardCall, answer: type[N]) -> N:
        function = f"{self._prefix}{call.channel.adapter}"
        return invoke(self._client, function, {"onboard": call.model_dump(mode="json")}, answer)
