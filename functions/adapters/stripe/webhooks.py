"""Stripe's webhooks: verified over stamp and body, then read as hints about what to re-read.

An event tells what an object was when it happened, in the API version of its endpoint, and events come in
any order and more than once. So nothing but ids is taken from one, and what is acted on is re-read.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nightshift.errors import BadInput, Misconfigured
from nightshift.ids import ChannelId, body_digest
from nightshift.ingress.webhooks import Arrival, Forged, Parsed, webhook_keys
from nightshift.model.event import EventKind, PaymentDetail, Subject, SubjectKind

__all__ = ["TOLERANCE_SECONDS", "WEBHOOKS", "StripeWebhooks"]

TOLERANCE_SECONDS = 300
_MOST_SIGNATURES = 16
_STAMP_DIGITS = 12
_TOPIC = re.compile(r"[a-z0-9_.]{1,100}")
_DELIVERY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,179}")
_MODES = {True: ("sk_test_", "rk_test_"), False: ("sk_live_", "rk_live_")}
"""Keys of the other mode than an event's `livemode` says."""


def _id_of(value: object) -> object:
    """An id, or the object that was expanded in its place."""
    return value.get("id") if isinstance(value, dict) else value


_Id = Annotated[str, BeforeValidator(_id_of), Field(pattern=r"^[a-z]{2,8}_[A-Za-z0-9_]{1,180}$")]
_Ref = Annotated[_Id | None, BeforeValidator(_id_of)]
_Name = Annotated[str, Field(max_length=100)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Charge(_Body):
    id: _Id
    payment_intent: _Ref = None
    invoice: _Ref = None
    receipt_number: _Name | None = None


class _Refund(_Body):
    id: _Id
    charge: _Ref = None
    payment_intent: _Ref = None
    status: str | None = None


class _EvidenceDetails(_Body):
    due_by: int | None = None


class _Dispute(_Refund):
    evidence_details: _EvidenceDetails | None = None


class _Invoice(_Body):
    id: _Id
    number: _Name | None = None
    receipt_number: _Name | None = None
    charge: _Ref = None
    payment_intent: _Ref = None


class _CreditNote(_Body):
    id: _Id
    invoice: _Id
    refund: _Ref = None


class _Data(_Body):
    object: dict[str, object]


class _Event(_Body):
    """What every event has, in every version."""

    data: _Data


class _Envelope(_Body):
    """What ingress needs of an event before anybody looks into it; anything may be missing."""

    id: str = ""
    type: str = ""
    account: str | None = None
    livemode: bool | None = None


class StripeWebhooks:
    """Stripe's way of sending webhooks; see `nightshift.ingress.webhooks.Webhooks`."""

    def verify(self, arrival: Arrival, secret: Mapping[str, str]) -> None:
        """One `v1` of `Stripe-Signature` fits `<t>.<raw body>` under a valid secret, `t` within five minutes.

        An event of the other mode than the key's is refused by name.

        Raises:
            BadInput: `livemode`.
        """
        keys = webhook_keys(secret)
        if not keys:
            message = "the channel's secret has no webhook_secret"
            raise Misconfigured(message, code="secret.field")
        stamp, given = _signature(arrival.headers.get("stripe-signature", ""))
        signed = stamp.encode() + b"." + arrival.body
        expected = [hmac.new(key.encode(), signed, hashlib.sha256).hexdigest() for key in keys]
        # every pair is compared: which one fits takes no longer than that none does
        fits = [hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given]
        if not any(fits) or not _fresh(stamp, arrival.received_at.timestamp()):
            message = "the signature does not match"
            raise Forged(message)
        _refuse_other_mode(_envelope(arrival.body), secret.get("api_key", ""))

    def account(self, arrival: Arrival) -> str | None:
        """The connected account that an event names.

        The account's own events name none: that they are signed with this endpoint's secret says it.
        """
        return _envelope(arrival.body).account

    def delivery(self, arrival: Arrival) -> str:
        """The event's id, the same on each retry; of a body that has none, its digest."""
        name = _envelope(arrival.body).id
        return name if _DELIVERY.fullmatch(name) else f"body-{body_digest(arrival.body)[:40]}"

    def topic(self, arrival: Arrival) -> str:
        """Stripe's word for what happened: `charge.refunded`."""
        topic = _envelope(arrival.body).type
        return topic if _TOPIC.fullmatch(topic) else "unreadable"

    def normalise(self, arrival: Arrival, topic: str, channel: ChannelId) -> Parsed | None:
        """The event, or None for a type nobody acts on."""
        if topic == "unreadable":
            raise BadInput("type", "this is no event of Stripe's", "Send events as Stripe's API does.")
        read = _TOPICS.get(topic)
        if read is None:
            return None
        return read(_Event.model_validate_json(arrival.body).data.object, channel)


WEBHOOKS = StripeWebhooks()


def _signature(value: str) -> tuple[str, list[str]]:
    """The stamp and every `v1` of the header; other schemes are left aside."""
    parts = [part.strip().partition("=") for part in value.split(",")[: 4 * _MOST_SIGNATURES]]
    stamps = [held for name, _, held in parts if name == "t"]
    signatures = [held for name, _, held in parts if name == "v1"]
    return (stamps[0] if len(stamps) == 1 else ""), signatures[:_MOST_SIGNATURES]


def _fresh(stamp: str, now: float) -> bool:
    digits_only = stamp.isascii() and stamp.isdigit() and len(stamp) <= _STAMP_DIGITS
    return digits_only and abs(now - int(stamp)) <= TOLERANCE_SECONDS


def _envelope(body: bytes) -> _Envelope:
    try:
        found = json.loads(body)
        return _Envelope.model_validate(found) if isinstance(found, dict) else _Envelope()
    except (ValueError, RecursionError):  # pydantic's error is a ValueError; both quote the body
        return _Envelope()


def _refuse_other_mode(event: _Envelope, key: str) -> None:
    if event.livemode is not None and key.startswith(_MODES[event.livemode]):
        mode = "live" if event.livemode else "test"
        fix = f"Send {mode} events to a channel that has a {mode} key."
        raise BadInput("livemode", f"it is an event of {mode} mode, and the channel is not", fix)


def _parsed(kind: EventKind, detail: PaymentDetail, channel: ChannelId) -> Parsed:
    subject = Subject(kind=SubjectKind.PAYMENT, channel=channel, ref=detail.payment_ref)
    return Parsed(kind=kind, subject=subject, detail=detail)


def _names(*given: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in given if name))


