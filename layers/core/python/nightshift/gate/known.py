"""Types of values that are known, and of what expressions give."""

from collections.abc import Iterable
from typing import Final

from pydantic import JsonValue

from nightshift.gate.references import Path
from nightshift.gate.schemas import Node, accepts

__all__ = ["ANY", "BOOLEAN", "INTEGER", "MISSING", "MONEY", "NUMBER", "STRING", "Missing", "either", "fits",
           "kind_of", "list_of", "plain", "type_of_value", "value_at"]  # fmt: skip


def plain(name: str) -> Node:
    """Any value of one JSON type."""
    return Node({"type": name}, {})


ANY: Final = Node({}, {})
BOOLEAN: Final = plain("boolean")
INTEGER, NUMBER, STRING, NULL = plain("integer"), plain("number"), plain("string"), plain("null")
MONEY: Final = Node(
    {
        "type": "object",
        "title": "Money",
        "properties": {"amount": {"type": "integer"}, "currency": {"type": "string"}},
        "required": ["amount", "currency"],
        "additionalProperties": False,
    },
    {},
)
_MOST_CHOICES: Final = 8
_TYPES: Final = {bool: BOOLEAN, int: INTEGER, float: NUMBER, list: plain("array"), dict: plain("object")}


class Missing:
    """Says that nothing is there, which null does not."""


MISSING: Final = Missing()


def value_at(value: JsonValue, path: Path) -> JsonValue | Missing:
    """What lies at a path in a value; `MISSING` when nothing does."""
    for part in path:
        inner: JsonValue | Missing = MISSING
        if isinstance(value, dict):
            inner = value.get(part, MISSING) if isinstance(part, str) else MISSING
        elif isinstance(value, list) and isinstance(part, int):
            inner = value[part] if 0 <= part < len(value) else MISSING
        if isinstance(inner, Missing):
            return MISSING
        value = inner
    return value


def type_of_value(value: JsonValue) -> Node:
    """The type of a value that is known; entries of lists may differ and stay open."""
    if isinstance(value, str):
        return Node({"type": "string", "const": value}, {})
    if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
        return MONEY
    return _TYPES.get(type(value), NULL)


def kind_of(node: Node) -> str | None:
    """The one JSON type of a node, `Money` for money; None: not known, or one of several."""
    kinds = {"Money" if n.type == "object" and n.title == "Money" else n.type for n in node.present()}
    found = kinds.pop() if len(kinds) == 1 else ""
    return found or None


def fits(wanted: Node, given: Node) -> bool:
    """Whether what an expression gives may be what is wanted; what is not known may."""
    if kind_of(given) is None or accepts(wanted, given):
        return True
    computed_text = kind_of(given) == "string" and all(found.values is None for found in given.present())
    takes_text = any(found.type == "string" and found.values is None for found in wanted.present())
    return takes_text and (computed_text or kind_of(given) == "string")


def list_of(types: list[Node]) -> Node:
    """A list of these; of lists in lists no more is known, so that a type never grows with an expression."""
    schemas = _different(types)
    if schemas is None or any(kind_of(found) in {None, "array"} for found in types):
        return plain("array")
    defs: dict[str, JsonValue] = {name: schema for found in types for name, schema in found.defs.items()}
    return Node({"type": "array", "items": _one_of(schemas)}, defs)


def either(yes: Node, no: Node) -> Node:
    """What a choice gives; not known as soon as one side is not, or where there are too many choices."""
    schemas = _different([*yes.alternatives(), *no.alternatives()])
    if schemas is None or kind_of(yes) is None or kind_of(no) is None:
        return ANY
    return Node(_one_of(schemas), {**yes.defs, **no.defs})


def _one_of(schemas: list[dict[str, JsonValue]]) -> dict[str, JsonValue]:
    return schemas[0] if len(schemas) == 1 else {"anyOf": [*schemas]}


def _different(types: Iterable[Node]) -> list[dict[str, JsonValue]] | None:
    """The different schemas among types; None: too many to keep."""
    found: list[dict[str, JsonValue]] = []
    for each in types:
        schema = dict(each.schema)
        if schema not in found:
            found.append(schema)
        if len(found) > _MOST_CHOICES:
            return None
    return found
