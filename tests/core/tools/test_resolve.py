"""References become values, whole and typed, or the step does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import Rejected
from nightshift.ids import StepId
from nightshift.model.plan import Plan, Step
from nightshift.model.tool import Outcome
from nightshift.tools.resolve import resolve
from tests.support import records

if TYPE_CHECKING:
    from pydantic import JsonValue

    from nightshift.model.effect import StepResult

leaves: st.SearchStrategy[JsonValue] = (
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
)
values: st.SearchStrategy[JsonValue] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def resolved(
    argument: JsonValue,
    *,
    inputs: dict[str, JsonValue] | None = None,
    output: dict[str, JsonValue] | None = None,
) -> JsonValue:
    """One argument of a step, with inputs and the output of the step `quote`."""
    step = Step(id=StepId("s"), tool="orders.get", channel=records.SHOP, args={"x": argument})
    plan = Plan(name="p", inputs=inputs or {}, steps=(step,))
    quote = records.result(step=StepId("quote"), output=output or {})
    return resolve(plan, step, {StepId("quote"): quote})["x"]


@given(values)
def test_a_value_comes_through_a_reference_as_it_is(value: JsonValue) -> None:
    assert resolved("${inputs.v}", inputs={"v": value}) == value
    assert resolved("${steps.quote.v}", output={"v": value}) == value
    assert resolved({"a": ["${inputs.v}"]}, inputs={"v": value}) == {"a": [value]}


@given(values)
def test_what_holds_no_reference_stays_as_it_is(value: JsonValue) -> None:
    assert resolved(value) == value


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("${inputs.a.b}", 1),
        ("${inputs.list[1]}", "second"),
        ("${inputs.list[0].c}", 2),
        ("${inputs.zero}", 0),
        ("${inputs.no}", False),
        ("${inputs.empty}", ""),
        ("${steps.quote}", {"amount": 5}),
    ],
)
def test_a_path_is_followed_through_objects_and_lists(reference: str, value: JsonValue) -> None:
    inputs: dict[str, JsonValue] = {
        "a": {"b": 1},
        "list": [{"c": 2}, "second"],
        "zero": 0,
        "no": False,
        "empty": "",
    }
    assert resolved(reference, inputs=inputs, output={"amount": 5}) == value


@pytest.mark.parametrize(
    "reference",
    [
        "${inputs.nothing}",
        "${inputs.a.nothing}",
        "${inputs.a.b.c}",
        "${inputs.list[2]}",
        "${inputs.a[0]}",
        "${inputs.list.b}",
        "${inputs.null}",
        "${steps.other.amount}",
        "${steps.quote.nothing}",
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_reference_without_a_value_stops_the_step(reference: str, *, nested: bool) -> None:
    inputs: dict[str, JsonValue] = {"a": {"b": 1}, "list": ["only"], "null": None}
    argument: JsonValue = {"deep": [reference]} if nested else reference
    with pytest.raises(Rejected) as caught:
        resolved(argument, inputs=inputs, output={"amount": 5})
    assert caught.value.code == "reference.missing"


@pytest.mark.parametrize("text", ["a ${inputs.v}", "${inputs.v} b", "$inputs.v", "${}"])
def test_a_text_that_is_no_whole_reference_stays_a_text(text: str) -> None:
    assert resolved(text, inputs={"v": "secret"}) == text


def test_a_whole_that_is_no_reference_is_an_expression() -> None:
    assert resolved("${inputs}", inputs={"v": 1}) == {"v": 1}
    with pytest.raises(Rejected) as caught:
        resolved("${other.v}", inputs={"v": "secret"})
    assert caught.value.code == "expression.invalid"
    assert "secret" not in str(caught.value)


def test_a_value_that_looks_like_a_reference_is_not_followed() -> None:
    assert resolved("${inputs.a}", inputs={"a": "${inputs.b}", "b": "no"}) == "${inputs.b}"


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.DONE])
def test_only_what_was_done_gives_values(outcome: Outcome) -> None:
    step = Step(id=StepId("s"), tool="orders.get", channel=records.SHOP, args={"x": "${steps.quote.v}"})
    quote: StepResult = records.result(step=StepId("quote"), outcome=outcome, output={"v": 1})
    with pytest.raises(Rejected):
        resolve(Plan(name="p", steps=(step,)), step, {StepId("quote"): quote})
