"""Writes: which need a person, and in which order they may stand."""

from collections.abc import Iterator, Mapping

from nightshift.gate.arguments import sources
from nightshift.gate.outline import Outline
from nightshift.ids import StepId
from nightshift.model.plan import Step
from nightshift.model.policy import Policy
from nightshift.model.tool import ToolSpec
from nightshift.model.verdict import Decision, Finding

__all__ = ["allowance_of", "order_findings", "unshowable_findings", "write_findings"]


def allowance_of(step: Step, spec: ToolSpec, policy: Policy) -> str | None:
    """The name of the rule that lets a write run without a person; None: there is none.

    Where a tool sends templates, the rule has to name the step's template, and the step has to
    name it literally.
    """
    properties = spec.input_schema.get("properties")
    sends_templates = isinstance(properties, dict) and "template" in properties
    for allowance in policy.allowances:
        if allowance.tool != step.tool:
            continue
        if sends_templates and step.args.get("template") in allowance.templates:
            return allowance.name
        if not sends_templates and not allowance.templates:
            return allowance.name
    return None


def write_findings(outline: Outline, policy: Policy) -> Iterator[Finding]:
    """Every write that moves no money asks, unless a named rule allows it; money has its tiers."""
    for step in outline.plan.steps:
        spec = outline.spec(step)
        if spec is None or spec.money or outline.reads(step) or allowance_of(step, spec, policy):
            continue
        yield Finding(
            rule=spec.effect.value.lower().replace("_", "-"),
            step=step.id,
            field="tool",
            problem=f"{step.tool} changes something, and no rule of the policy allows this unasked",
            fix="A person has to approve it.",
            decision=Decision.ASK,
        )


def order_findings(outline: Outline) -> Iterator[Finding]:
    """Reads come first; what cannot be undone comes last."""
    final: StepId | None = None
    for step_id in outline.running:
        step = outline.steps[step_id]
        spec = outline.spec(step)
        if outline.reads(step):
            yield from _late_read(step, outline)
        elif spec is not None and spec.irreversible:
            final = step_id
        elif final is not None:
            problem = f"it would run after {final}, which cannot be undone"
            fix = f"Let {final} come after it."
            yield Finding(rule="irreversible-last", step=step_id, field="needs", problem=problem, fix=fix)


def _late_read(step: Step, outline: Outline) -> Iterator[Finding]:
    writes = [need for need in outline.before[step.id] if not outline.reads(outline.steps[need])]
    if writes:
        problem = f"it reads, but needs the write {min(writes)}; all reads run before the first write"
        fix = "Take the need away; each write re-reads what it changed."
        yield Finding(rule="reads-first", step=step.id, field="needs", problem=problem, fix=fix)


def unshowable_findings(outline: Outline, decisions: Mapping[StepId, Decision]) -> Iterator[Finding]:
    """People are asked once, before the first write: what they are shown must be known by then."""
    for step_id, decision in decisions.items():
        if decision is not Decision.ASK:
            continue
        step = outline.steps[step_id]
        for source in sorted(sources(step)):
            if source in outline.steps and not outline.reads(outline.steps[source]):
                problem = f"a person has to approve it, but it takes a value of {source}, which runs later"
                fix = "Take the value from a step that reads."
                yield Finding(rule="unshowable", step=step_id, field="args", problem=problem, fix=fix)
