"""The price feed's adapter against the conformance suite."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import pytest

from fakes import FeedFake
from functions.adapters.competitor import client as feed_client
from functions.adapters.competitor.client import FeedClient
from functions.adapters.competitor.tools import ADAPTER
from nightshift.model.tenant import Channel
from nightshift.outbound import CONNECT_SECONDS
from nightshift.tools.binding import Adapter
from tests.adapters.conformance import Conformance, Rig, Scenario


class TestCompetitor(Conformance):
    ADAPTER: ClassVar[Adapter] = ADAPTER
    STATUS_TABLE = feed_client.STATUSES
    PRODUCTION_URL = "https://prices.market.example"

    @pytest.fixture
    def rig(self, feed: FeedFake, feed_channel: Channel) -> Rig:
        numbers = itertools.count(1)

        def arrange() -> dict[str, Any]:
            sku = f"MUG-{next(numbers)}"
            feed.enter(sku=sku, previous_price="13.00")
            return {"skus": [sku], "currency": "EUR"}

        def client(channel: Channel, seconds: float) -> FeedClient:
            return FeedClient(channel, feed.api_token, (feed.feed_secret,), request_seconds=seconds)

        return Rig(
            channel=feed_channel,
            secret={"api_token": feed.api_token, "feed_secret": feed.feed_secret},
            fail=feed.fail,
            client=client,
            scenarios={"competitors.get_prices": Scenario(arrange=arrange, operation="prices")},
            personal=("kim@example.com", "Kim Jansen", "mugs-r-us"),
        )

    def test_its_timeouts_stand_in_adapter_toml(self) -> None:
        said = self.toml()
        assert said["topics"] == []
        assert said["timeouts"]["request"] == feed_client.REQUEST_SECONDS
        assert said["timeouts"]["connect"] == CONNECT_SECONDS
