"""eBay's adapter against the conformance suite."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import pytest
from pydantic import JsonValue

from fakes import EbayFake
from functions.adapters.ebay import client as ebay_client_code
from functions.adapters.ebay.client import EbayClient, Terms
from functions.adapters.ebay.tools import ADAPTER
from nightshift.model.tenant import Channel
from nightshift.outbound import CONNECT_SECONDS
from nightshift.tools.binding import Adapter
from tests.adapters.conformance import Conformance, Rig, Scenario
from tests.adapters.ebay_desk import listing_of


class _Scenarios:
    """Each arrangement is about a new SKU, so that one test can show a tool many times."""

    def __init__(self, seller: EbayFake) -> None:
        self.seller = seller
        self.numbers = itertools.count(1)

    def sku(self) -> str:
        return f"MUG-{next(self.numbers)}"

    def listed(self, **args: JsonValue) -> dict[str, Any]:
        sku = self.sku()
        self.seller.books.list_it(sku)
        return {"sku": sku, **args}

    def all(self) -> dict[str, Scenario]:
        books, eur = self.seller.books, "EUR"
        price = {"amount": 1190, "currency": eur}
        seen = {"amount": 1250, "currency": eur}
        return {
            "listings.get": Scenario(arrange=self.listed, operation="getOffers"),
            "listings.create": Scenario(
                arrange=lambda: listing_of(self.sku()),
                operation="publishOffer",
                effects=lambda: len(books.published),
            ),
            "listings.end": Scenario(
                arrange=self.listed, operation="withdrawOffer", effects=lambda: len(books.withdrawn)
            ),
            "pricing.set": Scenario(
                arrange=lambda: self.listed(price=price, expected_price=seen),
                operation="bulkUpdatePriceQuantity",
                effects=lambda: len(books.prices),
            ),
            "inventory.set": Scenario(
                arrange=lambda: self.listed(quantity=40, expected_quantity=42),
                operation="bulkUpdatePriceQuantity",
                effects=lambda: len(books.quantities),
            ),
        }


class TestEbay(Conformance):
    ADAPTER: ClassVar[Adapter] = ADAPTER
    STATUS_TABLE = ebay_client_code.STATUSES
    PRODUCTION_URL = "https://api.ebay.com"

    @pytest.fixture
    def rig(self, seller: EbayFake, seller_channel: Channel) -> Rig:
        def client(channel: Channel, seconds: float) -> EbayClient:
            terms = Terms(**seller.terms())
            return EbayClient(channel, seller.access_token, terms, request_seconds=seconds)

        return Rig(
            channel=seller_channel,
            secret={
                "client_id": seller.client_id,
                "client_secret": seller.client_secret,
                "refresh_token": seller.refresh_token,
                **seller.terms(),
            },
            fail=seller.fail,
            client=client,
            scenarios=_Scenarios(seller).all(),
            personal=("kim@example.com", "Kim Jansen", "Lindenstr"),
        )

    def test_its_timeouts_stand_in_adapter_toml(self) -> None:
        said = self.toml()
        assert said["topics"] == []
        assert said["timeouts"]["request"] == ebay_client_code.REQUEST_SECONDS
        assert said["timeouts"]["connect"] == CONNECT_SECONDS
