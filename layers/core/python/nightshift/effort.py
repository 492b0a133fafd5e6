"""How much an expression may come to at worst, told from its tree and its facts before it is computed.

The library that computes values knows no bound of its own, and ten words are enough to double a list
eighty times. So time and size are bounded here: a value counts its nodes (a text one more per 16
characters), an operation what it touches, and a loop its body as often as there are entries.
"""

from collections.abc import Mapping as Facts
from typing import Final, NamedTuple

from pydantic import JsonValue

from nightshift.errors import BadInput
from nightshift.syntax import Call, Has, Item, Literal, Loop, Member, Name, Operation, Tree, parts

__all__ = ["MOST", "afford"]

MOST: Final = 2_000_000
"""At 20 to 300 ns each, as measured, well under a second."""

_CEILING: Final = 2 * MOST  # beyond it nothing needs to be told apart, and numbers stay small
_PATTERN: Final = 50_000  # a regular expression is compiled each time
_PER_NODE: Final = 16
_MAKE_LISTS: Final = frozenset({"map", "filter"})  # one entry at a time, each time a copy of the whole list
_COPIED_AT_ONCE: Final = 8  # copying is that much faster than computing


class _Extent(NamedTuple):
    """How large a value is at most: nodes in all, entries, nodes of its largest entry."""

    size: int
    entries: int
    largest: int


_ONE: Final = _Extent(1, 1, 1)


def afford(tree: Tree, facts: Facts[str, JsonValue]) -> None:
    """Refuse what may take too long or become too large over these facts.

    Raises:
        BadInput: it may.
    """
    effort, _ = _worst(tree, facts, {})
    if effort > MOST:
        problem = "it may take too long over facts of this size"
        raise BadInput("expression", problem, "Loop over less, or over fewer lists in one another.")


_Entries = dict[str, _Extent]
_Worst = tuple[int, _Extent]


def _worst(tree: Tree, facts: Facts[str, JsonValue], entries: _Entries) -> _Worst:
    """Effort and extent of a tree."""
    match tree:
        case Literal(value):
            return 1, _measured(value)
        case Name(name):
            return 1, entries[name] if name in entries else _measured(facts.get(name))
        case Member(of) | Has(of) | Item(of, Literal()):
            return _inside(tree, of, facts, entries)
        case Loop():
            return _loop(tree, facts, entries)
        case _:
            return _made(tree, facts, entries)


def _inside(tree: Tree, of: Tree, facts: Facts[str, JsonValue], entries: _Entries) -> _Worst:
    known, value = _known(tree, facts, entries)
    if known:
        extent = _measured(value)
        return 1 + extent.size, extent
    effort, outer = _worst(of, facts, entries)
    return _capped(effort + outer.largest), _Extent(outer.largest, outer.largest, outer.largest)


def _known(tree: Tree, facts: Facts[str, JsonValue], entries: _Entries) -> tuple[bool, JsonValue]:
    """Whether a path leads from a fact through what is there, and to what; None where nothing is."""
    match tree:
        case Name(name):
            return name not in entries, facts.get(name)
        case Member(of, str() | int() as part) | Item(of, Literal(str() | int() as part)):
            known, value = _known(of, facts, entries)
            return known, _part(value, part)
        case _:
            return False, None


def _part(value: JsonValue, part: str | int) -> JsonValue:
    if isinstance(value, dict):
        return value.get(str(part))
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None


def _made(tree: Tree, facts: Facts[str, JsonValue], entries: _Entries) -> _Worst:
    found = [_worst(part, facts, entries) for part in parts(tree)]
    extents = [extent for _, extent in found] or [_ONE]
    effort = 1 + sum(effort for effort, _ in found)
    touched = sum(extent.size for extent in extents)
    match tree:
        case Operation("?:"):
            return _capped(effort), _Extent(*(max(each) for each in zip(*extents, strict=True)))
        case Operation("+"):
            joined = _Extent(touched, sum(e.entries for e in extents), max(e.largest for e in extents))
            return _capped(effort + touched), joined
        case Item(_, _):
            within = extents[0].largest
            return _capped(effort + within), _Extent(within, within, within)
        case Call("matches", _):
            return _capped(effort + touched + _PATTERN), _ONE
        case Call("string" | "timestamp" | "duration", _) | Operation() | Call():
            return _capped(effort + touched), extents[0] if isinstance(tree, Call) else _ONE
        case _:
            count, largest = len(extents), max(extent.size for extent in extents)
            return _capped(effort + touched), _Extent(1 + touched, count, largest)


def _loop(loop: Loop, facts: Facts[str, JsonValue], entries: _Entries) -> _Worst:
    effort, over = _worst(loop.over, facts, entries)
    inner = entries | {loop.entry: _Extent(over.largest, over.largest, over.largest)}
    found = [_worst(part, facts, inner) for part in loop.parts]
    effort += over.size + over.entries * (1 + sum(each for each, _ in found))
    if loop.kind not in _MAKE_LISTS:
        return _capped(effort), _ONE
    each = found[-1][1].size if loop.kind == "map" else over.largest
    made = _bounded(1 + over.entries * each, over.entries, each)
    return _capped(effort + over.entries * made.size // _COPIED_AT_ONCE), made


def _capped(effort: int) -> int:
    return min(effort, _CEILING)


def _bounded(*sizes: int) -> _Extent:
    return _Extent(*(min(size, _CEILING) for size in sizes))


def _measured(value: JsonValue) -> _Extent:
    """The extent of a value that is known."""
    match value:
        case str():
            size = 1 + len(value) // _PER_NODE
            return _Extent(size, 1, size)
        case list() | dict():
            sizes = [_measured(each).size for each in (value if isinstance(value, list) else value.values())]
            return _Extent(1 + sum(sizes), max(len(sizes), 1), max(sizes, default=1))
        case _:
            return _ONE
