"""Receive mail: raw first, then what it says, or why nobody acts on it. And hear what became of ours.

SES has stored the raw mail before it tells us. Its verdicts rule what may follow: a mail that is not
vouched for becomes an event like any other, but one that proves nothing of its sender. What machines
wrote, what comes too often, and what claims to be from ourselves is noted and never answered.
"""

from dataclasses import dataclass

from pydantic import ValidationError

from nightshift.clock import Clock
from nightshift.errors import BadInput, Retryable
from nightshift.ids import ChannelId, TenantId, body_digest, event_id
from nightshift.ingress.letters import Arrived, bare, bounced, identity, letter
from nightshift.ingress.machines import why_never_answered
from nightshift.ingress.mime import MAX_MAIL, Mail, parse
from nightshift.ingress.ses import Notice, Receipt
from nightshift.model.base import Noun
from nightshift.model.event import BounceDetail, Event, EventDetail, EventKind, Subject, SubjectKind
from nightshift.model.mail import is_conversation, mail_address
from nightshift.model.metric import Metric
from nightshift.ports.config import Config
from nightshift.ports.deliveries import Deliveries, Delivery
from nightshift.ports.flow import EventQueue
from nightshift.ports.mail import Mailboxes, MailRates, MailStore, SentMail, SentMails
from nightshift.ports.metrics import Metrics

__all__ = ["PER_MAILBOX", "PER_SENDER", "Post", "Received", "hear", "receive_mail"]

PER_SENDER = 20
"""Mails of one sender that are acted on within an hour."""
PER_MAILBOX = 300
"""Mails that nobody vouches for and one mailbox takes within an hour, whoever sends them."""

_MACHINE = frozenset({"", "<>"})
_RECIPIENTS = 50
_MAX_EVENT = 200_000  # bytes; a queue message takes 256 KB


@dataclass(frozen=True, kw_only=True)
class Post:
    """What receiving mail works with."""

    mailboxes: Mailboxes
    config: Config
    store: MailStore
    rates: MailRates
    sent: SentMails
    deliveries: Deliveries
    queue: EventQueue
    metrics: Metrics
    clock: Clock


class Received(Noun):
    """What became of a mail, in words for our own log: ids and reasons, nothing it says."""

    done: str
    reason: str = ""
    event: str = ""
    tenant: str = ""


class _Noted(Exception):  # private; carries why nobody acts on a mail
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Foul(_Noted):
    """A person may look at it; nobody is woken for what any stranger can send."""


def receive_mail(receipt: Receipt, post: Post) -> tuple[Received, ...]:
    """Receive one mail for each of our channels it was sent to; told again, it changes nothing.

    Raises:
        NotFound: SES has not stored it (yet); the call comes again.
    """
    arrived = _addressed(receipt, post)
    if not arrived:
        post.metrics.count(Metric.MAIL_REFUSED)
        return (Received(done="refused", reason="no mailbox of ours"),)
    return tuple(_received(one, post) for one in arrived)


def _addressed(receipt: Receipt, post: Post) -> list[Arrived]:
    found: dict[tuple[TenantId, ChannelId], Arrived] = {}
    now = post.clock.now()
    for recipient in receipt.receipt.recipients[:_RECIPIENTS]:
        local, at, host = mail_address(recipient).rpartition("@")
        name, _, tag = local.partition("+")
        # without a name it would be `@host`: the note of whose a domain is, and no mailbox
        mailbox = post.mailboxes.find(f"{name}@{host}") if at and name else None
        if mailbox is not None:
            arrived = Arrived(receipt=receipt, mailbox=mailbox, tag=tag, at=now)
            found.setdefault((mailbox.tenant, mailbox.channel), arrived)
    return list(found.values())


def _received(arrived: Arrived, post: Post) -> Received:
    record = Delivery(
        tenant=arrived.mailbox.tenant,
        channel=arrived.mailbox.channel,
        delivery=arrived.id,
        topic="mail",
        body_ref=post.store.ref(arrived.id),
        body_digest=body_digest(f"mail\0{arrived.id}".encode()),
        received_at=arrived.at,
    )
    try:
        _check_rates(arrived, post)
        _check_verdicts(arrived.receipt)
        return _send(_read(record, arrived, post), post)
    except _Foul as foul:
        return _parked(record, foul.reason, post, alarming=False)
    except _Noted as noted:
        return _note(record, noted.reason, post)
    except BadInput as exc:
        return _parked(record, f"{exc.field}: {exc.problem}", post)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        return _parked(record, f"{'.'.join(str(part) for part in first['loc'])}: {first['type']}", post)


def _check_verdicts(receipt: Receipt) -> None:
    for name, verdict in (("virus", receipt.receipt.virus), ("spam", receipt.receipt.spam)):
        if verdict.status == "FAIL":
            raise _Foul(f"{name}: SES found it in the mail")


