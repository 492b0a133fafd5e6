"""Undo: what takes back what a run did, as a new plan through the same gate."""

from typing import Final

from nightshift.api.desk import Desk
from nightshift.api.plans import RUN_PLANS, begin, proposal_of
from nightshift.api.runs import READ_CASES, one_run
from nightshift.errors import Conflict, NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import RunId, StepId, asked_undo_run_id
from nightshift.model.effect import EffectState
from nightshift.model.plan import Plan, Proposal, Step
from nightshift.model.rundesk import Stands, Undone, UndoPlan
from nightshift.model.tool import Outcome

__all__ = ["plan_undo", "undo_run"]

_PREFIX: Final = "undo-"
_NAME: Final = 64
_MOST_TRIES: Final = 20


def plan_undo(desk: Desk, caller: Caller, run: RunId) -> UndoPlan:
    """What would take back a run that has ended, the last effect first, and what stands for good.

    Raises:
        NotPermitted: the caller may not read cases.
        NotFound: the tenant has no such run.
        Conflict: it has not ended, or an effect of it may have happened.
    """
    caller.must(READ_CASES)
    proposal = one_run(desk, caller, run)
    _, back = _tries(desk, proposal)
    return _planned(desk, proposal, back)


def undo_run(desk: Desk, caller: Caller, run: RunId) -> Undone:
    """Begin a run that takes back what a run did; one that is under way already is named again.

    The gate judges it as any plan of its caller: where policy says so, people are asked. It takes back
    only what stands as the run left it; a price that somebody changed since stays.

    Raises:
        NotPermitted: the caller may not run plans.
        NotFound: the tenant has no such run.
        Conflict: it has not ended, or an effect of it may have happened.
        Retryable: nothing more happened than the same call again goes on from.
    """
    caller.must(RUN_PLANS)
    proposal = one_run(desk, caller, run)
    wanted, back = _tries(desk, proposal)
    under_way = _proposal(desk, wanted)
    if under_way is not None:
        desk.launch.launch(under_way)
        return Undone(run=wanted, plan=under_way.plan, stands=())
    found = _planned(desk, proposal, back)
    if found.plan is None:
        return Undone(run=None, plan=None, stands=found.stands)
    made = proposal_of(desk, caller, found.plan, key=wanted, undoes=run)
    begun = begin(desk, made.model_copy(update={"run": wanted}))
    return Undone(run=begun.run, plan=found.plan, stands=found.stands)


def _tries(desk: Desk, proposal: Proposal) -> tuple[RunId, frozenset[StepId]]:
    """The run that takes it back, or the next one where others ended, and the steps that those took back."""
    outcome = desk.runs.outcome(proposal.run)
    if outcome is None:
        message = f"run {proposal.run} has not ended; stop it, or wait for its end"
        raise Conflict(message)
    back = {StepId(step) for step in outcome.undone}
    for number in range(1, _MOST_TRIES + 1):
        run = asked_undo_run_id(proposal.tenant, proposal.run, number)
        if _proposal(desk, run) is None or desk.runs.outcome(run) is None:
            return run, frozenset(back)
        back |= {r.step for r in desk.runs.results(run).values() if r.outcome is Outcome.DONE}
    message = f"run {proposal.run} was tried to take back {_MOST_TRIES} times; a person has to see to it"
    raise Conflict(message)


def _proposal(desk: Desk, run: RunId) -> Proposal | None:
    try:
        return desk.runs.proposal(run)
    except NotFound:
        return None


def _planned(desk: Desk, proposal: Proposal, back: frozenset[StepId]) -> UndoPlan:
    from nightshift.tools.undo import Inverse, inverses  # noqa: PLC0415  # 50 ms that only this needs

    effects = desk.ledger.of_run(proposal.run)
    unknown = [effect.step for effect in effects if effect.state is EffectState.UNKNOWN]
    if unknown:
        message = f"{', '.join(unknown)} of run {proposal.run} may have happened; settle that first"
        raise Conflict(message)
    steps: list[Step] = []
    stands: list[Stands] = []
    for found in inverses(proposal, effects, desk.runs.results(proposal.run)):
        if found.step in back:
            continue
        if not isinstance(found, Inverse):
            stands.append(Stands(step=found.step, tool=found.tool, channel=found.channel, code=found.code))
            continue
        back_to_back = (steps[-1].id,) if steps else ()  # the last made is the first taken back
        steps.append(
            Step(
                id=found.step,
                tool=found.tool,
                channel=found.channel,
                args=found.args,
                needs=back_to_back,
            )
        )
    name = f"{_PREFIX}{proposal.plan.name}"[:_NAME]
    return UndoPlan(plan=Plan(name=name, steps=tuple(steps)) if steps else None, stands=tuple(stands))
