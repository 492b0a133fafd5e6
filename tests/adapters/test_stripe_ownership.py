"""Whose money it is: Stripe moves only what no commerce order owns, and whatever is unclear stays put."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import StripeFake
from functions.adapters.stripe.client import StripeClient
from functions.adapters.stripe.models.payments import ChargeNode, IntentNode, InvoiceNode, SessionNode
from functions.adapters.stripe.ownership import STANDALONE, refuse_owned, standing
from nightshift.errors import Rejected
from tests.adapters.stripe_desk import StripeDesk, credit_of, money, refund_of

OWNED = "Rejected:payment.owned"
UNKNOWN = "Rejected:payment.origin_unknown"

# what commerce platforms and gateways leave on a charge, as their documentation and plug-ins show it
TRACES: tuple[dict[str, Any], ...] = (
    {"metadata": {"order_id": "6735"}},
    {"metadata": {"Order Number": "1001"}},
    {"metadata": {"orderID": "A-1"}},
    {"metadata": {"shop_name": "acme.myshopify.com"}},
    {"metadata": {"source": "Shopify"}},
    {"metadata": {"checkout_id": "c_1"}},
    {"metadata": {"cart": "9"}},
    {"metadata": {"site_url": "https://store.example"}},
    {"metadata": {"transaction": "gid://shopify/OrderTransaction/1"}},
    {"metadata": {"note": "wc_order_5f3a"}},
    {"metadata": {"via": "woocommerce 8.1"}},
    {"metadata": {"bestellnummer": "88"}},
    {"metadata": {"ref": "Order #1001"}},
    {"intent_metadata": {"order_id": "6735"}},
    {"session_metadata": {"order": "1"}},
    {"client_reference_id": "cart-77"},
    {"description": "Acme - Order 1001"},
    {"description": "Bestellung Nr. 10442"},
    {"description": "Pedido #A77"},
    {"more": {"application": "ca_shopify"}},
    {"more": {"on_behalf_of": "acct_other"}},
    {"more": {"transfer_data": {"amount": None, "destination": "acct_other"}}},
    {"more": {"transfer_group": "ORDER10"}},
    {"more": {"application_fee": "fee_1"}},
    {"more": {"source_transfer": "tr_1"}},
    {"more": {"shipping": {"carrier": "DHL", "tracking_number": "1Z", "address": {}}}},
)


@pytest.fixture
def desk(stripe_client: StripeClient) -> StripeDesk:
    return StripeDesk(stripe_client)


@pytest.mark.guarantee("effects:only-unowned-payments")
@pytest.mark.parametrize("traces", TRACES, ids=str)
def test_what_an_order_owns_is_neither_quoted_nor_refunded(
    account: StripeFake, desk: StripeDesk, traces: dict[str, Any]
) -> None:
    charge = account.paid(**traces)
    assert desk.code("payments.quote_refund", order=charge.intent) == OWNED
    assert desk.code("payments.refund", **refund_of(charge)) == OWNED
    assert "owns it" in desk.call("payments.get", payment=charge.intent).owned
    assert account.books.requests["refunds.create"] == 0


@pytest.mark.parametrize("traces", [{"invoice_metadata": {"order_id": "1"}}, {"metadata": {"order_id": "1"}}])
def test_nor_is_its_invoice_credited(account: StripeFake, desk: StripeDesk, traces: dict[str, Any]) -> None:
    charge = account.paid(origin="invoice", **traces)
    invoice = account.books.invoices[charge.invoice or ""]
    assert desk.code("payments.quote_credit", invoice=invoice.id) == OWNED
    assert desk.code("payments.credit_note", **credit_of(invoice, 500)) == OWNED
    assert account.books.requests["credit_notes.create"] == 0


def test_an_open_invoice_of_an_order_is_not_credited(account: StripeFake, desk: StripeDesk) -> None:
    account.pay(origin="invoice", paid=False, invoice_metadata={"woocommerce_order_id": "7"})
    invoice = next(iter(account.books.invoices.values()))
    assert desk.code("payments.credit_note", **credit_of(invoice, 500)) == OWNED


@pytest.mark.parametrize("origin", ["api", "checkout"])
def test_what_nobody_can_tell_the_origin_of_is_left_alone(
    account: StripeFake, desk: StripeDesk, origin: str
) -> None:
    charge = account.paid(origin=origin)
    assert desk.code("payments.quote_refund", order=charge.intent) == UNKNOWN
    assert desk.code("payments.refund", **refund_of(charge)) == UNKNOWN


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"origin": "invoice"},
        {"origin": "api", "metadata": {STANDALONE: "true"}},
        {"origin": "api", "intent_metadata": {STANDALONE: "true"}},
        {"metadata": {"campaign": "spring", "nightshift_note": "order"}},
        {"description": "Payment for Invoice"},
        {"description": "Subscription creation"},
        {"more": {"shipping": {"name": "Kim", "address": {}, "carrier": None, "tracking_number": None}}},
    ],
    ids=str,
)
def test_what_stands_alone_is_refunded(account: StripeFake, desk: StripeDesk, fields: dict[str, Any]) -> None:
    charge = account.paid(**fields)
    assert desk.call("payments.refund", **refund_of(charge)).amount.amount == 1250


def test_a_store_cannot_declare_away_what_an_order_owns(account: StripeFake, desk: StripeDesk) -> None:
    charge = account.paid(metadata={STANDALONE: "true", "order_id": "1"})
    assert desk.code("payments.refund", **refund_of(charge)) == OWNED


def test_the_words_name_the_mark_and_never_its_value(account: StripeFake, desk: StripeDesk) -> None:
    charge = account.paid(metadata={"order_name": "Kim Jansen, Lindenstr. 5"})
    owned = desk.call("payments.get", payment=charge.intent).owned
    assert "metadata of the charge" in owned
    assert "Jansen" not in owned


def _charge(**fields: object) -> ChargeNode:
    base: dict[str, object] = {
        "id": "ch_1", "created": 1, "currency": "eur", "amount_captured": 100, "amount_refunded": 0,
        "captured": True, "disputed": False, "status": "succeeded",
    }  # fmt: skip
    return ChargeNode.model_validate({**base, **fields})


_SESSION = SessionNode(id="cs_1", payment_link="plink_1")
_TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
_MARKS = st.sampled_from(
    ["order_id", "ORDER", "shopify_id", "x_order_ref", "wc-key", "cart_token", "checkout"]
)


@pytest.mark.guarantee("effects:only-unowned-payments")
@settings(max_examples=200, deadline=None)
@given(
    others=st.dictionaries(_TEXT, _TEXT, max_size=6),
    mark=_MARKS,
    value=_TEXT,
    where=st.sampled_from(["charge", "intent", "invoice", "session"]),
    declared=st.booleans(),
)
def test_one_mark_anywhere_is_enough(
    others: dict[str, str],
    mark: str,
    value: str,
    where: str,
    declared: bool,  # noqa: FBT001  # a strategy's value
) -> None:
    def metadata(of: str) -> dict[str, str]:
        extra = {STANDALONE: "true"} if declared else {}
        return {**others, **extra, **({mark: value} if of == where else {})}

    intent = IntentNode(id="pi_1", created=1, currency="eur", status="succeeded", metadata=metadata("intent"))
    invoice = InvoiceNode(
        id="in_1",
        currency="eur",
        total=100,
        amount_paid=100,
        amount_remaining=0,
        metadata=metadata("invoice"),
    )
    session = _SESSION.model_copy(update={"metadata": metadata("session")})
    found = standing(_charge(metadata=metadata("charge")), intent, invoice, (session,))
    assert "owns it" in found
    with pytest.raises(Rejected) as caught:
        refuse_owned(found)
    assert caught.value.code == "payment.owned"


@pytest.mark.parametrize(
    "evidence", [(None, (_SESSION,)), ("in_1", ()), (None, ()), (None, (SessionNode(id="cs_1"),))]
)
def test_only_an_invoice_or_a_payment_link_speaks_for_a_charge(
    evidence: tuple[str | None, tuple[SessionNode, ...]],
) -> None:
    ref, sessions = evidence
    invoice = (
        InvoiceNode(id=ref, currency="eur", total=100, amount_paid=100, amount_remaining=0) if ref else None
    )
    stands_alone = ref is not None or any(each.payment_link for each in sessions)
    assert (standing(_charge(), None, invoice, sessions) == "") is stands_alone


def test_money_is_never_below_nothing(account: StripeFake, desk: StripeDesk) -> None:
    charge = account.paid(amount=100)
    account.books.refund(charge, 100, metadata={}, reason=None)
    assert desk.room("payments.refund", **refund_of(charge, 100)) == 0
    args = refund_of(charge, 100, expected_refunded=money(100))
    assert desk.code("payments.refund", **args) == "Rejected:refund.nothing_left"
