"""Competitors' prices as they are pulled: each change one event, through the same door as webhooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.aws.client import client
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.watches import DynamoWatches
from nightshift.errors import Rejected, Retryable
from nightshift.ids import opaque
from nightshift.ingress.prices import Looked, Lookout, drop_percent, look
from nightshift.model.event import Event, EventKind, PriceDetail
from nightshift.model.metric import Metric
from nightshift.model.workflow import Watch
from nightshift.money import Money
from nightshift.workflows.keep import disable
from tests.support.workshop import ACME, ANA, FEED, Workshop, make_workshop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightshift.ids import ChannelId, TenantId
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


def rival(name: str) -> str:
    return opaque("rival", name)


@dataclass
class Market:
    """A feed, a queue and a bucket in memory; each can be down."""

    clock: FixedClock
    prices: dict[str, str] = field(default_factory=dict)
    as_of: Any = None
    down: bool = False
    queue_down: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    sent: list[Event] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def read(self, tenant: TenantId, channel: ChannelId, tool: str, args: dict[str, Any]) -> dict[str, Any]:
        assert (tenant, channel, tool) == (ACME, FEED, "competitors.get_prices")
        self.asked.append(args)
        if self.down:
            raise Rejected("old", code="feed.stale")
        now = (self.as_of or self.clock.now()).isoformat()
        prices = [
            {
                "rival": rival(name),
                "price": Money.parse(price, "EUR").model_dump(),
                "dropped_bp": 0,
                "seen_at": now,
            }
            for name, price in self.prices.items()
        ]
        product = {"sku": "MUG", "lowest": prices[0]["price"], "dropped_bp": 0, "prices": prices}
        return {"as_of": now, "products": [product]}

    def send(self, event: Event) -> None:
        if self.queue_down:
            raise Retryable("down", code="queue")
        self.sent.append(event)

    def put(self, key: str, body: bytes, about: Mapping[str, str]) -> None:
        assert about["topic"] == "competitors/price"
        self.bodies[key] = body

    def get(self, key: str) -> bytes:
        return self.bodies[key]

    def about(self, key: str) -> dict[str, str]:
        raise AssertionError(key)


@pytest.fixture
def shop(tables: Tables, clock: FixedClock) -> Workshop:
    made = make_workshop(tables, clock)
    watch = Watch.model_validate({"channel": FEED, "skus": ["MUG"], "currency": "EUR", "every_seconds": 60})
    made.saved({"kind": "event", "event": "CompetitorPriceChanged", "watch": watch.model_dump()})
    return made


@pytest.fixture
def market(clock: FixedClock) -> Market:
    return Market(clock, {"mugs-r-us": "12.50"})


@pytest.fixture
def lookout(shop: Workshop, market: Market, tables: Tables) -> Lookout:
    db = client("dynamodb")
    return Lookout(
        watches=DynamoWatches(tables.config, tables.ingress, db),
        config=shop.config,
        tools=market,
        blobs=market,
        deliveries=DynamoDeliveries(tables.ingress, db, shop.clock),
        queue=market,
        metrics=shop.heard,
        clock=shop.clock,
    )


def drops(market: Market) -> list[float]:
    return [event.detail.drop_percent for event in market.sent if isinstance(event.detail, PriceDetail)]


def test_the_first_look_only_remembers_and_each_change_is_one_event(
    lookout: Lookout, market: Market, shop: Workshop
):
    assert look(lookout) == Looked(feeds=1)
    assert look(lookout) == Looked()  # not before its minute is over
    market.prices["mugs-r-us"] = "11.75"
    shop.clock.advance(60)
    assert look(lookout) == Looked(feeds=1, events=1)
    shop.clock.advance(60)
    assert look(lookout) == Looked(feeds=1)
    (event,) = market.sent
    assert event.kind is EventKind.COMPETITOR_PRICE_CHANGED
    assert event.subject.key() == f"sku:{FEED}:MUG"
    assert isinstance(event.detail, PriceDetail)
    assert (str(event.detail.before), str(event.detail.after)) == ("12.50 EUR", "11.75 EUR")
    assert event.detail.drop_percent == 6.0
    assert "mugs-r-us" not in event.model_dump_json()
    assert list(market.bodies) == [event.body_ref]
    stands = lookout.deliveries.keep(
        # what stands is returned, whatever is asked to be kept
        next(iter(lookout.deliveries.pending(shop.clock.now(), 10)))
    )
    assert stands.event == event


def test_every_competitor_is_told_apart(lookout: Lookout, market: Market, shop: Workshop):
    market.prices = {"mugs-r-us": "12.50", "cups.example": "20.00"}
    look(lookout)
    market.prices = {"mugs-r-us": "12.00", "cups.example": "22.00", "new": "9.00"}
    shop.clock.advance(60)
    assert look(lookout).events == 2
    assert drops(market) == [4.0, -10.0]
    assert [e.detail.rival for e in market.sent if isinstance(e.detail, PriceDetail)] == [
        rival("mugs-r-us"),
        rival("cups.example"),
    ]


def test_a_change_that_could_not_be_queued_is_stored_for_the_sweep(
    lookout: Lookout, market: Market, shop: Workshop
):
    look(lookout)
    market.prices["mugs-r-us"] = "11.75"
    market.queue_down = True
    shop.clock.advance(60)
    assert look(lookout).events == 1
    pending = lookout.deliveries.pending(shop.clock.now() + timedelta(minutes=5), 10)
    assert [each.event.kind for each in pending if each.event] == [EventKind.COMPETITOR_PRICE_CHANGED]
    market.queue_down = False
    shop.clock.advance(60)
    assert look(lookout).events == 0


@pytest.mark.guarantee("workflows:a-price-change-is-one-event")
def test_what_died_before_it_remembered_makes_the_same_event_again_and_loses_no_change(
    lookout: Lookout, market: Market, shop: Workshop, tables: Tables
):
    look(lookout)
    before = lookout.watches.seen(ACME, FEED, "MUG")
    market.prices["mugs-r-us"] = "11.75"
    shop.clock.advance(60)
    look(lookout)
    # as if the cursor had not been written, and the price moved on meanwhile
    table = client("dynamodb")
    key = {"pk": {"S": f"cursor#{ACME}#{FEED}"}, "sk": {"S": "MUG"}}
    table.delete_item(TableName=tables.ingress, Key=key)
    table.put_item(
        TableName=tables.ingress,
        Item={**key, "doc": {"S": before.model_dump_json()}, "seq": {"N": str(before.seq)}},
    )
    market.prices["mugs-r-us"] = "11.00"
    shop.clock.advance(60)
    look(lookout)
    assert len({event.id for event in market.sent}) == 1
    assert market.sent[0] == market.sent[1]
    shop.clock.advance(60)
    look(lookout)
    assert drops(market) == [6.0, 6.0, 6.38]


def test_an_older_copy_of_the_feed_changes_nothing(lookout: Lookout, market: Market, shop: Workshop):
    look(lookout)
    market.prices["mugs-r-us"] = "11.75"
    market.as_of = shop.clock.now() - timedelta(minutes=1)
    shop.clock.advance(60)
    assert look(lookout) == Looked(feeds=1)
    assert market.sent == []


def test_a_feed_that_fails_is_counted_and_looked_at_again(lookout: Lookout, market: Market, shop: Workshop):
    market.down = True
    assert look(lookout) == Looked(failed=1)
    assert shop.heard.counts[Metric.FEEDS_FAILED] == 1
    assert look(lookout) == Looked()
    market.down = False
    shop.clock.advance(60)
    assert look(lookout) == Looked(feeds=1)


def test_nothing_is_looked_at_for_a_halted_tenant_or_a_workflow_that_is_off(
    lookout: Lookout, market: Market, shop: Workshop
):
    tenant = shop.config.tenant(ACME)
    shop.config.put_tenant(tenant.model_copy(update={"halted": True}))
    assert look(lookout) == Looked()
    shop.config.put_tenant(tenant)
    disable(shop.desk, ACME, ANA, "reprice")
    shop.clock.advance(3600)
    assert look(lookout) == Looked()
    assert market.asked == []


@given(before=st.integers(1, 10**11), after=st.integers(1, 10**11))
def test_a_change_is_never_told_deeper_than_it_is(before: int, after: int):
    told = drop_percent(Money(amount=before, currency="EUR"), Money(amount=after, currency="EUR"))
    exact = (before - after) * 100 / before
    assert abs(told) <= abs(exact) + 1e-9 * abs(exact)
    assert abs(told - exact) < 0.01 + 1e-9 * abs(exact)
    assert told <= 100
