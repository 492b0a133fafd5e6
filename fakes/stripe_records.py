"""What a stand-in Stripe account holds, in Stripe's own units."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Charge",
    "CreditNote",
    "Dispute",
    "Endpoint",
    "Intent",
    "Invoice",
    "InvoiceLine",
    "LineSpec",
    "PaymentSpec",
    "Refund",
    "Session",
]


class LineSpec(BaseModel):
    """One line of an invoice: `amount` before tax, `tax` on top."""

    model_config = ConfigDict(extra="forbid")

    description: str = "Consulting"
    amount: int = Field(ge=0)
    quantity: int = Field(default=1, ge=1)
    tax: int = Field(default=0, ge=0)


class PaymentSpec(BaseModel):
    """A payment to enter.

    Args:
        amount: in Stripe's unit; of an invoice, the sum of its lines.
        origin: where it came from: a payment link, an invoice, a Checkout page, or the bare API.
        paid: an invoice can be left open.
        captured: a charge can hold the money only.
        intent: charges made the old way have no payment intent.
        more: fields of the charge to set as they are: `application`, `transfer_group`, `shipping`, …
    """

    model_config = ConfigDict(extra="forbid")

    amount: int = Field(default=1250, ge=0)
    currency: str = "eur"
    origin: str = Field(default="payment_link", pattern="^(payment_link|invoice|checkout|api)$")
    email: str | None = "kim@example.com"
    customer: str | None = "cus_kim"
    number: str | None = None
    lines: list[LineSpec] = Field(default_factory=list)
    paid: bool = True
    captured: bool = True
    intent: bool = True
    receipt_number: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    intent_metadata: dict[str, str] = Field(default_factory=dict)
    invoice_metadata: dict[str, str] = Field(default_factory=dict)
    session_metadata: dict[str, str] = Field(default_factory=dict)
    client_reference_id: str | None = None
    description: str | None = None
    more: dict[str, Any] = Field(default_factory=dict)


@dataclass
class Intent:
    """What somebody meant to pay."""

    id: str
    amount: int
    currency: str
    created: datetime
    customer: str | None
    email: str | None
    metadata: dict[str, str]
    charge: str | None = None
    invoice: str | None = None
    status: str = "succeeded"
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Charge:
    """What took the money."""

    id: str
    amount: int
    currency: str
    created: datetime
    customer: str | None
    email: str | None
    metadata: dict[str, str]
    captured: bool
    description: str | None = None
    receipt_number: str | None = None
    intent: str | None = None
    invoice: str | None = None
    disputed: bool = False
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Refund:
    """Money on its way back."""

    id: str
    charge: str
    intent: str | None
    amount: int
    currency: str
    created: datetime
    status: str
    reason: str | None
    metadata: dict[str, str]
    credit_note: str | None = None

    @property
    def key(self) -> str:
        """The key of ours it carries."""
        return self.metadata.get("nightshift_key", "")


@dataclass
class InvoiceLine:
    """One line of an invoice."""

    id: str
    description: str
    amount: int
    quantity: int
    tax: int


@dataclass
class Invoice:
    """An invoice."""

    id: str
    number: str
    currency: str
    created: datetime
    customer: str | None
    email: str | None
    lines: list[InvoiceLine]
    metadata: dict[str, str]
    status: str
    charge: str | None = None
    intent: str | None = None
    before: int = 0  # credited while it was open
    after: int = 0  # credited once it was paid
    more: dict[str, Any] = field(default_factory=dict)

    def total(self) -> int:
        """What it came to, before any credit note."""
        return sum(line.amount + line.tax for line in self.lines)


@dataclass
class CreditNote:
    """A credit note."""

    id: str
    invoice: str
    currency: str
    total: int
    created: datetime
    status: str
    kind: str
    reason: str | None
    memo: str | None
    metadata: dict[str, str]
    lines: list[dict[str, Any]]
    refund: str | None = None

    @property
    def key(self) -> str:
        """The key of ours it carries."""
        return self.metadata.get("nightshift_key", "")


@dataclass
class Dispute:
    """A bank asks for the money back."""

    id: str
    charge: str
    intent: str | None
    amount: int
    currency: str
    created: datetime
    due_by: datetime
    reason: str
    status: str

    @property
    def refundable(self) -> bool:
        """Only an inquiry leaves the charge refundable."""
        return self.status.startswith("warning_") or self.status == "won"


@dataclass
class Session:
    """The page somebody paid on."""

    id: str
    intent: str | None
    created: datetime
    payment_link: str | None
    client_reference_id: str | None
    metadata: dict[str, str]


@dataclass
class Endpoint:
    """Where events go."""

    id: str
    url: str
    events: list[str]
    api_version: str | None
    created: datetime
    secret: str
    status: str = "enabled"
