"""What Shopify's tools do with money, and what the shop's answers mean, at the stand-in shop."""

from __future__ import annotations

import pytest

from fakes import ShopifyFake
from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.tools import ADAPTER
from nightshift.errors import Misconfigured, Throttled
from nightshift.ids import as_uuid
from nightshift.money import Money
from nightshift.tools.binding import Done, Found
from tests.adapters.desk import Desk, cancel_of, channel_of, eur, refund_of


@pytest.fixture
def desk(client: ShopifyClient) -> Desk:
    return Desk(client)


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
        assert desk.code("orders.get", order=order.id) == "Misconfigured:vendor.credentials"

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
        late = ShopifyClient(channel_of(client), shop.access_token, tick=lambda: next(ticks))
        order = shop.create_order(name="#1001")
        assert Desk(late).code("payments.refund", **refund_of(order)) == "Retryable:vendor.slow"
        assert shop.books.requests["refundCreate"] == 0

    def test_codes_of_refusals_stand_in_the_contracts(self) -> None:
        for tool in ("payments.refund", "orders.cancel", "orders.set_address"):
            binding = ADAPTER.binding(tool)
            assert binding is not None
            assert {"order.not_found", "order.being_edited"} <= set(binding.contract.errors)
