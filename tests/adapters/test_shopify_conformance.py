"""Shopify's adapter against the conformance suite."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import pytest

from fakes import OrderRecord, ShopifyFake
from functions.adapters.shopify import client as shopify_client
from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.queries import API_VERSION
from functions.adapters.shopify.tools import ADAPTER
from functions.adapters.shopify.webhooks import _TOPICS
from nightshift.model.tenant import Channel
from nightshift.outbound import CONNECT_SECONDS
from nightshift.tools.binding import Adapter
from tests.adapters.conformance import Conformance, Rig, Scenario

NEW_ADDRESS = {
    "name": "Kim Jansen",
    "line1": "Ringstr. 9",
    "city": "Köln",
    "postcode": "50667",
    "country": "DE",
}


class _Scenarios:
    """Each arrangement enters a new order, so that one test can show a tool many times."""

    def __init__(self, shop: ShopifyFake) -> None:
        self.shop = shop
        self.numbers = itertools.count(1001)

    def order(self) -> OrderRecord:
        return self.shop.create_order(
            name=f"#{next(self.numbers)}", lines=[{"price": "42.00", "quantity": 2}]
        )

    def refund(self) -> dict[str, Any]:
        order = self.order()
        amount = {"amount": 4200, "currency": "EUR"}
        parent = {"parent": order.transactions[0].id, "gateway": "shopify_payments", "amount": amount}
        return {
            "order": order.id,
            "amount": amount,
            "expected_refunded": {"amount": 0, "currency": "EUR"},
            "lines": [{"line": order.lines[0].id, "quantity": 1}],
            "transactions": [parent],
            "restock": "return",
        }

    def cancel(self) -> dict[str, Any]:
        return {
            "order": self.order().id,
            "reason": "customer",
            "amount": {"amount": 8400, "currency": "EUR"},
            "expected_refunded": {"amount": 0, "currency": "EUR"},
            "restock": True,
        }

    def product(self) -> str:
        return self.shop.create_product(sku=f"MUG-{next(self.numbers)}").spec.sku

    def price(self) -> dict[str, Any]:
        seen = {"amount": 1250, "currency": "EUR"}
        return {
            "sku": self.product(),
            "price": {"amount": 1190, "currency": "EUR"},
            "expected_price": seen,
        }

    def moved(self) -> int:
        return sum(
            o.address["address1"] == NEW_ADDRESS["line1"]
            for o in self.shop.books.orders.values()
            if o.address
        )

    def all(self) -> dict[str, Scenario]:
        books = self.shop.books
        return {
            "orders.get": Scenario(arrange=lambda: {"order": self.order().id}, operation="order"),
            "orders.get_customer": Scenario(
                arrange=lambda: {"customer": (self.order().customer or {})["id"]}, operation="customer"
            ),
            "payments.quote_refund": Scenario(
                arrange=lambda: {"order": self.order().id, "everything": True}, operation="QuoteRefund"
            ),
            "payments.refund": Scenario(
                arrange=self.refund, operation="refundCreate", effects=lambda: len(books.refunds)
            ),
            "orders.cancel": Scenario(
                arrange=self.cancel, operation="orderCancel", effects=lambda: len(books.cancellations)
            ),
            "orders.set_address": Scenario(
                arrange=lambda: {"order": self.order().id, "address": NEW_ADDRESS},
                operation="orderUpdate",
                effects=self.moved,
            ),
            "catalog.get_product": Scenario(
                arrange=lambda: {"sku": self.product()}, operation="productVariants"
            ),
            "pricing.set": Scenario(
                arrange=self.price,
                operation="productVariantsBulkUpdate",
                effects=lambda: len(books.shelf.price_changes),
            ),
            "inventory.set": Scenario(
                arrange=lambda: {"sku": self.product(), "quantity": 40, "expected_quantity": 42},
                operation="inventorySetQuantities",
                effects=lambda: len(books.shelf.adjustments),
            ),
        }


class TestShopify(Conformance):
    ADAPTER: ClassVar[Adapter] = ADAPTER
    STATUS_TABLE = shopify_client.STATUSES
    PRODUCTION_URL = "https://acme.myshopify.com"

    @pytest.fixture
    def rig(self, shop: ShopifyFake, shop_channel: Channel) -> Rig:
        shop.books.job_polls = 0

        def client(channel: Channel, seconds: float) -> ShopifyClient:
            return ShopifyClient(channel, shop.access_token, request_seconds=seconds, pause=lambda _: None)

        return Rig(
            channel=shop_channel,
            secret={"access_token": shop.access_token, "webhook_secret": shop.webhook_secret},
            fail=shop.fail,
            client=client,
            scenarios=_Scenarios(shop).all(),
            personal=("kim@example.com", "Kim Jansen", "Lindenstr", "Ringstr"),
        )

    def test_its_version_and_topics_stand_in_adapter_toml(self) -> None:
        said = self.toml()
        assert said["api_version"] == API_VERSION
        assert set(said["topics"]) == set(_TOPICS)
        assert said["timeouts"]["request"] == shopify_client.REQUEST_SECONDS
        assert said["timeouts"]["connect"] == CONNECT_SECONDS
