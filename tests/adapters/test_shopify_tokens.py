"""Tokens that Shopify grants: asked for when needed, kept while they last, refreshed by one at a time."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from fakes import FakeVendors, ShopifyFake
from functions.adapters.shopify.client import grant
from functions.adapters.shopify.tools import ADAPTER
from nightshift.aws.client import client
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.secrets import ManagedSecrets
from nightshift.errors import Misconfigured, Throttled
from nightshift.ids import ChannelId
from nightshift.model.tenant import Channel
from nightshift.tools.oauth import Tokens, granted_once
from nightshift.tools.read import ReadCall, read
from tests.support.records import ACME
from tests.support.scene import Scene, make_scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

EU = ChannelId("shopify-eu")


@pytest.fixture(scope="module")
def timed() -> Iterator[tuple[FakeVendors, list[FixedClock]]]:
    """Shops whose tokens expire by the test's clock."""
    clocks: list[FixedClock] = []

    def now() -> datetime:
        return clocks[-1].now()

    with FakeVendors(now=now) as served:
        yield served, clocks


@pytest.fixture
def shop(timed: tuple[FakeVendors, list[FixedClock]], clock: FixedClock, tables: Tables) -> ShopifyFake:
    served, clocks = timed
    clocks.append(clock)
    return served.shopify(f"{tables.runs}.myshopify.com")


@pytest.fixture
def scene(
    tables: Tables, clock: FixedClock, shop: ShopifyFake, timed: tuple[FakeVendors, list[FixedClock]]
) -> Scene:
    made = make_scene(tables, clock)
    made.with_adapter(ADAPTER)
    channel = Channel(
        id=EU,
        tenant=ACME,
        adapter="shopify",
        account=shop.shop,
        base_url=timed[0].shopify_url(shop.shop),
        secret_ref=made.secret_ref,
    )
    made.door.config.put_channel(channel)
    return made


def channel(scene: Scene) -> Channel:
    return scene.door.config.channel(ACME, EU)


def secret(scene: Scene, **fields: str) -> None:
    client("secretsmanager").put_secret_value(SecretId=scene.secret_ref, SecretString=json.dumps(fields))


def app(shop: ShopifyFake, **more: str) -> dict[str, str]:
    return {"client_id": shop.client_id, "client_secret": shop.webhook_secret, **more}


def ask(scene: Scene, shop: ShopifyFake, number: int = 1) -> str:
    order = shop.create_order(name=f"#{number}", lines=[{"price": "12.50"}])
    found = read(scene.door, ReadCall(tenant=ACME, channel=EU, tool="orders.get", args={"order": order.id}))
    return str(found["name"])


def process(scene: Scene, clock: FixedClock) -> tuple[Tokens, ManagedSecrets]:
    """Another Lambda's process."""
    secrets = ManagedSecrets(client("secretsmanager"), clock)
    return Tokens(secrets, DynamoLimits(scene.tables.limits), clock), secrets


# --- client credentials ---------------------------------------------------------------------------


def test_a_token_is_granted_once_and_again_shortly_before_it_expires(
    scene: Scene, shop: ShopifyFake, clock: FixedClock
):
    secret(scene, **app(shop))
    assert [ask(scene, shop, n) for n in (1, 2, 3)] == ["#1", "#2", "#3"]
    assert shop.grants == 1
    clock.advance(86_400 - 121)
    ask(scene, shop)
    assert shop.grants == 1
    clock.advance(2)
    ask(scene, shop)
    assert shop.grants == 2


def test_a_token_that_was_revoked_is_replaced_within_the_call(scene: Scene, shop: ShopifyFake):
    secret(scene, **app(shop))
    ask(scene, shop)
    shop.revoke_tokens()
    assert ask(scene, shop, 2) == "#2"
    assert shop.grants == 2


def test_a_rotated_client_secret_is_read_when_the_old_one_is_refused(scene: Scene, shop: ShopifyFake):
    secret(scene, **app(shop))
    ask(scene, shop)
    shop.webhook_secret = "shpss_new"
    shop.revoke_tokens()
    secret(scene, **app(shop))
    assert ask(scene, shop, 2) == "#2"


def test_an_app_the_shop_does_not_know_is_for_a_person(scene: Scene, shop: ShopifyFake):
    secret(scene, client_id="nobody", client_secret="nothing")
    with pytest.raises(Misconfigured) as caught:
        ask(scene, shop)
    assert caught.value.code == "oauth.refused"
    assert "nothing" not in str(caught.value)


def test_a_token_that_lasts_is_asked_of_nobody(scene: Scene, shop: ShopifyFake):
    secret(scene, access_token=shop.access_token)
    ask(scene, shop)
    assert shop.grants == 0


