"""What a person is asked to agree to: resolved by one rule for the asker and for the executor."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import JsonValue, ValidationError

from nightshift.errors import Misconfigured, Rejected
from nightshift.ids import StepId
from nightshift.model.approval import AskedStep
from nightshift.model.base import Noun
from nightshift.model.effect import StepResult
from nightshift.model.plan import Proposal
from nightshift.model.verdict import Decision, Verdict
from nightshift.money import Money
from nightshift.tools.contract import ToolContract
from nightshift.tools.contracts import ALL
from nightshift.tools.resolve import resolve

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
    """Every step that needs a person, exactly as it will run.

    Raises:
        Rejected: an argument cannot be resolved, or does not fit the tool: nobody can be asked about it.
    """
    asked = []
    for step_verdict in verdict.steps:
        if step_verdict.decision is not Decision.ASK:
            continue
        step = proposal.plan.step(step_verdict.step)
        contract = contract_of(step.tool)
        args = arguments(contract, resolve(proposal.plan, step, results))
        asked.append(
            AskedStep(
                step=step.id,
                tool=step.tool,
                tool_version=contract.version(),
                channel=step.channel,
                args=args.model_dump(mode="json"),
                rule=step_verdict.rule,
                tier=step_verdict.tier,
                money=amount_of(contract, args),
            )
        )
    return tuple(asked)
