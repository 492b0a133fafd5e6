"""What a person is asked to agree to: resolved by one rule for the asker and for the executor."""

from collections.abc import Mapping
from typing import Any

from nightshift.errors import Misconfigured
from nightshift.ids import StepId
from nightshift.model.approval import AskedStep
from nightshift.model.effect import StepResult
from nightshift.model.plan import Proposal
from nightshift.model.verdict import Decision, Verdict
from nightshift.money import Money
from nightshift.tools.contract import ToolContract
from nightshift.tools.contracts import ALL
from nightshift.tools.resolve import resolve

__all__ = ["amount_of", "asked_steps", "contract_of"]


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


def asked_steps(
    proposal: Proposal, verdict: Verdict, results: Mapping[StepId, StepResult]
) -> tuple[AskedStep, ...]:
    """Every step that needs a person, exactly as it will run.

    Raises:
        Rejected: an argument cannot be resolved yet, so nobody can be asked about it.
        pydantic.ValidationError: a resolved argument does not fit the tool.
    """
    asked = []
    for step_verdict in verdict.steps:
        if step_verdict.decision is not Decision.ASK:
            continue
        step = proposal.plan.step(step_verdict.step)
        contract = contract_of(step.tool)
        args = contract.input.model_validate(resolve(proposal.plan, step, results))
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
