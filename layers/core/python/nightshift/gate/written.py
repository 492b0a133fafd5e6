"""What a plan writes out: values known before any step has run."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from nightshift.gate.references import MAX_DEPTH, parse

__all__ = ["named", "written_out"]

_MARK: Final = "${"

Inputs = Mapping[str, JsonValue]


def written_out(args: Mapping[str, JsonValue], inputs: Inputs) -> dict[str, JsonValue]:
    """Arguments with references to inputs replaced; what only a run can tell is left out.

    A list that holds something unknown is left out as a whole, so that its length never deceives.
    Beyond the depth that arguments may have, everything is left out: such a plan is refused anyway.
    """
    return _object(args, inputs, 0)


def _object(value: Mapping[str, JsonValue], inputs: Inputs, depth: int) -> dict[str, JsonValue]:
    return {name: known for name, inner in value.items() for known in _known(inner, inputs, depth + 1)}


def _known(value: JsonValue, inputs: Inputs, depth: int) -> tuple[JsonValue, ...]:
    """The value, or nothing."""
    match value:
        case dict() | list() if depth > MAX_DEPTH:
            return ()
        case dict():
            return (_object(value, inputs, depth),)
        case list():
            found = [known for inner in value for known in _known(inner, inputs, depth + 1)]
            return (found,) if len(found) == len(value) else ()
        case str() if _MARK in value:
            return _of_input(value, inputs)
        case _:
            return (value,)


def _of_input(text: str, inputs: Inputs) -> tuple[JsonValue, ...]:
    reference = parse(text)
    if reference is None or reference.root != "inputs":
        return ()
    at: JsonValue = inputs.get(reference.name)
    for part in reference.path:
        if isinstance(part, str):
            at = at.get(part) if isinstance(at, dict) else None
        else:
            at = at[part] if isinstance(at, list) and part < len(at) else None
    return () if at is None else (at,)


def named(
    value: JsonValue, names: frozenset[str], inputs: Inputs, *, inside: bool = False, depth: int = 0
) -> Iterator[str]:
    """What stands under any of these names, at any depth, as text; what is unknown by its reference.

    `inside`: it stands under such a name itself.
    """
    if depth > MAX_DEPTH:
        return
    match value:
        case dict():
            for name, inner in value.items():
                under = inside or name in names
                yield from named(inner, names, inputs, inside=under, depth=depth + 1)
        case list():
            for inner in value:
                yield from named(inner, names, inputs, inside=inside, depth=depth + 1)
        case str() if _MARK in value and (found := _of_input(value, inputs)):
            # an input's own text is never a reference, whatever it looks like
            yield from named(found[0], names, {}, inside=inside, depth=depth + 1)
        case _ if inside and value not in {None, ""}:
            yield str(value)
        case _:
            return
