"""The books of one stand-in Stripe account, and the rules by which money leaves it."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fakes.stripe_records import (
    Charge,
    CreditNote,
    Dispute,
    Endpoint,
    Intent,
    Invoice,
    InvoiceLine,
    PaymentSpec,
    Refund,
    Session,
)

__all__ = ["AccountBooks", "StripeRefusal"]

_THREE_DIGITS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_WHOLE_HUNDREDS = frozenset({"isk", "ugx"})
_GONE = frozenset({"succeeded", "pending", "requires_action"})
_MISSING, _BAD = 404, 400


class StripeRefusal(Exception):
    """An error object with its status."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": "invalid_request_error", "message": message, "code": code, "param": param}

    @classmethod
    def missing(cls, what: str, ref: str, param: str = "id") -> "StripeRefusal":
        """There is no such object."""
        return cls(_MISSING, f"No such {what}: '{ref}'", code="resource_missing", param=param)

    @classmethod
    def bad(cls, message: str, *, code: str | None = None, param: str | None = None) -> "StripeRefusal":
        """The request cannot be done as it is."""
        return cls(_BAD, message, code=code, param=param)


class AccountBooks:
    """Everything an account holds.

    Attributes:
        refund_status: what the next refunds come out as: `succeeded`, `pending`, `requires_action`, `failed`.
        balance: what the account can still pay out, in any currency; None: enough.
        honour_keys: whether a second request with the same key gives the first answer back.
        requests: counted by operation (`refunds.create`).
    """

    def __init__(self, account: str, now: Callable[[], datetime]) -> None:
        self.account = account
        self.now = now
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Nothing in them."""
        self.intents: dict[str, Intent] = {}
        self.charges: dict[str, Charge] = {}
        self.refunds: dict[str, Refund] = {}
        self.invoices: dict[str, Invoice] = {}
        self.notes: dict[str, CreditNote] = {}
        self.disputes: dict[str, Dispute] = {}
        self.sessions: dict[str, Session] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.requests: Counter[str] = Counter()
        self.refund_status = "succeeded"
        self.balance: int | None = None
        self.honour_keys = True
        self._made = 0

    def new_id(self, prefix: str) -> str:
        """An id nobody has."""
        self._made += 1
        return f"{prefix}_3Fake{self._made:019}"

    # what a test enters

    def pay(self, spec: PaymentSpec) -> Charge | None:
        """Enter a payment and where it came from; None for an invoice that is left open."""
        with self.lock:
            invoice = self._invoiced(spec) if spec.origin == "invoice" else None
            if invoice is not None and not spec.paid:
                return None
            amount = invoice.total() if invoice is not None else spec.amount
            charge = self._charged(spec, amount, invoice)
            if spec.origin in {"payment_link", "checkout"}:
                link = "plink_1" if spec.origin == "payment_link" else None
                session = Session(
                    self.new_id("cs"), charge.intent, self.now(), link, spec.client_reference_id,
                    spec.session_metadata,
                )  # fmt: skip
                self.sessions[session.id] = session
            return charge

    def _invoiced(self, spec: PaymentSpec) -> Invoice:
        lines = [
            InvoiceLine(self.new_id("il"), each.description, each.amount, each.quantity, each.tax)
            for each in spec.lines
        ]
        if not lines:
            lines = [InvoiceLine(self.new_id("il"), "Consulting", spec.amount, 1, 0)]
        number = spec.number or f"INV-{len(self.invoices) + 1:04}"
        invoice = Invoice(
            self.new_id("in"), number, spec.currency, self.now(), spec.customer, spec.email, lines,
            spec.invoice_metadata, "paid" if spec.paid else "open",
        )  # fmt: skip
        self.invoices[invoice.id] = invoice
        return invoice

    def _charged(self, spec: PaymentSpec, amount: int, invoice: Invoice | None) -> Charge:
        charge = Charge(
            self.new_id("ch"), amount, spec.currency, self.now(), spec.customer, spec.email, spec.metadata,
            spec.captured, spec.description, spec.receipt_number, more=spec.more,
        )  # fmt: skip
        self.charges[charge.id] = charge
        if spec.intent:
            status = "succeeded" if spec.captured else "requires_capture"
            intent = Intent(
                self.new_id("pi"), amount, spec.currency, self.now(), spec.customer, spec.email,
                spec.intent_metadata, charge.id, status=status,
            )  # fmt: skip
            self.intents[intent.id] = intent
            charge.intent = intent.id
        if invoice is not None:
            invoice.charge, invoice.intent, charge.invoice = charge.id, charge.intent, invoice.id
            if charge.intent:
                self.intents[charge.intent].invoice = invoice.id
        return charge

    def dispute(
        self, charge: str, *, amount: int | None = None, inquiry: bool = False, days: int = 10
    ) -> Dispute:
        """A bank asks for a charge's money back."""
        with self.lock:
            of = self.charges[charge]
            status = "warning_needs_response" if inquiry else "needs_response"
            made = Dispute(
                self.new_id("dp"), charge, of.intent, amount or of.amount, of.currency, self.now(),
                self.now() + timedelta(days=days), "product_not_received", status,
            )  # fmt: skip
            self.disputes[made.id] = made
            of.disputed = True
            return made

    def settle_refunds(self, status: str = "succeeded") -> int:
        """Let refunds that are under way end; how many did."""
        with self.lock:
            waiting = [
                each for each in self.refunds.values() if each.status in {"pending", "requires_action"}
            ]
            for each in waiting:
                each.status = status
            return len(waiting)

    # what the API asks

    def gone(self, charge: str) -> int:
        """What of a charge has gone back or is on its way; a refund that failed is back with the store."""
        return sum(r.amount for r in self.refunds.values() if r.charge == charge and r.status in _GONE)

    def blocked(self, charge: str) -> bool:
        """Whether a dispute keeps a charge from being refunded."""
        found = [each for each in self.disputes.values() if each.charge == charge]
        return any(not each.refundable for each in found)

    def refund(
        self,
        charge: Charge,
        amount: int | None,
        *,
        metadata: dict[str, str],
        reason: str | None,
        param: str = "amount",
    ) -> Refund:
        """Give money of a charge back, by Stripe's rules.

        Raises:
            StripeRefusal: what speaks against it.
        """
        left = charge.amount - self.gone(charge.id)
        wanted = left if amount is None else amount
        if not charge.captured:
            raise StripeRefusal.bad("This charge has not been captured.", code="charge_not_refundable")
        if self.blocked(charge.id):
            raise StripeRefusal.bad("This charge has been charged back.", code="charge_disputed")
        if left <= 0:
            raise StripeRefusal.bad("It has already been refunded.", code="charge_already_refunded")
        self._refuse_amount(wanted, charge.currency, param)
        if wanted > left:
            message = "Refund amount is greater than unrefunded amount on charge"
            raise StripeRefusal.bad(message, param=param)
        if self.balance is not None and wanted > self.balance:
            raise StripeRefusal.bad("Insufficient funds in your balance.", code="balance_insufficient")
        made = Refund(
            self.new_id("re"), charge.id, charge.intent, wanted, charge.currency, self.now(),
            self.refund_status, reason, metadata,
        )  # fmt: skip
        self.refunds[made.id] = made
        return made

    @staticmethod
    def _refuse_amount(amount: int, currency: str, param: str) -> None:
        if amount < 1:
            message = "This value must be greater than or equal to 1."
            raise StripeRefusal.bad(message, code="parameter_invalid_integer", param=param)
        step = 10 if currency in _THREE_DIGITS else 100 if currency in _WHOLE_HUNDREDS else 1
        if amount % step:
            raise StripeRefusal.bad(f"Invalid {currency} amount: it must end in zero.", param=param)

    def credit(self, invoice: Invoice, given: dict[str, Any], *, preview: bool) -> CreditNote:
        """Credit an invoice, by Stripe's rules.

        Raises:
            StripeRefusal: what speaks against it.
        """
        lines, total = self._credited_lines(invoice, given)
        back = int(given.get("refund_amount", 0))
        elsewhere = int(given.get("credit_amount", 0)) + int(given.get("out_of_band_amount", 0))
        if invoice.status not in {"open", "paid"}:
            raise StripeRefusal.bad(
                "You can only create credit notes on open or paid invoices.", param="invoice"
            )
        if total < 1 or total > invoice.total() - invoice.before - invoice.after:
            raise StripeRefusal.bad("The credit note is greater than the invoice has left.", param="amount")
        paid = invoice.status == "paid"
        if paid and back + elsewhere != total:
            message = "The sum of credit amount, refund amount and out of band amount must equal the total"
            raise StripeRefusal.bad(message)
        if not paid and back + elsewhere:
            raise StripeRefusal.bad("The invoice has not been paid.", param="refund_amount")
        note = CreditNote(
            "cn_preview" if preview else self.new_id("cn"), invoice.id, invoice.currency, total, self.now(),
            "issued", "post_payment" if paid else "pre_payment", given.get("reason"), given.get("memo"),
            dict(given.get("metadata") or {}), lines,
        )  # fmt: skip
        if back:
            self._refuse_unrefundable(invoice, back)
        if not preview:
            self._issue(note, invoice, back)
        return note

    def _refuse_unrefundable(self, invoice: Invoice, back: int) -> None:
        charge = self.charges[invoice.charge] if invoice.charge else None
        if charge is None or back > charge.amount - self.gone(charge.id):
            message = "The refund amount is greater than what the invoice's payment has left"
            raise StripeRefusal.bad(message, param="refund_amount")
        self._refuse_amount(back, charge.currency, "refund_amount")
        if self.blocked(charge.id):
            raise StripeRefusal.bad("This charge has been charged back.", code="charge_disputed")

    def _issue(self, note: CreditNote, invoice: Invoice, back: int) -> None:
        if back and invoice.charge:
            made = self.refund(
                self.charges[invoice.charge], back, metadata={}, reason=None, param="refund_amount"
            )
            made.credit_note, note.refund = note.id, made.id
        self.notes[note.id] = note
        if invoice.status == "paid":
            invoice.after += note.total
        else:
            invoice.before += note.total

    def _credited_lines(self, invoice: Invoice, given: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
        asked = given.get("lines") or []
        if not asked:
            if "amount" not in given:
                message = "You must pass either an amount or lines."
                raise StripeRefusal.bad(message, code="parameter_missing", param="amount")
            amount = int(given["amount"])
            return [self._credit_line("Credit", amount, "custom_line_item", None, 1)], amount
        known = {line.id: line for line in invoice.lines}
        shown, total = [], 0
        for each in asked:
            line = known.get(str(each.get("invoice_line_item")))
            if line is None:
                raise StripeRefusal.missing("invoice line item", str(each.get("invoice_line_item")), "lines")
            quantity = int(each.get("quantity", line.quantity))
            if not 1 <= quantity <= line.quantity:
                raise StripeRefusal.bad("The quantity is more than the line has.", param="lines[0][quantity]")
            amount = round((line.amount + line.tax) * quantity / line.quantity)
            shown.append(self._credit_line(line.description, amount, "invoice_line_item", line.id, quantity))
            total += amount
        return shown, total

    def _credit_line(
        self, description: str, amount: int, kind: str, line: str | None, quantity: int
    ) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": self.new_id("cnli"),
            "object": "credit_note_line_item",
            "amount": amount,
            "description": description,
            "discount_amount": 0,
            "discount_amounts": [],
            "livemode": False,
            "quantity": quantity,
            "tax_amounts": [],
            "tax_rates": [],
            "type": kind,
            "unit_amount": None,
            "unit_amount_decimal": None,
        }
        return {**shown, "invoice_line_item": line} if line else shown