def _charge(kind: EventKind) -> "_Read":
    def read(thing: dict[str, object], channel: ChannelId) -> Parsed:
        charge = _Charge.model_validate(thing)
        names = _names(charge.id, charge.invoice, charge.receipt_number)
        detail = PaymentDetail(payment_ref=charge.payment_intent or charge.id, names=names)
        return _parsed(kind, detail, channel)

    return read


def _paid_invoice(thing: dict[str, object], channel: ChannelId) -> Parsed | None:
    invoice = _Invoice.model_validate(thing)
    paid_by = invoice.payment_intent or invoice.charge
    if paid_by is None:
        return None  # paid out of band, or in a version that keeps its payments elsewhere
    names = _names(invoice.id, invoice.number, invoice.receipt_number, invoice.charge)
    return _parsed(EventKind.PAYMENT_SUCCEEDED, PaymentDetail(payment_ref=paid_by, names=names), channel)


def _refund(thing: dict[str, object], channel: ChannelId) -> Parsed:
    refund = _Refund.model_validate(thing)
    kind = EventKind.REFUND_FAILED if refund.status in {"failed", "canceled"} else EventKind.REFUND_CREATED
    return _parsed(kind, _about_payment(refund), channel)


def _dispute(kind: EventKind) -> "_Read":
    def read(thing: dict[str, object], channel: ChannelId) -> Parsed:
        dispute = _Dispute.model_validate(thing)
        due_by = dispute.evidence_details.due_by if dispute.evidence_details else None
        due_at = datetime.fromtimestamp(due_by, UTC) if due_by is not None and 0 < due_by < _LAST else None
        return _parsed(kind, _about_payment(dispute).model_copy(update={"due_at": due_at}), channel)

    return read


def _about_payment(thing: _Refund) -> PaymentDetail:
    ref = thing.payment_intent or thing.charge
    if ref is None:
        raise BadInput("data.object.charge", "it names no payment", "Name its charge or payment intent.")
    return PaymentDetail(payment_ref=ref, names=_names(thing.charge), vendor_refs=(thing.id,))


def _credit_note(thing: dict[str, object], channel: ChannelId) -> Parsed:
    note = _CreditNote.model_validate(thing)
    detail = PaymentDetail(payment_ref=note.invoice, vendor_refs=_names(note.id, note.refund))
    return _parsed(EventKind.CREDIT_NOTE_ISSUED, detail, channel)


_Read = Callable[[dict[str, object], ChannelId], Parsed | None]
_LAST = 253_402_300_800  # the end of what a date can hold

_TOPICS: Mapping[str, _Read] = {
    "charge.succeeded": _charge(EventKind.PAYMENT_SUCCEEDED),
    "invoice.paid": _paid_invoice,
    "charge.refunded": _charge(EventKind.REFUND_CREATED),
    "charge.refund.updated": _refund,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "credit_note.created": _credit_note,
    "credit_note.updated": _credit_note,
    "credit_note.voided": _credit_note,
    "charge.dispute.created": _dispute(EventKind.DISPUTE_OPENED),
    "charge.dispute.updated": _dispute(EventKind.DISPUTE_UPDATED),
    "charge.dispute.funds_withdrawn": _dispute(EventKind.DISPUTE_UPDATED),
    "charge.dispute.funds_reinstated": _dispute(EventKind.DISPUTE_UPDATED),
    "charge.dispute.closed": _dispute(EventKind.DISPUTE_CLOSED),
}
