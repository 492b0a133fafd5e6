"""What a tool promises, as data; the contracts themselves stand in `nightshift.tools.contracts`."""

from enum import StrEnum

from pydantic import JsonValue

from nightshift.model.base import Noun
from nightshift.model.plan import ToolName

__all__ = ["EffectClass", "Outcome", "ToolSpec"]


class EffectClass(StrEnum):
    """What a tool does to the world."""

    READ = "READ"
    WRITE = "WRITE"
    IDEMPOTENT_WRITE = "IDEMPOTENT_WRITE"
    DESTRUCTIVE = "DESTRUCTIVE"


class Outcome(StrEnum):
    """How a step ended."""

    DONE = "DONE"
    REJECTED = "REJECTED"  # the vendor or the world said no; nothing happened
    NOT_DONE = "NOT_DONE"  # it was never carried out
    UNKNOWN = "UNKNOWN"  # it may have happened; a probe or a person must say


class ToolSpec(Noun):
    """A tool in the catalog: everything a planner, a gate or a page needs, without its code."""

    name: ToolName
    summary: str
    effect: EffectClass
    permission: str
    money: bool
    customer_visible: bool
    irreversible: bool
    sensitive: tuple[str, ...]
    version: str
    errors: tuple[str, ...]
    input_schema: dict[str, JsonValue]
    output_schema: dict[str, JsonValue]
    example: dict[str, JsonValue]
    adapters: tuple[str, ...]
