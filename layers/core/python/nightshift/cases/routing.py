"""Which case an event belongs to: pure rules over what the event says."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from nightshift.ids import ChannelId
from nightshift.model.event import (
    BounceDetail,
    Event,
    EventKind,
    MessageDetail,
    OrderDetail,
    PaymentDetail,
    Subject,
    SubjectKind,
)
from nightshift.ports.cases import Alias

__all__ = ["Bearing", "Name", "Route", "bearing", "learnt", "name_of", "order_name", "payment_name", "route"]


class Bearing(StrEnum):
    """What an event may do to cases."""

    OPENS = "opens"  # opens a case, or joins the one its subject has
    OPENS_ON_SIGNAL = "opens_on_signal"  # the same when triage found something, else joins or is noted
    JOINS = "joins"  # joins the case its subject has, else is noted: often the echo of our own effect
    NOTED = "noted"


def bearing(kind: EventKind) -> Bearing:
    """What events of a kind may do."""
    match kind:
        case (
            EventKind.MESSAGE_RECEIVED
            | EventKind.MESSAGE_BOUNCED
            | EventKind.RETURN_REQUESTED
            | EventKind.ERASURE_REQUESTED
            | EventKind.ACCESS_REQUESTED
            | EventKind.DISPUTE_OPENED
            | EventKind.REFUND_FAILED
        ):
            return Bearing.OPENS
        case EventKind.ORDER_PLACED:
            return Bearing.OPENS_ON_SIGNAL
        case (
            EventKind.ORDER_UPDATED
            | EventKind.ORDER_EDITED
            | EventKind.ORDER_CANCELLED
            | EventKind.REFUND_CREATED
            | EventKind.CREDIT_NOTE_ISSUED
            | EventKind.DISPUTE_UPDATED
            | EventKind.DISPUTE_CLOSED
        ):
            return Bearing.JOINS
        case EventKind.CUSTOMERS_MERGED | EventKind.PAYMENT_SUCCEEDED | EventKind.COMPETITOR_PRICE_CHANGED:
            return Bearing.NOTED
        case unreachable:
            assert_never(unreachable)


@dataclass(frozen=True, kw_only=True)
class Name:
    """A name to look up among the aliases before an event can be routed."""

    channel: ChannelId
    name: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where an event goes.

    The first of `subjects` that has a case gets the event; if none has, a case is opened about
    `opening` (absent: the event is noted).
    """

    subjects: tuple[str, ...]
    opening: str | None


def order_name(given: str) -> str:
    """The one spelling of an order's name: people leave out the sign (`1001` is `#1001`)."""
    name = " ".join(given.split()).upper()
    return f"#{name}" if name.isdecimal() else name


def payment_name(given: str) -> str:
    """The one spelling of a payment's name: ids as they are, an invoice's number in capitals."""
    name = " ".join(given.split())
    return name if "_" in name else name.upper()


def name_of(
    event: Event, order_channel: ChannelId | None, payment_channel: ChannelId | None = None
) -> Name | None:
    """What to look up first: the order or payment that is named, or else the conversation."""
    if isinstance(event.detail, PaymentDetail):
        is_looked_for = bearing(event.kind) is not Bearing.NOTED
        name = f"payment:{payment_name(event.subject.ref)}"
        return Name(channel=event.channel, name=name) if is_looked_for else None
    if isinstance(event.detail, BounceDetail):
        return Name(channel=event.channel, name=f"conversation:{event.detail.conversation}")
    if not isinstance(event.detail, MessageDetail):
        return None
    given = order_name(event.detail.order_name or "")
    if given and order_channel is not None:
        return Name(channel=order_channel, name=given)
    paid = payment_name(event.detail.payment_name or "")
    if paid and payment_channel is not None:
        return Name(channel=payment_channel, name=f"payment:{paid}")
    return Name(channel=event.channel, name=f"conversation:{event.detail.conversation}")


def route(
    event: Event,
    order_channel: ChannelId | None,
    payment_channel: ChannelId | None = None,
    *,
    known: str | None,
    signalled: bool,
) -> Route:
    """Where an event goes, given the subject `known` under its name (`name_of`), if any."""
    subjects, opening = _subjects(event, order_channel, payment_channel, known=known)
    match bearing(event.kind):
        case Bearing.NOTED:
            return Route(subjects=(), opening=None)
        case Bearing.JOINS:
            return Route(subjects=subjects, opening=None)
        case Bearing.OPENS_ON_SIGNAL:
            return Route(subjects=subjects, opening=opening if signalled else None)
        case Bearing.OPENS:
            # anybody can claim that a mail of ours came back: of a conversation nobody knows it is noted
            is_stray = isinstance(event.detail, BounceDetail) and known is None
            return Route(subjects=subjects, opening=None if is_stray else opening)
        case unreachable:
            assert_never(unreachable)


def _subjects(
    event: Event, order_channel: ChannelId | None, payment_channel: ChannelId | None, *, known: str | None
) -> tuple[tuple[str, ...], str]:
    """The subjects whose case an event belongs to, and the one to open a case about."""
    match event.detail:
        case MessageDetail(order_name=str(name)) if order_channel is not None and name.strip():
            # by its bare name too: a message may have come before the order's own event
            own = _order_named(name, order_channel)
        case MessageDetail(payment_name=str(name)) if payment_channel is not None and name.strip():
            own = Subject(kind=SubjectKind.PAYMENT, channel=payment_channel, ref=payment_name(name)).key()
        case MessageDetail(conversation=conversation):
            talk = _conversation(event, conversation)
            return ((known, talk) if known and known != talk else (talk,)), talk
        case BounceDetail(conversation=conversation):
            talk = known or _conversation(event, conversation)
            return (talk,), talk
        case OrderDetail(order_name=str(name)) if name.strip():
            placed = event.subject.key()
            return (placed, _order_named(name, event.channel)), placed
        case _:
            own = event.subject.key()
    return ((known, own) if known and known != own else (own,)), known or own


def _order_named(name: str, channel: ChannelId) -> str:
    return Subject(kind=SubjectKind.ORDER, channel=channel, ref=order_name(name)).key()


def _conversation(event: Event, conversation: str) -> str:
    return Subject(kind=SubjectKind.CONVERSATION, channel=event.channel, ref=conversation).key()


def learnt(event: Event, chosen: str | None, known: str | None) -> tuple[Alias, ...]:
    """The aliases an event teaches, once `chosen` is the subject it went to.

    A placed order's name stands for the order, a payment's other ids and numbers for the payment; a
    conversation stands for the subject of its messages.
    """
    match event.detail:
        case OrderDetail(order_name=str(name)) if event.kind is EventKind.ORDER_PLACED and name.strip():
            alias, subject = order_name(name), event.subject.key()
        case PaymentDetail(names=names) if event.kind is EventKind.PAYMENT_SUCCEEDED:
            return tuple(_paid_as(event, name) for name in names if name != event.subject.ref)
        case MessageDetail(conversation=conversation) if chosen is not None:
            alias, subject = f"conversation:{conversation}", chosen
            stood_for = known or _conversation(event, conversation)
            named = event.detail.order_name or event.detail.payment_name
            if named is None and subject == stood_for:
                return ()
        case _:
            return ()
    return (Alias(tenant=event.tenant, channel=event.channel, name=alias, subject=subject),)


def _paid_as(event: Event, name: str) -> Alias:
    alias = f"payment:{payment_name(name)}"
    return Alias(tenant=event.tenant, channel=event.channel, name=alias, subject=event.subject.key())
