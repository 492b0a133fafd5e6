"""Connecting a channel: tried before it is stored, and nothing stored of one that does not work."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fakes import ContactFake, ShopifyFake
from functions.adapters.shopify.topics import SUBSCRIBED
from nightshift.aws.client import client
from nightshift.errors import Misconfigured, Retryable
from nightshift.ids import TenantId
from nightshift.model.log import EntryKind
from nightshift.onboarding.shipped import AdapterCatalog, adapters
from tests.support.office import ACME, BASE, PREFIX, add_acme, ask, in_force, setup_log, stored

if TYPE_CHECKING:
    from nightshift.onboarding.office import Office
    from tests.conftest import FixedClock
    from tests.support.functions import Functions

SHOP = "/tenants/acme/channels/shopify-eu"
FORM = "/tenants/acme/channels/contact"


def ref(office: Office, channel: str = "shopify-eu", adapter: str = "shopify") -> str:
    return f"nightshift/{office.stage}/{adapter}/acme/{channel}"


def test_a_shop_is_connected_in_shadow_mode(office: Office, shop: ShopifyFake, shopify: dict[str, Any]):
    made = ask(office, f"PUT {SHOP}", body=shopify)
    assert made.status == 200, made.body
    assert made.body["missing_scopes"] == []
    assert made.body["problems"] == []
    assert made.body["channel"]["live"] == []
    assert "payments.refund" in made.body["channel"]["shadow"]
    url = f"{BASE}/webhooks/shopify/acme/shopify-eu"
    assert made.body["channel"]["webhook"] == url
    assert {each["uri"] for each in shop.books.webhooks.values()} == {url}
    assert {each["state"] for each in made.body["hooks"]} == {"created"}
    assert in_force(ref(office)) == shopify["secret"]
    assert stored(office, "shopify-eu") is not None
    assert EntryKind.CHANNEL_CONNECTED in {entry.kind for entry in setup_log(office)}


def test_connected_again_nothing_is_doubled(office: Office, shop: ShopifyFake, shopify: dict[str, Any]):
    ask(office, f"PUT {SHOP}", body=shopify)
    before = stored(office, "shopify-eu")
    again = ask(office, f"PUT {SHOP}", body=shopify)
    assert {each["state"] for each in again.body["hooks"]} == {"right"}
    assert len(shop.books.webhooks) == len(SUBSCRIBED)
    assert stored(office, "shopify-eu") == before


def test_the_first_channels_look_up_orders_and_answer_customers(
    office: Office, shopify: dict[str, Any], contact: dict[str, Any]
):
    ask(office, f"PUT {SHOP}", body=shopify)
    ask(office, f"PUT {FORM}", body=contact)
    tenant = office.config.tenant(ACME)
    assert (tenant.order_channel, tenant.reply_channel) == ("shopify-eu", "contact")
    ask(office, "PUT /tenants/acme/channels/contact-2", body=contact)
    assert office.config.tenant(ACME).reply_channel == "contact"


def test_credentials_that_do_not_work_leave_nothing(office: Office, shopify: dict[str, Any]):
    shopify["secret"]["access_token"] = "shpat-wrong"
    refused = ask(office, f"PUT {SHOP}", body=shopify)
    assert (refused.status, refused.body["error"]["field"]) == (400, "secret")
    assert stored(office, "shopify-eu") is None
    assert office.config.tenant(ACME).order_channel is None
    assert "shpat-wrong" not in json.dumps(refused.body)


def test_a_wrong_rotation_keeps_the_working_secret(office: Office, shopify: dict[str, Any]):
    ask(office, f"PUT {SHOP}", body=shopify)
    wrong = {"secret": {**shopify["secret"], "access_token": "shpat-wrong"}}
    assert ask(office, f"POST {SHOP}/rotate", body=wrong).status == 400
    assert in_force(ref(office)) == shopify["secret"]


def test_a_rotation_is_in_force_at_once_and_keeps_tools_on(
    office: Office, shop: ShopifyFake, shopify: dict[str, Any]
):
    ask(office, f"PUT {SHOP}", body=shopify)
    ask(office, f"POST {SHOP}/tools/payments.refund", body={"on": True})
    shop.access_token = "shpat-new"
    fresh = {"secret": {**shopify["secret"], "access_token": "shpat-new"}}
    rotated = ask(office, f"POST {SHOP}/rotate", body=fresh)
    assert (rotated.status, rotated.body["channel"]["live"]) == (200, ["payments.refund"])
    assert in_force(ref(office))["access_token"] == "shpat-new"


def test_credentials_of_another_shop_are_refused(office: Office, shopify: dict[str, Any]):
    shopify["account"] = "another.myshopify.com"
    refused = ask(office, f"PUT {SHOP}", body=shopify)
    assert (refused.status, refused.body["error"]["field"]) == (400, "account")
    assert stored(office, "shopify-eu") is None


def test_missing_scopes_are_shown(office: Office, shop: ShopifyFake, shopify: dict[str, Any]):
    shop.books.scopes.remove("read_customers")
    made = ask(office, f"PUT {SHOP}", body=shopify)
    assert (made.status, made.body["missing_scopes"]) == (200, ["read_customers"])
    assert "read_customers" in made.body["problems"][0]


def test_a_channel_whose_webhooks_fail_is_stored_and_says_so(
    office: Office, shop: ShopifyFake, shopify: dict[str, Any]
):
    shop.fail("500", "webhookSubscriptions", times=9)
    made = ask(office, f"PUT {SHOP}", body=shopify)
    assert (made.status, len(made.body["problems"])) == (200, 1)
    assert stored(office, "shopify-eu") is not None
    shop.faults.clear()
    assert ask(office, f"PUT {SHOP}", body=shopify).body["problems"] == []
    assert len(shop.books.webhooks) == len(SUBSCRIBED)


def test_a_vendor_that_does_not_answer_leaves_nothing(
    office: Office, shop: ShopifyFake, shopify: dict[str, Any]
):
    shop.fail("500", "Shop", times=9)
    assert ask(office, f"PUT {SHOP}", body=shopify).status == 503
    assert stored(office, "shopify-eu") is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"adapter": "nosuch"}, "adapter"),
        ({"adapter": "../x"}, "adapter"),
        ({"account": ""}, "account"),
        ({"secret": {"access_token": "t"}}, "secret.webhook_secret"),
        ({"secret": {"access_token": "t", "webhook_secret": "w", "colour": "red"}}, "secret.colour"),
        ({"secret": {"access_token": "", "webhook_secret": "w"}}, "secret.access_token"),
        ({"addresses": ["a@b.example"]}, "addresses"),
        ({"base_url": "http://acme.myshopify.com"}, "base_url"),
        ({"base_url": "https://acme.evil.com"}, "base_url"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_field_that_cannot_be_used_is_named_and_changes_nothing(
    office: Office, shop: ShopifyFake, shopify: dict[str, Any], change: dict[str, Any], field: str
):
    refused = ask(office, f"PUT {SHOP}", body={**shopify, **change})
    assert (refused.status in {400, 422}, refused.body["error"]["field"]) == (True, field)
    assert stored(office, "shopify-eu") is None
    assert not shop.books.webhooks
    with pytest.raises(client("secretsmanager").exceptions.ResourceNotFoundException):
        in_force(ref(office))


def test_a_connected_channel_keeps_its_account(
    office: Office, shopify: dict[str, Any], contact: dict[str, Any]
):
    ask(office, f"PUT {SHOP}", body=shopify)
    for change, field in (({"account": "other.myshopify.com"}, "account"), (contact, "adapter")):
        refused = ask(office, f"PUT {SHOP}", body={**shopify, **change})
        assert (refused.status, refused.body["error"]["field"]) == (400, field)
    assert in_force(ref(office)) == shopify["secret"]


def test_only_an_administrator_connects(office: Office, shopify: dict[str, Any]):
    ask(office, "PUT /tenants/acme/staff/ana", body={"role": "manager"})
    assert ask(office, f"PUT {SHOP}", as_="ana", body=shopify).status == 403
    assert ask(office, f"PUT {SHOP}", as_="platform/jo", body=shopify).status == 403
    assert stored(office, "shopify-eu") is None


def test_no_secret_in_answers_logs_or_entries(
    office: Office, shopify: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG, logger="nightshift")
    made = ask(office, f"PUT {SHOP}", body=shopify)
    seen = json.dumps(made.body) + caplog.text + "".join(e.model_dump_json() for e in setup_log(office))
    assert all(value not in seen for value in shopify["secret"].values())


# an adapter whose vendor tells a field once, when it makes the registration

LEARNING = {
    "name": "till", "hosts": ["*.store-work.com"], "secret_fields": ["api_key", "webhook_secret"],
    "learned_fields": ["webhook_secret"], "topics": ["sale"], "onboards": True,
    "default_base_url": "https://api.store-work.com",
}  # fmt: skip
TILL = {"adapter": "till", "account": "acct_1", "secret": {"api_key": "sk_1"}}


class Till:
    """A vendor that tells a signing secret once."""

    def __init__(self, *, registered: bool = False) -> None:
        self.registered = registered
        self.kept: dict[str, str] = {}

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        if event["onboard"]["op"] == "check":
            return {"account": "acct_1"}
        hook = {"topic": "sale", "state": "right" if self.registered else "created"}
        learned = dict(self.kept) if self.registered else {"webhook_secret": "whsec_once"}
        self.registered, self.kept = True, {**self.kept, **learned}
        return {"hooks": [hook], "learned": learned}


@pytest.fixture
def till(office: Office, functions: Functions) -> Till:
    found = AdapterCatalog.model_validate({"adapters": [LEARNING]}).adapters[0]
    object.__setattr__(office, "adapters", {**adapters(), "till": found})
    functions.handlers[f"{PREFIX}till"] = made = Till()
    return made


@pytest.mark.usefixtures("till")
def test_what_a_vendor_tells_once_is_kept(office: Office):
    made = ask(office, "PUT /tenants/acme/channels/till", body=TILL)
    assert made.status == 200, made.body
    assert in_force(ref(office, "till", "till")) == {"api_key": "sk_1", "webhook_secret": "whsec_once"}
    assert "whsec_once" not in json.dumps(made.body)
    again = ask(office, "POST /tenants/acme/channels/till/rotate", body={"secret": {"api_key": "sk_2"}})
    assert again.status == 200, again.body
    assert in_force(ref(office, "till", "till")) == {"api_key": "sk_2", "webhook_secret": "whsec_once"}


def test_a_secret_that_was_told_to_somebody_else_is_asked_for(office: Office, till: Till):
    till.registered = True
    refused = ask(office, "PUT /tenants/acme/channels/till", body=TILL)
    assert (refused.status, refused.body["error"]["field"]) == (400, "secret.webhook_secret")
    assert stored(office, "till") is None
    given = {**TILL, "secret": {"api_key": "sk_1", "webhook_secret": "whsec_ours"}}
    assert ask(office, "PUT /tenants/acme/channels/till", body=given).status == 200
    assert in_force(ref(office, "till", "till"))["webhook_secret"] == "whsec_ours"


def test_a_name_that_leads_inside_is_refused(office: Office, till: Till):
    object.__setattr__(office, "public", lambda _: False)
    refused = ask(office, "PUT /tenants/acme/channels/till", body=TILL)
    assert (refused.status, refused.body["error"]["field"]) == (400, "base_url")
    assert not till.registered


# mail

MAIL = {
    "name": "post", "hosts": [], "secret_fields": [], "addresses": True, "onboards": True,
}  # fmt: skip


@pytest.fixture
def post(office: Office, functions: Functions) -> None:
    found = AdapterCatalog.model_validate({"adapters": [MAIL]}).adapters[0]
    object.__setattr__(office, "adapters", {**adapters(), "post": found})
    functions.handlers[f"{PREFIX}post"] = lambda event: {"account": event["onboard"]["channel"]["account"]}


@pytest.mark.usefixtures("post")
def test_a_mail_channel_claims_its_addresses(office: Office):
    asked = {"adapter": "post", "account": "Support@Acme.Example", "addresses": ["help@acme.example"]}
    made = ask(office, "PUT /tenants/acme/channels/mail", body=asked)
    assert made.status == 200, made.body
    assert made.body["addresses"] == ["support@acme.example", "help@acme.example"]
    owner = office.setup.address_owner("support@acme.example")
    assert owner is not None
    assert (owner.tenant, owner.channel) == ("acme", "mail")
    assert made.body["channel"]["webhook"] == ""
    second = ask(office, "PUT /tenants/acme/channels/sales", body={**asked, "account": "sales@acme.example"})
    assert second.body["error"]["problem"].startswith("help@acme.example belongs to the channel mail")
    alone = {"adapter": "post", "account": "sales@acme.example"}
    assert ask(office, "PUT /tenants/acme/channels/sales", body=alone).status == 200


@pytest.mark.usefixtures("post")
def test_a_mail_address_of_another_tenant_is_refused(office: Office):
    add_acme(office, id="other", admin="eve")
    other = TenantId("other")
    asked = {"adapter": "post", "account": "support@acme.example"}
    assert ask(office, "PUT /tenants/other/channels/mail", as_="eve", tenant=other, body=asked).status == 200
    refused = ask(office, "PUT /tenants/acme/channels/mail", body=asked)
    assert (refused.status, refused.body["error"]["field"]) == (400, "addresses")
    sales = ask(office, "PUT /tenants/acme/channels/mail", body={**asked, "account": "sales@acme.example"})
    assert (sales.status, sales.body["error"]["field"]) == (400, "addresses"), "a domain has one tenant"
    assert "other" not in refused.body["error"]["problem"].replace("another", "")
    assert stored(office, "mail") is None
    owner = office.setup.address_owner("support@acme.example")
    assert owner is not None
    assert owner.tenant == "other"


@pytest.mark.usefixtures("post")
@pytest.mark.parametrize(
    "account",
    ["support", "a@b", "a b@acme.example", "@acme.example", "a@acme..example", "support+eu@acme.example"],
)
def test_an_address_that_is_none_is_refused(office: Office, account: str):
    refused = ask(office, "PUT /tenants/acme/channels/mail", body={"adapter": "post", "account": account})
    assert (refused.status, refused.body["error"]["field"]) == (400, "account")


# tools


def test_a_tool_is_turned_on_and_off_by_name(office: Office, shopify: dict[str, Any]):
    ask(office, f"PUT {SHOP}", body=shopify)
    on = ask(office, f"POST {SHOP}/tools/payments.refund", body={"on": True, "note": "after two weeks"})
    assert on.body["live"] == ["payments.refund"]
    found = stored(office, "shopify-eu")
    assert found is not None
    assert found.live_tools == {"payments.refund"}
    last = setup_log(office)[-1]
    assert (last.kind, last.actor, last.detail["tool"], last.detail["on"]) == (
        EntryKind.TOOL_SWITCHED, "person:ada", "payments.refund", True,
    )  # fmt: skip
    assert ask(office, f"POST {SHOP}/tools/payments.refund", body={"on": False}).body["live"] == []


@pytest.mark.parametrize(
    "tool", ["orders.get", "messaging.reply", "payments.steal", "payments", "Payments.refund"]
)
def test_a_tool_that_makes_no_effects_there_is_refused(office: Office, shopify: dict[str, Any], tool: str):
    ask(office, f"PUT {SHOP}", body=shopify)
    refused = ask(office, f"POST {SHOP}/tools/{tool}", body={"on": True})
    assert (refused.status in {400, 422}, refused.body["error"]["field"]) == (True, "tool")
    found = stored(office, "shopify-eu")
    assert found is not None
    assert found.live_tools == frozenset()


def test_only_an_administrator_turns_tools_on(office: Office, shopify: dict[str, Any]):
    ask(office, f"PUT {SHOP}", body=shopify)
    ask(office, "PUT /tenants/acme/staff/ana", body={"role": "manager"})
    assert ask(office, f"POST {SHOP}/tools/payments.refund", as_="ana", body={"on": True}).status == 403


def test_a_tool_of_no_channel_is_not_found(office: Office):
    assert ask(office, f"POST {SHOP}/tools/payments.refund", body={"on": True}).status == 404


# doctor


def finding(report: dict[str, Any], what: str) -> dict[str, Any]:
    return next(each for each in report["findings"] if each["what"] == what)


def test_a_well_channel(office: Office, shopify: dict[str, Any]):
    ask(office, f"PUT {SHOP}", body=shopify)
    client("s3").put_object(
        Bucket=f"bodies-{office.stage.removeprefix('test-')}",
        Key=f"acme/shopify-eu/{office.clock.now() - timedelta(days=2):%Y/%m/%d}/d-1-abc",
        Body=b"{}",
    )
    report = ask(office, f"GET {SHOP}/doctor").body
    assert [each for each in report["findings"] if not each["ok"] and each["what"] != "clock"] == []
    looked = {each["what"] for each in report["findings"]}
    assert looked == {
        "secret", "credentials", "scopes", "clock", "webhooks", "deliveries", "rate", "breaker", "writes",
    }  # fmt: skip


def test_what_is_wrong_comes_with_its_fix(
    office: Office, shop: ShopifyFake, shopify: dict[str, Any], clock: FixedClock
):
    ask(office, f"PUT {SHOP}", body=shopify)
    shop.books.scopes.remove("read_returns")
    shop.books.webhooks.popitem()
    lane = office.limits.states(ACME, ["shopify-eu"])[0]  # type: ignore[list-item]  # an id
    assert lane.stopped is None
    from nightshift.model.lane import Lane  # noqa: PLC0415  # only here

    drifting = Lane(tenant=ACME, channel="shopify-eu")  # type: ignore[arg-type]  # an id
    assert office.limits.drifted(drifting, at_once=True, why="payments.refund", now=clock.now())
    report = ask(office, f"GET {SHOP}/doctor").body
    assert report["well"] is False
    for what in ("scopes", "webhooks", "deliveries", "writes"):
        found = finding(report, what)
        assert (found["ok"], bool(found["fix"])) == (False, True), found
    assert "nightshift channel release acme shopify-eu" in finding(report, "writes")["fix"]
    assert ask(office, f"POST {SHOP}/release", body={"note": "adapter fits again"}).status == 200
    assert finding(ask(office, f"GET {SHOP}/doctor").body, "writes")["ok"] is True
    assert ask(office, f"POST {SHOP}/release", body={}).status == 409


def test_credentials_that_stopped_working_are_found(
    office: Office, shop: ShopifyFake, shopify: dict[str, Any]
):
    ask(office, f"PUT {SHOP}", body=shopify)
    shop.access_token = "shpat-other"
    report = ask(office, f"GET {SHOP}/doctor").body
    assert finding(report, "credentials")["ok"] is False
    assert "nightshift channel rotate acme shopify-eu" in finding(report, "credentials")["fix"]


def test_looking_changes_nothing(office: Office, store: ContactFake, contact: dict[str, Any]):
    ask(office, f"PUT {FORM}", body=contact)
    store.webhook_url = "https://elsewhere.store-work.com/in"
    before = (stored(office, "contact"), len(setup_log(office)))
    report = ask(office, f"GET {FORM}/doctor").body
    assert finding(report, "webhooks")["ok"] is False
    assert store.webhook_url == "https://elsewhere.store-work.com/in"
    assert (stored(office, "contact"), len(setup_log(office))) == before


def test_a_function_that_is_not_there_is_told(office: Office, functions: Functions, shopify: dict[str, Any]):
    ask(office, f"PUT {SHOP}", body=shopify)

    def broken(_: dict[str, Any]) -> None:
        message = "the tools of shopify are all busy"
        raise Retryable(message)

    functions.handlers[f"{PREFIX}shopify"] = broken
    assert finding(ask(office, f"GET {SHOP}/doctor").body, "credentials")["ok"] is False

    def missing(_: dict[str, Any]) -> None:
        message = "the secret has no access_token"
        raise Misconfigured(message)

    functions.handlers[f"{PREFIX}shopify"] = missing
    refused = ask(office, f"PUT {SHOP}", body=shopify)
    assert (refused.status, refused.body["error"]["field"]) == (400, "secret")
