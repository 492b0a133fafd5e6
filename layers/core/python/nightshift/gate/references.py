"""What stands in `${…}`, as whole values only: references, and CEL where it is more than a reference.

A reference is `${inputs.name.path}` or `${steps.id.path[0]}`. Whatever else stands in the brackets is an
expression over `inputs`, `steps` and `event`, which is `inputs.event`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal as Only

from pydantic import JsonValue

__all__ = ["MAX_DEPTH", "Path", "Reference", "expression", "leaves", "parse"]

Path = tuple[str | int, ...]

MAX_DEPTH = 32  # of arguments nested in one another; the deepest real one is 4

_WHOLE = re.compile(
    r"\$\{(inputs|steps)\.([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]{1,4}\])*)\}"
)
_ANY_WHOLE = re.compile(r"\$\{(.+)\}", re.DOTALL)
_PART = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a value comes from: an input of the plan, or the output of one of its steps.

    An empty name: all of them, or one that only a run can tell.
    """

    root: Only["inputs", "steps"]
    name: str
    path: Path


@lru_cache(maxsize=4_096)
def parse(text: str) -> Reference | None:
    """The reference that a string is, or None when it is none as a whole."""
    found = _WHOLE.fullmatch(text)
    if found is None:
        return None
    path = tuple(name or int(index) for name, index in _PART.findall(found[3]))
    return Reference(root="inputs" if found[1] == "inputs" else "steps", name=found[2], path=path)


def expression(text: str) -> str | None:
    """The CEL that a string is as a whole, or None when it is a reference or plain text."""
    found = _ANY_WHOLE.fullmatch(text)
    return None if found is None or parse(text) is not None else found[1]


def leaves(value: JsonValue, field: str, *, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every string at any depth of a value that holds `${`, with its field; keys of objects too."""
    if depth > MAX_DEPTH:
        return
    match value:
        case str() if "${" in value:
            yield field, value
        case list():
            for index, entry in enumerate(value):
                yield from leaves(entry, f"{field}[{index}]", depth=depth + 1)
        case dict():
            for name, entry in value.items():
                yield from leaves(entry, f"{field}.{name}", depth=depth + 1)
        case _:
            return
