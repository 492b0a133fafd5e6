"""The shape of arguments: enough to see what a call was like, and no word anybody wrote."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

from pydantic import BaseModel, JsonValue

from nightshift.money import Money

__all__ = ["shape_of"]

_DEEPEST = 6


def shape_of(args: BaseModel) -> dict[str, JsonValue]:
    """Every field's name with its type, and its length or, for money, the amount.

    Only names of model fields appear: the keys of an open mapping may be anybody's words, and so may a
    string of any field. Of a list the first element stands for all.
    """
    return dict(_fields(args, "", 0))


def _fields(model: BaseModel, prefix: str, depth: int) -> Iterator[tuple[str, JsonValue]]:
    for name in type(model).model_fields:
        yield from _value(getattr(model, name), f"{prefix}{name}", depth)


def _value(value: Any, name: str, depth: int) -> Iterator[tuple[str, JsonValue]]:  # noqa: ANN401  # any field's
    match value:
        case Money():
            yield name, str(value)
        case BaseModel() if depth < _DEEPEST:
            yield from _fields(value, f"{name}.", depth + 1)
        case Enum() | bool() | int() | float() | None:
            yield name, "enum" if isinstance(value, Enum) else type(value).__name__
        case str() | bytes():
            yield name, f"text({len(value)})"
        case list() | tuple() | set() | frozenset():
            yield name, f"list({len(value)})"
            first = next(iter(value), None)
            if isinstance(first, BaseModel) and depth < _DEEPEST:
                yield from _value(first, f"{name}[]", depth + 1)
        case dict():
            yield name, f"object({len(value)})"
        case _:
            yield name, type(value).__name__
