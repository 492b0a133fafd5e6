"""What a person is asked to agree to: resolved by one rule for the asker and for the executor."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from pydantic import JsonValue, ValidationError

from nightshift.errors import Misconfigured, Rejected
from nightshift.ids import StepId
from nightshift.model.approval import AskedStep
from nightshift.model.base import Noun
from nightshift.model.effect import StepResult
from nightshift.model.plan import Plan, Proposal, Step
from nightshift.model.tool import EffectClass
from nightshift.model.verdict import Decision, StepVerdict, Verdict
from nightshift.money import Money
from nightshift.tools.contract import ToolContract
from nightshift.tools.contracts import ALL
from nightshift.tools.resolve import condition, resolve

__all__ = ["amount_of", "arguments", "asked_steps", "contract_of"]

I = TypeVar("I", bound=Noun)  # noqa: E741  # input


def contract_of(tool: str) -> ToolContract[Any, Any]:
    """The contract of a tool.

    Raises:
        Misconfigured: there is none.
    """
    if tool not in ALL:
        message = f"there is no tool {tool}"
        raise Misconfigured(message, code="tool.unknown")
    return ALL[tool]


def amount_of(contract: ToolContract[Any, Any], args: object) -> Money | None:
    """The money a call moves: the input's `amount`, for tools that move money."""
    amount = getattr(args, "amount", None) if contract.money else None
    return amount if isinstance(amount, Money) else None


def arguments(contract: ToolContract[I, Any], resolved: dict[str, JsonValue]) -> I:
    """The tool's input.

    Raises:
        Rejected: the resolved values do not fit it; names the fields, never a value.
    """
    try:
        return contract.input.model_validate(resolved)
    except ValidationError as exc:
        fields = ", ".join(sorted({str(e["loc"][0]) for e in exc.errors() if e["loc"]}))
        message = f"{contract.name}: the resolved arguments do not fit: {fields}"
        raise Rejected(message, code="arguments.invalid") from exc


def asked_steps(
    proposal: Proposal, verdict: Verdict, results: Mapping[StepId, StepResult]
) -> tuple[AskedStep, ...]:
    """Every step that needs a person, exactly as it will run; the same whenever it is asked in a run.

    A step that is left out for sure is not asked about: its `when` is false by what was read, or a step it
    needs is left out. Empty: nothing that is left needs a person.

    Raises:
        Rejected: an argument or a condition cannot be resolved, or does not fit the tool: nobody can be
            asked about it.
    """
    plan = proposal.plan
    left_out = _left_out(plan, results)
    return tuple(
        _asked(plan.step(found.step), plan, found, results)
        for found in verdict.steps
        if found.decision is Decision.ASK and found.step not in left_out
    )


def _asked(step: Step, plan: Plan, judged: StepVerdict, results: Mapping[StepId, StepResult]) -> AskedStep:
    resolved = resolve(plan, step, results)
    if step.is_control:
        version, args, money = "1", resolved, None
    else:
        contract = contract_of(step.tool)
        given = arguments(contract, resolved)
        version, args, money = contract.version(), given.model_dump(mode="json"), amount_of(contract, given)
    return AskedStep(
        step=step.id,
        tool=step.tool,
        tool_version=version,
        channel=step.channel,
        args=args,
        rule=judged.rule,
        tier=judged.tier,
        money=money,
    )


def _left_out(plan: Plan, results: Mapping[StepId, StepResult]) -> frozenset[StepId]:
    """The steps of which inputs and reads alone say that they do not run; writes never change this."""
    if all(step.when is None for step in plan.steps):
        return frozenset()
    reads = {step: result for step, result in results.items() if _known_when_asked(plan, step)}
    found: set[StepId] = set()
    steps = list(plan.steps)
    while True:
        new = {step.id for step in steps if step.id not in found and _is_left_out(plan, step, reads, found)}
        if not new:
            return frozenset(found)
        found |= new


def _is_left_out(
    plan: Plan, step: Step, reads: Mapping[StepId, StepResult], found: AbstractSet[StepId]
) -> bool:
    if not found.isdisjoint(step.needs) or any(n in reads and reads[n].skipped for n in step.needs):
        return True
    from nightshift.gate.named import steps_of  # noqa: PLC0415  # as in `resolve`

    told_by_reads = all(source in reads for source in steps_of(step.when))
    return told_by_reads and not condition(plan, step, reads)


def _known_when_asked(plan: Plan, name: StepId) -> bool:
    """Whether it is a read that comes before every wait and question: people are asked after those."""
    step = plan.step(name)
    if step.is_control or contract_of(step.tool).effect is not EffectClass.READ:
        return False
    to_see, seen = list(step.needs), set[StepId]()
    while to_see:
        need = plan.step(to_see.pop())
        if need.is_control:
            return False
        to_see += [each for each in need.needs if each not in seen]
        seen.update(need.needs)
    return True
