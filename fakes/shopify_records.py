"""What the stand-in shop keeps: orders as they are entered (specs) and as they stand (records)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.model.order import Address
from nightshift.money import Money

__all__ = [
    "NO_ADDRESS",
    "CustomerSpec",
    "LineRecord",
    "LineSpec",
    "OrderRecord",
    "OrderSpec",
    "PaymentSpec",
    "RefundRecord",
    "TransactionRecord",
    "address_as_shopify_keeps_it",
]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CustomerSpec(_Spec):
    """Who bought."""

    email: str = "kim@example.com"
    name: str = "Kim Jansen"
    orders_count: int = 1
    locale: str = "en"
    id: int | None = None


class LineSpec(_Spec):
    """One line; `price` is per unit, tax included."""

    title: str = "Mug"
    sku: str = "MUG-1"
    quantity: int = Field(default=1, ge=1)
    price: str = "42.00"


class PaymentSpec(_Spec):
    """One payment; `authorization` is not captured."""

    amount: str
    gateway: str = "shopify_payments"
    kind: Literal["sale", "capture", "authorization"] = "sale"


class TrackingSpec(_Spec):
    """Where a parcel can be followed."""

    company: str = "DHL"
    number: str = "00340434161094000001"
    url: str = "https://tracking.example/00340434161094000001"


class OrderSpec(_Spec):
    """The compact form of an order; everything but its name has a default."""

    name: str
    id: int | None = None
    currency: str = "EUR"
    shop_currency: str | None = None
    customer: CustomerSpec | None = CustomerSpec()
    lines: tuple[LineSpec, ...] = (LineSpec(),)
    shipping: str = "0"
    payments: tuple[PaymentSpec, ...] | None = None
    fulfilment: Literal["unfulfilled", "in_progress", "partial", "shipped", "delivered"] = "unfulfilled"
    tracking: TrackingSpec | None = None
    risk: Literal["none", "low", "medium", "high"] = "none"
    address: Address | None = Address(
        name="Kim Jansen", line1="Lindenstr. 5", city="Berlin", postcode="10969", country="DE"
    )
    placed_at: datetime | None = None
    editable: bool = True


@dataclass
class LineRecord:
    """One line in the books; `left` are the units not refunded."""

    id: str
    sku: str
    title: str
    quantity: int
    left: int
    price: Money


@dataclass
class TransactionRecord:
    """One movement of money in the books."""

    id: str
    kind: str
    status: str
    gateway: str
    amount: Money
    parent: str | None = None


@dataclass
class RefundRecord:
    """One refund in the books."""

    id: str
    order: str
    order_name: str
    amount: Money
    note: str
    key: str | None
    created_at: datetime
    lines: tuple[tuple[str, int], ...]
    transactions: list[TransactionRecord]

    @property
    def status(self) -> str:
        """`SUCCESS` when all its money has moved, else the first other status."""
        return next((t.status for t in self.transactions if t.status != "SUCCESS"), "SUCCESS")


@dataclass
class OrderRecord:
    """One order in the books."""

    id: str
    name: str
    currency: str
    shop_currency: str
    customer: dict[str, Any] | None
    lines: list[LineRecord]
    shipping: Money
    transactions: list[TransactionRecord]
    fulfilment: str
    tracking: TrackingSpec | None
    risk: str
    address: dict[str, str | None] | None
    created_at: datetime
    updated_at: datetime
    editable: bool
    refunds: list[RefundRecord] = field(default_factory=list)
    cancelled_at: datetime | None = None
    staff_note: str | None = None

    def total(self) -> Money:
        """What the lines and the shipping come to."""
        total = self.shipping
        for line in self.lines:
            total = total + Money(amount=line.price.amount * line.quantity, currency=self.currency)
        return total

    def summed(self, kinds: set[str], statuses: set[str], parent: str | None = None) -> Money:
        """The sum of transactions of some kinds, in some states, of one parent or of any."""
        total = Money.zero(self.currency)
        for each in self.transactions:
            wanted = each.kind in kinds and each.status in statuses
            if wanted and parent in {None, each.parent}:
                total = total + each.amount
        return total

    def captured(self) -> Money:
        """Received from the customer."""
        return self.summed({"SALE", "CAPTURE"}, {"SUCCESS"})

    def left(self) -> Money:
        """Captured minus what has gone back or is on its way."""
        return self.captured() - self.summed({"REFUND"}, {"SUCCESS", "PENDING"})

    def left_of(self, payment: TransactionRecord) -> Money:
        """What one payment still has."""
        return payment.amount - self.summed({"REFUND"}, {"SUCCESS", "PENDING"}, payment.id)

    def payments(self) -> list[TransactionRecord]:
        """The captured payments."""
        return [t for t in self.transactions if t.kind in {"SALE", "CAPTURE"} and t.status == "SUCCESS"]


NO_ADDRESS: dict[str, str | None] = dict.fromkeys(
    (
        "firstName",
        "lastName",
        "address1",
        "address2",
        "city",
        "province",
        "provinceCode",
        "zip",
        "countryCode",
    )
)


def address_as_shopify_keeps_it(address: Address | None) -> dict[str, str | None] | None:
    """An address in Shopify's fields."""
    if address is None:
        return None
    first, _, last = address.name.rpartition(" ")
    return {
        "firstName": first,
        "lastName": last,
        "address1": address.line1,
        "address2": address.line2,
        "city": address.city,
        "province": address.region,
        "provinceCode": None,
        "zip": address.postcode,
        "countryCode": address.country,
    }
