"""The JSON Schemas of the catalog as types: paths into them, and whether one fits another.

Only the keywords in `KEYWORDS` occur in the catalog (a test holds that). Lengths, patterns and bounds of
a referenced value are known at run time only and are checked there by the tool's input model.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from nightshift.gate.references import Path

__all__ = ["KEYWORDS", "Node", "accepts", "at", "name_of"]

KEYWORDS = frozenset(
    {"$ref", "$defs", "anyOf", "oneOf", "type", "enum", "const", "format", "pattern", "title", "description",
     "default", "examples", "properties", "required", "additionalProperties", "items", "minLength",
     "maxLength", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
)  # fmt: skip

_DEEP = 24
_SHOWN = 12
_WORDS = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
          "null": "nothing", "object": "an object", "array": "a list"}  # fmt: skip

Schema = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Node:
    """One place in a schema, with the definitions its references point to."""

    schema: Schema
    defs: Schema

    @classmethod
    def root(cls, schema: Schema) -> "Node":
        """The schema as a whole."""
        defs = schema.get("$defs")
        return cls(schema, defs if isinstance(defs, dict) else {})

    def resolved(self) -> "Node":
        """This place without `$ref`: the definition it points to."""
        node = self
        while isinstance(ref := node.schema.get("$ref"), str):
            target = self.defs.get(ref.rpartition("/")[2])
            node = Node(target if isinstance(target, dict) else {}, self.defs)
        return node

    def alternatives(self) -> "tuple[Node, ...]":
        """The types it may have, without choices between them."""
        node = self.resolved()
        choices = node.schema.get("anyOf") or node.schema.get("oneOf")
        if not isinstance(choices, list):
            return (node,)
        nodes = [Node(choice, self.defs) for choice in choices if isinstance(choice, dict)]
        return tuple(found for choice in nodes for found in choice.alternatives())

    def present(self) -> "tuple[Node, ...]":
        """The types it may have when it is there at all."""
        return tuple(node for node in self.alternatives() if node.type != "null")

    @property
    def type(self) -> str:
        """The JSON type; empty: any."""
        found = self.schema.get("type")
        return found if isinstance(found, str) else ""

    @property
    def title(self) -> str:
        """The name of the model or field."""
        found = self.schema.get("title")
        return found if isinstance(found, str) else ""

    @property
    def values(self) -> list[JsonValue] | None:
        """The only values it may have, if they are listed."""
        if "const" in self.schema:
            return [self.schema["const"]]
        found = self.schema.get("enum")
        return found if isinstance(found, list) else None

    @property
    def fields(self) -> Schema:
        """The named properties of an object."""
        found = self.schema.get("properties")
        return found if isinstance(found, dict) else {}

    @property
    def required(self) -> list[JsonValue]:
        """The properties that must be there."""
        found = self.schema.get("required")
        return found if isinstance(found, list) else []

    def property(self, name: str) -> "Node | None":
        """The type of one property, named or additional; None: it may not be there."""
        found = self.fields.get(name)
        if isinstance(found, dict):
            return Node(found, self.defs)
        return self.others()

    def others(self) -> "Node | None":
        """The type of properties that have no name in the schema; None: there are none."""
        found = self.schema.get("additionalProperties", True)
        if isinstance(found, dict):
            return Node(found, self.defs)
        return Node({}, self.defs) if found else None

    def entry(self) -> "Node":
        """The type of a list's entries."""
        found = self.schema.get("items")
        return Node(found if isinstance(found, dict) else {}, self.defs)


def name_of(node: Node) -> str:
    """A type in words: `Money`, `a list of RefundLine`, `text`."""
    return " or ".join(dict.fromkeys(_name(found) for found in node.present())) or "nothing"


def _name(node: Node) -> str:
    if node.fields and node.title:
        return node.title
    if node.type == "array":
        return f"a list of {name_of(node.entry())}"
    values = node.values
    if values is not None:
        return "one of " + ", ".join(str(value) for value in values[:_SHOWN])
    form = node.schema.get("format")
    return str(form) if form else _WORDS.get(node.type, "anything")


def at(node: Node, path: Path) -> Node | str:
    """The type at a path, or in words why there is none.

    A path may lead through what is optional: whether it is there is known at run time only, and a
    step whose value is not there is refused before it does anything.
    """
    for part in path:
        inner = [_into(found, part) for found in node.present()]
        missing = next((found for found in inner if isinstance(found, str)), None)
        if missing is not None or not inner:
            return missing or f"there is nothing to look into for {part}"
        found = [each for each in inner if isinstance(each, Node)]
        node = found[0] if len(found) == 1 else Node({"anyOf": [dict(n.schema) for n in found]}, node.defs)
    return node


def _into(node: Node, part: str | int) -> Node | str:
    if isinstance(part, int):
        return node.entry() if node.type == "array" else f"[{part}] needs a list, and this is {name_of(node)}"
    if node.type != "object":
        return f"{part} needs an object, and this is {name_of(node)}"
    found = node.property(part)
    if found is None:
        return f"{node.title or 'it'} has no {part}; it has {', '.join(list(node.fields)[:_SHOWN])}"
    return found


def accepts(target: Node, source: Node, *, depth: int = 0) -> bool:
    """Whether every value that `source` promises is of a type that `target` takes.

    Nothing (`null`) does not count: a reference to nothing refuses its step at run time.
    """
    if depth > _DEEP:
        return False
    takes, gives = target.present(), source.present()
    return all(any(_accepts(t, s, depth) for t in takes) for s in gives)


def _accepts(target: Node, source: Node, depth: int) -> bool:
    if target.values is not None:
        given = source.values
        return given is not None and all(value in target.values for value in given)
    whole_for_any_number = target.type == "number" and source.type == "integer"
    if target.type == "" or whole_for_any_number:
        return True
    if target.type != source.type:
        return False
    if target.type == "object":
        return _accepts_object(target, source, depth)
    if target.type == "array":
        return accepts(target.entry(), source.entry(), depth=depth + 1)
    return target.schema.get("format") in {None, source.schema.get("format")}


def _accepts_object(target: Node, source: Node, depth: int) -> bool:
    if target.fields:
        return bool(source.fields) and target.title == source.title
    others = target.others()
    if others is None:
        return not source.fields and source.others() is None
    given = [source.property(name) for name in source.fields] + [source.others()]
    return all(accepts(others, each, depth=depth + 1) for each in given if each is not None)
