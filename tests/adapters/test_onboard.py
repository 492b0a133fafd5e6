"""Connecting a channel, as each adapter does it at its stand-in vendor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fakes import ContactFake, SesFake, ShopifyFake
from functions.adapters.contact.tools import ADAPTER as CONTACT
from functions.adapters.ses.client import SesClient
from functions.adapters.ses.tools import ADAPTER as SES
from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.tools import ADAPTER as SHOPIFY
from functions.adapters.shopify.topics import COMPLIANCE, SUBSCRIBED
from functions.adapters.shopify.webhooks import _TOPICS
from nightshift.errors import Misconfigured, Rejected
from nightshift.model.tenant import Channel
from nightshift.tools.onboard import HookState, OnboardCall
from nightshift.tools.onboard_run import onboarded
from nightshift.tools.skew import skew_seconds
from tests.adapters.ses_account import Published
from tests.conftest import FixedClock

URL = "https://api.example.com/webhooks/shopify/acme/shopify-eu"
OTHERS = "https://elsewhere.example.com/hooks"


class Drawer:
    """Secrets with one version in force and others on trial."""

    def __init__(self, in_force: dict[str, str], **tried: dict[str, str]) -> None:
        self.in_force = in_force
        self.tried = tried

    def get(self, ref: str) -> dict[str, str]:
        assert ref
        return self.in_force

    def version(self, ref: str, version: str) -> dict[str, str]:
        assert ref
        return self.tried[version]


def states(client: ShopifyClient, op: str = "hooks") -> dict[str, HookState]:
    assert SHOPIFY.onboard is not None
    made = getattr(SHOPIFY.onboard, op)(client, URL)
    return {each.topic: each.state for each in made.hooks}


def test_shopifys_topics_are_all_subscribed_or_set_in_the_app():
    assert set(SUBSCRIBED) | COMPLIANCE == set(_TOPICS)


def test_a_shop_says_whose_token_it_is_and_what_it_may_do(shop: ShopifyFake, client: ShopifyClient):
    assert SHOPIFY.onboard is not None
    found = SHOPIFY.onboard.check(client)
    assert found.account == shop.shop
    assert "read_orders" in found.scopes
    assert found.skew_seconds is not None
    assert abs(found.skew_seconds) < 5


def test_writing_includes_reading(shop: ShopifyFake, client: ShopifyClient):
    assert SHOPIFY.onboard is not None
    shop.books.scopes = ["write_orders"]
    assert SHOPIFY.onboard.check(client).scopes == {"write_orders", "read_orders"}


def test_subscriptions_are_made_once(shop: ShopifyFake, client: ShopifyClient):
    assert set(states(client).values()) == {HookState.MISSING}
    assert set(states(client, "ensure").values()) == {HookState.CREATED}
    assert len(shop.books.webhooks) == len(SUBSCRIBED)
    assert set(states(client, "ensure").values()) == {HookState.RIGHT}
    assert set(states(client).values()) == {HookState.RIGHT}
    assert len(shop.books.webhooks) == len(SUBSCRIBED)


@pytest.mark.parametrize(
    "wrong", [{"format": "XML"}, {"filter": "total_price:>=100"}, {"includeFields": ["id"]}]
)
def test_a_subscription_that_keeps_something_back_is_mended(
    shop: ShopifyFake, client: ShopifyClient, wrong: dict[str, object]
):
    states(client, "ensure")
    ours = next(each for each in shop.books.webhooks.values() if each["topic"] == "ORDERS_CREATE")
    ours |= wrong
    assert states(client)["orders/create"] is HookState.WRONG
    assert states(client, "ensure")["orders/create"] is HookState.FIXED
    assert states(client)["orders/create"] is HookState.RIGHT


def test_subscriptions_of_another_address_are_left_alone(shop: ShopifyFake, client: ShopifyClient):
    theirs, _ = shop.books.subscribe("ORDERS_CREATE", {"uri": OTHERS, "format": "XML"})
    assert theirs is not None
    before = dict(theirs)
    assert states(client, "ensure")["orders/create"] is HookState.CREATED
    assert shop.books.webhooks[theirs["id"]] == before


def test_more_subscriptions_than_a_page_holds_are_all_seen(shop: ShopifyFake, client: ShopifyClient):
    for number in range(120):
        shop.books.subscribe("ORDERS_CREATE", {"uri": f"{OTHERS}/{number}"})
    assert states(client, "ensure")["orders/create"] is HookState.CREATED
    assert states(client, "ensure")["orders/create"] is HookState.RIGHT


def test_a_token_nobody_knows_is_a_misconfiguration(shop_channel: Channel):
    assert SHOPIFY.onboard is not None
    with pytest.raises(Misconfigured):
        SHOPIFY.onboard.check(ShopifyClient(shop_channel, "shpat-wrong"))


def test_an_address_shopify_does_not_take_is_refused(client: ShopifyClient):
    assert SHOPIFY.onboard is not None
    with pytest.raises(Rejected, match="Address is invalid"):
        SHOPIFY.onboard.ensure(client, "ftp://api.example.com")


def test_a_contact_form_is_told_where_to_post(store: ContactFake, store_channel: Channel):
    assert CONTACT.onboard is not None
    client = CONTACT.connect(store_channel, {"api_token": store.api_token})
    assert CONTACT.onboard.check(client).account == store.store
    assert CONTACT.onboard.hooks(client, URL).hooks[0].state is HookState.MISSING
    assert CONTACT.onboard.ensure(client, URL).hooks[0].state is HookState.CREATED
    assert CONTACT.onboard.ensure(client, URL).hooks[0].state is HookState.RIGHT
    store.webhook_url = OTHERS
    assert CONTACT.onboard.hooks(client, URL).hooks[0].state is HookState.WRONG
    assert CONTACT.onboard.ensure(client, URL).hooks[0].state is HookState.FIXED
    assert store.webhook_url == URL


def test_the_version_on_trial_is_what_is_tried(shop: ShopifyFake, shop_channel: Channel):
    secrets = Drawer({"access_token": "old"}, new={"access_token": shop.access_token})
    with pytest.raises(Misconfigured):
        onboarded(SHOPIFY, secrets, OnboardCall(op="check", channel=shop_channel))
    found = onboarded(SHOPIFY, secrets, OnboardCall(op="check", channel=shop_channel, version="new"))
    assert found.account == shop.shop  # type: ignore[union-attr]  # of check


def test_what_a_vendor_told_once_is_not_forgotten(shop: ShopifyFake, shop_channel: Channel):
    secrets = Drawer(
        {"access_token": "old", "webhook_secret": "told once"}, new={"access_token": shop.access_token}
    )
    call = OnboardCall(op="ensure", channel=shop_channel, version="new", url=URL)
    assert onboarded(SHOPIFY, secrets, call).learned == {"webhook_secret": "told once"}  # type: ignore[union-attr]  # of ensure


def test_another_adapters_channel_is_refused(store_channel: Channel):
    with pytest.raises(Misconfigured):
        onboarded(SHOPIFY, Drawer({}), OnboardCall(op="check", channel=store_channel))


def test_a_clock_that_differs_is_told_in_seconds():
    clock = FixedClock(datetime(2026, 11, 21, 9, 0, tzinfo=UTC))
    assert skew_seconds("Sat, 21 Nov 2026 09:02:00 GMT", clock) == timedelta(minutes=2).total_seconds()
    assert skew_seconds("gestern", clock) is None
    assert skew_seconds(None, clock) is None


@pytest.mark.parametrize("entered", ["domain", "mailbox"])
def test_a_mailbox_that_is_set_aside_for_another_tenant_is_not_given_away(
    ses: SesFake, mail_channel: Channel, entered: str
):
    assert SES.onboard is not None
    client = SesClient(mail_channel, "nightshift-dev", Published())
    name = mail_channel.account if entered == "mailbox" else mail_channel.account.partition("@")[2]
    ses.tags[name] = {"tenant": mail_channel.tenant, "cost": "7"}
    assert SES.onboard.check(client).account == mail_channel.account
    ses.tags[name] = {"tenant": "another"}
    with pytest.raises(Misconfigured, match="for another tenant"):
        SES.onboard.check(client)


def test_a_mailbox_needs_a_verified_identity(ses: SesFake, mail_channel: Channel):
    client = SesClient(mail_channel, "nightshift-dev", Published())
    assert SES.onboard is not None
    domain = mail_channel.account.partition("@")[2]
    ses.verified = {"another.example"}
    with pytest.raises(Misconfigured, match="never entered"):
        SES.onboard.check(client)
    ses.entered = {domain}
    with pytest.raises(Misconfigured, match="not verified yet"):
        SES.onboard.check(client)
    for name in (domain, mail_channel.account):
        ses.verified = {name}
        found = SES.onboard.check(client)
        assert (found.account, found.remarks) == (mail_channel.account, ())
