"""CEL over plain facts: bounded, typed errors, nothing but JSON data."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import BadInput
from nightshift.expressions import MAX_LENGTH, Facts, check
from nightshift.words import contains, fold

FACTS = Facts(
    {"order": {"refundable": 4200, "name": "#1001", "note": None}, "moves": ["ask"], "lines": [1, 2]}
)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("order.refundable > 0 && 'ask' in moves", True),
        ("order.note == null", True),
        ("has(order.missing) ? 1 : 2", 2),
        ("{'amount': order.refundable, 'currency': 'EUR'}", {"amount": 4200, "currency": "EUR"}),
        ("lines.filter(l, l > 1)", [2]),
        ("order.name + '!'", "#1001!"),
    ],
)
def test_an_expression_gives_json_data(source: str, value: object):
    assert FACTS.evaluate(source) == value


@pytest.mark.parametrize(
    "source",
    [
        "order.missing",
        "nothing",
        "order.refundable + 'a'",
        "lines[7]",
        "1 / 0",
        "order.refundable * 9223372036854775807",
        "order.__class__",
        "order.name.matches('(a')",
        "timestamp('2026-01-01T00:00:00Z')",
        "b'abc'",
        "1 +",
        "",
    ],
)
def test_what_cannot_be_evaluated_is_bad_input(source: str):
    with pytest.raises(BadInput):
        FACTS.evaluate(source)


def test_an_error_names_the_expression_and_quotes_no_fact():
    secret = Facts({"email": "kim@example.com", "n": 1})
    with pytest.raises(BadInput) as told:
        secret.evaluate("email + n")
    assert "email + n" in str(told.value)
    assert "kim@example.com" not in str(told.value)


def test_a_guard_must_be_true_or_false():
    assert FACTS.holds("order.refundable == 4200") is True
    with pytest.raises(BadInput):
        FACTS.holds("order.refundable")


def test_length_is_bounded():
    longest = "1" + " " * (MAX_LENGTH - 1)
    assert check(longest) == frozenset()
    with pytest.raises(BadInput):
        check(longest + " ")


def test_comprehensions_nest_two_deep_and_no_deeper():
    two = "lines.all(a, lines.exists(b, b >= a))"
    assert FACTS.holds(two) is True
    with pytest.raises(BadInput):
        check("lines.all(a, lines.all(b, lines.all(c, c >= b)))")


def test_comprehensions_side_by_side_and_brackets_in_text_are_no_nesting():
    assert FACTS.evaluate("lines.filter(a, a > 0).map(b, b + 1).exists(c, c == 3)") is True
    assert FACTS.evaluate("'.map(.map(.map(' + order.name") == ".map(.map(.map(#1001"


@pytest.mark.parametrize("wrong", [datetime(2026, 1, 1, tzinfo=UTC), object(), (1,), {1: 2}])
def test_facts_are_json_data_only(wrong: object):
    with pytest.raises(BadInput):
        Facts({"it": wrong})  # type: ignore[dict-item]  # wrong on purpose


def test_facts_are_bounded():
    with pytest.raises(BadInput):
        Facts({"many": list(range(30_000))})
    with pytest.raises(BadInput):
        Facts({"huge": 2**80})


def test_names_are_told_without_facts():
    assert {"order", "moves"} <= check("order.refundable > 0 && 'x' in moves")


@given(source=st.text(alphabet="order.namelis()[]{}'\"&|!<>=+-*/%?: 0129,#\\", max_size=60))
def test_any_text_gives_json_data_or_bad_input(source: str):
    try:
        value = FACTS.evaluate(source)
    except BadInput:
        return
    assert value is None or isinstance(value, bool | int | float | str | list | dict)


def test_the_command_line_of_the_package_is_not_imported():
    script = (
        "import sys; from nightshift.expressions import Facts; assert Facts({'a': 1}).holds('a == 1');"
        "loaded = {m.split('.')[0] for m in sys.modules};"
        "sys.exit(1 if loaded & {'prompt_toolkit', 'rich', 'typer'} or 'cel' in sys.modules else 0)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0  # our own script


def test_the_package_can_still_be_imported_afterwards():
    script = "from nightshift.expressions import check; check('1 == 1'); import cel; cel.evaluate('1')"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0  # our own script


def test_words_are_folded_and_whole():
    assert fold("Größe: BESCHÄDIGT!") == ("grosse", "beschadigt")
    assert contains(fold("I want my money back, please"), fold("Money Back"))
    assert not contains(fold("is it refundable?"), fold("refund"))
    assert not contains(fold("anything"), ())
