"""An event: something that happened, as a vendor or a customer told us. A hint, never an order."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from nightshift.ids import ChannelId, EventId, TenantId
from nightshift.model.base import Document, Noun

__all__ = [
    "Attachment",
    "Event",
    "EventDetail",
    "EventKind",
    "MessageDetail",
    "OrderDetail",
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
    CUSTOMERS_MERGED = "CustomersMerged"
    ERASURE_REQUESTED = "ErasureRequested"
    ACCESS_REQUESTED = "AccessRequested"


class SubjectKind(StrEnum):
    """What an event can be about."""

    ORDER = "order"
    CUSTOMER = "customer"
    SHOP = "shop"
    CONVERSATION = "conversation"


class Subject(Noun):
    """The order, customer or conversation an event is about, within one channel.

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
    ref: str = Field(max_length=1000, description="where the vendor keeps it")


class MessageDetail(Noun):
    """What a customer wrote. `text` is data, never instruction."""

    type: Literal["message"] = "message"
    conversation: str = Field(min_length=1, max_length=200)
    text: str = Field(max_length=20_000)
    sender: str = Field(max_length=320, description="the address the sender claims")
    verified_sender: bool = Field(description="the storefront vouches for the sender (signed in)")
    order_name: str | None = Field(default=None, max_length=100)
    locale: str = "en"
    attachments: tuple[Attachment, ...] = ()


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


class PrivacyDetail(Noun):
    """A vendor's privacy request (redact, data request)."""

    type: Literal["privacy"] = "privacy"
    request: str
    customer_ref: str | None = None
    order_refs: tuple[str, ...] = ()


EventDetail = Annotated[
    MessageDetail | ReturnDetail | OrderDetail | PrivacyDetail, Field(discriminator="type")
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
