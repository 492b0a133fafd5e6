"""Shopify's webhooks: official samples and our stand-in's deliveries, through verify and normalise."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from fakes import Delivery, ShopifyFake, sign_shopify
from functions.adapters.shopify.webhooks import _TOPICS, WEBHOOKS
from nightshift.errors import BadInput, Misconfigured
from nightshift.ingress.webhooks import Arrival, Forged, Parsed
from nightshift.model.event import EventKind, OrderDetail, PrivacyDetail, ReturnDetail, SubjectKind
from tests.adapters.official import CONTRACTS, IN_CI

if TYPE_CHECKING:
    from pathlib import Path

SHOPIFY = CONTRACTS / "shopify"
SECRET = {"access_token": "unused", "webhook_secret": "whsec-test"}
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def arrive(delivery: Delivery) -> Arrival:
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    return Arrival(headers=headers, body=delivery.body, received_at=NOW)


def signed(topic: str, body: bytes) -> Arrival:
    made = sign_shopify(
        body, secret=SECRET["webhook_secret"], topic=topic, shop="acme.myshopify.com", delivery="d-1", at=NOW
    )
    return arrive(made)


def take(arrival: Arrival, secret: dict[str, str] = SECRET) -> Parsed | None:
    """What ingress does with one request."""
    WEBHOOKS.verify(arrival, secret)
    assert WEBHOOKS.account(arrival)
    assert WEBHOOKS.delivery(arrival)
    return WEBHOOKS.normalise(arrival, WEBHOOKS.topic(arrival), "shopify-eu")


def official(name: str) -> bytes:
    path: Path = SHOPIFY / name
    if not path.exists() and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    return path.read_bytes()


def fixture(name: str, key: str) -> bytes:
    return json.dumps(json.loads(official(f"rest_fixtures/{name}"))[key]).encode()


class TestOfficialSamples:
    @pytest.mark.parametrize(
        ("topic", "kind"),
        [
            ("orders/create", EventKind.ORDER_PLACED),
            ("orders/updated", EventKind.ORDER_UPDATED),
            ("orders/cancelled", EventKind.ORDER_CANCELLED),
        ],
    )
    def test_orders(self, topic: str, kind: EventKind) -> None:
        parsed = take(signed(topic, fixture("order.json", "order")))
        assert parsed is not None
        assert parsed.kind is kind
        assert parsed.subject.key() == "order:shopify-eu:gid://shopify/Order/450789469"
        assert isinstance(parsed.detail, OrderDetail)
        assert (parsed.detail.order_name, parsed.detail.total, parsed.detail.currency) == (
            "#1001",
            "409.94",
            "USD",
        )

    def test_every_order_of_the_list_fixture(self) -> None:
        orders = json.loads(official("rest_fixtures/orders.json"))["orders"]
        refs = {
            parsed.subject.ref
            for parsed in (take(signed("orders/create", json.dumps(order).encode())) for order in orders)
            if parsed is not None
        }
        assert refs == {f"gid://shopify/Order/{order['id']}" for order in orders}

    def test_a_recorded_cancellation_keeps_its_id_beyond_floats(self) -> None:
        parsed = take(
            signed("orders/cancelled", official("webhook_samples/orders_cancelled.test-notification.json"))
        )
        assert parsed is not None
        assert parsed.subject.ref == "gid://shopify/Order/820982911946154508"

    def test_a_recorded_refund(self) -> None:
        parsed = take(signed("refunds/create", official("webhook_samples/refunds_create.abridged.json")))
        assert parsed is not None
        assert parsed.kind is EventKind.REFUND_CREATED
        assert parsed.subject.ref == "gid://shopify/Order/820982911946154508"
        assert isinstance(parsed.detail, OrderDetail)
        assert parsed.detail.vendor_refs == ("gid://shopify/Refund/890088186047892319",)

    def test_a_refund_of_the_fixtures_names_its_transactions(self) -> None:
        parsed = take(signed("refunds/create", fixture("refund.json", "refund")))
        assert parsed is not None
        assert isinstance(parsed.detail, OrderDetail)
        assert parsed.detail.vendor_refs[0] == "gid://shopify/Refund/509562969"
        assert any(ref.startswith("gid://shopify/OrderTransaction/") for ref in parsed.detail.vendor_refs)

    def test_a_deleted_order_is_nobodys_event(self) -> None:
        body = official("webhook_samples/orders_delete.test-notification.json")
        assert take(signed("orders/delete", body)) is None


class TestOurStandIn:
    @pytest.mark.parametrize("topic", sorted(_TOPICS))
    def test_each_topic_it_sends_is_an_event(self, shop: ShopifyFake, topic: str) -> None:
        order = shop.create_order(name="#1001")
        given = {"orderId": order.id, "transactions": []}
        refund, _ = shop.books.refund(given, "key")
        extra: dict[str, Any] = {}
        if topic == "customers/merge":
            extra = {
                "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
                "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
            }
        sent = shop.delivery(topic, order, refund=refund, **extra)
        parsed = take(arrive(sent), {"webhook_secret": shop.webhook_secret})
        assert parsed is not None
        kinds = {SubjectKind.ORDER: order.id, SubjectKind.SHOP: shop.shop}
        customer = "gid://shopify/Customer/1" if extra else (order.customer or {})["id"]
        assert parsed.subject.ref == kinds.get(parsed.subject.kind, customer)

    def test_a_return_request_says_what_and_why(self, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001", lines=[{"sku": "A"}, {"sku": "B", "quantity": 3}])
        lines = [{"sku": "B", "quantity": 2, "reason": "defective", "note": "the handle came off"}]
        parsed = take(
            arrive(shop.delivery("returns/request", order, lines=lines)),
            {"webhook_secret": shop.webhook_secret},
        )
        assert parsed is not None
        assert parsed.kind is EventKind.RETURN_REQUESTED
        detail = parsed.detail
        assert isinstance(detail, ReturnDetail)
        assert (detail.order_ref, detail.note) == (order.id, "the handle came off")
        assert [(x.line, x.quantity, x.reason) for x in detail.lines] == [(order.lines[1].id, 2, "defective")]

    def test_an_erasure_names_customer_and_orders(self, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        parsed = take(
            arrive(shop.delivery("customers/redact", order)), {"webhook_secret": shop.webhook_secret}
        )
        assert parsed is not None
        assert parsed.kind is EventKind.ERASURE_REQUESTED
        assert isinstance(parsed.detail, PrivacyDetail)
        assert parsed.detail.order_refs == (order.id,)
        assert "kim@example.com" not in parsed.model_dump_json()

    def test_a_merge_that_failed_merges_nobody(self, shop: ShopifyFake) -> None:
        sent = shop.delivery(
            "customers/merge",
            status="failed",
            admin_graphql_api_customer_kept_id="gid://shopify/Customer/1",
            admin_graphql_api_customer_deleted_id="gid://shopify/Customer/2",
        )
        assert take(arrive(sent), {"webhook_secret": shop.webhook_secret}) is None


class TestBadInput:
    BODY = b'{"id": 1, "name": "#1001"}'

    @pytest.mark.guarantee("ingress:forged-webhook")
    def test_forgeries_are_refused(self) -> None:
        genuine = signed("orders/create", self.BODY)
        mac = genuine.headers["x-shopify-hmac-sha256"]
        hexadecimal = hmac.new(b"whsec-test", self.BODY, hashlib.sha256).hexdigest()
        other = base64.b64encode(hmac.new(b"another secret", self.BODY, hashlib.sha256).digest()).decode()
        for forged in ("", "no base64!", "é", mac[:-4], mac + "AAAA", hexadecimal, other):
            with pytest.raises(Forged):
                take(
                    Arrival(
                        headers={**genuine.headers, "x-shopify-hmac-sha256": forged},
                        body=self.BODY,
                        received_at=NOW,
                    )
                )
        with pytest.raises(Forged):
            take(Arrival(headers=genuine.headers, body=self.BODY + b" ", received_at=NOW))
        headers = {k: v for k, v in genuine.headers.items() if k != "x-shopify-hmac-sha256"}
        with pytest.raises(Forged):
            take(Arrival(headers=headers, body=self.BODY, received_at=NOW))

    def test_a_secret_without_its_field_is_a_misconfiguration(self) -> None:
        with pytest.raises(Misconfigured):
            WEBHOOKS.verify(signed("orders/create", self.BODY), {"access_token": "x", "webhook_secret": ""})

    @pytest.mark.parametrize("name", ["X-Shopify-Topic", "X-Shopify-Shop-Domain", "X-Shopify-Webhook-Id"])
    def test_a_missing_header_is_named(self, name: str) -> None:
        genuine = signed("orders/create", self.BODY)
        headers = {k: v for k, v in genuine.headers.items() if k != name.lower()}
        with pytest.raises(BadInput) as caught:
            take(Arrival(headers=headers, body=self.BODY, received_at=NOW))
        assert caught.value.field == name

    @pytest.mark.parametrize(
        ("topic", "body", "field"),
        [
            ("orders/create", {"name": "#1001"}, "id"),
            ("orders/create", {"id": "12", "name": "#1001"}, "id"),
            ("orders/create", {"id": 1.5}, "id"),
            ("orders/edited", {"order_edit": {"id": 1}}, "order_edit.order_id"),
            ("refunds/create", {"id": 1}, "order_id"),
            ("returns/request", {"admin_graphql_api_id": "gid://shopify/Return/1"}, "order"),
            (
                "returns/request",
                {
                    "admin_graphql_api_id": "gid://shopify/Return/1",
                    "order": {"admin_graphql_api_id": "gid://shopify/Order/1"},
                    "return_line_items": [
                        {
                            "quantity": 0,
                            "fulfillment_line_item": {
                                "line_item": {"admin_graphql_api_id": "gid://shopify/LineItem/1"}
                            },
                        }
                    ],
                },
                "return_line_items.0.quantity",
            ),
            (
                "returns/request",
                {
                    "admin_graphql_api_id": "gid://shopify/Return/1",
                    "order": {"admin_graphql_api_id": "1 OR 1"},
                },
                "order.admin_graphql_api_id",
            ),
            ("customers/redact", {"customer": {}}, "customer.id"),
            ("shop/redact", {}, "shop_domain"),
        ],
    )
    def test_another_shape_names_the_field(self, topic: str, body: dict[str, Any], field: str) -> None:
        with pytest.raises(ValidationError) as caught:
            take(signed(topic, json.dumps(body).encode()))
        assert field in {".".join(str(part) for part in error["loc"]) for error in caught.value.errors()}

    @pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"null", b'"text"', b"\xff\xfe", b"{"])
    def test_what_is_no_object_is_refused(self, body: bytes) -> None:
        for topic in _TOPICS:
            with pytest.raises(ValidationError):
                take(signed(topic, body))

    def test_topics_are_read_in_any_case_and_unknown_ones_left_alone(self) -> None:
        assert take(signed("ORDERS/CREATE", self.BODY)) is not None
        assert take(signed("products/update", self.BODY)) is None
