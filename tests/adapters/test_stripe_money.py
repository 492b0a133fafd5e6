"""Stripe's money: what is refunded and credited, what is refused, and what is settled only later."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import ASKED, StripeFake
from functions.adapters.stripe.amounts import money as as_money
from functions.adapters.stripe.amounts import units
from functions.adapters.stripe.client import StripeClient, encoded
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, WireError
from nightshift.model.payment import GivenBackState
from nightshift.model.tenant import Channel
from nightshift.money import Money
from nightshift.tools.binding import Done, Found
from nightshift.tools.contracts.processor import CREDIT_NOTE
from tests.adapters.stripe_desk import StripeDesk, credit_of, money, refund_of

if TYPE_CHECKING:
    from fakes import FakeVendors
    from fakes.stripe_records import Invoice

REFUND, CREDIT = "payments.refund", "payments.credit_note"


@pytest.fixture
def desk(stripe_client: StripeClient) -> StripeDesk:
    return StripeDesk(stripe_client)


def invoice_of(account: StripeFake, **fields: object) -> Invoice:
    account.pay(origin="invoice", **fields)
    return list(account.books.invoices.values())[-1]


class TestReading:
    def test_a_payment_is_found_by_each_of_its_names(self, account: StripeFake, desk: StripeDesk) -> None:
        invoice = invoice_of(account, number="INV-0042")
        found = [
            desk.call("payments.get", payment=ref)
            for ref in (invoice.intent, invoice.charge, invoice.id, "INV-0042")
        ]
        assert {each.id for each in found} == {invoice.intent}
        assert found[0] == found[3]
        assert (found[0].name, found[0].invoice) == ("INV-0042", invoice.id)
        assert (found[0].captured, found[0].refundable) == (Money(amount=1250, currency="EUR"),) * 2
        assert (found[0].email, found[0].customer, found[0].owned) == ("kim@example.com", "cus_kim", "")

    @pytest.mark.parametrize(
        "ref", ["pi_nobody", "ch_nobody", "in_nobody", "INV-9", 'INV" OR "1', "x", "../v1/balance", "pi_é"]
    )
    def test_what_is_not_there_is_refused(self, desk: StripeDesk, ref: str) -> None:
        assert desk.code("payments.get", payment=ref) == "Rejected:payment.not_found"

    def test_two_invoices_of_one_number_are_nobodys(self, account: StripeFake, desk: StripeDesk) -> None:
        for _ in range(2):
            invoice_of(account, number="INV-1")
        assert desk.code("payments.get", payment="INV-1") == "Rejected:payment.not_found"

    def test_an_open_invoice_is_no_payment_yet(self, account: StripeFake, desk: StripeDesk) -> None:
        assert desk.code("payments.get", payment=invoice_of(account, paid=False).id) == (
            "Rejected:payment.not_found"
        )

    def test_refunds_and_disputes_are_seen(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid(amount=4200)
        for status, amount in (("succeeded", 100), ("pending", 200), ("failed", 400)):
            account.books.refund_status = status
            account.books.refund(charge, amount, metadata={}, reason=None)
        disputed = account.books.dispute(charge.id, inquiry=True)
        seen = desk.call("payments.get", payment=charge.intent)
        assert {each.state for each in seen.refunds} == set(GivenBackState)
        assert (seen.refunded.amount, seen.refundable.amount) == (300, 3900)
        assert [(d.id, d.open, d.blocks_refunds) for d in seen.disputes] == [(disputed.id, True, False)]
        assert seen.disputes[0].evidence_due_at == disputed.due_by.replace(microsecond=0)
        assert desk.call("payments.get_dispute", dispute=disputed.id) == seen.disputes[0]

    def test_an_authorisation_has_taken_nothing(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid(captured=False)
        assert desk.call("payments.get", payment=charge.intent).captured.amount == 0
        assert desk.code("payments.quote_refund", order=charge.intent) == "Rejected:refund.nothing_left"

    def test_more_refunds_than_a_page_are_all_counted(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid(amount=1000)
        for _ in range(250):
            account.books.refund(charge, 1, metadata={}, reason=None)
        assert desk.room(REFUND, **refund_of(charge)) == 750
        assert account.books.requests["refunds.list"] == 3

    def test_more_than_can_be_listed_prove_nothing(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid(amount=1000)
        for _ in range(501):
            account.books.refund(charge, 1, metadata={}, reason=None)
        assert desk.probe(REFUND, **refund_of(charge, 100)) is Found.UNSURE
        args = refund_of(charge, 100, expected_refunded=money(501))
        assert desk.code(REFUND, **args).startswith("Rejected:")


class TestRefunds:
    def test_it_is_made_once_and_found_again(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid(amount=4200)
        done = desk.done(REFUND, **refund_of(charge, note="Late"))
        made = list(account.books.refunds.values())
        assert [(each.amount, each.charge, each.key) for each in made] == [(1250, charge.id, "key_one")]
        assert made[0].metadata["nightshift_note"] == "Late"
        assert done.vendor_ref == made[0].id
        assert isinstance(desk.probe(REFUND, **refund_of(charge)), Done)
        assert done.output.refunded_in_all.amount == 1250

    def test_a_charge_without_an_intent_is_named_by_itself(
        self, account: StripeFake, desk: StripeDesk
    ) -> None:
        charge = account.paid(intent=False, metadata={"nightshift_standalone": "true"})
        assert desk.call(REFUND, **refund_of(charge)).order == charge.id

    def test_a_payment_has_one_name_for_writes(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid()
        args = refund_of(charge, order=charge.id)
        assert desk.code(REFUND, **args) == "Rejected:payment.not_canonical"
        invoice = invoice_of(account)
        other = refund_of(account.books.charges[invoice.charge or ""], order=invoice.id)
        assert desk.code(REFUND, **other) == "Rejected:payment.not_canonical"
        assert not account.books.refunds

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"expected_refunded": money(1)}, "state.changed"),
            ({"expected_refunded": money(0, "USD")}, "state.changed"),
            ({"restock": "return"}, "refund.no_lines"),
            ({"lines": [{"line": "il_1", "quantity": 1}]}, "refund.no_lines"),
            ({"amount": money(1300), "transactions": None}, "refund.too_much"),
            ({"amount": money(1)}, "refund.too_much"),
            ({"amount": money(0), "transactions": None}, "refund.too_much"),
            ({"amount": money(-5), "transactions": None}, "refund.too_much"),
            ({"amount": money(1250, "USD"), "transactions": None}, "refund.too_much"),
        ],
    )
    def test_it_is_refused_before_stripe_is_asked(
        self, account: StripeFake, desk: StripeDesk, changes: dict[str, Any], code: str
    ) -> None:
        charge = account.paid()
        args = {**refund_of(charge), **changes}
        if args["transactions"] is None:
            args["transactions"] = [{"parent": charge.id, "gateway": "stripe", "amount": args["amount"]}]
        assert desk.code(REFUND, **args) == f"Rejected:{code}"
        assert account.books.requests["refunds.create"] == 0

    def test_another_charge_cannot_be_slipped_in(self, account: StripeFake, desk: StripeDesk) -> None:
        charge, other = account.paid(), account.paid(amount=9900)
        args = refund_of(charge, transactions=refund_of(other)["transactions"])
        assert desk.code(REFUND, **args) == "Rejected:refund.too_much"
        twice = refund_of(charge, 2500)["transactions"] * 2
        assert desk.code(REFUND, **refund_of(charge, transactions=twice)) == "Rejected:refund.too_much"

    @pytest.mark.parametrize("status", ["pending", "requires_action"])
    def test_it_is_done_only_when_the_money_has_gone_back(
        self, account: StripeFake, desk: StripeDesk, status: str
    ) -> None:
        charge = account.paid()
        account.books.refund_status = status
        assert desk.code(REFUND, **refund_of(charge)) == "OutcomeUnknown:refund.pending"
        assert desk.probe(REFUND, **refund_of(charge)) is Found.UNSURE
        assert desk.room(REFUND, **refund_of(charge)) == 0
        account.books.settle_refunds()
        assert isinstance(desk.probe(REFUND, **refund_of(charge)), Done)
        assert len(account.books.refunds) == 1

    @pytest.mark.parametrize("status", ["failed", "canceled"])
    def test_one_that_failed_moved_nothing(self, account: StripeFake, desk: StripeDesk, status: str) -> None:
        charge = account.paid()
        account.books.refund_status = "pending"
        assert desk.code(REFUND, **refund_of(charge)) == "OutcomeUnknown:refund.pending"
        account.books.settle_refunds(status)
        assert desk.probe(REFUND, **refund_of(charge)) is Found.ABSENT
        assert desk.code(REFUND, **refund_of(charge)) == "Rejected:refund.failed"
        assert desk.room(REFUND, **refund_of(charge)) == 1250
        assert account.books.requests["refunds.create"] == 1

    @pytest.mark.parametrize("inquiry", [False, True])
    def test_a_dispute_blocks_and_an_inquiry_does_not(
        self,
        account: StripeFake,
        desk: StripeDesk,
        inquiry: bool,  # noqa: FBT001  # a parameter of the test
    ) -> None:
        charge = account.paid()
        dispute = account.books.dispute(charge.id, inquiry=inquiry)
        if inquiry:
            assert desk.call("payments.quote_refund", order=charge.intent).refundable.amount == 1250
            return
        for tool, args in ((REFUND, refund_of(charge)), ("payments.quote_refund", {"order": charge.intent})):
            assert desk.code(tool, **args) == "Rejected:payment.disputed"
        assert desk.room(REFUND, **refund_of(charge)) == 0
        dispute.status = "lost"
        assert desk.code(REFUND, **refund_of(charge)) == "Rejected:payment.disputed"
        dispute.status = "won"
        assert desk.call(REFUND, **refund_of(charge)).amount.amount == 1250

    def test_a_dispute_opened_meanwhile_is_stripes_refusal(
        self, account: StripeFake, desk: StripeDesk
    ) -> None:
        charge = account.paid()
        account.books.dispute(charge.id)
        charge.disputed = False  # the reads came before, the dispute between them and the refund
        assert desk.code(REFUND, **refund_of(charge)) == "Rejected:payment.disputed"

    def test_what_stripe_says_in_a_race_is_a_refusal(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid(amount=4200)
        account.books.balance = 100
        assert desk.code(REFUND, **refund_of(charge)) == "Rejected:balance.insufficient"
        assert not account.books.refunds

    def test_somebody_else_was_faster(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid(amount=4200)
        account.books.gone = lambda _: 0 if not account.books.requests["refunds.create"] else 4000  # type: ignore[method-assign]  # refunded between reading and asking
        assert desk.code(REFUND, **refund_of(charge)) == "Rejected:refund.too_much"


class TestKeys:
    def test_the_same_key_replays_and_is_found_by_its_mark(
        self, account: StripeFake, desk: StripeDesk
    ) -> None:
        charge = account.paid(amount=4200)
        assert (
            desk.done(REFUND, **refund_of(charge)).vendor_ref
            == desk.done(REFUND, **refund_of(charge)).vendor_ref
        )
        assert account.books.requests["refunds.create"] == 1

    @pytest.mark.parametrize("kind", ["500", "503"])
    def test_a_failure_that_stripe_keeps_does_not_keep_the_refund_away(
        self, account: StripeFake, desk: StripeDesk, kind: str
    ) -> None:
        charge = account.paid()
        account.fail(kind, "refunds.create")
        assert desk.code(REFUND, **refund_of(charge)) == "OutcomeUnknown:vendor.trouble"
        assert not account.books.refunds
        assert desk.call(REFUND, **refund_of(charge)).amount.amount == 1250
        assert account.books.requests["refunds.create"] == 3  # the second gave the failure again
        assert len(account.books.refunds) == 1

    def test_a_failure_after_the_commit_is_found_by_its_mark(
        self, account: StripeFake, desk: StripeDesk
    ) -> None:
        charge = account.paid()
        account.fail("error_after", "refunds.create")
        assert desk.code(REFUND, **refund_of(charge)) == "OutcomeUnknown:vendor.trouble"
        assert isinstance(desk.probe(REFUND, **refund_of(charge)), Done)
        desk.call(REFUND, **refund_of(charge))
        assert len(account.books.refunds) == 1

    def test_a_key_that_fails_twice_is_for_a_person(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid()
        sent: list[str] = []
        ASKED.append(lambda request: sent.append(request.body))  # type: ignore[arg-type, func-returns-value]  # it finds no fault
        try:
            account.fail("500", "refunds.create")
            desk.code(REFUND, **refund_of(charge))
        finally:
            ASKED.pop()
        account.fail("500", "refunds.create")
        httpx.post(
            f"{desk.client.url}/v1/refunds",
            content=sent[-1],
            headers={
                "Authorization": f"Bearer {account.api_key}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Idempotency-Key": "key_one-2",
            },
        )
        for _ in range(2):
            assert desk.code(REFUND, **refund_of(charge)) == "OutcomeUnknown:vendor.key_spent"
        assert not account.books.refunds

    def test_a_key_for_another_request_is_our_fault(self, account: StripeFake, desk: StripeDesk) -> None:
        one, other = account.paid(), account.paid()
        desk.call(REFUND, **refund_of(one))
        assert desk.code(REFUND, **refund_of(other)) == "Misconfigured:vendor.key_reused"

    def test_two_at_once_are_one(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid()
        account.fail("slow", "refunds.create", seconds=0.6)
        codes: list[str] = []

        def go() -> None:
            try:
                desk.call(REFUND, **refund_of(charge))
                codes.append("done")
            except WireError as exc:
                codes.append(exc.code)

        threads = [threading.Thread(target=go) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(codes) in (["done", "vendor.in_progress"], ["done", "done"])
        assert len(account.books.refunds) == 1

    def test_a_key_older_than_a_day_still_makes_one(self, vendors: FakeVendors) -> None:
        at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
        account = vendors.stripe(f"acct_{uuid.uuid4().hex}")
        account.books.now = lambda: at
        client = StripeClient(_channel(vendors, account), account.api_key)
        desk, charge = StripeDesk(client), account.paid(amount=4200)
        account.fail("drop_after", "refunds.create")
        assert desk.code(REFUND, **refund_of(charge)) == "OutcomeUnknown:vendor.dropped"
        at += timedelta(hours=30)
        desk.call(REFUND, **refund_of(charge))
        assert len(account.books.refunds) == 1


class TestCredits:
    LINES = ({"amount": 1000, "tax": 190, "quantity": 2}, {"amount": 500})

    def test_lines_are_quoted_with_their_tax_and_refunded(
        self, account: StripeFake, desk: StripeDesk
    ) -> None:
        invoice = invoice_of(account, lines=list(self.LINES))
        lines = [{"line": invoice.lines[0].id, "quantity": 1}]
        quote = desk.call("payments.quote_credit", invoice=invoice.id, lines=lines)
        assert (quote.amount.amount, quote.creditable.amount, quote.payment) == (595, 1690, invoice.intent)
        assert not account.books.notes
        done = desk.done(CREDIT, **credit_of(invoice, 595, lines=lines, memo="One came broken"))
        note, refund = next(iter(account.books.notes.values())), next(iter(account.books.refunds.values()))
        assert (note.total, note.key, note.refund, note.memo) == (
            595,
            "key_one",
            refund.id,
            "One came broken",
        )
        assert (done.vendor_ref, done.output.refund, done.output.credited_in_all.amount) == (
            note.id, refund.id, 595,
        )  # fmt: skip
        assert isinstance(desk.probe(CREDIT, **credit_of(invoice, 595, lines=lines)), Done)

    def test_an_open_invoice_asks_for_less(self, account: StripeFake, desk: StripeDesk) -> None:
        invoice = invoice_of(account, paid=False, lines=list(self.LINES))
        quote = desk.call("payments.quote_credit", invoice=invoice.id, amount=money(700))
        assert (quote.settlement, quote.payment, quote.amount.amount) == ("reduce", "", 700)
        assert desk.call(CREDIT, **credit_of(invoice, 700)).refund == ""
        assert (invoice.before, account.books.refunds) == (700, {})

    def test_everything_is_what_is_left(self, account: StripeFake, desk: StripeDesk) -> None:
        invoice = invoice_of(account, lines=list(self.LINES))
        account.books.refund(account.books.charges[invoice.charge or ""], 90, metadata={}, reason=None)
        assert desk.call("payments.quote_credit", invoice=invoice.id).amount.amount == 1600

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"amount": money(1691)}, "credit.too_much"),
            ({"amount": money(0)}, "credit.too_much"),
            ({"amount": money(100, "USD")}, "credit.too_much"),
            ({"expected_credited": money(1)}, "state.changed"),
            ({"settlement": "reduce", "payment": ""}, "state.changed"),
            ({"payment": "pi_other"}, "state.changed"),
            ({"payment": ""}, "state.changed"),
            ({"invoice": "in_other"}, "payment.not_found"),
            ({"invoice": "INV-0001"}, "payment.not_found"),
        ],
    )
    def test_it_is_refused_before_stripe_is_asked(
        self, account: StripeFake, desk: StripeDesk, changes: dict[str, Any], code: str
    ) -> None:
        invoice = invoice_of(account, lines=list(self.LINES))
        assert desk.code(CREDIT, **{**credit_of(invoice, 500), **changes}) == f"Rejected:{code}"
        assert account.books.requests["credit_notes.create"] == 0

    @pytest.mark.parametrize("status", ["draft", "void", "uncollectible"])
    def test_an_invoice_that_is_neither_open_nor_paid_is_left_alone(
        self, account: StripeFake, desk: StripeDesk, status: str
    ) -> None:
        invoice = invoice_of(account, paid=False)
        invoice.status = status
        assert desk.code("payments.quote_credit", invoice=invoice.id) == "Rejected:credit.not_possible"

    def test_one_paid_out_of_band_is_left_alone(self, account: StripeFake, desk: StripeDesk) -> None:
        invoice = invoice_of(account)
        invoice.more = {"paid_out_of_band": True}
        assert desk.code("payments.quote_credit", invoice=invoice.id) == "Rejected:credit.not_possible"

    def test_a_share_that_does_not_divide_is_refused(self, account: StripeFake, desk: StripeDesk) -> None:
        invoice = invoice_of(account, lines=[{"amount": 1000, "quantity": 3}])
        for quantity in (1, 4):
            lines = [{"line": invoice.lines[0].id, "quantity": quantity}]
            code = desk.code("payments.quote_credit", invoice=invoice.id, lines=lines)
            assert code == "Rejected:credit.not_possible"

    def test_it_is_done_only_when_its_refund_is(self, account: StripeFake, desk: StripeDesk) -> None:
        invoice = invoice_of(account)
        account.books.refund_status = "pending"
        assert desk.code(CREDIT, **credit_of(invoice, 500)) == "OutcomeUnknown:refund.pending"
        assert desk.probe(CREDIT, **credit_of(invoice, 500)) is Found.UNSURE
        account.books.settle_refunds("failed")
        assert desk.code(CREDIT, **credit_of(invoice, 500)) == "OutcomeUnknown:refund.failed"
        assert desk.probe(CREDIT, **credit_of(invoice, 500)) is Found.UNSURE
        assert len(account.books.notes) == 1

    def test_a_note_voided_since_is_for_a_person(self, account: StripeFake, desk: StripeDesk) -> None:
        invoice = invoice_of(account)
        desk.call(CREDIT, **credit_of(invoice, 500))
        next(iter(account.books.notes.values())).status = "void"
        assert desk.code(CREDIT, **credit_of(invoice, 500)) == "OutcomeUnknown:credit.void"

    @pytest.mark.parametrize("kind", ["500", "error_after"])
    def test_a_kept_failure_makes_one_note(self, account: StripeFake, desk: StripeDesk, kind: str) -> None:
        invoice = invoice_of(account)
        account.fail(kind, "credit_notes.create")
        assert desk.code(CREDIT, **credit_of(invoice, 500)) == "OutcomeUnknown:vendor.trouble"
        desk.call(CREDIT, **credit_of(invoice, 500))
        assert [note.total for note in account.books.notes.values()] == [500]
        assert [refund.amount for refund in account.books.refunds.values()] == [500]

    def test_refunds_and_credit_notes_draw_on_one_pool(self, account: StripeFake, desk: StripeDesk) -> None:
        invoice = invoice_of(account)
        charge = account.books.charges[invoice.charge or ""]
        desk.call(REFUND, **refund_of(charge, 1000))
        assert desk.room(CREDIT, **credit_of(invoice, 250)) == 250
        assert desk.code(CREDIT, **credit_of(invoice, 251)) == "Rejected:credit.too_much"
        args = CREDIT_NOTE.input.model_validate(credit_of(invoice, 250))
        assert CREDIT_NOTE.once_per is not None
        assert CREDIT_NOTE.once_per("stripe", args).pool == f"payment:stripe:{invoice.intent}"


class TestCurrencies:
    @pytest.mark.parametrize(
        ("stripe", "currency", "iso"),
        [
            (1250, "eur", 1250), (500, "jpy", 500), (500, "isk", 5), (700, "ugx", 7), (5, "mga", 500),
            (5120, "kwd", 5120), (90, "huf", 90), (300, "xof", 300),
        ],
    )  # fmt: skip
    def test_stripes_units_are_not_always_isos(self, stripe: int, currency: str, iso: int) -> None:
        assert as_money(stripe, currency) == Money(amount=iso, currency=currency.upper())
        assert units(Money(amount=iso, currency=currency.upper())) == stripe

    @pytest.mark.parametrize(("amount", "currency"), [(5124, "KWD"), (550, "MGA"), (1, "BHD"), (100, "CLF")])
    def test_what_stripe_cannot_move_is_refused(self, amount: int, currency: str) -> None:
        with pytest.raises(Rejected) as caught:
            units(Money(amount=amount, currency=currency))
        assert caught.value.code == "amount.indivisible"

    @pytest.mark.parametrize(("amount", "currency"), [(501, "isk"), (10, "lyd")])
    def test_a_unit_nobody_documents_stops(self, amount: int, currency: str) -> None:
        with pytest.raises(Misconfigured):
            as_money(amount, currency)

    @pytest.mark.parametrize(
        ("currency", "paid", "iso"), [("jpy", 1200, 1200), ("isk", 50000, 500), ("kwd", 5120, 5120)]
    )
    def test_a_refund_goes_back_whole(
        self, account: StripeFake, desk: StripeDesk, currency: str, paid: int, iso: int
    ) -> None:
        charge = account.paid(amount=paid, currency=currency)
        desk.call(REFUND, **refund_of(charge, iso, currency.upper()))
        assert [each.amount for each in account.books.refunds.values()] == [paid]

    def test_a_form_nests_as_stripe_reads_it(self) -> None:
        form = encoded(
            {"lines": [{"type": "x"}], "on": True, "none": None, "metadata": {"a b": "c&d"}, "n": 5}
        )
        assert form == "lines%5B0%5D%5Btype%5D=x&on=true&metadata%5Ba+b%5D=c%26d&n=5"


def _channel(vendors: FakeVendors, account: StripeFake) -> Channel:
    return Channel(
        id="stripe", tenant="acme", adapter="stripe", account=account.account,
        base_url=vendors.stripe_url(account.account), secret_ref="secret",
    )  # fmt: skip


class TestAnswers:
    def test_a_restricted_key_is_told_from_a_wrong_one(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid()
        account.permissions = {"read"}
        assert desk.code(REFUND, **refund_of(charge)) == "Misconfigured:vendor.unauthorised"
        account.api_key = "rk_test_another"
        assert desk.code(REFUND, **refund_of(charge)) == "Misconfigured:vendor.credentials"

    def test_too_many_requests_say_when(self, account: StripeFake, desk: StripeDesk) -> None:
        charge = account.paid()
        account.fail("429", "refunds.create", seconds=3)
        assert desk.code(REFUND, **refund_of(charge)) == "Throttled:vendor.throttled"
        assert desk.client.heard.wait == 3
        assert not account.books.refunds

    def test_not_being_able_to_look_afterwards_is_unknown(
        self, account: StripeFake, desk: StripeDesk
    ) -> None:
        charge = account.paid()
        account.fail("500", "charges.retrieve")
        assert desk.code(REFUND, **refund_of(charge)) == "OutcomeUnknown:vendor.unconfirmed"
        assert isinstance(desk.probe(REFUND, **refund_of(charge)), Done)


_KINDS = ("500", "503", "409", "429", "html", "shape", "empty", "drop_before", "drop_after", "error_after")
_POINTS = ("refunds.create", "credit_notes.create", "refunds.list", "charges.retrieve", "refunds.retrieve")
_ACTS = st.one_of(
    st.tuples(st.just("fault"), st.sampled_from(_KINDS), st.sampled_from(_POINTS)),
    st.tuples(st.just("refund"), st.integers(0, 3), st.integers(1, 900)),
    st.tuples(st.just("credit"), st.integers(0, 3), st.integers(1, 900)),
    st.tuples(st.just("status"), st.sampled_from(["succeeded", "pending", "failed"])),
    st.tuples(st.just("settle"), st.sampled_from(["succeeded", "failed"])),
    st.tuples(st.just("keys"), st.booleans()),
    st.tuples(st.just("by_hand"), st.integers(1, 400)),
)


@pytest.mark.guarantee("effects:never-over-refund")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(_ACTS, min_size=3, max_size=14))
def test_never_more_goes_back_than_was_captured(vendors: FakeVendors, acts: list[tuple[Any, ...]]) -> None:
    """Whatever fails, whoever else refunds, and in whatever order: no key moves money twice either."""
    account = vendors.stripe(f"acct_{uuid.uuid4().hex}")
    desk = StripeDesk(StripeClient(_channel(vendors, account), account.api_key))
    invoice = invoice_of(account, amount=1000)
    charge = account.books.charges[invoice.charge or ""]
    wanted: dict[str, dict[str, Any]] = {}
    for act in acts:
        match act:
            case ("fault", kind, point):
                account.fail(kind, point, seconds=0)
            case ("status", status):
                account.books.refund_status = status
            case ("settle", status):
                account.books.settle_refunds(status)
            case ("keys", honoured):
                account.books.honour_keys = honoured
            case ("by_hand", amount) if amount <= charge.amount - account.books.gone(charge.id):
                account.books.refund(charge, amount, metadata={}, reason=None)
            case ("refund" | "credit" as what, number, amount):
                _try(desk, account, invoice, wanted, what=what, number=number, amount=amount)
            case _:
                pass
        assert account.books.gone(charge.id) <= charge.amount
        assert invoice.before + invoice.after <= invoice.total()
        keys = [r.key for r in account.books.refunds.values() if r.key] + [
            n.key for n in account.books.notes.values()
        ]
        assert len(keys) == len(set(keys)), "one key made two effects"


def _try(
    desk: StripeDesk,
    account: StripeFake,
    invoice: Invoice,
    wanted: dict[str, dict[str, Any]],
    *,
    what: str,
    number: int,
    amount: int,
) -> None:
    """One attempt of one effect; a later attempt has the same arguments, as the ledger sees to."""
    key = f"{what}-{number}"
    charge = account.books.charges[invoice.charge or ""]
    if key not in wanted and what == "refund":
        seen = money(account.books.gone(charge.id))
        wanted[key] = refund_of(charge, amount, expected_refunded=seen)
    elif key not in wanted:
        wanted[key] = credit_of(invoice, amount, expected_credited=money(invoice.after))
    tool = REFUND if what == "refund" else CREDIT
    try:
        done = desk.done(tool, key=key, **wanted[key])
    except WireError as exc:
        if type(exc) is Rejected:
            made = [r for r in account.books.refunds.values() if r.key == key and r.status == "succeeded"]
            assert not made, "refused, and the money went back all the same"
        return
    marked = {r.id for r in account.books.refunds.values() if r.key == key}
    marked |= {n.id for n in account.books.notes.values() if n.key == key}
    assert done.vendor_ref in marked


def test_an_unknown_outcome_says_so(account: StripeFake, desk: StripeDesk) -> None:
    account.fail("drop_after", "refunds.create")
    with pytest.raises(OutcomeUnknown):
        desk.call(REFUND, **refund_of(account.paid()))
