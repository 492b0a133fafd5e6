"""Tools of the domain `payments`."""

from enum import StrEnum

from pydantic import Field

from nightshift.ids import ChannelId
from nightshift.model.base import Noun
from nightshift.model.effect import Claim
from nightshift.model.tool import EffectClass
from nightshift.money import Money
from nightshift.tools.contract import ToolContract

__all__ = [
    "QUOTE_REFUND",
    "REFUND",
    "PaymentRefunded",
    "QuoteRefund",
    "RefundLine",
    "RefundPayment",
    "RefundQuote",
    "RefundTransaction",
    "Restock",
]


class RefundLine(Noun):
    """How many of one order line."""

    line: str
    quantity: int = Field(ge=1)


class RefundTransaction(Noun):
    """How much goes back over one captured payment."""

    parent: str = Field(description="the captured transaction")
    gateway: str
    amount: Money


class QuoteRefund(Noun):
    """What would be refunded: these lines, everything, or one captured payment (an overcharge)."""

    order: str = Field(min_length=1, max_length=200)
    lines: tuple[RefundLine, ...] = ()
    everything: bool = False
    payment: str | None = Field(default=None, description="refund what this captured transaction took")
    shipping: bool = False


class RefundQuote(Noun):
    """The vendor's own quote, tax, shipping and duties included."""

    order: str
    amount: Money
    captured: Money
    refunded: Money
    refundable: Money
    lines: tuple[RefundLine, ...]
    transactions: tuple[RefundTransaction, ...]
    amount_text: str = Field(
        default_factory=lambda known: str(known["amount"]),
        description="the amount as a customer reads it, for replies: 12.50 EUR",
    )


QUOTE_REFUND = ToolContract(
    name="payments.quote_refund",
    summary="Ask the vendor what a refund would come to, and over which payments.",
    input=QuoteRefund,
    output=RefundQuote,
    effect=EffectClass.READ,
    permission="orders:read",
    errors=(
        "order.not_found",
        "order.being_edited",
        "refund.nothing_left",
        "payment.not_found",
        "payment.owned",
        "payment.origin_unknown",
        "payment.disputed",
    ),
    example={
        "order": "gid://shopify/Order/1",
        "lines": [{"line": "gid://shopify/LineItem/1", "quantity": 1}],
    },
)


class Restock(StrEnum):
    """What happens to the goods; always said."""

    NO_RESTOCK = "no_restock"
    RETURN = "return"
    CANCEL = "cancel"


class RefundPayment(Noun):
    """Refund exactly this, over exactly these payments, if nothing changed since it was quoted."""

    order: str = Field(min_length=1, max_length=200)
    amount: Money
    expected_refunded: Money = Field(description="what had been refunded when it was quoted")
    lines: tuple[RefundLine, ...] = ()
    transactions: tuple[RefundTransaction, ...] = Field(min_length=1)
    restock: Restock
    note: str = Field(default="", max_length=255)
    notify: bool = True


class PaymentRefunded(Noun):
    """A refund that the vendor has settled."""

    refund: str
    order: str
    amount: Money
    refunded_in_all: Money


def _refund_claim(channel: ChannelId, args: RefundPayment) -> Claim:
    lines = ",".join(sorted(f"{x.line}*{x.quantity}" for x in args.lines)) or "payment"
    parents = ",".join(sorted(x.parent for x in args.transactions))
    return Claim(
        key=f"refund:{channel}:{args.order}:{parents}:{lines}",
        pool=f"payment:{channel}:{args.order}",
        amount=args.amount,
    )


REFUND = ToolContract(
    name="payments.refund",
    summary="Give money back over the channel that captured it.",
    input=RefundPayment,
    output=PaymentRefunded,
    effect=EffectClass.DESTRUCTIVE,
    permission="payments:refund",
    money=True,
    customer_visible=True,
    irreversible=True,
    sensitive=("amount", "transactions", "order"),
    errors=(
        "order.not_found",
        "order.being_edited",
        "refund.nothing_left",
        "refund.too_much",
        "refund.failed",
        "state.changed",
        "payment.not_found",
        "payment.owned",
        "payment.origin_unknown",
        "payment.disputed",
        "amount.indivisible",
        "balance.insufficient",
    ),
    once_per=_refund_claim,
    example={
        "order": "gid://shopify/Order/1",
        "amount": {"amount": 1250, "currency": "EUR"},
        "expected_refunded": {"amount": 0, "currency": "EUR"},
        "lines": [{"line": "gid://shopify/LineItem/1", "quantity": 1}],
        "transactions": [
            {
                "parent": "gid://shopify/OrderTransaction/1",
                "gateway": "shopify_payments",
                "amount": {"amount": 1250, "currency": "EUR"},
            }
        ],
        "restock": "no_restock",
    },
)
