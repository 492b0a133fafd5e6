"""The stand-in vendors themselves: what they promise to tests and to the demo."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import FakeVendors, ShopifyFake
from fakes.shopify_graph import execute
from tests.conftest import free_port

REFUND = """
mutation R($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) { refund { id } userErrors { message } }
}"""


def given_refund(shop: ShopifyFake, amount: str = "10.00", **more: object) -> dict[str, Any]:
    order = next(iter(shop.books.orders.values()))
    paid = order.transactions[0]
    moved = {
        "amount": amount,
        "gateway": paid.gateway,
        "kind": "REFUND",
        "orderId": order.id,
        "parentId": paid.id,
    }
    return {"orderId": order.id, "transactions": [moved], **more}


def ask(shop: ShopifyFake, document: str, **variables: object) -> dict[str, Any]:
    return execute(shop.books, document, variables, None)


class TestShop:
    @pytest.fixture(autouse=True)
    def _order(self, shop: ShopifyFake) -> None:
        shop.create_order(name="#1001")

    def test_refunds_need_a_key(self, shop: ShopifyFake) -> None:
        bare = REFUND.replace(" @idempotent(key: $key)", "").replace(", $key: String!", "")
        for answer in (
            ask(shop, bare, input=given_refund(shop)),
            ask(shop, REFUND, input=given_refund(shop), key=" "),
        ):
            assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert shop.books.refunds == []

    def test_the_same_key_gives_the_same_refund(self, shop: ShopifyFake) -> None:
        first = ask(shop, REFUND, input=given_refund(shop), key="k")
        assert ask(shop, REFUND, input=given_refund(shop), key="k") == first
        other = ask(shop, REFUND, input=given_refund(shop, "11.00"), key="k")["data"]["refundCreate"]
        assert other["refund"] is None
        assert "idempotency key" in other["userErrors"][0]["message"]
        assert len(shop.books.refunds) == 1

    def test_keys_can_be_ignored(self, shop: ShopifyFake) -> None:
        shop.books.honour_keys = False
        for _ in range(2):
            ask(shop, REFUND, input=given_refund(shop), key="k")
        assert [refund.amount.amount for refund in shop.books.refunds] == [1000, 1000]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"transactions": [{"amount": "42.01"}]},
            {"transactions": [{"amount": "30.00"}, {"amount": "30.00"}]},
            {"transactions": [{"amount": "1.00", "parentId": "gid://shopify/OrderTransaction/1"}]},
            {"transactions": [{"amount": "1.00", "gateway": "another"}]},
            {"transactions": [{"amount": "1.00", "kind": "SALE"}]},
            {"currency": "USD"},
            {"refundLineItems": [{"lineItemId": "gid://shopify/LineItem/1", "quantity": 1}]},
            {"orderId": "gid://shopify/Order/1"},
        ],
    )
    def test_it_never_over_refunds(self, shop: ShopifyFake, wrong: dict[str, Any]) -> None:
        whole = given_refund(shop)
        moved = [{**whole["transactions"][0], **each} for each in wrong.get("transactions", [{}])]
        answer = ask(shop, REFUND, input={**whole, **wrong, "transactions": moved}, key="k")["data"][
            "refundCreate"
        ]
        assert answer["refund"] is None
        assert answer["userErrors"]
        assert shop.books.refunds == []

    def test_a_search_for_a_name_also_finds_near_ones(self, shop: ShopifyFake) -> None:
        shop.create_order(name="#10012")
        found = ask(
            shop, "query Q($q: String) { orders(first: 9, query: $q) { nodes { name } } }", q='name:"#1001"'
        )
        assert [node["name"] for node in found["data"]["orders"]["nodes"]] == ["#1001", "#10012"]

    def test_unknown_fields_are_refused(self, shop: ShopifyFake) -> None:
        assert ask(shop, "{ shop { email } }")["errors"][0]["extensions"]["code"] == "undefinedField"


class TestServing:
    def post(self, vendors: FakeVendors, path: str, body: dict[str, Any]) -> httpx.Response:
        return httpx.post(f"{vendors.url}{path}", json=body, trust_env=False)

    def get(self, vendors: FakeVendors, path: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{vendors.url}{path}", trust_env=False).json()
        return found

    def test_an_order_is_entered_over_http_and_read_back(self, vendors: FakeVendors) -> None:
        name = f"{uuid.uuid4().hex}.myshopify.com"
        made = self.post(
            vendors, f"/shopify/{name}/_orders", {"name": "#1001", "lines": [{"price": "12.50"}]}
        ).json()
        books = self.get(vendors, f"/shopify/{name}/_books")
        assert books["orders"][0]["id"] == made["id"]
        assert books["orders"][0]["captured"] == "12.50"
        assert self.get(vendors, "/_books")["shopify"][name] == books

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("_orders", {"lines": []}, "name"),
            ("_orders", {"name": "#1", "colour": "red"}, "colour"),
            ("_faults", {"kind": "earthquake"}, "kind"),
            ("_switches", {"honour_keys": "no"}, "honour_keys"),
            ("_nothing", {}, "_nothing"),
            ("_deliveries", {"topic": "orders/create"}, "orders/create"),
        ],
    )
    def test_wrong_input_names_the_field(
        self, vendors: FakeVendors, shop: ShopifyFake, path: str, body: dict[str, Any], field: str
    ) -> None:
        answer = self.post(vendors, f"/shopify/{shop.shop}/{path}", body)
        assert answer.status_code == 400
        assert field in answer.json()["error"]

    def test_switches_faults_and_reset_over_http(self, vendors: FakeVendors, shop: ShopifyFake) -> None:
        base = f"/shopify/{shop.shop}"
        self.post(vendors, f"{base}/_switches", {"honour_keys": False, "job_polls": 4})
        assert (shop.books.honour_keys, shop.books.job_polls) == (False, 4)
        self.post(vendors, f"{base}/_faults", {"kind": "500", "operation": "order", "times": 2})
        assert [fault.kind if (fault := shop.faults.take(["order"])) else None for _ in range(3)] == [
            "500",
            "500",
            None,
        ]
        self.post(vendors, f"{base}/_orders", {"name": "#1001"})
        self.post(vendors, f"{base}/_reset", {})
        assert (shop.books.orders, shop.books.honour_keys) == ({}, True)

    def test_a_delivery_is_made_over_http(self, vendors: FakeVendors, shop: ShopifyFake) -> None:
        shop.create_order(name="#1001")
        made = self.post(
            vendors, f"/shopify/{shop.shop}/_deliveries", {"topic": "orders/create", "order": "#1001"}
        ).json()
        assert json.loads(made["body"])["name"] == "#1001"
        assert made["headers"]["X-Shopify-Topic"] == "orders/create"

    def test_a_message_is_made_over_http(self, vendors: FakeVendors) -> None:
        made = self.post(
            vendors, "/contact/acme/_deliveries", {"conversation": "conv-9", "text": "hello"}
        ).json()
        assert json.loads(made["body"])["conversation"] == "conv-9"
        assert "conv-9" in vendors.contact("acme").conversations

    def test_two_servers_share_nothing_and_stop_cleanly(self) -> None:
        with FakeVendors() as one, FakeVendors() as other:
            one.shopify().create_order(name="#1001")
            assert other.books()["shopify"] == {}
            assert one.port != other.port
            url = one.url
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/_books", trust_env=False)

    def test_python_m_fakes_serve_needs_nothing_but_the_repository(self, tmp_path: Path) -> None:
        port = free_port()
        repository = Path(__file__).parents[2]
        command = [sys.executable, "-m", "fakes.serve", "--port", str(port)]
        process = subprocess.Popen(  # our own module, by our own interpreter
            command, cwd=repository, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        )
        try:
            deadline = time.monotonic() + 20
            answer: httpx.Response | None = None
            while answer is None and time.monotonic() < deadline:
                try:
                    answer = httpx.get(f"http://127.0.0.1:{port}/_books", trust_env=False)
                except httpx.ConnectError:
                    time.sleep(0.05)
            assert answer is not None
            vendors = ("shopify", "contact", "ses", "stripe", "amazon", "ebay", "competitor")
            assert answer.json() == {vendor: {} for vendor in vendors}
        finally:
            process.terminate()
            process.wait(10)
