"""A customer's message: verified over its timestamp and its raw body, then read as data."""

import hashlib
import hmac
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from nightshift.ids import ChannelId
from nightshift.ingress.webhooks import Arrival, Forged, Parsed, header, webhook_keys
from nightshift.model.event import Attachment, EventKind, MessageDetail, Subject, SubjectKind

__all__ = ["TOLERANCE_SECONDS", "WEBHOOKS", "ContactWebhooks"]

TOLERANCE_SECONDS = 300


class _Attachment(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(max_length=255)
    media_type: str = Field(max_length=100)
    ref: str = Field(max_length=1000)


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    conversation: str = Field(min_length=1, max_length=200)
    text: str = Field(max_length=20_000)
    sender: str = Field(min_length=1, max_length=320)
    verified_sender: bool = Field(strict=True)
    order_name: str | None = Field(default=None, max_length=100)
    payment_name: str | None = Field(default=None, max_length=100)
    locale: str = Field(default="en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    attachments: tuple[_Attachment, ...] = Field(default=(), max_length=20)


class ContactWebhooks:
    """The contact form's way of sending messages; see `nightshift.ingress.webhooks.Webhooks`."""

    def verify(self, arrival: Arrival, secret: Mapping[str, str]) -> None:
        """`v1=` and hex HMAC-SHA256 of `<timestamp>.<raw body>`; the stamp within five minutes of now."""
        stamp = arrival.headers.get("x-nightshift-timestamp", "")
        signed = stamp.encode() + b"." + arrival.body
        given = arrival.headers.get("x-nightshift-signature", "").encode()
        expected = [
            b"v1=" + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest().encode()
            for key in webhook_keys(secret)
        ]
        genuine = any(hmac.compare_digest(each, given) for each in expected)
        if not genuine or not _fresh(stamp, arrival.received_at.timestamp()):
            message = "the signature does not match"
            raise Forged(message)

    def account(self, arrival: Arrival) -> str:
        """The store."""
        return header(arrival, "X-Nightshift-Account")

    def delivery(self, arrival: Arrival) -> str:
        """`X-Nightshift-Delivery`, the same on each retry."""
        return header(arrival, "X-Nightshift-Delivery")

    def topic(self, arrival: Arrival) -> str:
        """There is one topic."""
        del arrival
        return "message"

    def normalise(self, arrival: Arrival, topic: str, channel: ChannelId) -> Parsed | None:
        """The message, about its conversation; an order's name in it is resolved by the dispatcher."""
        if topic != "message":
            return None
        said = _Message.model_validate_json(arrival.body)
        detail = MessageDetail(
            conversation=said.conversation,
            text=said.text,
            sender=said.sender,
            verified_sender=said.verified_sender,
            order_name=said.order_name,
            payment_name=said.payment_name,
            locale=said.locale,
            attachments=tuple(
                Attachment(name=each.name, media_type=each.media_type, ref=each.ref)
                for each in said.attachments
            ),
        )
        subject = Subject(kind=SubjectKind.CONVERSATION, channel=channel, ref=said.conversation)
        return Parsed(kind=EventKind.MESSAGE_RECEIVED, subject=subject, detail=detail)


WEBHOOKS = ContactWebhooks()


def _fresh(stamp: str, now: float) -> bool:
    digits_only = stamp.isascii() and stamp.isdigit() and len(stamp) <= len("9999999999")
    return digits_only and abs(now - int(stamp)) <= TOLERANCE_SECONDS