def _check_rates(arrived: Arrived, post: Post) -> None:
    """Count a mail against its sender, and against the mailbox where nobody vouches for it.

    What is only claimed to be a sender's counts apart from what is proven: or whoever writes in a
    customer's name could shut that customer out. Bounces all come from one sender, the mail system: they
    count against the mailbox only.
    """
    receipt, box = arrived.receipt, arrived.mailbox
    claimed = next(iter(receipt.claimed_senders), "")
    is_machine = receipt.mail.source in _MACHINE
    sender = bare(claimed) or mail_address(receipt.mail.source) or "nobody"
    said = "from" if receipt.is_vouched_for else "claimed"
    counted = [] if is_machine else [(f"{said}:{sender}", PER_SENDER)]
    if is_machine or not receipt.is_vouched_for:
        counted.append((f"to:{box.address}", PER_MAILBOX))
    for who, most in counted:
        if not post.rates.admit(box.tenant, who, arrived.id, at=receipt.mail.timestamp, most=most):
            raise _Noted("flood")


def _read(record: Delivery, arrived: Arrived, post: Post) -> Delivery:
    """The record with the event that a mail is.

    Raises:
        _Noted: nobody acts on it.
        BadInput: it cannot be read.
    """
    mail = parse(post.store.raw(arrived.id, MAX_MAIL))
    if mail.report is not None:
        returned = bounced(mail.report, arrived.tag)
        if returned is None:
            raise _Noted("report")
        return _with_event(record, returned)
    return _letter(record, arrived, mail, post)


def _letter(record: Delivery, arrived: Arrived, mail: Mail, post: Post) -> Delivery:
    why = why_never_answered(mail, ours=arrived.mailbox.address)
    if why:
        raise _Noted(why)
    prefix = post.config.tenant(record.tenant).order_prefix
    said = letter(arrived, mail, store=post.store, order_prefix=prefix)
    digest = body_digest(b"mail\0" + identity(arrived, mail, said).encode())
    return _with_event(record.model_copy(update={"body_digest": digest}), said)


def _with_event(record: Delivery, detail: EventDetail) -> Delivery:
    is_bounce = isinstance(detail, BounceDetail)
    conversation = getattr(detail, "conversation", record.delivery)
    event = Event(
        id=event_id(record.tenant, record.channel, record.delivery),
        tenant=record.tenant,
        channel=record.channel,
        kind=EventKind.MESSAGE_BOUNCED if is_bounce else EventKind.MESSAGE_RECEIVED,
        subject=Subject(kind=SubjectKind.CONVERSATION, channel=record.channel, ref=conversation),
        delivery=record.delivery,
        body_digest=record.body_digest,
        body_ref=record.body_ref,
        received_at=record.received_at,
        detail=detail,
    )
    return record.model_copy(update={"event": event, "pending": record.received_at})


def _send(record: Delivery, post: Post) -> Received:
    size = len(record.model_dump_json().encode())
    if size > _MAX_EVENT:
        return _parked(
            record.model_copy(update={"event": None, "pending": None}), f"event: {size} bytes", post
        )
    stored = post.deliveries.keep(record)
    if stored.event is None:
        return Received(done="known", reason=stored.parked or stored.topic, tenant=record.tenant)
    try:
        post.queue.send(stored.event)
    except Retryable:
        return Received(done="stored", event=stored.event.id, tenant=record.tenant)
    return Received(done="sent", event=stored.event.id, tenant=record.tenant)


def _note(record: Delivery, reason: str, post: Post) -> Received:
    post.metrics.count(Metric.MAIL_REFUSED)
    post.deliveries.keep(record.model_copy(update={"topic": f"mail/{reason}"}))
    return Received(done="noted", reason=reason, tenant=record.tenant)


def _parked(record: Delivery, reason: str, post: Post, *, alarming: bool = True) -> Received:
    post.metrics.count(Metric.MAIL_REFUSED)
    if alarming:
        post.metrics.count(Metric.DELIVERIES_PARKED)
    post.deliveries.keep(record.model_copy(update={"parked": reason}))
    return Received(done="parked", reason=reason, tenant=record.tenant)


_CAME_BACK = frozenset({"Bounce", "Reject", "Rendering Failure", "Complaint"})


def hear(notice: Notice, post: Post) -> Received:
    """Hear what SES says of a mail of ours: sent (that settles its effect), or come back (a person looks)."""
    tenant, channel = TenantId(notice.tag("tenant")), ChannelId(notice.tag("channel"))
    effect, conversation = notice.tag("key"), notice.tag("conversation")
    if not (tenant and channel and effect):
        return Received(done="noted", reason="no mail of ours")
    kind, mail = notice.detail.kind, notice.detail.mail
    post.sent.record(tenant, effect, SentMail(message=mail.message_id, sent_at=mail.timestamp))
    if kind not in _CAME_BACK or not is_conversation(conversation):
        return Received(done="recorded", reason=kind, tenant=tenant)
    now = post.clock.now()
    is_complaint = kind == "Complaint"
    delivery = f"{mail.message_id}.{'complaint' if is_complaint else 'bounce'}"
    record = Delivery(
        tenant=tenant,
        channel=channel,
        delivery=delivery,
        topic="mail/outcome",
        body_ref="",
        body_digest=body_digest(f"outcome\0{delivery}".encode()),
        received_at=now,
    )
    detail = BounceDetail(
        conversation=conversation, reason="complaint" if is_complaint else "bounce", status=notice.status
    )
    return _send(_with_event(record, detail), post)
