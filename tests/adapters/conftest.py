"""One server of stand-in vendors per worker; every test has its own shop and store in it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from fakes import AmazonFake, ContactFake, EbayFake, FakeVendors, FeedFake, SesFake, ShopifyFake, StripeFake
from functions.adapters.ebay.client import EbayClient, Terms
from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.stripe.client import StripeClient
from nightshift.ids import ChannelId, TenantId
from nightshift.model.tenant import Channel
from tests.adapters.official_ebay import OFFICIAL_EBAY
from tests.adapters.official_stripe import OFFICIAL_STRIPE
from tests.adapters.ses_account import Published

if TYPE_CHECKING:
    from collections.abc import Iterator


# What the crash tests share asserts too: its failures say as much as a test's own.
pytest.register_assert_rewrite("tests.support.killing")


def _channel(name: str, *, adapter: str, account: str, base_url: str) -> Channel:
    return Channel(
        id=ChannelId(name),
        tenant=TenantId("acme"),
        adapter=adapter,
        account=account,
        base_url=base_url,
        secret_ref="secret",
    )


@pytest.fixture(scope="session")
def vendors() -> Iterator[FakeVendors]:
    with FakeVendors() as served:
        yield served


@pytest.fixture
def shop(vendors: FakeVendors) -> ShopifyFake:
    return vendors.shopify(f"{uuid.uuid4().hex}.myshopify.com")


@pytest.fixture
def store(vendors: FakeVendors) -> ContactFake:
    return vendors.contact(uuid.uuid4().hex)


@pytest.fixture
def shop_channel(vendors: FakeVendors, shop: ShopifyFake) -> Channel:
    return _channel(
        "shopify-eu", adapter="shopify", account=shop.shop, base_url=vendors.shopify_url(shop.shop)
    )


@pytest.fixture
def store_channel(vendors: FakeVendors, store: ContactFake) -> Channel:
    return _channel(
        "contact", adapter="contact", account=store.store, base_url=vendors.contact_url(store.store)
    )


@pytest.fixture
def account(vendors: FakeVendors) -> StripeFake:
    OFFICIAL_STRIPE.warm()
    return vendors.stripe(f"acct_{uuid.uuid4().hex}")


@pytest.fixture
def account_channel(vendors: FakeVendors, account: StripeFake) -> Channel:
    return _channel(
        "stripe", adapter="stripe", account=account.account, base_url=vendors.stripe_url(account.account)
    )


@pytest.fixture
def stripe_client(account: StripeFake, account_channel: Channel) -> StripeClient:
    return StripeClient(account_channel, account.api_key)


@pytest.fixture
def client(shop: ShopifyFake, shop_channel: Channel) -> ShopifyClient:
    return ShopifyClient(shop_channel, shop.access_token, pause=lambda _: None)


@pytest.fixture
def ses(vendors: FakeVendors) -> SesFake:
    return vendors.ses(uuid.uuid4().hex)


@pytest.fixture
def published(ses: SesFake) -> Published:
    """What the account published so far."""
    kept = Published()
    ses.listeners.append(kept)
    return kept


@pytest.fixture
def mail_channel(vendors: FakeVendors, ses: SesFake) -> Channel:
    return _channel(
        "mail-eu", adapter="ses", account="support@acme.example", base_url=vendors.ses_url(ses.account)
    )


@pytest.fixture
def amazon(vendors: FakeVendors) -> AmazonFake:
    return vendors.amazon(f"A{uuid.uuid4().hex[:12].upper()}")


@pytest.fixture
def amazon_channel(vendors: FakeVendors, amazon: AmazonFake) -> Channel:
    return _channel(
        "amazon-de", adapter="amazon", account=amazon.account, base_url=vendors.amazon_url(amazon.seller)
    )


@pytest.fixture
def seller(vendors: FakeVendors) -> EbayFake:
    OFFICIAL_EBAY.warm()
    return vendors.ebay(uuid.uuid4().hex)


@pytest.fixture
def seller_channel(vendors: FakeVendors, seller: EbayFake) -> Channel:
    return _channel(
        "ebay-de", adapter="ebay", account=seller.books.marketplace, base_url=vendors.ebay_url(seller.account)
    )


@pytest.fixture
def ebay_client(seller: EbayFake, seller_channel: Channel) -> EbayClient:
    return EbayClient(seller_channel, seller.access_token, Terms(**seller.terms()))


@pytest.fixture
def feed(vendors: FakeVendors) -> FeedFake:
    return vendors.competitor(uuid.uuid4().hex)


@pytest.fixture
def feed_channel(vendors: FakeVendors, feed: FeedFake) -> Channel:
    return _channel(
        "market", adapter="competitor", account=feed.account, base_url=vendors.competitor_url(feed.account)
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The conformance suite's tests run once per tool of the adapter that the class is about."""
    adapter = getattr(metafunc.cls, "ADAPTER", None)
    wanted = {"tool": None, "read_tool": False, "write_tool": True}
    for name, writes in wanted.items():
        if name in metafunc.fixturenames:
            bindings = [
                b for b in adapter.bindings if writes is None or (b.contract.effect != "READ") is writes
            ]
            metafunc.parametrize(name, [b.contract.name for b in bindings])
