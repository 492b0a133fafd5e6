"""Types of the catalog: every keyword is understood, and no type is taken for another."""

from __future__ import annotations

from typing import Any

import pytest

from nightshift.gate.literals import problems
from nightshift.gate.references import parse
from nightshift.gate.schemas import KEYWORDS, Node, accepts, at, name_of
from nightshift.tools.contracts import ALL


def keywords(schema: object, *, names: bool = False) -> set[str]:
    """Every keyword at any depth; names of properties and definitions are none."""
    if isinstance(schema, list):
        return {found for entry in schema for found in keywords(entry)}
    if not isinstance(schema, dict):
        return set()
    found = set() if names else set(schema)
    for keyword, inner in schema.items():
        if names or keyword not in {"default", "examples", "enum", "const"}:
            found |= keywords(inner, names=not names and keyword in {"properties", "$defs"})
    return found


@pytest.mark.parametrize("name", ALL)
def test_every_keyword_of_the_catalog_is_understood(name: str):
    spec = ALL[name].spec(())
    assert keywords(spec.input_schema) | keywords(spec.output_schema) <= KEYWORDS


@pytest.mark.parametrize("name", ALL)
def test_every_example_fits_its_own_tool(name: str):
    spec = ALL[name].spec(())
    assert list(problems(spec.example, Node.root(spec.input_schema), "args")) == []


