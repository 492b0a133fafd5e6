"""References in arguments, replaced by what earlier steps gave back."""

from collections.abc import Mapping

from pydantic import JsonValue

from nightshift.errors import Rejected
from nightshift.gate.references import Reference, parse
from nightshift.ids import StepId
from nightshift.model.effect import StepResult
from nightshift.model.plan import Plan, Step
from nightshift.model.tool import Outcome

__all__ = ["resolve"]


def resolve(plan: Plan, step: Step, results: Mapping[StepId, StepResult]) -> dict[str, JsonValue]:
    """The arguments of a step with every reference replaced by its value.

    Raises:
        Rejected: a reference names something that is not there (`reference.missing`).
    """
    return {name: _value(value, plan, results) for name, value in step.args.items()}


def _value(value: JsonValue, plan: Plan, results: Mapping[StepId, StepResult]) -> JsonValue:
    match value:
        case dict():
            return {name: _value(inner, plan, results) for name, inner in value.items()}
        case list():
            return [_value(inner, plan, results) for inner in value]
        case str() if (reference := parse(value)) is not None:
            found = _lookup(reference, plan, results)
            if found is None:
                message = f"{value} has no value"
                raise Rejected(message, code="reference.missing")
            return found
        case _:
            return value


def _lookup(reference: Reference, plan: Plan, results: Mapping[StepId, StepResult]) -> JsonValue:
    at: JsonValue = None
    if reference.root == "inputs":
        at = plan.inputs.get(reference.name)
    else:
        result = results.get(StepId(reference.name))
        if result is not None and result.outcome is Outcome.DONE:
            at = result.output
    for part in reference.path:
        if isinstance(part, str):
            at = at.get(part) if isinstance(at, dict) else None
        else:
            at = at[part] if isinstance(at, list) and part < len(at) else None
    return at
