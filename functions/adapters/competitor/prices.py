"""Reading a feed: what was asked for, fresh, in one currency; anything else stays outside."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta

from pydantic import ValidationError

from functions.adapters.competitor.client import FeedClient, SignedFeed
from functions.adapters.competitor.models import Feed, Row
from nightshift.errors import Rejected
from nightshift.ids import opaque
from nightshift.money import Money
from nightshift.tools.binding import Call, Done
from nightshift.tools.contracts.competitors import CompetitorPrice, CompetitorPrices, GetPrices, Rivals

__all__ = ["get_prices"]

COLUMNS = ("sku", "competitor", "price", "currency", "previous_price", "seen_at")
_AHEAD = timedelta(minutes=5)  # clocks differ
_WHOLE = 10_000
_MOST_RIVALS = 50  # of one product, the lowest ones


def get_prices(call: Call[FeedClient]) -> Done:
    """Pull the feed, hold it against its signature and its age, and give the numbers that were asked for."""
    args: GetPrices = call.args
    client, now = call.client, call.client.clock.now()
    feed = client.feed()
    oldest = now - timedelta(minutes=args.max_age_minutes)
    if not oldest <= feed.as_of <= now + _AHEAD:
        message = f"the price feed is of {feed.as_of.isoformat()}, which is not fresh"
        raise Rejected(message, code="feed.stale")
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in _rows(client, feed, frozenset(args.skus)):
        known = found[row.sku].get(row.competitor)
        fits = row.currency == args.currency and row.seen_at >= oldest
        if fits and (known is None or known.seen_at < row.seen_at):
            found[row.sku][row.competitor] = row
    products = tuple(_rivals(sku, found[sku].values()) for sku in dict.fromkeys(args.skus) if found[sku])
    return Done(output=CompetitorPrices(as_of=feed.as_of, products=products))


def _rows(client: FeedClient, feed: SignedFeed, wanted: frozenset[str]) -> Iterator[Row]:
    """The rows of what was asked for; each of them must be right.

    Raises:
        Retryable: `vendor.shape`.
    """
    latest = feed.as_of + _AHEAD
    try:
        told = _of_csv(feed.body) if feed.csv else _of_json(feed.body)
        rows = [Row.model_validate(each) for each in told if each.get("sku") in wanted]
    except (ValidationError, ValueError, csv.Error):
        rows = None  # the error quotes the feed: it must not travel
    if rows is None or any(row.seen_at > latest for row in rows):
        client.odd(feed.body)
    yield from rows


def _of_json(body: bytes) -> Iterator[dict[str, object]]:
    for each in Feed.model_validate_json(body).prices:
        yield {"sku": each.sku, **(each.model_extra or {})}


def _of_csv(body: bytes) -> Iterator[dict[str, object]]:
    reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        message = "the first line must name the columns"
        raise ValueError(message)
    for line in reader:
        yield {name: value or None if name == "previous_price" else value for name, value in line.items()}


def _rivals(sku: str, rows: Iterable[Row]) -> Rivals:
    prices = sorted((_price(row) for row in rows), key=lambda each: each.price.amount)
    deepest = max(prices, key=lambda each: each.dropped_bp)
    return Rivals(
        sku=sku,
        lowest=prices[0].price,
        dropped_bp=deepest.dropped_bp,
        dropped_to=deepest.price if deepest.dropped_bp else None,
        prices=tuple(prices[:_MOST_RIVALS]),
    )


def _price(row: Row) -> CompetitorPrice:
    price, previous = row.asked(), row.asked_before()
    return CompetitorPrice(
        rival=opaque("rival", row.competitor),
        price=price,
        previous=previous,
        dropped_bp=_dropped(previous, price),
        seen_at=row.seen_at,
    )


def _dropped(before: Money | None, now: Money) -> int:
    """Whole hundredths of a percent, rounded down: a drop is never told deeper than it is."""
    if before is None or before.amount <= now.amount:
        return 0
    return (before.amount - now.amount) * _WHOLE // before.amount
