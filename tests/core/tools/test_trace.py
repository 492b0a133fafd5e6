"""Traces: one line per tool call that says what it was like, and no word anybody wrote."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nightshift.errors import OutcomeUnknown, Retryable
from nightshift.model.trace import ToolTrace
from nightshift.tools.contracts import ALL
from nightshift.tools.read import ReadCall, read
from nightshift.tools.trace import shape_of
from tests.support import records
from tests.support.book import EMAIL, Fault
from tests.support.records import QUOTE, REFUND, RUN, SHOP
from tests.support.scene import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.scene import Scene


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  # JSON
    """Where the strings of an example stand; the currency of money is none of anybody's words."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "currency":
                yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves(inner, (*path, at))
    elif isinstance(value, str):
        yield path


def put(example: Any, path: tuple[Any, ...], text: str) -> Any:  # noqa: ANN401  # JSON
    changed = copy.deepcopy(example)
    at = changed
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = text
    return changed


def trace_of(tool: str, args: object) -> str:
    shape = shape_of(ALL[tool].input.model_validate(args))
    return ToolTrace(adapter="vendor", tool=tool, shape=shape).model_dump_json()


PLACES = [(tool, path) for tool, contract in sorted(ALL.items()) for path in leaves(contract.example)]
WORDS = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=4, max_size=40).filter(
    lambda text: not text.isascii() or any(c in "QXZ@%" for c in text)  # no word of a trace by accident
)


@pytest.mark.parametrize(("tool", "path"), PLACES, ids=str)
@settings(max_examples=25)
@given(words=st.tuples(WORDS, WORDS))
def test_no_argument_string_appears_and_only_its_length_is_told(
    tool: str, path: tuple[Any, ...], words: tuple[str, str]
):
    mine, other = words[0], words[1].ljust(len(words[0]), "Q")[: len(words[0])]
    traces = []
    for text in (mine, other):
        try:
            traces.append(trace_of(tool, put(ALL[tool].example, path, text)))
        except ValidationError:
            continue  # an id or a choice of another form: the next test has those
    for trace in traces:
        assert mine not in trace
        assert other not in trace
    assert len(set(traces)) <= 1


@pytest.mark.parametrize("tool", sorted(ALL))
def test_the_shape_of_every_tools_example_holds_none_of_its_strings(tool: str):
    trace = trace_of(tool, ALL[tool].example)
    for path in leaves(ALL[tool].example):
        text: Any = ALL[tool].example
        for part in path:
            text = text[part]
        assert len(text) < 4 or f'"{text}"' not in trace.replace(f'"{tool}"', "")


@given(st.dictionaries(WORDS, WORDS, max_size=3))
def test_the_keys_of_an_open_mapping_are_nobodys_business(fields: dict[str, str]):
    example = dict(ALL["messaging.reply"].example) | {"fields": fields}
    trace = trace_of("messaging.reply", example)
    assert f"object({len(fields)})" in trace
    assert all(key not in trace and value not in trace for key, value in fields.items())


def test_money_is_told_and_lists_by_length(scene: Scene):
    shape = shape_of(ALL["payments.refund"].input.model_validate(ALL["payments.refund"].example))
    assert str(shape["amount"]).endswith("EUR")
    assert str(shape["lines"]).startswith("list(")
    assert not scene.heard.traces


# --- where they come from -------------------------------------------------------------------------


def test_every_tool_call_leaves_one_trace(scene: Scene):
    scene.propose()
    scene.step(QUOTE)
    scene.clock.advance(1)
    scene.step(REFUND)
    scene.step(REFUND)  # told again
    quote, refund, again = scene.heard.traces
    assert (quote.tool, quote.outcome, quote.requests, quote.attempt) == (
        "payments.quote_refund",
        "DONE",
        1,
        0,
    )
    assert (refund.run, refund.step, refund.channel, refund.tenant) == (RUN, REFUND, SHOP, records.ACME)
    assert (refund.outcome, refund.requests, refund.attempt, refund.generation) == ("DONE", 1, 1, 1)
    assert refund.shape["amount"] == "12.50 EUR"
    assert (again.outcome, again.requests) == ("DONE", 0)


def test_a_call_that_fails_leaves_its_error_and_how_often_it_was_tried(scene: Scene):
    scene.propose()
    scene.step(QUOTE)
    scene.book.faults.append(Fault(OutcomeUnknown("no answer", code="vendor.timeout"), "after"))
    with pytest.raises(OutcomeUnknown):
        scene.step(REFUND)
    scene.clock.advance(61)
    scene.step(REFUND)
    _, failed, found = scene.heard.traces
    assert (failed.outcome, failed.code, failed.attempt) == ("OutcomeUnknown", "vendor.timeout", 1)
    assert (found.outcome, found.attempt, found.requests) == ("DONE", 2, 1)


def test_a_read_without_a_plan_leaves_one_too(scene: Scene):
    args = {"order": records.ORDER}
    read(scene.door, ReadCall(tenant=records.ACME, channel=SHOP, tool="orders.get", args=args))
    scene.book.faults.append(Fault(Retryable("down", code="vendor.trouble")))
    with pytest.raises(Retryable):
        read(scene.door, ReadCall(tenant=records.ACME, channel=SHOP, tool="orders.get", args=args))
    good, bad = scene.heard.traces
    assert (good.tool, good.outcome, good.run, good.requests) == ("orders.get", "DONE", "", 1)
    assert (bad.outcome, bad.code) == ("Retryable", "vendor.trouble")
    for trace in scene.heard.traces:
        assert not any(word in trace.model_dump_json() for word in (EMAIL, SECRET, records.ORDER))
