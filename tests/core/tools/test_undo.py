"""Every effect that can be taken back says exactly how; what nobody knows is never guessed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import JsonValue

from nightshift.errors import Rejected
from nightshift.ids import StepId, idempotency_key
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.plan import Plan, Step
from nightshift.tools.asked import contract_of
from nightshift.tools.contracts import ALL
from nightshift.tools.undo import Inverse, Kept, inverses
from tests.support import records
from tests.support.records import AT, RUN, SHOP

NEW: JsonValue = {"amount": 1190, "currency": "EUR"}
OLD: JsonValue = {"amount": 1250, "currency": "EUR"}
HERE: JsonValue = {"line1": "Lindenstr. 5", "city": "Berlin", "country": "DE"}
THERE: JsonValue = {"line1": "Hauptstr. 1", "city": "Bonn", "country": "DE"}
BLUE: JsonValue = {"title": "Blue mug"}
MUG: JsonValue = {"title": "Mug"}
CREATE = ALL["listings.create"].example

Json = dict[str, Any]

# tool, what was asked, what came back, what takes it back
TAKEN_BACK: list[tuple[str, Json, Json, tuple[str, Json]]] = [
    (
        "pricing.set",
        {"sku": "MUG", "price": NEW},
        {"sku": "MUG", "price": NEW, "before": OLD},
        ("pricing.set", {"sku": "MUG", "price": OLD, "expected_price": NEW}),
    ),
    (
        "inventory.set",
        {"sku": "MUG", "quantity": 7},
        {"sku": "MUG", "quantity": 7, "before": 9, "location": "loc-1"},
        ("inventory.set", {"sku": "MUG", "quantity": 9, "expected_quantity": 7, "location": "loc-1"}),
    ),
    (
        "listings.create",
        CREATE,
        {"sku": "MUG-BLUE", "product": "B0EXAMPLE1", "price": OLD, "quantity": 40, "made": True},
        ("listings.end", {"sku": "MUG-BLUE", "expected_product": "B0EXAMPLE1"}),
    ),
    (
        "listings.update",
        {"sku": "MUG", "content": BLUE},
        {"sku": "MUG", "content": BLUE, "before": MUG},
        ("listings.update", {"sku": "MUG", "content": MUG, "expected": BLUE}),
    ),
    (
        "orders.set_address",
        {"order": "order-1", "address": HERE},
        {"order": "order-1", "address": HERE, "before": THERE},
        ("orders.set_address", {"order": "order-1", "address": THERE, "expected": HERE}),
    ),
]

# tool, what was asked, what came back: nothing was changed
UNCHANGED: list[tuple[str, Json, Json]] = [
    ("pricing.set", {"sku": "MUG", "price": NEW}, {"sku": "MUG", "price": NEW, "before": NEW}),
    ("inventory.set", {"sku": "MUG", "quantity": 7}, {"sku": "MUG", "quantity": 7, "before": 7}),
    (
        "listings.create",
        CREATE,
        {"sku": "MUG-BLUE", "product": "B0", "price": OLD, "quantity": 40, "made": False},
    ),
    (
        "listings.update",
        {"sku": "MUG", "content": BLUE},
        {"sku": "MUG", "content": BLUE, "before": BLUE},
    ),
    (
        "orders.set_address",
        {"order": "order-1", "address": HERE},
        {"order": "order-1", "address": HERE, "before": HERE},
    ),
]

# tool, the field that said what the plan had seen, and its value; None: the tool has no such field
SEEN: dict[str, tuple[str, JsonValue] | None] = {
    "pricing.set": ("expected_price", OLD),
    "inventory.set": ("expected_quantity", 9),
    "listings.create": None,
    "listings.update": ("expected", MUG),
    "orders.set_address": ("expected", THERE),
}


def asked_and_given(tool: str, args: Json, output: Json) -> tuple[Any, Any]:
    contract = contract_of(tool)
    return contract.input.model_validate(args), contract.output.model_validate(output)


def forgotten(output: Json) -> Json:
    """The same answer by a probe, which cannot know what there was before."""
    return {name: value for name, value in output.items() if name != "made"} | (
        {} if "made" in output else {"before": None}
    )


def undone(tool: str, args: Json, output: Json) -> tuple[str, Json] | None:
    undo = contract_of(tool).undo
    assert undo is not None
    found = undo(*asked_and_given(tool, args, output))
    return None if found is None else (found[0], found[1].model_dump(mode="json", exclude_unset=True))


def test_every_tool_that_can_be_taken_back_is_shown_here() -> None:
    can_be = {name for name, contract in ALL.items() if contract.undo is not None}
    assert can_be == {tool for tool, *_ in TAKEN_BACK} == {tool for tool, *_ in UNCHANGED} == set(SEEN)


@pytest.mark.parametrize(("tool", "args", "output", "wanted"), TAKEN_BACK, ids=lambda given: str(given)[:20])
def test_an_effect_is_taken_back_to_what_was_before_while_ours_still_stands(
    tool: str, args: Json, output: Json, wanted: tuple[str, Json]
) -> None:
    found = undone(tool, args, output)
    assert found is not None
    name, said = wanted
    target = contract_of(name).input
    assert (found[0], target.model_validate(found[1])) == (name, target.model_validate(said))


@pytest.mark.parametrize(("tool", "args", "output"), UNCHANGED, ids=lambda given: str(given)[:20])
def test_what_changed_nothing_is_not_taken_back(tool: str, args: Json, output: Json) -> None:
    assert undone(tool, args, output) is None


@pytest.mark.parametrize(("tool", "args", "output", "wanted"), TAKEN_BACK, ids=lambda given: str(given)[:20])
def test_what_was_before_comes_from_the_plan_where_the_vendor_does_not_know_it_any_more_or_from_nobody(
    tool: str, args: Json, output: Json, wanted: tuple[str, Json]
) -> None:
    with pytest.raises(Rejected) as caught:
        undone(tool, args, forgotten(output))
    assert caught.value.code == "undo.unknown"
    seen = SEEN[tool]
    if seen is not None:
        found = undone(tool, {**args, seen[0]: seen[1]}, forgotten(output))
        assert found is not None
        target = contract_of(wanted[0]).input
        assert target.model_validate(found[1]) == target.model_validate(wanted[1])


def price_step(name: str, sku: str) -> Step:
    args: dict[str, JsonValue] = {"sku": sku, "price": NEW}
    return Step(id=StepId(name), tool="pricing.set", channel=SHOP, args=args)


def price_result(name: str, sku: str, before: JsonValue) -> StepResult:
    return records.result(step=StepId(name), output={"sku": sku, "price": NEW, "before": before})


def done(name: str, tool: str, minute: int, state: EffectState = EffectState.DONE) -> Effect:
    return records.effect(
        step=StepId(name),
        key=idempotency_key(RUN, StepId(name), 0),
        tool=tool,
        state=state,
        settled_at=AT + timedelta(minutes=minute),
    )


def test_effects_are_taken_back_last_made_first_and_what_cannot_be_is_named() -> None:
    plan = Plan(
        name="reprice",
        inputs={"order": records.ORDER},
        steps=(
            price_step("one", "A"),
            price_step("two", "B"),
            price_step("same", "C"),
            price_step("lost", "D"),
            price_step("open", "E"),
            records.refund_step(500).model_copy(update={"needs": ()}),
        ),
    )
    results = {
        StepId("one"): price_result("one", "A", OLD),
        StepId("two"): price_result("two", "B", OLD),
        StepId("same"): price_result("same", "C", NEW),
        StepId("lost"): price_result("lost", "D", None),
    }
    effects = [
        done("two", "pricing.set", 1),
        done("one", "pricing.set", 2),
        done("same", "pricing.set", 3),
        done("lost", "pricing.set", 4),
        done("refund", "payments.refund", 5),
        done("open", "pricing.set", 6, EffectState.REJECTED),
    ]
    found = inverses(records.proposal(plan), effects, results)
    told = [(each.step, each.code if isinstance(each, Kept) else each.tool) for each in found]
    assert told == [
        ("refund", "irreversible"),
        ("lost", "undo.unknown"),
        ("same", "undo.nothing"),
        ("one", "pricing.set"),
        ("two", "pricing.set"),
    ]
    first = found[3]
    assert isinstance(first, Inverse)
    assert (first.channel, first.args["sku"], first.args["price"]) == (SHOP, "A", OLD)


def test_an_effect_whose_result_is_gone_is_left_to_a_person() -> None:
    plan = Plan(name="reprice", steps=(price_step("one", "A"),))
    found = inverses(records.proposal(plan), [done("one", "pricing.set", 1)], {})
    assert [(each.step, isinstance(each, Kept) and each.code) for each in found] == [("one", "undo.unknown")]
