"""Competitors' prices, pulled: what changed since the last look becomes events, as if they had been sent."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from nightshift.clock import Clock
from nightshift.errors import Conflict, NightshiftError, Retryable
from nightshift.ids import ChannelId, TenantId, body_digest, event_id, opaque
from nightshift.model.base import Noun
from nightshift.model.event import Event, EventKind, PriceDetail, Subject, SubjectKind
from nightshift.model.metric import Metric
from nightshift.money import Money
from nightshift.ports.config import Config
from nightshift.ports.deliveries import Deliveries, Delivery
from nightshift.ports.flow import Blobs, EventQueue, ReadTools
from nightshift.ports.metrics import Metrics
from nightshift.ports.workflows import PricesSeen, PriceWatch, Watches
from nightshift.tools.contracts.competitors import CompetitorPrices, Rivals

__all__ = ["TOPIC", "Looked", "Lookout", "drop_percent", "look"]

TOPIC: Final = "competitors/price"
_TOOL: Final = "competitors.get_prices"
_AT_ONCE: Final = 20  # watches of one tick; the longest overdue come first
_AGAIN: Final = timedelta(minutes=5)  # a tenant that is halted
_WHOLE: Final = 10_000
_CENT: Final = 100


@dataclass(frozen=True, kw_only=True)
class Lookout:
    """What pulling prices needs."""

    watches: Watches
    config: Config
    tools: ReadTools
    blobs: Blobs
    deliveries: Deliveries
    queue: EventQueue
    metrics: Metrics
    clock: Clock


class Looked(Noun):
    """What one tick did: feeds read, events made, feeds that could not be read."""

    feeds: int = 0
    events: int = 0
    failed: int = 0


def look(lookout: Lookout) -> Looked:
    """Read every feed that is due. One that fails keeps no other from being read; it is counted."""
    feeds = events = failed = 0
    for watch in lookout.watches.due(lookout.clock.now(), _AT_ONCE):
        again = timedelta(seconds=watch.watch.every_seconds)
        try:
            if lookout.config.tenant(watch.tenant).halted:
                again = _AGAIN
            else:
                events += _one(lookout, watch)
                feeds += 1
        except Conflict:
            again = timedelta(0)  # somebody else looks at the same: see what is left with the next tick
        except NightshiftError:
            failed += 1
        lookout.watches.looked(watch, lookout.clock.now() + again)
    lookout.metrics.count(Metric.FEEDS_FAILED, failed)
    return Looked(feeds=feeds, events=events, failed=failed)


def _one(lookout: Lookout, watch: PriceWatch) -> int:
    asked: dict[str, JsonValue] = {"skus": [*watch.watch.skus], "currency": watch.watch.currency}
    answer = lookout.tools.read(watch.tenant, watch.watch.channel, _TOOL, asked)
    feed = CompetitorPrices.model_validate(answer)
    return sum(_product(lookout, watch, rivals, feed.as_of) for rivals in feed.products)


def _product(lookout: Lookout, watch: PriceWatch, rivals: Rivals, as_of: datetime) -> int:
    """The events of one product's prices; how many there were.

    They are sent before the cursor moves. What died in between makes them again under the same ids, and the
    events that were stored first stand: the cursor takes their prices, a later change is found next time.
    """
    place = (watch.tenant, watch.watch.channel, rivals.sku)
    seen = lookout.watches.seen(*place)
    if seen.as_of is not None and as_of < seen.as_of:
        return 0  # an older copy of the feed
    now = {each.rival: each for each in rivals.prices}
    prices, made = {**seen.prices}, 0
    for rival, told in now.items():
        before = seen.prices.get(rival)
        if before is not None and before.currency == told.price.currency and before != told.price:
            event = _event(
                lookout, place, rival, before=before, after=told.price, at=told.seen_at, seq=seen.seq
            )
            prices[rival] = _accepted(lookout, event)
            made += 1
        else:
            prices[rival] = told.price
    if prices != seen.prices:
        lookout.watches.see(*place, seen=PricesSeen(seq=seen.seq + 1, as_of=as_of, prices=prices))
    return made


def _event(
    lookout: Lookout,
    place: tuple[TenantId, ChannelId, str],
    rival: str,
    *,
    before: Money,
    after: Money,
    at: datetime,
    seq: int,
) -> Event:
    tenant, channel, sku = place
    delivery = opaque("price", tenant, channel, sku, rival, str(seq))
    detail = PriceDetail(
        sku=sku,
        rival=rival,
        before=before,
        after=after,
        drop_percent=drop_percent(before, after),
        seen_at=at,
    )
    now = lookout.clock.now()
    body = _body(delivery, detail)
    return Event(
        id=event_id(tenant, channel, delivery),
        tenant=tenant,
        channel=channel,
        kind=EventKind.COMPETITOR_PRICE_CHANGED,
        subject=Subject(kind=SubjectKind.SKU, channel=channel, ref=sku),
        delivery=delivery,
        body_digest=body_digest(body),
        body_ref=f"{tenant}/{channel}/feed/{now:%Y/%m/%d}/{delivery}",
        received_at=now,
        detail=detail,
    )


def _body(delivery: str, detail: PriceDetail) -> bytes:
    return f'{{"delivery":"{delivery}","price":{detail.model_dump_json()}}}'.encode()


def _accepted(lookout: Lookout, event: Event) -> Money:
    """Store and queue an event as ingress does; the price of the one that stands."""
    delivery = Delivery(
        tenant=event.tenant,
        channel=event.channel,
        delivery=event.delivery,
        topic=TOPIC,
        body_ref=event.body_ref,
        body_digest=event.body_digest,
        received_at=event.received_at,
        event=event,
        pending=event.received_at,
    )
    if isinstance(event.detail, PriceDetail):
        about = {"topic": TOPIC, "delivery": event.delivery, "received": event.received_at.isoformat()}
        lookout.blobs.put(event.body_ref, _body(event.delivery, event.detail), about)
    stands = lookout.deliveries.keep(delivery).event or event
    with suppress(Retryable):  # it is stored: the sweep sends it
        lookout.queue.send(stands)
    if not isinstance(stands.detail, PriceDetail):
        message = f"delivery {event.delivery} is stored as something else"
        raise Conflict(message)
    return stands.detail.after


def drop_percent(before: Money, after: Money) -> float:
    """How far a price went down, in percent rounded towards zero to 0.01; negative: it went up."""
    change = abs(before.amount - after.amount) * _WHOLE // before.amount
    return (change if after.amount <= before.amount else -change) / _CENT
