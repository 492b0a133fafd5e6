"""What takes back what a run did: from its plan, its results and its effects, the last effect first.

Two readers: the run saga, which compensates a run that failed, and the undo that a person stages as a
plan of its own. Both find the same tool and the same arguments.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from nightshift.errors import Misconfigured, Rejected
from nightshift.ids import ChannelId, StepId
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.plan import Proposal, Step, ToolName
from nightshift.tools.asked import arguments, contract_of
from nightshift.tools.resolve import resolve

__all__ = ["Inverse", "Kept", "inverse_of", "inverses"]


@dataclass(frozen=True, kw_only=True)
class Inverse:
    """What takes one effect back.

    Args:
        step: whose effect it is.
        occurrence: the effect's own.
        channel: where it was made, and is taken back.
        tool: what takes it back.
        args: the input of that tool, as JSON.
    """

    step: StepId
    occurrence: int
    channel: ChannelId
    tool: ToolName
    args: dict[str, JsonValue]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An effect that nothing takes back.

    `code` says why: `irreversible`; `undo.nothing` (it changed nothing); `undo.unknown` (nobody knows
    what to put back: a person has to see to it).
    """

    step: StepId
    occurrence: int
    channel: ChannelId
    tool: ToolName
    code: str


def inverses(
    proposal: Proposal, effects: Iterable[Effect], results: Mapping[StepId, StepResult]
) -> tuple[Inverse | Kept, ...]:
    """What takes back everything that a run has done, in the order to do it: last made, first undone.

    Args:
        proposal: the run's plan.
        effects: the run's; only those that are DONE count.
        results: what its steps gave back.
    """
    ranks = {step.id: rank for rank, step in enumerate(proposal.plan.steps)}
    done = [effect for effect in effects if effect.state is EffectState.DONE and effect.step in ranks]
    done.sort(key=lambda effect: (effect.settled_at or effect.attempted_at, ranks[effect.step]), reverse=True)
    return tuple(inverse_of(proposal, effect, results) for effect in done)


def inverse_of(proposal: Proposal, effect: Effect, results: Mapping[StepId, StepResult]) -> Inverse | Kept:
    """What takes back one effect that is DONE."""
    step = proposal.plan.step(effect.step)
    try:
        found = _taken_back(proposal, step, results)
    except (Rejected, Misconfigured) as exc:
        return _kept(effect, exc.code if exc.code == "irreversible" else "undo.unknown")
    except ValidationError:  # a person said that it was done, and not what it gave back
        return _kept(effect, "undo.unknown")
    if found is None:
        return _kept(effect, "undo.nothing")
    tool, args = found
    return Inverse(
        step=effect.step, occurrence=effect.occurrence, channel=effect.channel, tool=tool, args=args
    )


def _taken_back(
    proposal: Proposal, step: Step, results: Mapping[StepId, StepResult]
) -> tuple[ToolName, dict[str, JsonValue]] | None:
    contract = contract_of(step.tool)
    if contract.undo is None:
        message = f"nothing takes back {step.tool}"
        raise Rejected(message, code="irreversible")
    result = results.get(step.id)
    if result is None:
        message = f"what {step.id} gave back is not there"
        raise Rejected(message, code="undo.unknown")
    args = arguments(contract, resolve(proposal.plan, step, results))
    output = contract.output.model_validate(result.output)
    found = contract.undo(args, output)
    return None if found is None else (found[0], found[1].model_dump(mode="json"))


def _kept(effect: Effect, code: str) -> Kept:
    return Kept(
        step=effect.step, occurrence=effect.occurrence, channel=effect.channel, tool=effect.tool, code=code
    )
