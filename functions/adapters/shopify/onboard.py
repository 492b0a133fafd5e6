"""Connecting a shop: whose token it is, what it may do, and the webhook subscriptions of our app.

A subscription made through the Admin API belongs to the app behind the token: two channels of one app in
one shop would share a topic, so what counts is the address it calls. The three compliance topics have no
subscription: they stand in the app's own configuration.
"""

from typing import TYPE_CHECKING

from pydantic import JsonValue

from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.models.setup import (
    Created,
    ShopAnswer,
    Subscription,
    Subscriptions,
    Updated,
)
from functions.adapters.shopify.models.wire import UserError
from functions.adapters.shopify.queries import SHOP, WEBHOOK_CREATE, WEBHOOK_UPDATE, WEBHOOKS
from functions.adapters.shopify.topics import SUBSCRIBED
from nightshift.errors import Rejected
from nightshift.outbound import TimeLeft
from nightshift.tools.skew import skew_seconds

if TYPE_CHECKING:
    from nightshift.tools.onboard import Account, Hook, Hooks, HookState

__all__ = ["ONBOARD", "ShopifyOnboard"]

_SECONDS = 20.0
_FORMAT = "JSON"


class ShopifyOnboard:
    """Shopify's part of onboarding; see `nightshift.tools.onboard.Onboard`.

    That module is imported where it is used: a tool's cold start does not need its models.
    """

    def check(self, client: ShopifyClient) -> "Account":
        """The shop a token belongs to, and its scopes. `write_x` grants `read_x` as well."""
        from nightshift.tools.onboard import Account  # noqa: PLC0415  # see the class

        found = client.send(SHOP, {}, ShopAnswer, client.within(_SECONDS))
        handles = {each.handle for each in found.current_app_installation.access_scopes}
        implied = {each.replace("write_", "read_", 1) for each in handles if each.startswith("write_")}
        return Account(
            account=found.shop.myshopify_domain,
            name=found.shop.name,
            scopes=frozenset(handles | implied),
            skew_seconds=skew_seconds(client.heard.date),
        )

    def hooks(self, client: ShopifyClient, url: str) -> "Hooks":
        """How the subscription of every topic stands against our address."""
        from nightshift.tools.onboard import Hooks  # noqa: PLC0415  # see the class

        found = _subscriptions(client, client.within(_SECONDS))
        judged = {topic: _judged(found.get(name, ()), url) for topic, name in SUBSCRIBED.items()}
        return Hooks(hooks=tuple(_hook(topic, *how, url=url) for topic, how in judged.items()))

    def ensure(self, client: ShopifyClient, url: str) -> "Hooks":
        """Keep what is right, mend what calls our address wrongly, add what is missing."""
        from nightshift.tools.onboard import Hooks  # noqa: PLC0415  # see the class

        time_left = client.within(_SECONDS)
        found = _subscriptions(client, time_left)
        hooks = [
            _made(client, topic, found.get(name, ()), url, time_left) for topic, name in SUBSCRIBED.items()
        ]
        return Hooks(hooks=tuple(hooks))


ONBOARD = ShopifyOnboard()


def _subscriptions(client: ShopifyClient, time_left: TimeLeft) -> dict[str, tuple[Subscription, ...]]:
    """Our subscriptions by Shopify's name of the topic."""
    found: dict[str, tuple[Subscription, ...]] = {}
    after: str | None = None
    while True:
        variables: dict[str, JsonValue] = {"topics": list(SUBSCRIBED.values()), "after": after}
        page = client.send(WEBHOOKS, variables, Subscriptions, time_left).webhook_subscriptions
        for each in page.nodes:
            found[each.topic] = (*found.get(each.topic, ()), each)
        if not page.page_info.has_next_page:
            return found
        after = page.page_info.end_cursor


def _fault(subscription: Subscription) -> str:
    """What is wrong with a subscription that calls our address; empty: nothing."""
    if subscription.format != _FORMAT:
        return f"it sends {subscription.format}"
    if subscription.filter:
        return "a filter keeps some back"
    return "it leaves fields out" if subscription.include_fields else ""


def _judged(found: tuple[Subscription, ...], url: str) -> "tuple[HookState, str]":
    from nightshift.tools.onboard import HookState  # noqa: PLC0415  # see ShopifyOnboard

    ours = [each for each in found if each.uri == url]
    if not ours:
        return HookState.MISSING, "it calls another address" if found else ""
    faults = [_fault(each) for each in ours]
    return (HookState.RIGHT, "") if not any(faults) else (HookState.WRONG, next(filter(None, faults)))


def _made(
    client: ShopifyClient, topic: str, found: tuple[Subscription, ...], url: str, time_left: TimeLeft
) -> "Hook":
    from nightshift.tools.onboard import HookState  # noqa: PLC0415  # see ShopifyOnboard

    state, problem = _judged(found, url)
    webhook: dict[str, JsonValue] = {"uri": url, "format": _FORMAT, "filter": "", "includeFields": []}
    match state:
        case HookState.MISSING:
            variables: dict[str, JsonValue] = {
                "topic": SUBSCRIBED[topic],
                "webhook": {"uri": url, "format": _FORMAT},
            }
            made = client.send(WEBHOOK_CREATE, variables, Created, time_left).webhook_subscription_create
            _accept(topic, made.user_errors)
            return _hook(topic, HookState.CREATED, "", url=url)
        case HookState.WRONG:
            for each in found:
                if each.uri == url and _fault(each):
                    given: dict[str, JsonValue] = {"id": each.id, "webhook": webhook}
                    mended = client.send(
                        WEBHOOK_UPDATE, given, Updated, time_left
                    ).webhook_subscription_update
                    _accept(topic, mended.user_errors)
            return _hook(topic, HookState.FIXED, problem, url=url)
        case _:
            return _hook(topic, state, problem, url=url)


def _accept(topic: str, errors: tuple[UserError, ...]) -> None:
    if errors:
        message = f"Shopify does not register {topic}: {errors[0].message}"
        raise Rejected(message, code="vendor.refused")


def _hook(topic: str, state: "HookState", problem: str, *, url: str) -> "Hook":
    from nightshift.tools.onboard import Hook  # noqa: PLC0415  # see ShopifyOnboard

    return Hook(topic=topic, state=state, url=url, problem=problem)
