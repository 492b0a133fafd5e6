"""Closing a run to effects: from then on it makes none, in no generation, and those it made stand still."""

from nightshift.clock import Clock
from nightshift.errors import Conflict, Outdated
from nightshift.model.effect import Effect, EffectState
from nightshift.model.plan import Proposal
from nightshift.ports.ledger import Fence, Fenced, Ledger

__all__ = ["closed"]


def closed(proposal: Proposal, generation: int, *, ledger: Ledger, clock: Clock) -> tuple[Effect, ...]:
    """A run's effects, after the run is closed to new ones.

    Every effect that is not settled by then is UNKNOWN if it may have happened, NOT_DONE if not.

    Raises:
        Outdated: a newer generation carries the run on.
    """
    try:
        ledger.end(proposal.run, fence=Fence(case=proposal.case, generation=generation))
    except Fenced as exc:
        message = f"run {proposal.run} is carried on by a newer generation"
        raise Outdated(message) from exc
    return tuple(_closed(effect, ledger, clock) for effect in ledger.of_run(proposal.run))


def _closed(effect: Effect, ledger: Ledger, clock: Clock) -> Effect:
    match effect.state:
        case EffectState.RELEASED:
            return _marked(effect, EffectState.NOT_DONE, ledger, clock)
        case EffectState.INTENT:
            return _marked(effect, EffectState.UNKNOWN, ledger, clock)
        case _:
            return effect


def _marked(effect: Effect, state: EffectState, ledger: Ledger, clock: Clock) -> Effect:
    marked = effect.model_copy(update={"state": state, "settled_at": clock.now()})
    try:
        ledger.settle(marked, None)
    except Conflict:
        now = ledger.find(effect.run, effect.step, effect.occurrence)
        return _closed(now, ledger, clock) if now is not None else marked
    return marked
