"""An event: something that happened, as a vendor or a customer told us. A hint, never an order."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from nightshift.ids import ChannelId, EventId, TenantId
from nightshift.model.base import Document, Noun
from nightshift.money import Money

__all__ = [
    "Attachment",
    "BounceDetail",
    "Event",
    "EventDetail",
    "EventKind",
    "MessageDetail",
    "OrderDetail",
    "PaymentDetail",
    "PriceDetail",
    "PrivacyDetail",
    "ReturnDetail",
    "ReturnLine",
    "Subject",
    "SubjectKind",
]


class EventKind(StrEnum):
    """What happened; past tense."""

    ORDER_PLACED = "OrderPlaced"
    ORDER_UPDATED = "OrderUpdated"
    ORDER_EDITED = "OrderEdited"
    ORDER_CANCELLED = "OrderCancelled"
    REFUND_CREATED = "RefundCreated"
    RETURN_REQUESTED = "ReturnRequested"
    MESSAGE_RECEIVED = "MessageReceived"
    MESSAGE_BOUNCED = "MessageBounced"
    CUSTOMERS_MERGED = "CustomersMerged"
    ERASURE_REQUESTED = "ErasureRequested"
    ACCESS_REQUESTED = "AccessRequested"
    PAYMENT_SUCCEEDED = "PaymentSucceeded"
    REFUND_FAILED = "RefundFailed"
    CREDIT_NOTE_ISSUED = "CreditNoteIssued"
    DISPUTE_OPENED = "DisputeOpened"
    DISPUTE_UPDATED = "DisputeUpdated"
    DISPUTE_CLOSED = "DisputeClosed"
    COMPETITOR_PRICE_CHANGED = "CompetitorPriceChanged"


class SubjectKind(StrEnum):
    """What an event can be about."""

    ORDER = "order"
    CUSTOMER = "customer"
    SHOP = "shop"
    CONVERSATION = "conversation"
    PAYMENT = "payment"
    SKU = "sku"


class Subject(Noun):
    """The order, payment, customer or conversation an event is about, within one channel.

    `ref` is the vendor's own id where the event carries it (`gid://shopify/Order/1`), else a name
    that the dispatcher resolves through the alias it learnt (`#1001`).
    """

    kind: SubjectKind
    channel: ChannelId
    ref: str = Field(min_length=1, max_length=200)

    def key(self) -> str:
        """One string per subject, for ids, locks and queue groups."""
        return f"{self.kind}:{self.channel}:{self.ref}"


class Attachment(Noun):
    """A file that came with a message: stored elsewhere, tainted."""

    name: str = Field(max_length=255)
    media_type: str = Field(max_length=100)
    ref: str = Field(max_length=1000, description="where the vendor, or our mail bucket, keeps it")


class MessageDetail(Noun):
    """What a customer wrote. `text` is data, never instruction.

    Of a mail, `text` is what is new in it: quoted history and signature are cut, the raw mail is kept.
    """

    type: Literal["message"] = "message"
    conversation: str = Field(min_length=1, max_length=200)
    text: str = Field(max_length=20_000)
    sender: str = Field(max_length=320, description="the address the sender claims")
    verified_sender: bool = Field(
        description="the storefront vouches for the sender (signed in), or the mail passed DMARC"
    )
    order_name: str | None = Field(default=None, max_length=100)
    payment_name: str | None = Field(
        default=None, max_length=100, description="the invoice or payment it names, where there is no order"
    )
    locale: str = "en"
    attachments: tuple[Attachment, ...] = ()
    medium: Literal["form", "mail"] = "form"
    message_id: str = Field(default="", max_length=200, description="of a mail, without angle brackets")


class BounceDetail(Noun):
    """A mail of ours came back, or its receiver complained about it; `status` is RFC 3463's (`5.1.1`)."""

    type: Literal["bounce"] = "bounce"
    conversation: str = Field(min_length=1, max_length=200)
    reason: Literal["bounce", "complaint"]
    status: str = Field(default="", max_length=20)


class ReturnLine(Noun):
    """One line of a return request."""

    line: str
    quantity: int = Field(ge=1)
    reason: str = ""


class ReturnDetail(Noun):
    """A return that a customer asked for in the shop."""

    type: Literal["return"] = "return"
    return_ref: str
    order_ref: str
    note: str = Field(default="", max_length=20_000)
    lines: tuple[ReturnLine, ...] = ()


class OrderDetail(Noun):
    """Something happened to an order; the order itself is re-read, never taken from here."""

    type: Literal["order"] = "order"
    order_ref: str
    order_name: str | None = None
    vendor_refs: tuple[str, ...] = Field(default=(), description="ids of refunds, edits, … named in it")
    total: str | None = None
    currency: str | None = None
    first_order: bool | None = Field(default=None, description="the customer's first, where the event says")


class PaymentDetail(Noun):
    """Something happened to a payment without an order; it is re-read, never taken from here."""

    type: Literal["payment"] = "payment"
    payment_ref: str = Field(min_length=1, max_length=200)
    names: tuple[str, ...] = Field(default=(), description="other ids and numbers it is known by")
    vendor_refs: tuple[str, ...] = Field(default=(), description="ids of refunds, disputes, credit notes")
    due_at: datetime | None = Field(default=None, description="until when evidence is taken, as it was said")


class PrivacyDetail(Noun):
    """A vendor's privacy request (redact, data request)."""

    type: Literal["privacy"] = "privacy"
    request: str
    customer_ref: str | None = None
    order_refs: tuple[str, ...] = ()


class PriceDetail(Noun):
    """A competitor asks another price for what we sell too, as a signed feed says: numbers, no text.

    `rival` is opaque: the same for the same competitor, and not its name. `drop_percent` is negative
    where the price went up.
    """

    type: Literal["price"] = "price"
    sku: str = Field(min_length=1, max_length=100)
    rival: str = Field(pattern=r"^[a-z]+_[a-z2-7]{26}$")
    before: Money
    after: Money
    drop_percent: float = Field(le=100, description="of the price before, rounded towards zero to 0.01")
    seen_at: datetime


EventDetail = Annotated[
    MessageDetail | BounceDetail | ReturnDetail | OrderDetail | PaymentDetail | PrivacyDetail | PriceDetail,
    Field(discriminator="type"),
]


class Event(Document):
    """One normalised event.

    `delivery` is the vendor's id of the delivery, stable across its retries; `body_digest` is the
    SHA-256 of the raw body together with its topic; `body_ref` says where the raw body is kept.
    """

    id: EventId
    tenant: TenantId
    channel: ChannelId
    kind: EventKind
    subject: Subject
    delivery: str = Field(min_length=1, max_length=200)
    body_digest: str
    body_ref: str
    received_at: datetime
    detail: EventDetail

    def group(self) -> str:
        """What keeps its order among events: the mails of one sender, else the events of one subject."""
        if isinstance(self.detail, MessageDetail) and self.detail.medium == "mail":
            return f"mail:{self.channel}:{self.detail.sender.casefold()}"
        return self.subject.key()
