"""Compensation: what a failed run did and can be taken back is, the last effect first.

It is a run of its own (`undo_run_id`) with a plan and a verdict of its own, carried out by the same
execution through the same door: ledgered under its own keys, fenced, limited, logged. It rests on the
authorisation of what it takes back. Nothing is taken back while an effect is UNKNOWN, once something
irreversible was done (from there a run only goes forward), or where people have stopped automation.
The first that cannot be taken back ends it, and a person sees what is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from nightshift.clock import Clock
from nightshift.errors import NotFound
from nightshift.ids import RunId, StepId, undo_run_id
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.log import EntryKind
from nightshift.model.moves import settling
from nightshift.model.plan import Plan, Proposal, Step
from nightshift.model.verdict import Decision, Lane, Move, RunState, StepVerdict, Tier, Verdict
from nightshift.ports.log import NewEntry
from nightshift.runs.closed import closed
from nightshift.runs.judge import STOPPED, Records, judge
from nightshift.runs.parts import Settling
from nightshift.tools.undo import Inverse, Kept, inverses

__all__ = ["Back", "begun", "taken_back_of", "unwind", "what_to_take_back"]

_BY_PEOPLE: Final = frozenset({"case.taken", "tenant.halted"})
_RULE: Final = "compensation"
_NAME: Final = 64


@dataclass(frozen=True, kw_only=True)
class Back:
    """What is to be taken back, in order, and the steps of which nobody knows how."""

    steps: tuple[Inverse, ...] = ()
    stuck: tuple[StepId, ...] = ()


def unwind(parts: Settling, run: RunId, generation: int, error: str) -> RunState:
    """What a run does of which a step failed: it takes back, or settles where there is nothing to.

    Safe to repeat: the first compensation stored for a run is *the* compensation.

    Raises:
        Outdated: a newer generation carries the run on.
    """
    end = settling(run=run, generation=generation, index=0, error=error)
    proposal = parts.runs.proposal(run)
    if taken_back_of(proposal) is not None or parts.runs.outcome(run) is not None:
        return end  # what takes back is not taken back
    try:
        verdict = parts.runs.verdict(run)
    except NotFound:
        return end
    effects = closed(proposal, generation, ledger=parts.ledger, clock=parts.clock)
    results = parts.runs.results(run)
    found = Records(proposal=proposal, verdict=verdict, results=results, effects=effects)
    judged = judge(found, approvals=parts.approvals, at=parts.clock.now(), error=error or None)
    back = what_to_take_back(proposal, effects, results, error=error)
    # What told of it broke off; unless an earlier generation had begun to take it back.
    it_went_through = judged.status == "DONE" and begun(parts, run, generation) is None
    if it_went_through or not back.steps:
        return end
    child = parts.runs.propose(_plan_of(proposal, back, error, parts.clock))
    given = parts.runs.give(_verdict_of(child, verdict, parts.clock))
    _log(parts, proposal, child, back)
    return RunState(run=child.run, generation=generation, move=given.moves[0])


def begun(parts: Settling, run: RunId, generation: int) -> Proposal | None:
    """The compensation of a run that an earlier generation began; None: there is none, as in the first."""
    if generation == 1:
        return None
    try:
        return parts.runs.proposal(undo_run_id(run))
    except NotFound:
        return None


def taken_back_of(proposal: Proposal) -> RunId | None:
    """The run whose compensation this is, or None: it is none."""
    undoes = proposal.undoes
    return undoes if undoes is not None and proposal.run == undo_run_id(undoes) else None


def what_to_take_back(
    proposal: Proposal,
    effects: tuple[Effect, ...],
    results: Mapping[StepId, StepResult],
    *,
    error: str | None,
) -> Back:
    """What of a run that did not go through is to be taken back."""
    an_effect_is_open = any(effect.state is EffectState.UNKNOWN for effect in effects)
    people_stopped_it = error == STOPPED or any(result.code in _BY_PEOPLE for result in results.values())
    if an_effect_is_open or people_stopped_it:
        return Back()
    found = inverses(proposal, effects, results)
    if any(isinstance(each, Kept) and each.code == "irreversible" for each in found):
        return Back()
    return Back(
        steps=tuple(each for each in found if isinstance(each, Inverse)),
        stuck=tuple(each.step for each in found if isinstance(each, Kept) and each.code == "undo.unknown"),
    )


def _plan_of(proposal: Proposal, back: Back, error: str, clock: Clock) -> Proposal:
    steps: list[Step] = []
    for each in back.steps:
        needs = (steps[-1].id,) if steps else ()
        steps.append(Step(id=each.step, tool=each.tool, channel=each.channel, args=each.args, needs=needs))
    plan = Plan(name=f"undo-{proposal.plan.name}"[:_NAME], inputs={"error": error}, steps=tuple(steps))
    changes: dict[str, object] = {
        "run": undo_run_id(proposal.run),
        "proposed_by": f"run:{proposal.run}",
        "move": "",
        "plan": plan,
        "digest": plan.digest(),
        "tainted": (),
        "proposed_at": clock.now(),
        "began": proposal.began or proposal.proposed_at,
        "undoes": proposal.run,
    }
    return proposal.model_copy(update=changes)


def _verdict_of(child: Proposal, verdict: Verdict, clock: Clock) -> Verdict:
    """Allowed, because what it takes back was; one by one."""
    lanes = [lane for move in verdict.moves for lane in move.lanes]
    adapters = {step: lane.adapter for lane in lanes for step in lane.steps}
    moves = [
        Move(index=index, next="one", lanes=(Lane(adapter=adapters[step.id], steps=(step.id,)),))
        for index, step in enumerate(child.plan.steps)
    ]
    return Verdict(
        run=child.run,
        tenant=child.tenant,
        plan_digest=child.digest,
        policy_version=verdict.policy_version,
        decision=Decision.ALLOW,
        tier=Tier.AUTO,
        steps=tuple(
            StepVerdict(step=step.id, decision=Decision.ALLOW, tier=Tier.AUTO, rule=_RULE)
            for step in child.plan.steps
        ),
        moves=(*moves, Move(index=len(moves), next="settle")),
        decided_at=clock.now(),
    )


def _log(parts: Settling, proposal: Proposal, child: Proposal, back: Back) -> None:
    steps: list[JsonValue] = [f"{step.id}: {step.tool}" for step in child.plan.steps]
    detail: dict[str, JsonValue] = {
        "run": proposal.run,
        "undo": child.run,
        "digest": child.digest,
        "steps": steps,
        "stuck": list[JsonValue](back.stuck),
    }
    entry = NewEntry(
        kind=EntryKind.RUN_UNDOING,
        tenant=proposal.tenant,
        at=child.proposed_at,
        actor="runner",
        ref=child.run,
        detail=detail,
    )
    parts.log.append(proposal.case or proposal.run, entry)
