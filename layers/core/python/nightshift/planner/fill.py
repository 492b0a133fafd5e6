"""A move's template filled with facts: the plan."""

from typing import cast

from pydantic import JsonValue, ValidationError

from nightshift.errors import BadInput
from nightshift.expressions import Facts
from nightshift.ids import ChannelId, StepId
from nightshift.model.plan import Plan, Step
from nightshift.money import Money
from nightshift.planner.playbook import MoveTemplate, StepTemplate, computed

__all__ = ["fill"]


def fill(name: str, move: MoveTemplate, facts: Facts) -> Plan:
    """The plan of a move: every `"=expr"` computed, `${…}` left for run time.

    Raises:
        BadInput: an expression fails, a computed value would be read as a reference, or the plan
            that comes out is none; the message names what, never a fact's value.
    """
    template = move.plan
    wanted = [step for step in template.steps if step.when is None or facts.holds(step.when)]
    try:
        return Plan(
            name=name,
            inputs=cast("dict[str, JsonValue]", _fill(template.inputs, facts)),
            steps=tuple(_step(step, facts) for step in wanted),
            after=move.after,
        )
    except ValidationError as exc:
        where = ", ".join(".".join(str(part) for part in e["loc"]) for e in exc.errors()[:5])
        raise BadInput(f"{move.name}: {where}", "the facts make no valid plan", "Guard the move.") from exc


def _step(template: StepTemplate, facts: Facts) -> Step:
    limit = None if template.limit is None else Money.model_validate(_fill(template.limit, facts))
    return Step(
        id=StepId(template.id),
        tool=template.tool,
        channel=ChannelId(str(_fill(template.channel, facts))),
        args=cast("dict[str, JsonValue]", _fill(template.args, facts)),
        needs=tuple(StepId(name) for name in template.needs),
        limit=limit,
    )


def _fill(value: JsonValue, facts: Facts) -> JsonValue:
    if isinstance(value, dict):
        return {name: _fill(entry, facts) for name, entry in value.items()}
    if isinstance(value, list):
        return [_fill(entry, facts) for entry in value]
    source = computed(value)
    if source is None:
        return value
    result = facts.evaluate(source)
    _refuse_references(source, result)
    return result


def _refuse_references(source: str, value: JsonValue) -> None:
    """A fact is a value: text in it that looks like `${…}` must not become a reference."""
    match value:
        case str() if "${" in value:
            raise BadInput("plan", f"{source!r} gives a text with ${{", "A person must look at it.")
        case dict():
            for name, entry in value.items():
                _refuse_references(source, name)
                _refuse_references(source, entry)
        case list():
            for entry in value:
                _refuse_references(source, entry)
        case _:
            return
