"""The order graph in platform-neutral form: what every adapter's reads return."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from nightshift.model.base import Noun
from nightshift.money import Money

__all__ = [
    "Address",
    "Customer",
    "Fulfilment",
    "FulfilmentState",
    "Order",
    "OrderLine",
    "Refund",
    "RiskLevel",
    "Transaction",
    "TransactionKind",
]


class RiskLevel(StrEnum):
    """The vendor's own fraud assessment."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class FulfilmentState(StrEnum):
    """How far the goods have gone, over the whole order."""

    UNFULFILLED = "unfulfilled"  # nothing accepted: cancel and address change are possible
    IN_PROGRESS = "in_progress"  # accepted by fulfilment, not yet shipped
    PARTIAL = "partial"
    SHIPPED = "shipped"
    DELIVERED = "delivered"


class TransactionKind(StrEnum):
    """What a payment transaction did."""

    AUTHORIZATION = "authorization"
    CAPTURE = "capture"
    SALE = "sale"
    REFUND = "refund"
    VOID = "void"


class Address(Noun):
    """A postal address."""

    name: str = ""
    line1: str = Field(min_length=1, max_length=255)
    line2: str = ""
    city: str = Field(min_length=1, max_length=100)
    region: str = ""
    postcode: str = Field(default="", max_length=20)
    country: str = Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")


class Customer(Noun):
    """Who bought."""

    id: str
    email: str | None = None
    name: str = ""
    orders_count: int = 0
    locale: str = "en"


class OrderLine(Noun):
    """One line of an order."""

    id: str
    sku: str | None = None
    title: str
    quantity: int
    refundable_quantity: int
    unit_price: Money


class Transaction(Noun):
    """One movement of money at the payment provider, settled or not."""

    id: str
    kind: TransactionKind
    succeeded: bool
    pending: bool
    amount: Money
    gateway: str
    parent: str | None = None


class Refund(Noun):
    """A refund the vendor knows of."""

    id: str
    amount: Money
    created_at: datetime
    note: str = ""


class Fulfilment(Noun):
    """One shipment."""

    id: str
    state: FulfilmentState
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    shipped_at: datetime | None = None
    estimated_delivery_at: datetime | None = None


class Order(Noun):
    """An order with its customer, payments and shipments, as re-read from the vendor."""

    id: str
    name: str
    placed_at: datetime
    updated_at: datetime
    total: Money
    captured: Money
    refunded: Money
    cancelled_at: datetime | None = None
    editable: bool = Field(description="false while the merchant edits it or the vendor locks it")
    risk: RiskLevel = RiskLevel.NONE
    fulfilment: FulfilmentState
    customer: Customer | None = None
    shipping_address: Address | None = None
    lines: tuple[OrderLine, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    refunds: tuple[Refund, ...] = ()
    fulfilments: tuple[Fulfilment, ...] = ()
