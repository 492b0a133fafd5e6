"""Tools of the domain `payments` that only a payment processor has: payments, disputes, credit notes."""

from enum import StrEnum

from pydantic import Field

from nightshift.ids import ChannelId
from nightshift.model.base import Noun
from nightshift.model.effect import Claim
from nightshift.model.payment import Dispute, Payment
from nightshift.model.tool import EffectClass
from nightshift.money import Money
from nightshift.tools.contract import ToolContract

__all__ = [
    "CREDIT_NOTE",
    "GET_DISPUTE",
    "GET_PAYMENT",
    "QUOTE_CREDIT",
    "CreditLine",
    "CreditQuote",
    "CreditReason",
    "CreditSettlement",
    "GetDispute",
    "GetPayment",
    "InvoiceCredited",
    "IssueCredit",
    "QuoteCredit",
]


class GetPayment(Noun):
    """Which payment."""

    payment: str = Field(
        min_length=1, max_length=200, description="the vendor's id, or the number of its invoice"
    )


GET_PAYMENT = ToolContract(
    name="payments.get",
    summary="Read a payment with its refunds, its disputes and whether a commerce order owns it.",
    input=GetPayment,
    output=Payment,
    effect=EffectClass.READ,
    permission="orders:read",
    errors=("payment.not_found",),
    example={"payment": "pi_1"},
)


class GetDispute(Noun):
    """Which dispute."""

    dispute: str = Field(min_length=1, max_length=200, description="the vendor's id")


GET_DISPUTE = ToolContract(
    name="payments.get_dispute",
    summary="Read a dispute: what is asked back, why, and until when evidence is taken.",
    input=GetDispute,
    output=Dispute,
    effect=EffectClass.READ,
    permission="orders:read",
    errors=("payment.not_found",),
    example={"dispute": "dp_1"},
)


class CreditLine(Noun):
    """How many of one invoice line."""

    line: str
    quantity: int = Field(ge=1)


class CreditSettlement(StrEnum):
    """Where the credited amount goes. Credit for later needs the customer's consent: there is none."""

    REFUND = "refund"  # back over the payment of a paid invoice
    REDUCE = "reduce"  # off what an open invoice still asks for


class QuoteCredit(Noun):
    """What would be credited: these lines, this amount, or (neither given) all that is left."""

    invoice: str = Field(min_length=1, max_length=200)
    lines: tuple[CreditLine, ...] = ()
    amount: Money | None = None


class CreditQuote(Noun):
    """The vendor's own preview, taxes included."""

    invoice: str
    payment: str = Field(description="the payment it is refunded over; empty when nothing is refunded")
    settlement: CreditSettlement
    amount: Money
    credited: Money
    creditable: Money
    lines: tuple[CreditLine, ...]
    amount_text: str = Field(
        default_factory=lambda known: str(known["amount"]),
        description="the amount as a customer reads it, for replies: 12.50 EUR",
    )


_ERRORS = (
    "payment.not_found",
    "payment.owned",
    "payment.origin_unknown",
    "payment.disputed",
    "credit.nothing_left",
    "credit.not_possible",
    "amount.indivisible",
)

QUOTE_CREDIT = ToolContract(
    name="payments.quote_credit",
    summary="Ask the vendor what a credit note for an invoice would come to, and where it would go.",
    input=QuoteCredit,
    output=CreditQuote,
    effect=EffectClass.READ,
    permission="orders:read",
    errors=_ERRORS,
    example={"invoice": "in_1", "lines": [{"line": "il_1", "quantity": 1}]},
)


class CreditReason(StrEnum):
    """Why a credit note is issued."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    ORDER_CHANGE = "order_change"
    UNSATISFACTORY = "product_unsatisfactory"


class IssueCredit(Noun):
    """Credit exactly this, if nothing changed since it was quoted."""

    invoice: str = Field(min_length=1, max_length=200)
    payment: str = Field(default="", max_length=200)
    settlement: CreditSettlement
    amount: Money
    expected_credited: Money = Field(description="what had been credited when it was quoted")
    lines: tuple[CreditLine, ...] = ()
    reason: CreditReason
    memo: str = Field(default="", max_length=255, description="stands on the credit note")


class InvoiceCredited(Noun):
    """A credit note that is issued, its money settled."""

    credit_note: str
    invoice: str
    amount: Money
    credited_in_all: Money
    refund: str = ""


def _credit_claim(channel: ChannelId, args: IssueCredit) -> Claim:
    lines = ",".join(sorted(f"{x.line}*{x.quantity}" for x in args.lines)) or "invoice"
    # the pool of a refunded credit is the payment's own: refunds and credit notes draw on the same money
    return Claim(
        key=f"credit:{channel}:{args.invoice}:{lines}",
        pool=f"payment:{channel}:{args.payment or args.invoice}",
        amount=args.amount,
    )


CREDIT_NOTE = ToolContract(
    name="payments.credit_note",
    summary="Issue a credit note for an invoice: refund it over its payment, or take it off what is due.",
    input=IssueCredit,
    output=InvoiceCredited,
    effect=EffectClass.DESTRUCTIVE,
    permission="payments:refund",
    money=True,
    customer_visible=True,
    irreversible=True,
    sensitive=("amount", "invoice", "payment", "memo"),
    errors=(*_ERRORS, "credit.too_much", "state.changed"),
    once_per=_credit_claim,
    example={
        "invoice": "in_1",
        "payment": "pi_1",
        "settlement": "refund",
        "amount": {"amount": 1250, "currency": "EUR"},
        "expected_credited": {"amount": 0, "currency": "EUR"},
        "lines": [{"line": "il_1", "quantity": 1}],
        "reason": "product_unsatisfactory",
    },
)
