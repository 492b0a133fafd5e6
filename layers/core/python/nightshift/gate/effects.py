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
    """Reads come first; what cannot be undone comes last, and nothing that can be needs it."""
    for step_id in outline.running:
        step = outline.steps[step_id]
        if outline.reads(step):
            yield from _late_read(step, outline)
        elif not step.is_control and not _is_final(step, outline):
            finals = [each for each in outline.before[step_id] if _is_final(outline.steps[each], outline)]
            if finals:
                problem = f"it needs {min(finals)}, which cannot be undone and therefore runs last"
                fix = f"Let {min(finals)} come after it."
                yield Finding(rule="irreversible-last", step=step_id, field="needs", problem=problem, fix=fix)


def _is_final(step: Step, outline: Outline) -> bool:
    spec = outline.spec(step)
    return spec is not None and spec.irreversible


def _late_read(step: Step, outline: Outline) -> Iterator[Finding]:
    before = (outline.steps[need] for need in outline.before[step.id])
    writes = [need.id for need in before if not need.is_control and not outline.reads(need)]
    if writes:
        problem = f"it reads, but needs {min(writes)}; all reads run before the first write or wait"
        fix = "Take the need away; each write re-reads what it changed."
        yield Finding(rule="reads-first", step=step.id, field="needs", problem=problem, fix=fix)


def unshowable_findings(outline: Outline, decisions: Mapping[StepId, Decision]) -> Iterator[Finding]:
    """People are asked once, before the first write: what they are shown must be known by then."""
    for step_id, decision in decisions.items():
        if decision is not Decision.ASK:
            continue
        step = outline.steps[step_id]
        for source in sorted(sources(step)):
            if source in outline.steps and not _known_when_asked(source, outline):
                problem = f"a person has to approve it, but it takes a value of {source}, which runs later"
                fix = "Take the value from a step that reads, and needs no wait."
                yield Finding(rule="unshowable", step=step_id, field="args", problem=problem, fix=fix)


def _known_when_asked(source: StepId, outline: Outline) -> bool:
    """A read that comes before every wait and question; people are asked right before the first of those."""
    before = (outline.steps[need] for need in outline.before[source])
    return outline.reads(outline.steps[source]) and not any(need.is_control for need in before)
