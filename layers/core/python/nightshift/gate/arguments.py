"""Arguments: literals and references type-check across edges; taint reaches nothing sensitive unasked."""

from collections.abc import Iterable, Iterator
from functools import partial

from pydantic import JsonValue

from nightshift.errors import BadInput
from nightshift.gate.facts import GateFacts
from nightshift.gate.inference import infer
from nightshift.gate.known import fits
from nightshift.gate.literals import Problem, problems
from nightshift.gate.named import named
from nightshift.gate.outline import Outline
from nightshift.gate.references import Path, Reference, expression, leaves, parse
from nightshift.gate.schemas import Node, accepts, at, name_of
from nightshift.ids import StepId
from nightshift.model.plan import Step
from nightshift.model.tool import ToolSpec
from nightshift.model.verdict import Decision, Finding

__all__ = ["argument_findings", "check_arguments", "sources", "taint_findings", "tainted_inputs"]


def argument_findings(step: Step, spec: ToolSpec, outline: Outline) -> Iterator[Finding]:
    """Every argument that is unknown, missing, or not of the type its tool takes."""
    yield from check_arguments(step, Node.root(spec.input_schema), outline, rule="argument")


def check_arguments(step: Step, wanted: Node, outline: Outline, *, rule: str) -> Iterator[Finding]:
    """Every argument of a step that is not what is wanted, under the name of a rule."""
    check = partial(_reference_problems, step=step, outline=outline)
    for found in problems(step.args, wanted, "args", check=check):
        yield Finding(rule=rule, step=step.id, field=found.field, problem=found.problem, fix=found.fix)


def _reference_problems(
    text: str, wanted: Node, field: str, *, step: Step, outline: Outline
) -> Iterator[Problem]:
    reference, source = parse(text), expression(text)
    if source is not None:
        yield from _expression_problems(source, wanted, field, step=step, outline=outline)
    elif reference is None:
        fix = "Write ${inputs.name}, ${steps.id.field} or an expression as the whole value."
        yield Problem(field, "holds ${ but is no whole reference", fix)
    elif reference.root == "inputs":
        yield from _input_problems(reference, wanted, field, outline)
    else:
        yield from _step_problems(reference, wanted, field, step=step, outline=outline)


def _expression_problems(
    source: str, wanted: Node, field: str, *, step: Step, outline: Outline
) -> Iterator[Problem]:
    given, faults = infer(source, outline, step=step.id)
    for fault in faults:
        yield Problem(field, fault.problem, fault.fix)
    if not fits(wanted, given):
        yield Problem(field, f"the expression gives {name_of(given)}", f"Give {name_of(wanted)}.")


def _input_problems(reference: Reference, wanted: Node, field: str, outline: Outline) -> Iterator[Problem]:
    inputs = outline.plan.inputs
    if reference.name not in inputs:
        fix = f"Use one of: {', '.join(inputs) or 'the plan has no inputs'}."
        yield Problem(field, f"the plan has no input {reference.name}", fix)
        return
    value = _value_at(inputs[reference.name], reference.path)
    if value is None:
        problem = f"the input {reference.name} has nothing there"
        yield Problem(field, problem, "Give the input this value, or leave the argument out.")
        return
    for found in problems(value, wanted, field):
        yield found._replace(problem=f"{found.problem} (from the input {reference.name})")


def _value_at(value: JsonValue, path: Path) -> JsonValue:
    for part in path:
        if isinstance(part, str):
            value = value.get(part) if isinstance(value, dict) else None
        else:
            value = value[part] if isinstance(value, list) and part < len(value) else None
    return value


def _step_problems(
    reference: Reference, wanted: Node, field: str, *, step: Step, outline: Outline
) -> Iterator[Problem]:
    source = StepId(reference.name)
    if source not in outline.steps:
        fix = f"Use one of: {', '.join(s for s in outline.steps if s != step.id) or 'the inputs'}."
        yield Problem(field, f"there is no step {source}", fix)
        return
    if source == step.id:
        yield Problem(field, "it takes a value of itself", "Take it from a step that runs before.")
        return
    if source not in outline.before.get(step.id, outline.steps):
        problem = f"it takes a value of {source} without needing it"
        yield Problem(field, problem, f"Add {source} to the step's needs.")
    spec = outline.spec(outline.steps[source])
    if spec is None:
        return
    given = at(Node.root(spec.output_schema), reference.path)
    if isinstance(given, str):
        yield Problem(field, f"{source}: {given}", "Take a field that the tool gives back.")
    elif not accepts(wanted, given):
        problem = f"{source} gives {name_of(given)} there"
        yield Problem(field, problem, f"Give {name_of(wanted)}.")


def sources(step: Step) -> frozenset[StepId]:
    """The steps whose outputs a step takes values from, be it by reference or in an expression."""
    found = (reference for _, text in leaves(step.args, "args") for reference in _named(text))
    return frozenset(StepId(reference.name) for reference in found if reference.root == "steps")


def _named(text: str) -> tuple[Reference, ...]:
    """What a text takes values of; of what cannot be read nothing, which is refused for that."""
    try:
        return named(text)
    except BadInput:
        return ()


def taint_findings(step: Step, spec: ToolSpec, outline: Outline, facts: GateFacts) -> Iterator[Finding]:
    """A person looks before customer text becomes money, a recipient, a URL or an address.

    A read cannot wait for a person, because people are asked once, after the reads: it is refused.
    """
    reads = outline.reads(step)
    for name in spec.sensitive:
        for field, text in leaves(step.args.get(name), f"args.{name}"):
            tainted = tainted_inputs(_named(text), facts.tainted)
            if not tainted:
                continue
            yield Finding(
                rule="taint",
                step=step.id,
                field=field,
                problem=f"{name} comes from text of a customer or supplier (input {tainted[0]})",
                fix="Take the value from a record." if reads else "A person has to see and approve it.",
                decision=Decision.REFUSE if reads else Decision.ASK,
            )


def tainted_inputs(references: Iterable[Reference], tainted: frozenset[str]) -> list[str]:
    """The inputs of customer or supplier text among what is named; one that only a run can tell counts."""
    names = {reference.name for reference in references if reference.root == "inputs"}
    return sorted(tainted if "" in names else names & tainted)
