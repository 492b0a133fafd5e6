"""Payments as Stripe keeps them: intents, charges, refunds, disputes, and where they came from."""

from pydantic import Field

from functions.adapters.stripe.amounts import money
from functions.adapters.stripe.models.wire import Amount, Metadata, Ref, WireModel
from nightshift.money import Money

__all__ = [
    "ChargeNode",
    "DisputeNode",
    "IntentNode",
    "InvoiceNode",
    "RefundNode",
    "SessionNode",
]

_ON_ITS_WAY = frozenset({None, "pending", "requires_action"})
_OVER = frozenset({"failed", "canceled"})
_DECIDED = frozenset({"won", "lost", "warning_closed", "charge_refunded"})


class _Origin(WireModel):
    """The marks by which another system's hand shows; on intents, charges and invoices alike."""

    metadata: Metadata | None = None
    description: str | None = None
    application: Ref = None
    on_behalf_of: Ref = None
    transfer_data: dict[str, object] | None = None


class _Shipping(WireModel):
    carrier: str | None = None
    tracking_number: str | None = None


class InvoiceLineNode(WireModel):
    """One line of an invoice, before what is taken off and put on."""

    id: str
    amount: Amount
    quantity: int | None = None
    discount_amounts: tuple["_Share", ...] | None = None
    tax_amounts: tuple["_Tax", ...] = ()

    def total(self) -> int:
        """What the line came to for the customer, in Stripe's unit: less discounts, plus taxes on top."""
        off = sum(each.amount for each in self.discount_amounts or ())
        return self.amount - off + sum(each.amount for each in self.tax_amounts if not each.inclusive)


class _Share(WireModel):
    amount: Amount


class _Tax(_Share):
    inclusive: bool = False


class _InvoiceLines(WireModel):
    data: tuple[InvoiceLineNode, ...] = ()
    has_more: bool = False


class InvoiceNode(_Origin):
    """An invoice and how far it is paid."""

    id: str
    number: str | None = None
    currency: str
    status: str | None = None
    total: Amount
    amount_paid: Amount
    amount_remaining: Amount
    paid_out_of_band: bool = False
    pre_payment_credit_notes_amount: Amount = 0
    post_payment_credit_notes_amount: Amount = 0
    charge: Ref = None
    payment_intent: Ref = None
    customer: Ref = None
    customer_email: str | None = None
    lines: _InvoiceLines = _InvoiceLines()

    def credited(self) -> Money:
        """What credit notes have taken off it, before and after it was paid."""
        taken = self.pre_payment_credit_notes_amount + self.post_payment_credit_notes_amount
        return money(taken, self.currency)

    def creditable(self) -> Money:
        """What they can still take off: `total` is what it came to before any of them."""
        return money(max(0, self.total), self.currency) - self.credited()

    def remaining(self) -> Money:
        """What is still to be paid."""
        return money(self.amount_remaining, self.currency)


class _Billing(WireModel):
    email: str | None = None


class ChargeNode(_Origin):
    """One movement of money from a customer."""

    id: str
    created: int
    currency: str
    amount_captured: Amount
    amount_refunded: Amount
    captured: bool
    disputed: bool
    status: str
    application_fee: Ref = None
    source_transfer: Ref = None
    transfer_group: str | None = None
    invoice: InvoiceNode | str | None = None
    payment_intent: "IntentNode | str | None" = None
    customer: Ref = None
    receipt_email: str | None = None
    receipt_number: str | None = None
    billing_details: _Billing = _Billing()
    shipping: _Shipping | None = None

    def taken(self) -> Money:
        """What was captured; nothing of a charge that failed or only holds."""
        held = self.amount_captured if self.captured and self.status == "succeeded" else 0
        return money(held, self.currency)


class IntentNode(_Origin):
    """What a customer meant to pay, over as many charges as it took."""

    id: str
    created: int
    currency: str
    status: str
    transfer_group: str | None = None
    latest_charge: ChargeNode | str | None = None
    invoice: InvoiceNode | str | None = None
    customer: Ref = None
    receipt_email: str | None = None


class RefundNode(WireModel):
    """Money on its way back, or back."""

    id: str
    created: int
    amount: Amount
    currency: str
    status: str | None = None
    charge: Ref = None
    payment_intent: Ref = None
    metadata: Metadata | None = None

    @property
    def pending(self) -> bool:
        """It is accepted and nobody knows yet how it ends."""
        return self.status in _ON_ITS_WAY

    @property
    def failed(self) -> bool:
        """It came back: the money is with the store."""
        return self.status in _OVER

    @property
    def succeeded(self) -> bool:
        """The money has gone back."""
        return self.status == "succeeded"

    def value(self) -> Money:
        """How much."""
        return money(self.amount, self.currency)


class _EvidenceDetails(WireModel):
    due_by: int | None = None
    has_evidence: bool = False
    past_due: bool = False


class DisputeNode(WireModel):
    """A customer's bank asks for the money back."""

    id: str
    created: int
    amount: Amount
    currency: str
    reason: str
    status: str
    charge: Ref = None
    payment_intent: Ref = None
    is_charge_refundable: bool = False
    evidence_details: _EvidenceDetails = _EvidenceDetails()

    def value(self) -> Money:
        """How much is asked back."""
        return money(self.amount, self.currency)

    @property
    def open(self) -> bool:
        """It is not decided yet."""
        return self.status not in _DECIDED

    @property
    def blocks(self) -> bool:
        """Stripe lets nobody refund the charge while it stands, nor once the bank has taken the money."""
        return not self.is_charge_refundable and self.status not in {"won", "warning_closed"}


class SessionNode(WireModel):
    """The page on which a customer paid."""

    id: str
    payment_link: Ref = None
    client_reference_id: str | None = None
    metadata: Metadata | None = Field(default=None)


ChargeNode.model_rebuild()
InvoiceNode.model_rebuild()
