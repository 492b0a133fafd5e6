"""Whether a value fits a schema: everything wrong with it at once, in words, without quoting the value.

Values may be customer text, so a problem names fields, types and bounds only.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import NamedTuple

from pydantic import JsonValue

from nightshift.gate.references import MAX_DEPTH
from nightshift.gate.schemas import Node, name_of
from nightshift.sums import LARGEST

__all__ = ["Check", "Problem", "problems", "shown"]

_LONGEST_NAME = 80


class Problem(NamedTuple):
    """What is wrong where, and what would be accepted."""

    field: str
    problem: str
    fix: str


Check = Callable[[str, Node, str], Iterator[Problem]]
"""Checks a string that holds `${`, which should be a reference: (text, what is wanted, field)."""


def shown(name: str) -> str:
    """A name of the plan's author as it may stand in a finding: of bounded length."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def problems(
    value: JsonValue, wanted: Node, field: str, *, check: Check | None = None, depth: int = 0
) -> Iterator[Problem]:
    """Everything that keeps `value` from being what is `wanted`.

    `check` handles strings that hold `${`; without it they are plain text.
    """
    if depth > MAX_DEPTH:
        yield Problem(field, f"is nested more than {MAX_DEPTH} deep", "Give less deeply nested values.")
    elif check is not None and isinstance(value, str) and "${" in value:
        yield from check(value, wanted, field)
    else:
        yield from _best(value, wanted, field, check=check, depth=depth)


def _best(value: JsonValue, wanted: Node, field: str, *, check: Check | None, depth: int) -> list[Problem]:
    """The problems with the alternative that the value fits best."""
    found: list[list[Problem]] = []
    alternatives = wanted.alternatives()
    for node in alternatives:
        here = list(_typed(value, node, field, check=check, depth=depth))
        if not here:
            return []
        found.append(here)
    of_its_type = [f for f, node in zip(found, alternatives, strict=True) if _OF_TYPE[node.type](value)]
    if len(of_its_type) == 1:
        return of_its_type[0]
    if len(found) == 1:
        return found[0]
    return [Problem(field, f"fits none of {name_of(wanted)}", f"Give {name_of(wanted)}.")]


def _is_whole(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_OF_TYPE: dict[str, Callable[[JsonValue], bool]] = {
    "": lambda _: True,
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "number": lambda value: _is_whole(value) or isinstance(value, float),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _typed(value: JsonValue, node: Node, field: str, *, check: Check | None, depth: int) -> Iterator[Problem]:
    if not _OF_TYPE[node.type](value):
        yield Problem(field, f"is not {name_of(node)}", f"Give {name_of(node)}.")
        return
    if node.values is not None and value not in node.values:
        yield Problem(field, f"is not {name_of(node)}", f"Give {name_of(node)}.")
    match value:
        case str():
            yield from _text(value, node, field)
        case list():
            yield from _count(len(value), node, field, ("minItems", "maxItems", "entries"))
            for index, entry in enumerate(value):
                yield from problems(entry, node.entry(), f"{field}[{index}]", check=check, depth=depth + 1)
        case dict():
            yield from _object(value, node, field, check=check, depth=depth)
        case int() | float() if not isinstance(value, bool):
            yield from _number(value, node, field)
        case _:
            return


def _count(size: int, node: Node, field: str, words: tuple[str, str, str]) -> Iterator[Problem]:
    least, most = node.schema.get(words[0]), node.schema.get(words[1])
    if isinstance(least, int) and size < least:
        yield Problem(field, f"has {size} {words[2]}", f"Give at least {least}.")
    if isinstance(most, int) and size > most:
        yield Problem(field, f"has {size} {words[2]}", f"Give at most {most}.")


def _text(value: str, node: Node, field: str) -> Iterator[Problem]:
    yield from _count(len(value), node, field, ("minLength", "maxLength", "characters"))
    pattern, form = node.schema.get("pattern"), node.schema.get("format")
    if isinstance(pattern, str) and not _compiled(pattern).search(value):
        hint = node.schema.get("description") or pattern
        yield Problem(field, "has the wrong form", f"Write it as: {hint}.")
    if form in _FORMS and not _parses(value, str(form)):
        yield Problem(field, f"is not a {form}", "Write it as ISO 8601.")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    # `$` ends a text in the language of schemas; Python's also matches before a last line break.
    ends = pattern.endswith("$") and not pattern.endswith("\\$")
    return re.compile(f"{pattern[:-1]}\\Z" if ends else pattern)


_FORMS: dict[str, Callable[[str], object]] = {
    "date-time": datetime.fromisoformat,
    "date": date.fromisoformat,
}


def _parses(value: str, form: str) -> bool:
    try:
        _FORMS[form](value)
    except ValueError:
        return False
    return True


_BOUNDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "minimum": ("at least", ge),
    "maximum": ("at most", le),
    "exclusiveMinimum": ("more than", gt),
    "exclusiveMaximum": ("less than", lt),
}


def _number(value: float, node: Node, field: str) -> Iterator[Problem]:
    for keyword, (word, fits) in _BOUNDS.items():
        bound = node.schema.get(keyword)
        if isinstance(bound, int | float) and not fits(value, bound):
            yield Problem(field, "is out of bounds", f"Give {word} {bound}.")


def _object(
    value: dict[str, JsonValue], node: Node, field: str, *, check: Check | None, depth: int
) -> Iterator[Problem]:
    yield from _amount(value, node, field)
    for name in node.required:
        if name not in value:
            yield Problem(f"{field}.{name}", "is missing", f"Give {_wanted(node, str(name))}.")
    for name, inner in value.items():
        where = f"{field}.{shown(name)}"
        found = node.property(name)
        if found is None:
            fix = f"Leave it out; there are {', '.join(node.fields)}."
            yield Problem(where, "is unknown", fix)
        elif "${" in name:
            yield Problem(where, "is a name that holds ${", "Use references as values only.")
        else:
            yield from problems(inner, found, where, check=check, depth=depth + 1)


def _amount(value: dict[str, JsonValue], node: Node, field: str) -> Iterator[Problem]:
    """No tool takes money below nothing, and none more than there is."""
    amount = value.get("amount")
    if node.title != "Money" or not isinstance(amount, int) or isinstance(amount, bool):
        return
    if amount < 0:
        yield Problem(f"{field}.amount", "is below zero", "Give the amount in minor units, 0 or more.")
    elif amount > LARGEST:
        yield Problem(f"{field}.amount", "is larger than any amount", f"Give at most {LARGEST}.")


def _wanted(node: Node, name: str) -> str:
    found = node.property(name)
    return name_of(found) if found is not None else "it"
