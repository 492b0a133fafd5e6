"""Whom Amazon is asked as: tokens, the seller's id, the marketplace, and what is left of the rate."""

from __future__ import annotations

import pytest

from fakes import AmazonFake
from functions.adapters.amazon.client import AmazonClient, connect, grant
from functions.adapters.amazon.marketplaces import token_url
from functions.adapters.amazon.onboard import ONBOARD
from functions.adapters.amazon.tools import ADAPTER
from nightshift.aws.limits import DynamoLimits
from nightshift.errors import Misconfigured, Throttled
from nightshift.model.tenant import Channel
from nightshift.tools.oauth import Tokens
from nightshift.tools.onboard import OnboardCall
from nightshift.tools.onboard_run import onboarded
from tests.adapters.amazon_desk import AmazonDesk
from tests.conftest import FixedClock
from tests.support.tables import Tables

MUG = "MUG-BLUE"


def fields(amazon: AmazonFake, **changed: str) -> dict[str, str]:
    said = {"client_id": amazon.client_id, "client_secret": amazon.client_secret}
    return said | {"refresh_token": amazon.refresh_token} | changed


def test_an_expired_token_is_told_from_a_missing_role(amazon: AmazonFake, amazon_channel: Channel):
    granted = grant(amazon_channel, {**fields(amazon), "grant_type": "refresh_token"})
    client = connect(amazon_channel, {"access_token": granted.access_token})
    amazon.books.list_item(MUG)
    assert AmazonDesk(client).call("listings.get", sku=MUG)
    amazon.revoke_tokens()
    assert AmazonDesk(client).code("listings.get", sku=MUG) == "Misconfigured:vendor.credentials"
    amazon.seller = "ASOMEBODYELSE"
    lasting = connect(amazon_channel, {"access_token": amazon.access_token})
    assert AmazonDesk(lasting).code("listings.get", sku=MUG) == "Misconfigured:vendor.unauthorised"


@pytest.mark.parametrize("field", ["client_id", "client_secret", "refresh_token"])
def test_a_grant_that_amazon_does_not_know_is_for_a_person(
    amazon: AmazonFake, amazon_channel: Channel, field: str
):
    form = {**fields(amazon, **{field: "hidden"}), "grant_type": "refresh_token"}
    with pytest.raises(Misconfigured) as caught:
        grant(amazon_channel, form)
    assert caught.value.code == "oauth.refused"
    assert "hidden" not in str(caught.value)


def test_tokens_are_asked_of_login_with_amazon_and_nobody_else():
    for region in ("eu", "na", "fe"):
        asked = token_url(f"https://sellingpartnerapi-{region}.amazon.com")
        assert asked == "https://api.amazon.com/auth/o2/token"


class Drawer:
    """A channel's secret."""

    def __init__(self, said: dict[str, str]) -> None:
        self.said = said

    def get(self, ref: str) -> dict[str, str]:
        assert ref
        return self.said

    def version(self, ref: str, version: str) -> dict[str, str]:
        assert version
        return self.get(ref)


def test_credentials_on_trial_are_granted_a_token_by_the_refresh_token(
    amazon: AmazonFake, amazon_channel: Channel
):
    asked = OnboardCall(op="check", channel=amazon_channel, version="v1")
    found = onboarded(ADAPTER, Drawer(fields(amazon)), asked)
    assert found.model_dump()["account"] == amazon_channel.account
    assert amazon.grants == 1


class Kept:
    """A secret that nobody may write."""

    def __init__(self, said: dict[str, str]) -> None:
        self.said = said

    def get(self, ref: str, *, fresh: bool = False) -> dict[str, str]:
        del ref, fresh
        return dict(self.said)

    def beside(self, ref: str) -> tuple[dict[str, str], ...]:
        del ref
        return ()

    def put(self, ref: str, fields: dict[str, str]) -> None:
        raise AssertionError(ref, sorted(fields))


def test_a_refresh_token_that_lasts_is_used_by_each_process_and_nothing_is_stored(
    amazon: AmazonFake, amazon_channel: Channel, tables: Tables, clock: FixedClock
):
    secrets, limits = Kept(fields(amazon)), DynamoLimits(tables.limits)
    tokens = Tokens(secrets, limits, clock)
    lane, secret = ADAPTER.lane(amazon_channel), secrets.get("secret")
    first = tokens.fields(grant, lane, amazon_channel, secret, refresh_lasts=True)
    assert tokens.fields(grant, lane, amazon_channel, secret, refresh_lasts=True) == first
    assert amazon.grants == 1
    clock.advance(3600 - 119)
    again = tokens.fields(grant, lane, amazon_channel, secret, refresh_lasts=True)
    assert again["access_token"] != first["access_token"]
    renewed = tokens.renewed(grant, lane, amazon_channel, again, refresh_lasts=True)
    assert renewed["access_token"] != again["access_token"]
    assert renewed["refresh_token"] == amazon.refresh_token
    assert amazon.grants == 3


def test_a_seller_id_that_is_not_the_tokens_is_found_out(amazon: AmazonFake, amazon_channel: Channel):
    other = amazon_channel.model_copy(update={"account": f"ANOTHER1:{amazon.marketplace}"})
    with pytest.raises(Misconfigured) as caught:
        ONBOARD.check(connect(other, {"access_token": amazon.access_token}))
    assert caught.value.code == "vendor.unauthorised"


def test_a_marketplace_without_the_seller_is_found_out(amazon: AmazonFake, amazon_channel: Channel):
    client = connect(amazon_channel, {"access_token": amazon.access_token})
    amazon.suspended = True
    assert ONBOARD.check(client).remarks
    amazon.participating = False
    with pytest.raises(Misconfigured) as caught:
        ONBOARD.check(client)
    assert caught.value.code == "vendor.set_up"


@pytest.mark.parametrize("account", ["A3ACME", "A3ACME:", "a3acme:A1PA6795UKMFR9", "A3/../X:A1PA6795UKMFR9"])
def test_an_account_that_does_not_name_seller_and_marketplace_is_a_misconfiguration(
    amazon_channel: Channel, account: str
):
    with pytest.raises(Misconfigured) as caught:
        connect(amazon_channel.model_copy(update={"account": account}), {"access_token": "x"})
    assert caught.value.code == "channel.account"


def test_a_quota_that_is_used_up_names_the_rate_it_comes_back_at(amazon: AmazonFake, amazon_channel: Channel):
    desk = AmazonDesk(AmazonClient(amazon_channel, amazon.access_token))
    amazon.books.list_item(MUG)
    amazon.enforce_rates = True

    def ask_on() -> None:
        for _ in range(500):
            desk.call("listings.get", sku=MUG)

    with pytest.raises(Throttled) as caught:
        ask_on()
    assert caught.value.code == "vendor.throttled"
    assert caught.value.retry_after == 2.0
    assert desk.client.heard.per_second == 5.0
