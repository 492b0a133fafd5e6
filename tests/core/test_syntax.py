"""What expressions are read as, beside the library that computes them: nothing it names stays unseen."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift import expressions
from nightshift.effort import MOST, afford
from nightshift.errors import BadInput
from nightshift.expressions import Facts, check
from nightshift.gate.inference import infer
from nightshift.gate.named import named, uses
from nightshift.gate.outline import Outline
from nightshift.gate.references import Reference
from nightshift.model.plan import Plan
from nightshift.syntax import (
    FUNCTIONS,
    MAX_DEEP,
    MAX_LENGTH,
    Call,
    Has,
    Item,
    Literal,
    Loop,
    Member,
    Name,
    Operation,
    Tree,
    parse,
    walk,
)

A, B, C = Name("a"), Name("b"), Name("c")


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("a + b * c", Operation("+", (A, Operation("*", (B, C))))),
        ("a - b - c", Operation("-", (Operation("-", (A, B)), C))),
        ("(a - b) * c", Operation("*", (Operation("-", (A, B)), C))),
        ("a || b && c", Operation("||", (A, Operation("&&", (B, C))))),
        ("!a == b", Operation("==", (Operation("!", (A,)), B))),
        ("a ? b : c", Operation("?:", (A, B, C))),
        ("a ? b : c ? a : b", Operation("?:", (A, B, Operation("?:", (C, A, B))))),
        ("-5", Literal(-5)),
        ("-a.b", Operation("-", (Member(A, "b"),))),
        ("a.b[0]['c']", Item(Item(Member(A, "b"), Literal(0)), Literal("c"))),
        ("a in b", Operation("in", (A, B))),
        ("has(a.b)", Has(Member(A, "b"))),
        ("a.size()", Call("size", (A,))),
        ("size(a)", Call("size", (A,))),
        ("money.add(a, b)", Call("money.add", (A, B))),
        ("a.map(x, x > 1, x)", Loop("map", A, "x", (Operation(">", (Name("x"), Literal(1))), Name("x")))),
        (r"'it\'s \u00e9'", Literal("it's é")),
        ("1e3", Literal(1000.0)),
        ("null", Literal(None)),
    ],
)
def test_an_expression_is_read_as_cel_reads_it(source: str, tree: Tree) -> None:
    assert parse(source) == tree


@pytest.mark.parametrize(
    "source",
    ["", " ", "a +", "a b", "a.", "a[", "(a", "a)", "[a", "{a: 1", "a ? b", "has(a)", "a.b(c)", "f()",
     "money.scale(a)", "size()", "size(a, b)", "int(a, b)", "a.int()", "startsWith(a, b)", "a.map(1, 2)",
     "a.map(x)", "a.all(x, x, x)", "'a", "\"a\n\"", "r'a'", "b'a'", "5u", "'''a'''", "1 // x", "a.?b",
     ".a", "a..b", "if", "for", "a.in", "a; b", "a = b", "a & b", "$a", "a.b.c()", "bytes(a)", "type(a)",
     r"'\q'", "steps.a.b{c: 1}", "dyn(a)", "optional.of(a)", "x\u0000"],
)  # fmt: skip
def test_what_plans_may_not_use_is_bad_input(source: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(source)
    assert caught.value.field == "expression"
    assert caught.value.fix


@pytest.mark.parametrize(
    "source",
    ["(" * (MAX_DEEP + 1) + "1" + ")" * (MAX_DEEP + 1), "!" * 40 + "true", "-" * 40 + "a",
     "[" * 30 + "]" * 30, "a ? b : " * 30 + "c", "a[" * 30 + "0" + "]" * 30, "1" * (MAX_LENGTH + 1),
     "a" + ".b" * 200],
)  # fmt: skip
def test_depth_and_length_are_bounded(source: str) -> None:
    with pytest.raises(BadInput):
        parse(source)


_ATOMS = st.sampled_from(
    ["inputs.a", "steps.b.c", "event.d[0]", "inputs['e']", "steps[inputs.f]", "1", "2.5", "'inputs.g'",
     '"steps.h"', "true", "null", "x", "inputs", r"'\'inputs.i'", "[1]", "{'inputs': 1}"]
)  # fmt: skip


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "==", "<", "&&", "||", "in", "!=", "%"]), pairs).map(
            lambda t: f"{t[1][0]} {t[0]} {t[1][1]}"
        ),
        inner.map(lambda s: f"({s})"),
        inner.map(lambda s: f"!{s}"),
        st.tuples(inner, inner, inner).map(lambda t: f"{t[0]} ? {t[1]} : {t[2]}"),
        pairs.map(lambda t: f"money.add({t[0]}, {t[1]})"),
        pairs.map(lambda t: f"[{t[0]}, {t[1]}]"),
        pairs.map(lambda t: f"({t[0]}).map(x, {t[1]})"),
        pairs.map(lambda t: f"({t[0]}).exists(inputs, {t[1]})"),
        pairs.map(lambda t: f"{{'k': {t[0]}, 'l': {t[1]}}}"),
        inner.map(lambda s: f"size({s})"),
    )


_SOURCES = st.recursive(_ATOMS, _larger, max_leaves=6)
_NOISE = st.text(alphabet="inputsevx.[]()'\"\\ +-!?:,{}01&|=<>", max_size=40)


@settings(max_examples=400, deadline=None)
@given(_SOURCES | _NOISE)
def test_whatever_the_library_would_look_up_is_named(source: str) -> None:
    """So that no taint and no need is missed: what cannot be read here is not evaluated at all."""
    try:
        tree = parse(source)
        looked_up = check(source)
    except BadInput:
        return
    entries = {part.entry for part in walk(tree) if isinstance(part, Loop)}
    named_roots = {reference.root for reference in uses(source)} | (
        {"event"}
        if Reference("inputs", "event", ()) in {Reference(r.root, r.name, ()) for r in uses(source)}
        else set()
    )
    roots = looked_up & {"inputs", "steps", "event"}
    assert roots - entries <= named_roots


@settings(max_examples=300, deadline=None)
@given(_SOURCES)
def test_what_is_read_here_the_library_reads_too(source: str) -> None:
    try:
        parse(source)
    except BadInput:
        return
    if "exists(inputs" not in source and source.count(".map(") < 2:
        check(source)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("${inputs.a.b}", {("inputs", "a", ("b",))}),
        ("${steps.x.y[0]}", {("steps", "x", ("y", 0))}),
        ("${event.d + 1}", {("inputs", "event", ("d",))}),
        ("${inputs['a'].b + 1}", {("inputs", "a", ("b",))}),
        ("${inputs[inputs.k] == 1}", {("inputs", "", ()), ("inputs", "k", ())}),
        ("${steps[0] == 1}", {("steps", "", ())}),
        ("${inputs == 1}", {("inputs", "", ())}),
        ("${has(steps.x.y) ? 1 : 2}", {("steps", "x", ("y",))}),
        ("${steps.x.l.map(e, e.v + inputs.w)}", {("steps", "x", ("l",)), ("inputs", "w", ())}),
        ("${'inputs.a' == 'steps.b'}", set()),
        ("plain", set()),
        ("${}", set()),
    ],
)
def test_a_text_names_what_it_takes_values_of(
    text: str, names: set[tuple[str, str, tuple[object, ...]]]
) -> None:
    assert {(found.root, found.name, found.path) for found in named(text)} == names


# -- effort


TEXT = "x" * 1_000_000
BOMBS = {
    "doubling": "[inputs]" + ".map(b, b + b)" * 25 + ".size() > 1",
    "doubling a text": "[inputs.text]" + ".map(b, b + b)" * 25 + ".size() > 1",
    "squares": "inputs.list.map(a, inputs.list.map(b, [a, b])).size() > 1",
    "sums of sums": "inputs.list.all(a, inputs.list.all(b, size("
    + "inputs.list + " * 30
    + "inputs.list) > a))",
    "a long list": "inputs.long.map(a, a).size() > 1",
    "patterns": "inputs.list.exists(a, string(a).matches('(a|b|ab)*c'))",
    "texts": "(" + "inputs.text + " * 60 + "inputs.text).size() > 1",
}


@pytest.mark.guarantee("plans:expressions-end")
@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_what_might_never_end_is_refused_before_it_begins(source: str) -> None:
    facts = Facts({"inputs": {"list": list(range(3000)), "long": list(range(9000)), "text": TEXT}})
    began = time.process_time()
    with pytest.raises(BadInput) as caught:
        facts.evaluate(source)
    assert "too long" in caught.value.problem
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    "source",
    ["inputs.rich.map(r, r.price.amount).exists(a, a > 1)", "inputs.list.filter(a, a > 3).size()",
     "inputs.list.map(a, a + 1).exists(a, a == 3)",
     "inputs.small.all(a, inputs.small.exists(b, a == b))", "inputs.small.map(a, {'v': a, 'w': [a]}).size()",
     "inputs.word.matches('^[a-z]+$')", "inputs.word + '-' + inputs.word"],
)  # fmt: skip
def test_what_a_plan_may_reasonably_ask_is_afforded(source: str) -> None:
    small = list(range(100))
    rich = [{"sku": "MUG-1", "price": {"amount": 1999, "currency": "EUR"}, "n": n} for n in range(400)]
    facts = Facts({"inputs": {"list": list(range(900)), "small": small, "word": "abc", "rich": rich}})
    began = time.process_time()
    facts.evaluate(source)
    assert time.process_time() - began < 2.0


def test_the_worst_that_is_afforded_takes_seconds_at_most() -> None:
    """The bound holds in time: the largest loop in a loop that is let through, measured."""
    source = "inputs.all(a, inputs.all(b, a >= 0 && b >= 0 && a + b >= 0))"
    size = next(n for n in range(2000, 10, -10) if _fits(source, n))
    began = time.process_time()
    assert Facts({"inputs": list(range(size))}).evaluate(source) is True
    assert time.process_time() - began < 5.0
    assert size > 200


def _fits(source: str, size: int) -> bool:
    try:
        afford(parse(source), {"inputs": [1] * size})
    except BadInput:
        return False
    return MOST > 0


def test_both_readers_bound_the_length_alike() -> None:
    assert expressions.MAX_LENGTH == MAX_LENGTH


def test_every_function_that_is_named_is_there() -> None:
    facts = Facts({"m": {"amount": 5, "currency": "EUR"}, "t": "1", "l": [1]})
    calls = {
        "size": "size(l)", "int": "int(t)", "double": "double(t)", "string": "string(1)",
        "timestamp": "timestamp('2026-01-01T00:00:00Z') < timestamp('2027-01-01T00:00:00Z')",
        "duration": "duration('1h') > duration('1m')", "contains": "t.contains('1')",
        "startsWith": "t.startsWith('1')", "endsWith": "t.endsWith('1')", "matches": "t.matches('1')",
        "money.of": "money.of(1, 'EUR')", "money.scale": "money.scale(m, '2')",
        "money.add": "money.add(m, m)",
        "money.sub": "money.sub(m, m)", "money.min": "money.min(m, m)", "money.max": "money.max(m, m)",
        "money.percent_drop": "money.percent_drop(m, m)",
    }  # fmt: skip
    assert calls.keys() == FUNCTIONS.keys()
    for source in calls.values():
        parse(source)
        facts.evaluate(source)


@pytest.mark.parametrize(
    "source",
    ["1" + " + 1" * 148, "size('a')" + " + 1" * 145, "[1][0]" + "[0]" * 90, "{'a': 1}" + ".a" * 140,
     "!" * 20 + "true", "(" * 20 + "1" + ")" * 20, "true ? 1 : " * 20 + "2",
     "[1]" + ".map(e, e)" * 30 + ".size()"],
)  # fmt: skip
def test_the_longest_and_deepest_that_may_be_written_breaks_no_reader(source: str) -> None:
    """A recursion that ended the process, or an error that nobody expects, would be a way in."""
    outline = Outline(plan=Plan(name="p"), tools={})
    infer(source, outline, step=None)
    uses(source)
    with suppress(BadInput):
        Facts({"inputs": {}}).evaluate(source)
