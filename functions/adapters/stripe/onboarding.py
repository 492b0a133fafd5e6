"""Connecting an account: whose key it is, and the one endpoint that events go to."""

from typing import TYPE_CHECKING

from pydantic import JsonValue

from functions.adapters.stripe.client import StripeClient
from functions.adapters.stripe.models.setup import AccountNode, EndpointNode
from functions.adapters.stripe.operations import (
    ACCOUNT,
    API_VERSION,
    ENDPOINT_CREATE,
    ENDPOINT_UPDATE,
    ENDPOINTS,
    REGISTERED,
)
from nightshift.outbound import TimeLeft

if TYPE_CHECKING:
    from nightshift.tools.onboard import Account, Hook, Hooks, HookState

__all__ = ["ONBOARD", "StripeOnboard"]

_SECONDS = 20.0
_EVERYTHING = "*"


class StripeOnboard:
    """Stripe's part of onboarding; see `nightshift.tools.onboard.Onboard`.

    That module is imported where it is used: a tool's cold start does not need its models.
    """

    def check(self, client: StripeClient) -> "Account":
        """The account a key belongs to; a restricted key shows its missing permissions when it is used."""
        from nightshift.tools.onboard import Account  # noqa: PLC0415  # see the class

        found = client.send(ACCOUNT, AccountNode, client.within(_SECONDS))
        name = found.business_profile.name if found.business_profile else None
        return Account(account=found.id, name=name or "")

    def hooks(self, client: StripeClient, url: str) -> "Hooks":
        """How the endpoint stands for every topic."""
        from nightshift.tools.onboard import Hooks, HookState  # noqa: PLC0415  # see the class

        ours = _ours(client, url, client.within(_SECONDS))
        if ours is None:
            return Hooks(hooks=tuple(_hook(topic, HookState.MISSING, url="") for topic in REGISTERED))
        problem = "" if ours.status == "enabled" else "the endpoint is turned off at Stripe"
        found = tuple(
            _hook(topic, HookState.RIGHT, url=url)
            if _covers(ours, topic) and not problem
            else _hook(topic, HookState.WRONG, url=url, problem=problem or "it is not sent to the endpoint")
            for topic in REGISTERED
        )
        return Hooks(hooks=found)

    def ensure(self, client: StripeClient, url: str) -> "Hooks":
        """One endpoint for all topics: made, mended or left as it is; its signing secret is learnt once."""
        from nightshift.tools.onboard import Hooks, HookState  # noqa: PLC0415  # see the class

        time_left = client.within(_SECONDS)
        ours = _ours(client, url, time_left)
        if ours is None:
            made = _create(client, url, time_left)
            found = tuple(_hook(topic, HookState.CREATED, url=url) for topic in REGISTERED)
            return Hooks(hooks=found, learned={"webhook_secret": made.secret} if made.secret else {})
        wrong = {topic for topic in REGISTERED if not _covers(ours, topic)}
        if ours.status != "enabled":
            wrong = set(REGISTERED)
        if wrong:
            _mend(client, ours, time_left)
        state = {topic: HookState.FIXED if topic in wrong else HookState.RIGHT for topic in REGISTERED}
        return Hooks(hooks=tuple(_hook(topic, state[topic], url=url) for topic in REGISTERED))


ONBOARD = StripeOnboard()


def _hook(topic: str, state: "HookState", *, url: str, problem: str = "") -> "Hook":
    from nightshift.tools.onboard import Hook  # noqa: PLC0415  # see StripeOnboard

    return Hook(topic=topic, state=state, url=url, problem=problem)


def _covers(endpoint: EndpointNode, topic: str) -> bool:
    return topic in endpoint.enabled_events or _EVERYTHING in endpoint.enabled_events


def _ours(client: StripeClient, url: str, time_left: TimeLeft) -> EndpointNode | None:
    endpoints, _ = client.pages(ENDPOINTS, EndpointNode, time_left, {})
    return next((each for each in endpoints if each.url == url), None)


def _create(client: StripeClient, url: str, time_left: TimeLeft) -> EndpointNode:
    params: dict[str, JsonValue] = {
        "url": url,
        "api_version": API_VERSION,
        "enabled_events": list(REGISTERED),
        "description": "nightshift",
    }
    return client.send(ENDPOINT_CREATE, EndpointNode, time_left, params=params)


def _mend(client: StripeClient, ours: EndpointNode, time_left: TimeLeft) -> None:
    events = sorted({*ours.enabled_events, *REGISTERED})
    wanted: list[JsonValue] = [_EVERYTHING] if _EVERYTHING in ours.enabled_events else [*events]
    params: dict[str, JsonValue] = {"enabled_events": wanted, "disabled": False}
    client.send(ENDPOINT_UPDATE, EndpointNode, time_left, ref=ours.id, params=params)
