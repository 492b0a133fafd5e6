"""Receive one webhook: refuse what its vendor did not send, keep the rest before anything else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import ValidationError

from nightshift.clock import Clock
from nightshift.errors import BadInput, NotFound, Retryable
from nightshift.ids import ChannelId, TenantId, body_digest, event_id
from nightshift.ingress.webhooks import Arrival, Forged, Parsed, Webhooks
from nightshift.model.base import Noun
from nightshift.model.event import Event
from nightshift.model.tenant import Channel
from nightshift.ports.config import Config
from nightshift.ports.deliveries import Deliveries, Delivery
from nightshift.ports.flow import Blobs, EventQueue, Secrets

__all__ = ["MAX_BODY", "Answer", "Gate", "Refusal", "receive", "replay"]

MAX_BODY = 1_000_000
"""The largest body, in bytes, that is received."""

_MAX_EVENT = 200_000  # bytes; a queue message takes 256 KB, a record 400 KB with the event in it
_PATH_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_TOPIC = re.compile(r"[!-~]{1,200}")  # it becomes an object's metadata: ASCII alone
_DELIVERY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+=@-]{0,179}")
_PARTS_OF_A_REF = 6  # tenant, channel, year, month, day, delivery
_CHANNEL_KEPT_FOR = timedelta(seconds=60)


class Refusal(Noun):
    """What was wrong with a request, and what would be accepted."""

    field: str
    problem: str
    fix: str


class Answer(Noun):
    """What the vendor is told, and for our own log what was done with the delivery."""

    status: int
    done: str
    refusal: Refusal | None = None
    event: str = ""


@dataclass(kw_only=True)
class Gate:
    """The ingress of one adapter. Channels are remembered for a minute."""

    adapter: str
    webhooks: Webhooks
    config: Config
    secrets: Secrets
    blobs: Blobs
    deliveries: Deliveries
    queue: EventQueue
    clock: Clock
    _channels: dict[tuple[str, str], tuple[datetime, Channel]] = field(default_factory=dict)

    def channel(self, tenant: TenantId, channel: ChannelId) -> Channel:
        """A channel, at most a minute old.

        Raises:
            NotFound: no such channel.
        """
        now = self.clock.now()
        kept = self._channels.get((tenant, channel))
        if kept is None or now - kept[0] >= _CHANNEL_KEPT_FOR:
            kept = (now, self.config.channel(tenant, channel))
            self._channels[tenant, channel] = kept
        return kept[1]


class _Refused(Exception):  # private; carries an answer
    def __init__(self, status: int, at: str, problem: str, *, fix: str) -> None:
        super().__init__(problem)
        self.answer = Answer(
            status=status, done="refused", refusal=Refusal(field=at, problem=problem, fix=fix)
        )


def receive(tenant: str, channel: str, *, headers: Mapping[str, str], body: bytes, gate: Gate) -> Answer:
    """Receive one webhook for a tenant's channel.

    A signed body is stored before it is sent, and answered 200 once it is stored: what cannot be read is
    parked for a person (its vendor would only send the same again), what could not be sent the sweep
    sends. Nothing unsigned is stored, and a forger is not told what was wrong.

    Raises:
        Misconfigured: the channel's secret is missing or lacks a field.
    """
    arrival = Arrival(
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
        received_at=gate.clock.now(),
    )
    try:
        admitted = _admit(tenant, channel, arrival, gate)
        return _store(admitted, arrival, gate)
    except _Refused as refused:
        return refused.answer
    except BadInput as exc:
        return Answer(
            status=400,
            done="refused",
            refusal=Refusal(field=exc.field, problem=exc.problem, fix=exc.fix),
        )


def _admit(tenant: str, channel: str, arrival: Arrival, gate: Gate) -> Channel:
    found = _channel(tenant, channel, gate)
    if len(arrival.body) > MAX_BODY:
        problem = f"it has {len(arrival.body)} bytes"
        raise _Refused(413, "body", problem, fix=f"Send at most {MAX_BODY} bytes.")
    try:
        gate.webhooks.verify(arrival, gate.secrets.get(found.secret_ref))
    except Forged:
        fix = "Sign the raw body with the channel's secret."
        raise _Refused(401, "signature", "it is missing or wrong", fix=fix) from None
    account = gate.webhooks.account(arrival)
    if account is not None and account != found.account:
        fix = "Send it to the channel of that account."
        raise _Refused(403, "account", "this channel belongs to another account", fix=fix)
    return found


def _channel(tenant: str, channel: str, gate: Gate) -> Channel:
    unknown = _Refused(
        404,
        "channel",
        f"there is no such {gate.adapter} channel",
        fix="Use the address that the channel's settings show.",
    )
    if not (_PATH_NAME.fullmatch(tenant) and _PATH_NAME.fullmatch(channel)):
        raise unknown
    try:
        found = gate.channel(TenantId(tenant), ChannelId(channel))
    except NotFound:
        raise unknown from None
    if found.adapter != gate.adapter:
        raise unknown
    return found


def _store(channel: Channel, arrival: Arrival, gate: Gate) -> Answer:
    delivery = gate.webhooks.delivery(arrival)
    if not _DELIVERY.fullmatch(delivery):
        fix = "Use 1 to 180 letters, digits and . _ : + = @ -"
        raise BadInput("delivery", "this is no delivery id", fix)
    topic = gate.webhooks.topic(arrival)
    if not _TOPIC.fullmatch(topic):
        raise BadInput("topic", "this is no topic", "Use 1 to 200 ASCII characters without spaces.")
    digest = _digest(topic, arrival.body)
    day = arrival.received_at.strftime("%Y/%m/%d")
    ref = f"{channel.tenant}/{channel.id}/{day}/{delivery}-{digest[:16]}"
    received = arrival.received_at.isoformat()
    gate.blobs.put(ref, arrival.body, {"topic": topic, "delivery": delivery, "received": received})
    record = Delivery(
        tenant=channel.tenant,
        channel=channel.id,
        delivery=delivery,
        topic=topic,
        body_ref=ref,
        body_digest=digest,
        received_at=arrival.received_at,
    )
    return _record(record, arrival, gate)


def replay(tenant: TenantId, ref: str, *, gate: Gate) -> Answer:
    """Take in a stored body once more, as it was taken in first: with the same ids, so never twice.

    It was verified before it was stored, and only our own functions may ask for this.

    Raises:
        NotFound: nothing is stored there, or the tenant has no such channel any more.
    """
    named = ref.split("/")
    if len(named) != _PARTS_OF_A_REF or named[0] != tenant:
        raise NotFound("the reference is of no stored body of this tenant")
    channel = gate.channel(tenant, ChannelId(named[1]))
    body, about = gate.blobs.get(ref), gate.blobs.about(ref)
    if channel.adapter != gate.adapter or not {"topic", "delivery", "received"} <= about.keys():
        return Answer(status=200, done="unreadable")
    arrival = Arrival(headers={}, body=body, received_at=datetime.fromisoformat(about["received"]))
    record = Delivery(
        tenant=tenant,
        channel=channel.id,
        delivery=about["delivery"],
        topic=about["topic"],
        body_ref=ref,
        body_digest=_digest(about["topic"], body),
        received_at=arrival.received_at,
    )
    return _record(record, arrival, gate)


def _digest(topic: str, body: bytes) -> str:
    return body_digest(topic.encode() + b"\0" + body)


def _record(record: Delivery, arrival: Arrival, gate: Gate) -> Answer:
    try:
        parsed = gate.webhooks.normalise(arrival, record.topic, record.channel)
    except BadInput as exc:
        return _parked(record, f"{exc.field}: {exc.problem}", gate)
    except ValidationError as exc:
        return _parked(record, _first_fault(exc), gate)
    if parsed is None:
        gate.deliveries.keep(record)
        return Answer(status=200, done="kept")
    return _send(record, parsed, gate)


def _parked(record: Delivery, reason: str, gate: Gate) -> Answer:
    gate.deliveries.keep(record.model_copy(update={"parked": reason}))
    return Answer(status=200, done="parked")


def _send(record: Delivery, parsed: Parsed, gate: Gate) -> Answer:
    new = _with_event(record, parsed)
    size = len(new.model_dump_json().encode())
    if size > _MAX_EVENT:
        return _parked(record, f"body: its event has {size} bytes, at most {_MAX_EVENT} can be queued", gate)
    stored = gate.deliveries.keep(new)
    if stored.body_digest != record.body_digest:
        # another body under a delivery id we know: a delivery of its own, so that none is lost
        apart = record.model_copy(update={"delivery": f"{record.delivery}.{record.body_digest[:16]}"})
        new = _with_event(apart, parsed)
        stored = gate.deliveries.keep(new)
    event = stored.event or _event(new, parsed)
    try:
        gate.queue.send(event)
    except Retryable:
        return Answer(status=200, done="stored", event=event.id)
    return Answer(status=200, done="sent", event=event.id)


def _with_event(record: Delivery, parsed: Parsed) -> Delivery:
    return record.model_copy(update={"event": _event(record, parsed), "pending": record.received_at})


def _event(record: Delivery, parsed: Parsed) -> Event:
    return Event(
        id=event_id(record.tenant, record.channel, record.delivery),
        tenant=record.tenant,
        channel=record.channel,
        kind=parsed.kind,
        subject=parsed.subject,
        delivery=record.delivery,
        body_digest=record.body_digest,
        body_ref=record.body_ref,
        received_at=record.received_at,
        detail=parsed.detail,
    )


def _first_fault(exc: ValidationError) -> str:
    first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{where}: {first['type'].replace('_', ' ')}"
