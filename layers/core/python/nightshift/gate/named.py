"""What references and expressions take values of, read off their text."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal as Only

from nightshift.gate.references import Path, Reference, expression, parse
from nightshift.syntax import Item, Literal, Loop, Member, Name, Tree, parts
from nightshift.syntax import parse as tree_of

__all__ = ["ROOTS", "chain", "named", "steps_of", "uses"]

ROOTS = ("inputs", "steps", "event")
"""What an expression may name."""


def named(text: str) -> tuple[Reference, ...]:
    """Everything that a string in arguments takes values of, be it a reference or an expression.

    Raises:
        BadInput: it is an expression that cannot be read.
    """
    reference, source = parse(text), expression(text)
    if reference is not None:
        return (reference,)
    return uses(source) if source is not None else ()


@lru_cache(maxsize=4_096)
def uses(source: str) -> tuple[Reference, ...]:
    """Everything that an expression takes values of.

    Raises:
        BadInput: it cannot be read.
    """
    return tuple(dict.fromkeys(_uses(tree_of(source), frozenset())))


def steps_of(source: str | None) -> frozenset[str]:
    """The ids of the steps whose outputs an expression looks at; an empty id: any of them.

    Raises:
        BadInput: it cannot be read.
    """
    named_ones = uses(source) if source is not None else ()
    return frozenset(reference.name for reference in named_ones if reference.root == "steps")


def chain(tree: Tree) -> tuple[str, Path] | None:
    """The name at the root of `name.a[0]['b']` and the path from it; None for anything else."""
    path: list[str | int] = []
    while True:
        match tree:
            case Name(name):
                return name, tuple(reversed(path))
            case Member(of, field):
                path.append(field)
                tree = of
            case Item(of, Literal(str() | int() as index)) if not isinstance(index, bool):
                path.append(index)
                tree = of
            case _:
                return None


def _uses(tree: Tree, entries: frozenset[str]) -> Iterator[Reference]:
    found = chain(tree)
    if found is not None:
        if found[0] not in entries:
            yield from _reference(*found)
        return
    if isinstance(tree, Loop):
        yield from _uses(tree.over, entries)
        for part in tree.parts:
            yield from _uses(part, entries | {tree.entry})
        return
    for part in parts(tree):
        yield from _uses(part, entries)


def _reference(root: str, path: Path) -> Iterator[Reference]:
    if root == "event":
        yield Reference(root="inputs", name="event", path=path)
    elif root in ROOTS:
        first = path[0] if path else ""
        named_one = isinstance(first, str) and first != ""
        kind: Only["inputs", "steps"] = "inputs" if root == "inputs" else "steps"
        yield Reference(root=kind, name=str(first) if named_one else "", path=path[1:] if named_one else ())