@pytest.mark.parametrize("name", ALL)
def test_every_type_accepts_itself(name: str):
    spec = ALL[name].spec(())
    for schema in (spec.input_schema, spec.output_schema):
        root = Node.root(schema)
        for field in root.fields:
            inner = at(root, (field,))
            assert isinstance(inner, Node)
            assert accepts(inner, inner)


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
WHOLE = {"type": "integer"}
TIME = {"type": "string", "format": "date-time"}
CHOICE = {"type": "string", "enum": ["a", "b"]}
WIDER = {"type": "string", "enum": ["a", "b", "c"]}
THIS = {"type": "string", "const": "a"}
MODEL = {"type": "object", "title": "Money", "properties": {"amount": WHOLE}, "additionalProperties": False}
OTHER = {**MODEL, "title": "Weight"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
NUMBERS = {"type": "object", "additionalProperties": NUMBER}
NAMES = {"type": "object", "title": "N", "properties": {"name": TEXT}, "additionalProperties": False}
NOTHING_IN_IT = {"type": "object", "additionalProperties": False}
OR_NOTHING = {"anyOf": [TEXT, {"type": "null"}]}
EITHER = {"anyOf": [TEXT, WHOLE]}
ANYTHING: dict[str, Any] = {}

FITS = [
    (TEXT, TEXT), (TEXT, TIME), (TEXT, CHOICE), (TEXT, THIS), (NUMBER, WHOLE), (TIME, TIME), (WIDER, CHOICE),
    (CHOICE, THIS), (MODEL, MODEL), (TEXTS, TEXTS), (TEXTS, NAMES), (NUMBERS, MODEL), (TEXT, OR_NOTHING),
    (OR_NOTHING, TEXT), (EITHER, TEXT), (EITHER, EITHER), (ANYTHING, MODEL), (ANYTHING, TEXT),
    (NOTHING_IN_IT, NOTHING_IN_IT), ({"type": "array", "items": TEXT}, {"type": "array", "items": TIME}),
]  # fmt: skip
FITS_NOT = [
    (TEXT, WHOLE), (TEXT, MODEL), (WHOLE, NUMBER), (TIME, TEXT), (CHOICE, TEXT), (CHOICE, WIDER),
    (MODEL, OTHER), (MODEL, TEXTS), (TEXTS, MODEL), (TEXTS, NUMBERS), (TEXT, EITHER), (NOTHING_IN_IT, NAMES),
    (TEXT, ANYTHING), (NOTHING_IN_IT, TEXTS),
    ({"type": "array", "items": WHOLE}, {"type": "array", "items": TEXT}),
    ({"type": "array", "items": TEXT}, {"type": "array"}), (CHOICE, {"type": "integer", "enum": [1]}),
]  # fmt: skip


@pytest.mark.parametrize(("target", "source"), FITS)
def test_a_type_that_fits_is_accepted(target: dict[str, Any], source: dict[str, Any]):
    assert accepts(Node.root(target), Node.root(source))


@pytest.mark.parametrize(("target", "source"), FITS_NOT)
def test_a_type_that_does_not_fit_is_not(target: dict[str, Any], source: dict[str, Any]):
    assert not accepts(Node.root(target), Node.root(source))


def test_a_path_into_a_choice_must_be_there_in_every_kind():
    both = Node.root({"anyOf": [MODEL, {**NAMES, "properties": {"amount": TEXT, "name": TEXT}}]})
    amount = at(both, ("amount",))
    assert isinstance(amount, Node)
    assert name_of(amount) == "a whole number or text"
    assert isinstance(at(both, ("name",)), str)


def test_a_path_into_nothing_is_none():
    assert isinstance(at(Node.root({"type": "null"}), ("x",)), str)


def test_a_type_without_end_is_not_followed_without_end():
    endless = Node.root(
        {"$ref": "#/$defs/L", "$defs": {"L": {"type": "array", "items": {"$ref": "#/$defs/L"}}}}
    )
    assert not accepts(endless, endless)
    deep: Any = []
    for _ in range(60):
        deep = [deep]
    (problem,) = problems(deep, endless, "x")
    assert "nested" in problem.problem
    boxes: Any = {}
    for _ in range(60):
        boxes = {"x": boxes}
    (problem,) = problems(boxes, Node.root({}), "x")
    assert "nested" in problem.problem


LITERALS = [
    (True, {"type": "boolean"}, True), (1, {"type": "boolean"}, False), (1.5, NUMBER, True),
    (1, NUMBER, True), (True, NUMBER, False), (1.0, WHOLE, False), (None, OR_NOTHING, True),
    ("x", OR_NOTHING, True),
    (1, OR_NOTHING, False), ("2026-11-21T09:00:00+00:00", TIME, True), ("tomorrow", TIME, False),
    ("2026-11-21", {"type": "string", "format": "date"}, True), ("a", THIS, True), ("b", THIS, False),
    (5, {"type": "integer", "maximum": 5}, True), (6, {"type": "integer", "maximum": 5}, False),
    (5, {"type": "integer", "exclusiveMinimum": 5}, False),
    (5, {"type": "integer", "exclusiveMaximum": 5}, False),
    ([1, 2], {"type": "array", "items": WHOLE, "maxItems": 1}, False), ({"b": 1}, TEXTS, False),
    ("xx", {"type": "string", "maxLength": 2, "minLength": 2}, True),
    ("5$", {"type": "string", "pattern": "\\$"}, True), ({"amount": 1}, EITHER, False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "schema", "fits"), LITERALS)
def test_a_literal_is_checked_to_the_letter(value: object, schema: dict[str, Any], *, fits: bool):
    assert (list(problems(value, Node.root(schema), "x")) == []) is fits


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("${steps.order.lines[0].id}", ("lines", 0, "id")),
        ("${steps.order}", ()),
        ("${inputs.order.a_b}", ("a_b",)),
        ("${steps.order.lines[-1]}", None),
        ("${steps.order.lines[]}", None),
        ("${steps.order..id}", None),
        ("${env.HOME}", None),
        ("${ steps.order.id }", None),
        ("${steps.order.id}${inputs.x}", None),
        ("$${steps.order.id}", None),
        ("${steps.order.__class__}", ("__class__",)),
    ],
)
def test_only_whole_plain_references_are_read(text: str, path: tuple[str | int, ...] | None):
    found = parse(text)
    assert (found.path if found else None) == path
