"""Amazon's adapter against the conformance suite."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from fakes import AmazonFake
from functions.adapters.amazon import client as amazon_code
from functions.adapters.amazon.client import AmazonClient
from functions.adapters.amazon.operations import API_VERSION
from functions.adapters.amazon.tools import ADAPTER
from nightshift.model.tenant import Channel
from nightshift.outbound import CONNECT_SECONDS
from nightshift.tools.binding import Adapter
from tests.adapters.conformance import UNCLEAR, Conformance, Rig, Scenario


class _Scenarios:
    """Each arrangement enters a new item, so that one test can show a tool many times."""

    def __init__(self, seller: AmazonFake) -> None:
        self.books = seller.books
        self._made = 0

    def sku(self) -> str:
        self._made += 1
        return f"MUG {self._made}/BLUE"

    def listed(self) -> dict[str, Any]:
        return {"sku": self.books.list_item(self.sku()).sku}

    def new(self) -> dict[str, Any]:
        return {
            "sku": self.sku(),
            "category": "DRINKING_CUP",
            "title": "Blue  mug",
            "description": "Holds 300 ml.",
            "brand": "Acme",
            "price": {"amount": 1250, "currency": "EUR"},
            "quantity": 40,
            "gtin": "4006381333931",
            "images": ["https://cdn.acme.example/blue.jpg", "https://cdn.acme.example/side.jpg"],
            "details": [
                {"name": "country_of_origin", "value": "DE"},
                {"name": "number_of_items", "value": 1},
            ],
        }

    def content(self) -> dict[str, Any]:
        wanted = {"title": "Blue mug, 300 ml", "images": ["https://cdn.acme.example/blue.jpg"]}
        return {**self.listed(), "content": wanted, "expected": {"title": "Blue mug"}}

    def price(self) -> dict[str, Any]:
        old, new = ({"amount": amount, "currency": "EUR"} for amount in (1250, 1190))
        return {**self.listed(), "price": new, "expected_price": old}

    def quantity(self) -> dict[str, Any]:
        return {**self.listed(), "quantity": 39, "expected_quantity": 40}

    def all(self) -> dict[str, Scenario]:
        def effects() -> int:
            return len(self.books.changes)

        def writing(arrange: Any, verb: str) -> Scenario:  # noqa: ANN401  # one of the methods above
            return Scenario(arrange=arrange, operation=f"{verb}ListingsItem", effects=effects)

        return {
            "listings.get": Scenario(arrange=self.listed, operation="getListingsItem"),
            "listings.create": writing(self.new, "put"),
            "listings.update": writing(self.content, "patch"),
            "listings.end": writing(self.listed, "delete"),
            "pricing.set": writing(self.price, "patch"),
            "inventory.set": writing(self.quantity, "patch"),
        }


class TestAmazon(Conformance):
    ADAPTER: ClassVar[Adapter] = ADAPTER
    STATUS_TABLE = amazon_code.STATUSES
    PRODUCTION_URL = "https://sellingpartnerapi-eu.amazon.com"

    @pytest.fixture
    def rig(self, amazon: AmazonFake, amazon_channel: Channel) -> Rig:
        def client(channel: Channel, seconds: float) -> AmazonClient:
            return AmazonClient(channel, amazon.access_token, request_seconds=seconds, pause=lambda _: None)

        return Rig(
            channel=amazon_channel,
            secret={
                "client_id": amazon.client_id,
                "client_secret": amazon.client_secret,
                "refresh_token": amazon.refresh_token,
            },
            fail=amazon.fail,
            client=client,
            scenarios=_Scenarios(amazon).all(),
            personal=("kim@example.com", "Kim Jansen", "Lindenstr", amazon.access_token),
            differs={402: UNCLEAR, 423: UNCLEAR, 430: UNCLEAR},
        )

    def test_its_version_and_timeouts_stand_in_adapter_toml(self) -> None:
        said = self.toml()
        assert said["api_version"] == API_VERSION
        assert said["timeouts"]["request"] == amazon_code.REQUEST_SECONDS
        assert said["timeouts"]["connect"] == CONNECT_SECONDS
