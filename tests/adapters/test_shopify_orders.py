"""What Shopify's tools do with orders: reading, cancelling, addresses."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from fakes import ShopifyFake
from functions.adapters.shopify.client import ShopifyClient
from nightshift.model.order import FulfilmentState, RiskLevel, TransactionKind
from nightshift.money import Money
from nightshift.tools.binding import Done, Found
from tests.adapters.desk import Desk, cancel_of, channel_of, eur, refund_of


@pytest.fixture
def desk(client: ShopifyClient) -> Desk:
    return Desk(client)


class TestReading:
    def test_an_order_is_read_by_id_and_by_its_exact_name(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.create_order(name="#10011")
        order = shop.create_order(
            name="#1001",
            lines=[{"price": "42.00", "quantity": 2, "sku": "MUG-2"}],
            shipping="4.90",
            risk="high",
            fulfilment="shipped",
            tracking={"company": "DHL", "number": "003", "url": "https://tracking.example/003"},
        )
        read = desk.call("orders.get", order="#1001")
        assert read == desk.call("orders.get", order=order.id)
        assert (read.id, read.total, read.captured) == (
            order.id,
            order.total(),
            Money(amount=8890, currency="EUR"),
        )
        assert read.fulfilment is FulfilmentState.SHIPPED
        assert read.risk is RiskLevel.HIGH
        assert [(x.sku, x.quantity, x.unit_price.amount) for x in read.lines] == [("MUG-2", 2, 4200)]
        assert [(x.kind, x.succeeded) for x in read.transactions] == [(TransactionKind.SALE, True)]
        assert [x.tracking_number for x in read.fulfilments] == ["003"]
        assert read.customer.email == "kim@example.com"

    def test_ids_beyond_what_a_float_holds_stay_exact(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001", id=2**63 - 25)
        assert (
            desk.call("orders.get", order="#1001").id == order.id == "gid://shopify/Order/9223372036854775783"
        )

    @pytest.mark.parametrize(
        "order", ["#999", "gid://shopify/Order/1", "#1001 OR status:any", '" OR name:*', "#100"]
    )
    def test_an_order_that_is_not_there(self, desk: Desk, shop: ShopifyFake, order: str) -> None:
        shop.create_order(name="#1001")
        assert desk.code("orders.get", order=order) == "Rejected:order.not_found"

    @pytest.mark.parametrize("customer", ["gid://shopify/Customer/1", "kim@example.com"])
    def test_a_customer_that_is_not_there(self, desk: Desk, customer: str) -> None:
        assert desk.code("orders.get_customer", customer=customer) == "Rejected:customer.not_found"

    def test_a_delivered_order_says_so(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.create_order(name="#1001", fulfilment="delivered")
        assert desk.call("orders.get", order="#1001").fulfilment is FulfilmentState.DELIVERED

    def test_an_authorisation_is_not_captured_money(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.create_order(name="#1001", payments=[{"amount": "42.00", "kind": "authorization"}])
        assert desk.call("orders.get", order="#1001").captured == Money.zero("EUR")

    def test_a_yen_order_has_no_minor_digits(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.create_order(name="#1001", currency="JPY", lines=[{"price": "4200"}])
        assert desk.call("orders.get", order="#1001").total == Money(amount=4200, currency="JPY")


class TestCancelling:
    def test_an_order_is_cancelled_when_its_job_is_finished(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.books.job_polls = 5
        order = shop.create_order(name="#1001")
        done = desk.call("orders.cancel", **cancel_of(order))
        assert done.cancelled_at == order.cancelled_at
        assert done.refunded.amount == 4200
        assert order.staff_note == "nightshift:key_one"
        assert shop.books.requests["job"] == 5

    def test_a_job_that_outlasts_the_budget_is_found_later(
        self, shop: ShopifyFake, client: ShopifyClient
    ) -> None:
        at = [0.0]
        slow = ShopifyClient(
            channel_of(client),
            shop.access_token,
            tick=lambda: at[0],
            pause=lambda s: at.__setitem__(0, at[0] + s),
        )
        shop.books.job_polls = 500
        order = shop.create_order(name="#1001")
        desk = Desk(slow)
        assert desk.code("orders.cancel", **cancel_of(order)) == "OutcomeUnknown:cancel.running"
        assert at[0] < 18
        assert desk.probe("orders.cancel", **cancel_of(order)) is Found.ABSENT
        for _ in range(500):
            shop.books.tick()
        assert isinstance(desk.probe("orders.cancel", **cancel_of(order)), Done)

    @pytest.mark.parametrize("fulfilment", ["in_progress", "partial", "shipped", "delivered"])
    def test_what_fulfilment_has_accepted_is_not_cancelled(
        self, desk: Desk, shop: ShopifyFake, fulfilment: str
    ) -> None:
        order = shop.create_order(name="#1001", fulfilment=fulfilment)
        assert desk.code("orders.cancel", **cancel_of(order)) == "Rejected:order.shipped"
        assert shop.books.requests["orderCancel"] == 0

    def test_the_money_at_risk_is_what_was_seen(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        assert desk.code("orders.cancel", **cancel_of(order, 4000)) == "Rejected:state.changed"
        desk.call("payments.refund", **refund_of(order, 1000))
        assert desk.code("orders.cancel", **cancel_of(order)) == "Rejected:state.changed"
        assert (
            desk.call(
                "orders.cancel", **{**cancel_of(order, 3200), "expected_refunded": eur(1000)}
            ).refunded.amount
            == 4200
        )

    def test_a_cancelled_order_is_not_cancelled_again(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        desk.call("orders.cancel", key="key_of_a_colleague", **cancel_of(order))
        assert desk.code("orders.cancel", **cancel_of(order)) == "Rejected:order.cancelled"

    def test_a_cancellation_whose_refund_is_pending_is_not_done(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.books.pending_refunds = True
        order = shop.create_order(name="#1001")
        assert desk.code("orders.cancel", **cancel_of(order)) == "OutcomeUnknown:refund.pending"
        assert desk.probe("orders.cancel", **cancel_of(order)) is Found.UNSURE
        shop.books.settle_refunds()
        assert isinstance(desk.probe("orders.cancel", **cancel_of(order)), Done)

    def test_a_job_that_cannot_be_asked_leaves_it_open(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.books.job_polls = 3
        order = shop.create_order(name="#1001")
        shop.fail("503", "job")
        assert desk.code("orders.cancel", **cancel_of(order)) == "OutcomeUnknown:vendor.unconfirmed"

    def test_an_order_being_edited_is_not_cancelled(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001", editable=False)
        assert desk.code("orders.cancel", **cancel_of(order)) == "Rejected:order.being_edited"


NEW_ADDRESS: dict[str, JsonValue] = {
    "name": "Kim de Vries",
    "line1": "Ringstr. 9",
    "line2": "c/o Vries",
    "city": "Köln",
    "postcode": "50 667",
    "country": "DE",
}


class TestAddresses:
    def test_an_address_is_set_and_the_old_one_given_back(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        done = desk.call("orders.set_address", order=order.id, address=NEW_ADDRESS)
        assert done.address.line1 == "Ringstr. 9"
        assert done.before.line1 == "Lindenstr. 5"
        undone = desk.call("orders.set_address", order=order.id, address=done.before.model_dump())
        assert undone.address.line1 == "Lindenstr. 5"

    def test_the_address_it_has_is_no_second_write(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        tidied = {**NEW_ADDRESS, "city": "KÖLN", "postcode": "50667"}
        desk.call("orders.set_address", order=order.id, address=NEW_ADDRESS)
        desk.call("orders.set_address", order=order.id, address=tidied)
        assert shop.books.requests["orderUpdate"] == 1

    @pytest.mark.parametrize("fulfilment", ["in_progress", "partial", "shipped"])
    def test_fulfilment_has_the_last_word(self, desk: Desk, shop: ShopifyFake, fulfilment: str) -> None:
        order = shop.create_order(name="#1001", fulfilment=fulfilment)
        assert (
            desk.code("orders.set_address", order=order.id, address=NEW_ADDRESS) == "Rejected:order.shipped"
        )

    def test_neither_an_edited_nor_a_cancelled_order_is_changed(self, desk: Desk, shop: ShopifyFake) -> None:
        edited = shop.create_order(name="#1001", editable=False)
        assert (
            desk.code("orders.set_address", order=edited.id, address=NEW_ADDRESS)
            == "Rejected:order.being_edited"
        )
        cancelled = shop.create_order(name="#1002")
        desk.call("orders.cancel", **cancel_of(cancelled))
        assert (
            desk.code("orders.set_address", order=cancelled.id, address=NEW_ADDRESS)
            == "Rejected:order.cancelled"
        )
