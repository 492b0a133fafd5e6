"""What Shopify's tools do with orders and money, at the stand-in shop."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from fakes import OrderRecord, ShopifyFake
from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.tools import ADAPTER
from nightshift.errors import Misconfigured, Throttled, WireError
from nightshift.ids import as_uuid
from nightshift.model.order import FulfilmentState, RiskLevel, TransactionKind
from nightshift.model.tenant import Channel
from nightshift.money import Money
from nightshift.tools.binding import Binding, Call, Done, Found


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


class Desk:
    """Calls tools by name with plain arguments."""

    def __init__(self, client: ShopifyClient) -> None:
        self.client = client

    def call(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> Any:  # noqa: ANN401  # each tool has its own output
        return self.done(tool, key=key, **args).output

    def done(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> Done:
        binding = ADAPTER.binding(tool)
        assert binding is not None
        return binding.call(self._call(binding, key, args))

    def probe(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> Done | Found:
        binding = ADAPTER.binding(tool)
        assert binding is not None
        assert binding.probe is not None
        return binding.probe(self._call(binding, key, args))

    def room(self, tool: str, **args: JsonValue) -> int:
        binding = ADAPTER.binding(tool)
        assert binding is not None
        assert binding.room is not None
        return binding.room(self._call(binding, "key_one", args)).left

    def code(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> str:
        """The code of the error that a call ends with."""
        with pytest.raises(WireError) as caught:
            self.call(tool, key=key, **args)
        return f"{type(caught.value).__name__}:{caught.value.code}"

    def _call(self, binding: Binding, key: str, args: dict[str, JsonValue]) -> Call[ShopifyClient]:
        return Call(client=self.client, args=binding.contract.input.model_validate(args), key=key)


@pytest.fixture
def desk(client: ShopifyClient) -> Desk:
    return Desk(client)


def refund_of(order: OrderRecord, amount: int = 4200, **more: JsonValue) -> dict[str, Any]:
    payment = order.transactions[0]
    return {
        "order": order.id,
        "amount": eur(amount),
        "expected_refunded": eur(0),
        "transactions": [{"parent": payment.id, "gateway": payment.gateway, "amount": eur(amount)}],
        "restock": "no_restock",
        **more,
    }


def cancel_of(order: OrderRecord, amount: int = 4200, **more: JsonValue) -> dict[str, Any]:
    return {
        "order": order.id,
        "reason": "customer",
        "amount": eur(amount),
        "expected_refunded": eur(0),
        "restock": True,
        **more,
    }


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


class TestQuotes:
    def test_lines_are_quoted_over_the_payments_that_took_them(self, desk: Desk, shop: ShopifyFake) -> None:
        card, gift = {"amount": "30.00", "gateway": "gift_card"}, {"amount": "16.90"}
        order = shop.create_order(name="#1001", shipping="4.90", payments=[card, gift])
        quote = desk.call("payments.quote_refund", order=order.id, everything=True)
        assert quote.amount.amount == 4690
        assert [(t.gateway, t.amount.amount) for t in quote.transactions] == [
            ("gift_card", 3000),
            ("shopify_payments", 1690),
        ]
        one = desk.call(
            "payments.quote_refund", order=order.id, lines=[{"line": order.lines[0].id, "quantity": 1}]
        )
        assert one.amount.amount == 4200
        assert [(x.line, x.quantity) for x in one.lines] == [(order.lines[0].id, 1)]

    def test_a_double_charge_is_quoted_as_its_own_payment(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001", payments=[{"amount": "42.00"}, {"amount": "42.00"}])
        second = order.transactions[1].id
        quote = desk.call("payments.quote_refund", order=order.id, payment=second)
        assert (quote.amount.amount, quote.captured.amount, quote.lines) == (4200, 8400, ())
        assert [t.parent for t in quote.transactions] == [second]

    def test_what_was_refunded_is_not_quoted_again(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        desk.call("payments.refund", **refund_of(order))
        assert (
            desk.code("payments.quote_refund", order=order.id, everything=True)
            == "Rejected:refund.nothing_left"
        )
        assert (
            desk.code("payments.quote_refund", order=order.id, payment=order.transactions[0].id)
            == "Rejected:refund.nothing_left"
        )

    def test_nothing_asked_is_nothing_quoted(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        assert desk.code("payments.quote_refund", order=order.id) == "Rejected:refund.nothing_left"

    def test_an_order_being_edited_is_not_quoted(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001", editable=False)
        assert (
            desk.code("payments.quote_refund", order=order.id, everything=True)
            == "Rejected:order.being_edited"
        )


class TestRefunds:
    def test_a_refund_goes_back_the_way_it_came(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001", lines=[{"price": "42.00", "quantity": 2}])
        lines = [{"line": order.lines[0].id, "quantity": 1}]
        made = desk.done("payments.refund", **refund_of(order, lines=lines, restock="return", note="broken"))
        entry = shop.books.refunds[0]
        assert made.vendor_ref == entry.id
        assert (entry.amount.amount, entry.key, entry.lines) == (
            4200,
            as_uuid("key_one"),
            ((order.lines[0].id, 1),),
        )
        assert entry.note == "broken [nightshift:key_one]"
        assert [t.parent for t in entry.transactions] == [order.transactions[0].id]
        assert order.lines[0].left == 1

    def test_a_note_that_is_too_long_keeps_its_trace(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        args = refund_of(order, note="x" * 255)
        desk.call("payments.refund", **args)
        assert len(shop.books.refunds[0].note) == 255
        assert isinstance(desk.probe("payments.refund", **args), Done)

    def test_more_than_is_left_is_refused(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        assert desk.code("payments.refund", **refund_of(order, 4201)) == "Rejected:refund.too_much"
        other = {**refund_of(order), "amount": eur(4100)}
        assert desk.code("payments.refund", **other) == "Rejected:refund.too_much"
        units = refund_of(order, lines=[{"line": order.lines[0].id, "quantity": 2}])
        assert desk.code("payments.refund", **units) == "Rejected:refund.too_much"
        assert shop.books.refunds == []
        assert shop.books.requests["refundCreate"] == 0

    def test_one_payment_does_not_give_twice_what_it_took(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001", payments=[{"amount": "30.00"}, {"amount": "30.00"}])
        part = {"parent": order.transactions[0].id, "gateway": "shopify_payments", "amount": eur(2000)}
        twice = {**refund_of(order, 4000), "transactions": [part, part]}
        assert desk.code("payments.refund", **twice) == "Rejected:refund.too_much"
        assert shop.books.requests["refundCreate"] == 0

    def test_the_state_is_compared_before_the_mutation(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        desk.call("payments.refund", key="key_of_a_colleague", **refund_of(order, 1000))
        assert desk.code("payments.refund", **refund_of(order, 1000)) == "Rejected:state.changed"
        assert len(shop.books.refunds) == 1

    def test_a_foreign_or_failed_payment_is_no_parent(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        foreign = shop.create_order(name="#1002")
        args = {**refund_of(order), "transactions": refund_of(foreign)["transactions"]}
        assert desk.code("payments.refund", **args) == "Rejected:refund.too_much"

    def test_an_order_being_edited_is_left_alone(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001", editable=False)
        assert desk.code("payments.refund", **refund_of(order)) == "Rejected:order.being_edited"
        assert shop.books.requests["refundCreate"] == 0

    def test_a_write_takes_no_name_for_an_order(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        assert (
            desk.code("payments.refund", **{**refund_of(order), "order": "#1001"})
            == "Rejected:order.not_found"
        )
        assert (
            desk.code("orders.cancel", **{**cancel_of(order), "order": "#1001"}) == "Rejected:order.not_found"
        )

    def test_a_pending_refund_is_done_when_it_has_settled(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.books.pending_refunds = True
        order = shop.create_order(name="#1001")
        assert desk.code("payments.refund", **refund_of(order)) == "OutcomeUnknown:refund.pending"
        assert desk.probe("payments.refund", **refund_of(order)) is Found.UNSURE
        assert desk.room("payments.refund", **refund_of(order)) == 0
        assert desk.call("orders.get", order=order.id).refunded.amount == 4200
        shop.books.settle_refunds()
        found = desk.probe("payments.refund", **refund_of(order))
        assert isinstance(found, Done)
        assert found.vendor_ref == shop.books.refunds[0].id
        assert len(shop.books.refunds) == 1

    def test_a_refund_that_was_not_paid_out_is_for_a_person(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.books.pending_refunds = True
        order = shop.create_order(name="#1001")
        desk.code("payments.refund", **refund_of(order))
        shop.books.settle_refunds("FAILURE")
        assert desk.probe("payments.refund", **refund_of(order)) is Found.UNSURE
        assert desk.code("payments.refund", **refund_of(order)) == "OutcomeUnknown:refund.failed"

    def test_a_vendor_that_forgets_keys_still_refunds_once(self, desk: Desk, shop: ShopifyFake) -> None:
        shop.books.honour_keys = False
        order = shop.create_order(name="#1001", lines=[{"price": "42.00", "quantity": 2}])
        shop.fail("drop_after", "refundCreate")
        assert desk.code("payments.refund", **refund_of(order)) == "OutcomeUnknown:vendor.dropped"
        first = desk.probe("payments.refund", **refund_of(order))
        again = desk.done("payments.refund", **refund_of(order))
        assert isinstance(first, Done)
        assert first.vendor_ref == again.vendor_ref
        assert len(shop.books.refunds) == 1
        assert shop.books.requests["refundCreate"] == 1

    def test_a_refund_that_cannot_be_re_read_is_unknown(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        shop.fail("500", "MoneyState")
        assert desk.code("payments.refund", **refund_of(order)) == "OutcomeUnknown:vendor.unconfirmed"
        assert isinstance(desk.probe("payments.refund", **refund_of(order)), Done)

    def test_a_foreign_currency_is_refunded_as_the_customer_paid(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001", currency="EUR", shop_currency="USD")
        assert desk.call("payments.refund", **refund_of(order)).amount == Money(amount=4200, currency="EUR")

    def test_many_refunds_make_a_missing_key_prove_nothing(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        for n in range(50):
            given = {
                "orderId": order.id,
                "transactions": [
                    {
                        "amount": "0.10",
                        "gateway": "shopify_payments",
                        "kind": "REFUND",
                        "orderId": order.id,
                        "parentId": order.transactions[0].id,
                    }
                ],
            }
            assert shop.books.refund(given, f"key {n}")[1] is None
        assert desk.probe("payments.refund", **refund_of(order)) is Found.UNSURE


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
            _channel_of(client),
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


class TestAnswers:
    @pytest.mark.parametrize(
        ("kind", "read", "write"),
        [
            ("throttled", "Throttled:vendor.throttled", "Throttled:vendor.throttled"),
            ("access_denied", "Misconfigured:vendor.unauthorised", "Misconfigured:vendor.unauthorised"),
            ("internal", "Retryable:vendor.trouble", "OutcomeUnknown:vendor.trouble"),
        ],
    )
    def test_graphql_errors_behind_a_200(
        self, desk: Desk, shop: ShopifyFake, kind: str, read: str, write: str
    ) -> None:
        order = shop.create_order(name="#1001")
        shop.fail(kind, "Order")
        assert desk.code("orders.get", order=order.id) == read
        shop.fail(kind, "refundCreate")
        assert desk.code("payments.refund", **refund_of(order)) == write
        assert shop.books.refunds == []

    def test_throttling_waits_for_the_points_it_needs(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        shop.fail("throttled")
        with pytest.raises(Throttled) as caught:
            desk.call("orders.get", order=order.id)
        assert caught.value.retry_after == pytest.approx((700 - 200) / 100)

    def test_a_wrong_token_stops(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        shop.access_token = "another"
        assert desk.code("orders.get", order=order.id) == "Misconfigured:vendor.unauthorised"

    def test_a_reused_key_is_a_misconfiguration(self, desk: Desk, shop: ShopifyFake) -> None:
        order = shop.create_order(name="#1001")
        shop.books.keys[as_uuid("key_one")] = ("something else", shop.books.refunds)  # type: ignore[assignment]  # never read
        with pytest.raises(Misconfigured) as caught:
            desk.call("payments.refund", **refund_of(order))
        assert caught.value.code == "vendor.key_reused"

    def test_a_slow_shop_uses_up_the_budget_before_anything_is_sent(
        self, shop: ShopifyFake, client: ShopifyClient
    ) -> None:
        ticks = iter([0.0, 1.0, 100.0])
        late = ShopifyClient(_channel_of(client), shop.access_token, tick=lambda: next(ticks))
        order = shop.create_order(name="#1001")
        assert Desk(late).code("payments.refund", **refund_of(order)) == "Retryable:vendor.slow"
        assert shop.books.requests["refundCreate"] == 0

    def test_codes_of_refusals_stand_in_the_contracts(self) -> None:
        for tool in ("payments.refund", "orders.cancel", "orders.set_address"):
            binding = ADAPTER.binding(tool)
            assert binding is not None
            assert {"order.not_found", "order.being_edited"} <= set(binding.contract.errors)


def _channel_of(client: ShopifyClient) -> Channel:
    base = client.url.partition("/admin/")[0]
    return Channel(
        id="late", tenant="acme", adapter="shopify", account="late", base_url=base, secret_ref="secret"
    )
