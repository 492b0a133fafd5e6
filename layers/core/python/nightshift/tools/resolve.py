"""References and expressions, replaced by what inputs and earlier steps gave; conditions, told from them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from pydantic import JsonValue

from nightshift.errors import BadInput, Rejected
from nightshift.gate.references import Reference, expression, parse
from nightshift.ids import StepId
from nightshift.model.effect import StepResult
from nightshift.model.plan import Plan, Step
from nightshift.model.tool import Outcome
from nightshift.sums import LARGEST

if TYPE_CHECKING:
    from nightshift.expressions import Facts

__all__ = ["Values", "condition", "resolve", "skipped"]

T = TypeVar("T")
_ASK = "ask.person"  # `nightshift.gate.controls` is more than an adapter has to load


class Values:
    """What the references and expressions of a plan see: its inputs, and what its steps gave.

    Args:
        plan: whose inputs they are.
        outputs: what each step gave that has given something; a dry run foretells some of it.
    """

    def __init__(self, plan: Plan, outputs: Mapping[StepId, Mapping[str, JsonValue]]) -> None:
        self._inputs = plan.inputs
        self._outputs = outputs

    def argument(self, value: JsonValue) -> JsonValue:
        """A value of a step's arguments with every reference and expression replaced.

        Raises:
            Rejected: a reference names something that is not there (`reference.missing`), or an expression
                cannot be computed or gives no sane amount (`expression.invalid`).
        """
        match value:
            case dict():
                return {name: self.argument(inner) for name, inner in value.items()}
            case list():
                return [self.argument(inner) for inner in value]
            case str() if "${" in value:
                return self._text(value)
            case _:
                return value

    def holds(self, source: str) -> bool:
        """Whether a condition is true.

        Raises:
            Rejected: `condition.invalid`: it cannot be computed, or is neither true nor false.
        """
        return self._told(source, "condition.invalid", lambda facts: facts.holds(source))

    def _text(self, text: str) -> JsonValue:
        reference, source = parse(text), expression(text)
        if reference is None and source is None:
            return text
        found = self._computed(source or "") if reference is None else self._lookup(reference)
        if found is None:
            message = f"{text} has no value"
            raise Rejected(message, code="reference.missing")
        return found

    def _computed(self, source: str) -> JsonValue:
        found = self._told(source, "expression.invalid", lambda facts: facts.evaluate(source))
        if isinstance(found, dict) and found.keys() == {"amount", "currency"}:
            amount = found["amount"]
            if not isinstance(amount, int) or not 0 <= amount <= LARGEST:
                message = f"{source} gives an amount below zero or beyond any price"
                raise Rejected(message, code="expression.invalid")
        return found

    def _told(self, source: str, code: str, ask: "Callable[[Facts], T]") -> T:
        # Most plans hold no expression, and no cold start pays for what it does not use.
        from nightshift.expressions import Facts  # noqa: PLC0415

        try:
            return ask(Facts(self._facts(source)))
        except BadInput as exc:
            raise Rejected(str(exc), code=code) from exc

    def _facts(self, source: str) -> dict[str, JsonValue]:
        """What an expression names, and nothing else: the rest costs and tells nothing."""
        from nightshift.gate.named import uses  # noqa: PLC0415

        named = uses(source)
        wanted = {found.name for found in named if found.root == "inputs"}
        inputs = self._inputs if "" in wanted else {n: v for n, v in self._inputs.items() if n in wanted}
        steps = {StepId(found.name) for found in named if found.root == "steps"}
        outputs: dict[str, JsonValue] = {s: dict(self._outputs[s]) for s in steps if s in self._outputs}
        facts: dict[str, JsonValue] = {"inputs": inputs, "steps": outputs}
        return facts | ({"event": inputs["event"]} if "event" in inputs else {})

    def _lookup(self, reference: Reference) -> JsonValue:
        at: JsonValue = None
        if reference.root == "inputs":
            at = self._inputs.get(reference.name)
        elif StepId(reference.name) in self._outputs:
            at = dict(self._outputs[StepId(reference.name)])
        for part in reference.path:
            if isinstance(part, str):
                at = at.get(part) if isinstance(at, dict) else None
            else:
                at = at[part] if isinstance(at, list) and part < len(at) else None
        return at


def resolve(plan: Plan, step: Step, results: Mapping[StepId, StepResult]) -> dict[str, JsonValue]:
    """The arguments of a step with every reference and expression replaced by its value.

    Raises:
        Rejected: a reference names something that is not there (`reference.missing`), or an expression
            cannot be computed (`expression.invalid`).
    """
    values = _values(plan, results)
    return {name: values.argument(value) for name, value in step.args.items()}


def condition(plan: Plan, step: Step, results: Mapping[StepId, StepResult]) -> bool:
    """Whether a step's `when` is true; a step without one always may run.

    Raises:
        Rejected: `condition.invalid`: it cannot be told.
    """
    return step.when is None or _values(plan, results).holds(step.when)


def skipped(plan: Plan, step: Step, results: Mapping[StepId, StepResult]) -> bool:
    """Whether a step is left out: something it needs was, or its `when` is not true.

    Raises:
        Rejected: `condition.invalid`: it cannot be told.
    """
    return _skipped(plan, step, results, asks={})


def _skipped(
    plan: Plan, step: Step, results: Mapping[StepId, StepResult], *, asks: dict[StepId, bool]
) -> bool:
    """As `skipped`; `asks` keeps what is known of questions, which have no results of their own."""
    for need in step.needs:
        if need in results:
            left_out = results[need].skipped
        elif need in asks:
            left_out = asks[need]
        else:
            needed = plan.step(need)
            left_out = needed.tool == _ASK and _skipped(plan, needed, results, asks=asks)
            asks[need] = left_out
        if left_out:
            return True
    return not condition(plan, step, results)


def _values(plan: Plan, results: Mapping[StepId, StepResult]) -> Values:
    done = {step: result.output for step, result in results.items() if result.outcome is Outcome.DONE}
    return Values(plan, done)
