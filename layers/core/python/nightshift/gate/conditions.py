"""Conditions of steps, and tests of the plan: CEL that has to give true or false."""

from collections.abc import Iterator

from nightshift.errors import BadInput
from nightshift.gate.arguments import tainted_inputs
from nightshift.gate.facts import GateFacts
from nightshift.gate.inference import infer
from nightshift.gate.known import BOOLEAN, fits
from nightshift.gate.named import uses
from nightshift.gate.outline import Outline
from nightshift.gate.schemas import name_of
from nightshift.ids import StepId
from nightshift.model.plan import Step
from nightshift.model.verdict import Decision, Finding

__all__ = ["condition_findings", "plan_test_findings"]


def condition_findings(step: Step, outline: Outline, facts: GateFacts) -> Iterator[Finding]:
    """All that is wrong with a step's `when`; text of a customer may narrow what runs, and that is noted."""
    if step.when is None:
        return
    yield from _findings(step.when, outline, step=step.id, rule="condition", field="when")
    try:
        tainted = tainted_inputs(uses(step.when), facts.tainted)
    except BadInput:
        return
    if tainted:
        yield Finding(
            rule="taint-condition",
            step=step.id,
            field="when",
            problem=f"whether it runs depends on text of a customer or supplier (input {tainted[0]})",
            fix="Nothing: it can only keep the step from running.",
            decision=Decision.ALLOW,
        )


def plan_test_findings(outline: Outline) -> Iterator[Finding]:
    """All that is wrong with the tests that come with a plan."""
    for index, test in enumerate(outline.plan.tests):
        yield from _findings(test.that, outline, step=None, rule="test", field=f"tests[{index}].that")


def _findings(
    source: str, outline: Outline, *, step: StepId | None, rule: str, field: str
) -> Iterator[Finding]:
    given, faults = infer(source, outline, step=step)
    for fault in faults:
        yield Finding(rule=rule, step=step, field=field, problem=fault.problem, fix=fault.fix)
    if not fits(BOOLEAN, given):
        problem = f"it gives {name_of(given)}, not true or false"
        yield Finding(rule=rule, step=step, field=field, problem=problem, fix="Write a comparison.")