# --- refresh tokens -------------------------------------------------------------------------------


def refreshing(scene: Scene, shop: ShopifyFake) -> None:
    shop.refresh_token, shop.token_seconds = "shprt-0", 3600.0
    secret(scene, **app(shop, access_token="shpat-expired", refresh_token="shprt-0", expires_at="0"))


def stored(scene: Scene, clock: FixedClock) -> dict[str, str]:
    return ManagedSecrets(client("secretsmanager"), clock).get(scene.secret_ref)


def test_the_new_pair_is_stored_before_it_is_used_and_serves_every_process(
    scene: Scene, shop: ShopifyFake, clock: FixedClock
):
    refreshing(scene, shop)
    assert ask(scene, shop) == "#1"
    assert stored(scene, clock)["refresh_token"] == shop.refresh_token != "shprt-0"
    tokens, secrets = process(scene, clock)
    fields = tokens.fields(grant, ADAPTER.lane(channel(scene)), channel(scene), secrets.get(scene.secret_ref))
    assert shop.knows(fields["access_token"])
    assert shop.grants == 1
    clock.advance(3600)
    assert ask(scene, shop, 2) == "#2"
    assert shop.grants == 2


def test_another_process_refreshed_and_ended_our_token_in_the_middle(
    scene: Scene, shop: ShopifyFake, clock: FixedClock
):
    refreshing(scene, shop)
    ask(scene, shop)
    tokens, secrets = process(scene, clock)
    clock.advance(3500)
    tokens.fields(grant, ADAPTER.lane(channel(scene)), channel(scene), secrets.get(scene.secret_ref))
    clock.advance(-3000)  # this process still thinks that its own is good
    assert ask(scene, shop, 2) == "#2"
    assert shop.grants == 2


def test_eight_processes_at_once_refresh_once(scene: Scene, shop: ShopifyFake, clock: FixedClock):
    refreshing(scene, shop)
    lane, mine, lock = ADAPTER.lane(channel(scene)), channel(scene), threading.Lock()
    found: list[str] = []
    put_off: list[str] = []

    def work() -> None:
        tokens, secrets = process(scene, clock)
        try:
            fields = tokens.fields(grant, lane, mine, secrets.get(scene.secret_ref))
        except Throttled as exc:
            put_off.append(exc.code)
            return
        with lock:
            found.append(fields["access_token"])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.grants == 1
    assert set(put_off) <= {"oauth.refreshing"}
    assert len(found) + len(put_off) == 8
    assert len(set(found)) == 1
    assert shop.knows(found[0])


def test_while_another_refreshes_a_token_that_is_still_good_is_used(
    scene: Scene, shop: ShopifyFake, clock: FixedClock
):
    refreshing(scene, shop)
    ask(scene, shop)
    clock.advance(3600 - 60)
    lane = ADAPTER.lane(channel(scene))
    assert scene.door.limits.hold(lane, "refresh", seconds=30, now=clock.now())
    tokens, secrets = process(scene, clock)
    fields = tokens.fields(grant, lane, channel(scene), secrets.get(scene.secret_ref))
    assert shop.knows(fields["access_token"])
    clock.advance(25)
    assert shop.grants == 1


def test_a_refresh_token_the_shop_does_not_know_is_for_a_person_and_gives_the_turn_back(
    scene: Scene, shop: ShopifyFake, clock: FixedClock
):
    refreshing(scene, shop)
    shop.refresh_token = "shprt-other"
    with pytest.raises(Misconfigured) as caught:
        ask(scene, shop)
    assert caught.value.code == "oauth.refused"
    assert scene.door.limits.hold(ADAPTER.lane(channel(scene)), "refresh", seconds=30, now=clock.now())


@pytest.mark.parametrize("expires_at", ["", "soon", "1e400", "nan"])
def test_a_stored_expiry_that_is_none_counts_as_past(scene: Scene, shop: ShopifyFake, expires_at: str):
    refreshing(scene, shop)
    secret(
        scene,
        **app(shop, access_token="shpat-expired", refresh_token="shprt-0", expires_at=expires_at),
    )
    assert ask(scene, shop) == "#1"


# --- onboarding -----------------------------------------------------------------------------------


def test_credentials_on_trial_are_granted_a_token_and_no_refresh_token_is_used_up(
    scene: Scene, shop: ShopifyFake
):
    mine = channel(scene)
    fields = granted_once(grant, mine, app(shop))
    assert shop.knows(fields["access_token"])
    given = app(shop, access_token="shpat-given", refresh_token="shprt-0")
    assert granted_once(grant, mine, given) == given
    assert shop.grants == 1
