"""The critic: whether a plan's own tests hold of its dry run, before the gate is asked."""

from collections.abc import Sequence

from pydantic import JsonValue

from nightshift.errors import Rejected
from nightshift.gate.named import uses
from nightshift.ids import StepId
from nightshift.model.dryrun import Foreseen, Prospect, TestResult
from nightshift.model.plan import Plan, PlanTest
from nightshift.model.verdict import Finding
from nightshift.tools.resolve import Values

__all__ = ["criticised"]


def criticised(plan: Plan, steps: Sequence[Foreseen]) -> tuple[tuple[TestResult, ...], tuple[Finding, ...]]:
    """How the plan's tests went, and everything that keeps the plan from passing.

    A test that cannot be judged does not hold: a plan runs only when all its tests do. One that speaks of a
    step that would be skipped says nothing about this run.
    """
    findings = [_failing(step) for step in steps if step.prospect is Prospect.WOULD_FAIL]
    values = Values(plan, _outputs(steps))
    skipped = frozenset(step.step for step in steps if step.prospect is Prospect.SKIPPED)
    results: list[TestResult] = []
    for test in plan.tests:
        result, counts = _tested(test, values, skipped)
        results.append(result)
        if counts and result.holds is not True:
            findings.append(_broken(test, result))
    return tuple(results), tuple(findings)


def _outputs(steps: Sequence[Foreseen]) -> dict[StepId, dict[str, JsonValue]]:
    """What a read gave back, or `{args, before, after}` as a write would have it; no skipped step."""
    return {
        step.step: {"args": step.args, "before": step.before, "after": step.after}
        if step.output is None
        else step.output
        for step in steps
        if step.prospect is not Prospect.SKIPPED
    }


def _tested(test: PlanTest, values: Values, skipped: frozenset[StepId]) -> tuple[TestResult, bool]:
    """How a test went, and whether it counts: of a step that is skipped there is nothing to test."""
    try:
        return TestResult(name=test.name, holds=values.holds(test.that)), True
    except Rejected as exc:
        gone = sorted(skipped & {one.name for one in uses(test.that) if one.root == "steps"})
        if gone:
            return TestResult(name=test.name, holds=None, why=f"{gone[0]} would be skipped"), False
        return TestResult(name=test.name, holds=None, why=str(exc)), True


def _broken(test: PlanTest, result: TestResult) -> Finding:
    problem = f"the test {test.name!r} does not hold: {test.that}"
    if result.holds is None:
        problem = f"the test {test.name!r} cannot be judged: {result.why}"
    return Finding(rule="test", field="tests", problem=problem, fix="Change the plan, or its test.")


def _failing(step: Foreseen) -> Finding:
    fix = "Mend what it is called with, or what it reads; no step of this plan runs."
    return Finding(rule="dry-run", step=step.step, field="args", problem=step.why, fix=fix)
