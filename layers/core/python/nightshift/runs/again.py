"""A run without a case, stopped by a person, carried on, tried again from its failed step, or ended.

Each raises the run's generation, so that nothing an earlier execution has under way makes an effect any
more. What was done stays done and is not repeated; effects keep their keys. A run of a case is none of
this module's business: its case is recovered, resolved or halted.
"""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from nightshift.clock import Clock
from nightshift.errors import Conflict, NotFound
from nightshift.ids import RunId, StepId, asked_undo_run_id, undo_run_id
from nightshift.model.case import RunOutcome
from nightshift.model.effect import EffectState
from nightshift.model.log import EntryKind
from nightshift.model.plan import Principal, Proposal
from nightshift.ports.again import Reruns, Standing
from nightshift.ports.launch import Launch
from nightshift.ports.ledger import Ledger
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.runs import Runs
from nightshift.runs.judge import STOPPED
from nightshift.runs.parts import Settling
from nightshift.runs.settle import settle, withdraw

__all__ = ["Again", "close", "resume", "retry", "stop"]

_MAY_BE_TRIED: Final = frozenset({"FAILED", "CHANGED", "UNKNOWN"})
_ANEW: Final = "start its plan anew"


@dataclass(frozen=True, kw_only=True)
class Again:
    """What stopping and carrying on need."""

    runs: Runs
    ledger: Ledger
    reruns: Reruns
    launch: Launch
    log: ActionLog
    clock: Clock


def stop(parts: Again, run: RunId, *, by: Principal, note: str) -> Standing:
    """Stop a run: between two steps, and nothing after this makes an effect until `resume`. Safe to repeat.

    Raises:
        NotFound: there is no such run.
        Conflict: a case carries it, or it has ended.
    """
    proposal = _of_no_case(parts, run)
    if parts.runs.outcome(run) is not None:
        message = f"run {run} has ended: there is nothing to stop"
        raise Conflict(message)
    stands = parts.reruns.standing(run)
    if not stands.stopped:
        parts.reruns.advance(run, to=stands.generation + 1)
        stands = Standing(generation=stands.generation + 1, stopped=True)
    parts.launch.stop(run, stands.generation - 1, f"stopped by {by.id}")
    _log(parts, proposal, EntryKind.RUN_STOPPED, stands, by=by, note=note)
    return stands


def resume(parts: Again, run: RunId, *, by: Principal, note: str) -> Standing:
    """Carry a stopped run on where it stands. Safe to repeat.

    Raises:
        NotFound: there is no such run.
        Conflict: a case carries it, or nobody stopped it.
        Retryable: its execution could not be started; the same call again goes on.
    """
    proposal = _of_no_case(parts, run)
    stands = parts.reruns.standing(run)
    if not stands.stopped:
        message = f"run {run} is not stopped"
        raise Conflict(message)
    parts.launch.again(proposal, stands.generation)
    _log(parts, proposal, EntryKind.RUN_RESUMED, stands, by=by, note=note)
    parts.reruns.release(run, generation=stands.generation)
    return Standing(generation=stands.generation)


def retry(parts: Again, run: RunId, *, by: Principal, note: str) -> Standing:
    """Try a run that failed again from its failed step; what was done is not repeated.

    The results of the steps that did nothing are put away and logged. One that moves money is not tried
    again: what was reserved for it is given back. One that dies in between is stopped: `resume` goes on.

    Raises:
        NotFound: there is no such run.
        Conflict: a case carries it, it has not failed, it was taken back, an effect's outcome is not known
            yet, or the step that failed moves money.
        Retryable: its execution could not be started; `resume` goes on.
    """
    proposal = _of_no_case(parts, run)
    outcome = parts.runs.outcome(run)
    _refuse_no_failure(run, outcome)
    _refuse_taken_back(parts, proposal)
    failed = _failed_steps(parts, proposal)
    stands = parts.reruns.standing(run)
    if not stands.stopped:
        parts.reruns.advance(run, to=stands.generation + 1)
        stands = Standing(generation=stands.generation + 1, stopped=True)
    for step in failed:
        parts.reruns.set_aside(run, step, generation=stands.generation)
    _log(parts, proposal, EntryKind.RUN_RETRIED, stands, by=by, note=note, steps=failed)
    parts.reruns.reopen(run, generation=stands.generation)
    return resume(parts, run, by=by, note=note)


def close(parts: Settling, again: Again, run: RunId) -> RunOutcome:
    """End a stopped run for good, as it stands: nothing of it is taken back, nothing goes on.

    Raises:
        NotFound: there is no such run.
        Conflict: a case carries it, or nobody stopped it.
    """
    _of_no_case(again, run)
    stands = again.reruns.standing(run)
    if not stands.stopped:
        message = f"run {run} is not stopped: stop it first"
        raise Conflict(message)
    withdraw(parts, run)
    return settle(parts, run, stands.generation, STOPPED)


def _of_no_case(parts: Again, run: RunId) -> Proposal:
    proposal = parts.runs.proposal(run)
    if proposal.case is not None:
        message = f"case {proposal.case} carries run {run}: recover or resolve the case"
        raise Conflict(message)
    return proposal


def _refuse_no_failure(run: RunId, outcome: RunOutcome | None) -> None:
    if outcome is None:
        message = f"run {run} has not ended: there is nothing to try again"
    elif outcome.status not in _MAY_BE_TRIED:
        message = f"run {run} ended {outcome.status}: {_ANEW}"
    else:
        return
    raise Conflict(message)


def _refuse_taken_back(parts: Again, proposal: Proposal) -> None:
    """By the run itself when it failed, or because a person asked for it."""
    for back in (undo_run_id(proposal.run), asked_undo_run_id(proposal.tenant, proposal.run, 1)):
        try:
            parts.runs.proposal(back)
        except NotFound:
            continue
        message = f"what run {proposal.run} did was taken back: {_ANEW}"
        raise Conflict(message)


def _failed_steps(parts: Again, proposal: Proposal) -> tuple[StepId, ...]:
    """The steps that did nothing, in the plan's order."""
    effects = parts.ledger.of_run(proposal.run)
    open_ones = [effect.step for effect in effects if effect.state is EffectState.UNKNOWN]
    if open_ones:
        message = f"it is not known whether {min(open_ones)} happened: settle it first"
        raise Conflict(message)
    results = parts.runs.results(proposal.run)
    made_nothing = {effect.step for effect in effects if effect.state is not EffectState.DONE}
    failed = {step for step, result in results.items() if not result.went_well} | made_nothing
    money = next((step.id for step in proposal.plan.steps if step.id in failed and step.limit), None)
    if money is not None:
        message = f"{money} moves money, and what was reserved for it is given back: {_ANEW}"
        raise Conflict(message)
    return tuple(step.id for step in proposal.plan.steps if step.id in failed)


def _log(
    parts: Again,
    proposal: Proposal,
    kind: EntryKind,
    stands: Standing,
    *,
    by: Principal,
    note: str,
    steps: tuple[StepId, ...] = (),
) -> None:
    detail: dict[str, JsonValue] = {"run": proposal.run, "generation": stands.generation, "role": by.role}
    entry = NewEntry(
        kind=kind,
        tenant=proposal.tenant,
        at=parts.clock.now(),
        actor=f"person:{by.id}",
        ref=f"{proposal.run}-g{stands.generation}",
        detail=detail | ({"steps": list[JsonValue](steps)} if steps else {}),
        personal={"note": note} if note else {},
    )
    parts.log.append(proposal.run, entry)
