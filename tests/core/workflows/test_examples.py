"""The shipped examples are workflows that can be saved, and plans that the gate lets through."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nightshift.ids import ChannelId
from nightshift.model.event import EventKind, OrderDetail
from nightshift.model.workflow import NewWorkflow, OnEvent
from nightshift.workflows.hear import hear
from nightshift.workflows.keep import save
from tests.support.workshop import ACME, ANA, Workshop

ROOT = Path(__file__).parents[3]
TRIGGERS = re.findall(
    r"```json\n(.*?)```", (ROOT / "docs/workflows.md").read_text(encoding="utf-8"), re.DOTALL
)
EXAMPLES = sorted((ROOT / "workflows").glob("*.json"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_saved_as_it_stands(shop: Workshop, file: Path):
    feed = shop.config.channel(ACME, ChannelId("feed"))
    shop.config.put_channel(feed.model_copy(update={"id": ChannelId("market")}))
    given = NewWorkflow.model_validate(json.loads(file.read_text(encoding="utf-8")))
    assert save(shop.desk, ACME, ANA, name=file.stem, given=given).plan == given.plan
    assert given.note
    assert given.enabled is None  # whoever saves it switches it on


def test_there_is_one_that_follows_competitors():
    triggers = [NewWorkflow.model_validate_json(file.read_text()).trigger for file in EXAMPLES]
    heard = {trigger.event for trigger in triggers if isinstance(trigger, OnEvent)}
    assert heard == {EventKind.COMPETITOR_PRICE_CHANGED}


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_trigger_in_the_document_is_one_that_can_be_saved(shop: Workshop, trigger: str):
    feed = shop.config.channel(ACME, ChannelId("feed"))
    shop.config.put_channel(feed.model_copy(update={"id": ChannelId("market")}))
    assert shop.saved(json.loads(trigger)).trigger.model_dump(mode="json", exclude_unset=True) == json.loads(
        trigger
    )


def test_the_document_tells_every_kind_of_trigger():
    assert {json.loads(each)["kind"] for each in TRIGGERS} == {"manual", "schedule", "event"}


def test_the_documents_order_example_is_true_of_an_order(shop: Workshop):
    shop.saved(next(each for each in map(json.loads, TRIGGERS) if each.get("event") == "OrderPlaced"))
    total = OrderDetail(order_ref="gid://shopify/Order/1", total="500.00", currency="EUR")
    placed = {"kind": EventKind.ORDER_PLACED, "detail": total}
    (heard,) = hear(shop.desk, shop.price(6.0).model_copy(update=placed))
    assert heard.became == "begun"
    less = {"kind": EventKind.ORDER_PLACED, "detail": total.model_copy(update={"total": "499.99"})}
    (heard,) = hear(shop.desk, shop.price(6.0).model_copy(update=less))
    assert heard.became == "not_true"
