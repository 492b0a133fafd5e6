"""Events offered: nobody is asked where nobody wants one, and who wants one is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.offers import LambdaOffers
from nightshift.aws.workflows import DynamoWorkflows
from nightshift.errors import Retryable
from nightshift.workflows.keep import disable
from tests.support.functions import Functions
from tests.support.workshop import ACME, ANA, Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

NAME = "nightshift-test-workflows"


@pytest.fixture
def functions() -> Iterator[Functions]:
    with Functions() as made:
        yield made


@pytest.fixture
def offers(functions: Functions, tables: Tables, clock: FixedClock) -> LambdaOffers:
    functions.handlers[NAME] = lambda _: {"begun": 1}
    workflows = DynamoWorkflows(tables.config, client("dynamodb"))
    return LambdaOffers(workflows, NAME, functions.client, clock)


def test_nobody_is_asked_while_nobody_wants_such_an_event(
    shop: Workshop, offers: LambdaOffers, functions: Functions
):
    shop.saved({"kind": "event", "event": "OrderPlaced"})
    offers.offer(shop.price(6.0))
    assert functions.calls == []


def test_an_event_is_told_as_it_is_and_a_wish_is_remembered_for_five_seconds(
    shop: Workshop, offers: LambdaOffers, functions: Functions
):
    shop.saved({"kind": "event", "event": "CompetitorPriceChanged"})
    event = shop.price(6.0)
    offers.offer(event)
    told = {"function": NAME, "op": "hear", "event": event.model_dump(mode="json")}
    assert functions.calls == [told]
    disable(shop.desk, ACME, ANA, "reprice")
    offers.offer(shop.price(6.0))
    assert len(functions.calls) == 2
    shop.clock.advance(5)
    offers.offer(shop.price(6.0))
    assert len(functions.calls) == 2


def test_who_cannot_be_told_is_offered_it_again(shop: Workshop, offers: LambdaOffers, functions: Functions):
    shop.saved({"kind": "event", "event": "CompetitorPriceChanged"})

    def breaks(_: object) -> None:
        raise Retryable("down", code="launch.unavailable")

    functions.handlers[NAME] = breaks
    with pytest.raises(Retryable):
        offers.offer(shop.price(6.0))
