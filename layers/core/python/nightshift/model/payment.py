"""A payment without an order: an invoice or a payment link, as re-read from the processor."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from nightshift.model.base import Noun
from nightshift.money import Money

__all__ = ["Dispute", "GivenBack", "GivenBackState", "Payment"]


class GivenBackState(StrEnum):
    """Where a refund stands."""

    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"  # the money came back to the store


class GivenBack(Noun):
    """A refund of a payment."""

    id: str
    amount: Money
    state: GivenBackState
    created_at: datetime


class Dispute(Noun):
    """A customer's bank asks for a payment back; evidence is due by a date, or the money is gone."""

    id: str
    payment: str = Field(description="the payment it is about, in the form payments.refund takes")
    amount: Money
    reason: str
    status: str = Field(description="the vendor's own word")
    open: bool
    blocks_refunds: bool
    evidence_due_at: datetime | None = None
    has_evidence: bool = False
    created_at: datetime


class Payment(Noun):
    """A captured payment.

    `owned` says in words why its money must not be moved here (a commerce order owns it, or nobody can
    tell); empty: nothing speaks against it. `email` is the address its receipt went to.
    """

    id: str
    name: str = Field(description="what the customer knows it by: the invoice's or receipt's number")
    charge: str = Field(default="", description="what was captured; empty while nothing is")
    invoice: str = ""
    paid_at: datetime
    captured: Money
    refunded: Money
    refundable: Money
    customer: str | None = None
    email: str | None = None
    owned: str = ""
    refunds: tuple[GivenBack, ...] = ()
    disputes: tuple[Dispute, ...] = ()
