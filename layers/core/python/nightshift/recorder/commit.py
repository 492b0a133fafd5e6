"""Commit: what the case does next, by the records of its run alone. The same call again, the same answer.

Close and sleep are conditional on what the wake saw: an event that came since means: observe again.
Every way that is neither ends with a person.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from pydantic import ConfigDict, JsonValue

from nightshift.clock import Clock
from nightshift.errors import NotFound, Outdated
from nightshift.ids import CaseId, RunId, run_id
from nightshift.memory.episode import episode_of
from nightshift.model.base import Noun
from nightshift.model.case import Case, CaseStatus, Rest, RunOutcome
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.model.plan import Close, HandOff, Proposal, Sleep
from nightshift.model.verdict import Verdict
from nightshift.ports.cases import Cases
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.memory import Episodes
from nightshift.ports.metrics import Metrics
from nightshift.ports.runs import Runs
from nightshift.recorder import reasons

__all__ = ["MAX_CHANGED", "Commit", "Recording", "commit", "hand_over"]

MAX_CHANGED = 3


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What recording needs."""

    cases: Cases
    runs: Runs
    episodes: Episodes
    log: ActionLog
    clock: Clock
    metrics: Metrics
    episodes_kept: timedelta


class Commit(Noun):
    """What the case's state machine hands over; whatever else crosses the states is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    case: CaseId
    generation: int
    wake: int
    run: RunId | None = None
    at: str = ""
    error: str | None = None


def commit(parts: Recording, given: Commit) -> Rest:
    """Close the case, lay it to sleep, give it to a person, or have it observed again.

    Raises:
        Outdated: another generation, or a later wake, has the case.
        NotFound: no such case.
    """
    case = parts.cases.get(given.case)
    if given.run is None:
        return _to_person(parts, given, _why_no_plan(parts, given, case))
    outcome = parts.runs.outcome(given.run)
    if outcome is None and given.error:
        return _broken_off(parts, given, case)
    if outcome is None:
        return _to_person(parts, given, reasons.no_outcome())
    match outcome.status:
        case "DONE":
            return _after(parts, given, case, outcome)
        case "CHANGED":
            return _once_more(parts, given, case)
        case _:
            return _to_person(parts, given, reasons.ended(outcome, _verdict(parts, given.run)))


def hand_over(parts: Recording, given: Commit) -> Rest:
    """Give the case to a person because a stage failed; needs nothing but the case's own record.

    Raises:
        Outdated: another generation has the case.
        NotFound: no such case.
    """
    return _to_person(parts, given, reasons.broken_off(given.at, given.error))


def _broken_off(parts: Recording, given: Commit, case: Case) -> Rest:
    """The run's execution died and nobody recorded an end: the same run is carried on, not another."""
    if case.status in {CaseStatus.WITH_PERSON, CaseStatus.CLOSED}:
        return _to_person(parts, given, reasons.broken_off(given.at or "Run", given.error))
    if (case.generation, case.wake) != (given.generation, given.wake):
        message = f"case {case.id} is at generation {case.generation}, wake {case.wake}"
        raise Outdated(message)
    return _rest(given, case, "restart", error=given.error or "")


def _rest(
    given: Commit, case: Case, rest: str, *, seconds: int = 0, deadline: str = "", error: str = ""
) -> Rest:
    return Rest.model_validate(
        {
            "case": given.case,
            "generation": given.generation,
            "wake": given.wake,
            "rest": rest,
            "seen_seq": case.seen_seq,
            "sleep_seconds": seconds,
            "deadline": deadline,
            "error": error,
        }
    )


def _why_no_plan(parts: Recording, given: Commit, case: Case) -> str:
    """Rules sent the case to a person before any plan: their reason."""
    try:
        package = parts.cases.context(given.case, given.wake)
    except NotFound:
        reason = None
    else:
        reason = package.person
        if package.events and package.woken != "deadline":
            waited = parts.clock.now() - package.events[-1].received_at
            parts.metrics.count(Metric.HANDOFF_SECONDS, waited.total_seconds())
    locked = case.lock.reason if case.lock is not None else None
    return reason or locked or "rules send it to a person"


def _verdict(parts: Recording, run: RunId) -> Verdict | None:
    try:
        return parts.runs.verdict(run)
    except NotFound:
        return None


def _after(parts: Recording, given: Commit, case: Case, outcome: RunOutcome) -> Rest:
    """The run did what was planned: what the plan says comes next."""
    proposal = parts.runs.proposal(outcome.run)
    after = proposal.plan.after
    match after:
        case Close():
            return _close(parts, given, case, proposal, outcome=outcome)
        case Sleep():
            return _sleep(parts, given, case, proposal, until=after, since=outcome)
        case HandOff():
            _moved(parts, given, proposal)
            return _to_person(parts, given, after.reason)
        case unreachable:
            assert_never(unreachable)


def _moved(parts: Recording, given: Commit, proposal: Proposal) -> None:
    if proposal.move:
        parts.cases.add_move(given.case, given.wake, proposal.move)


def _close(parts: Recording, given: Commit, case: Case, proposal: Proposal, *, outcome: RunOutcome) -> Rest:
    _moved(parts, given, proposal)
    closed = parts.cases.close(given.case, given.generation, wake=given.wake, seen_seq=case.seen_seq)
    if not closed:
        return _rest(given, case, "again")
    _remember(parts, given, outcome)
    return _rest(given, case, "closed")


def _remember(parts: Recording, given: Commit, last: RunOutcome) -> None:
    """Keep the episode of a closed case and log its end."""
    case = parts.cases.get(given.case)
    episode = episode_of(case, (*_earlier(parts, given), last))
    detail: dict[str, JsonValue] = {
        "wake": given.wake,
        "intent": case.intent,
        "moves": list(case.moves),
    }
    entries = [_entry(parts, given, case, EntryKind.CASE_CLOSED, detail)]
    if episode is not None:
        parts.episodes.keep(episode, until=episode.closed_at + parts.episodes_kept)
        refunded = None if episode.refunded is None else str(episode.refunded)
        kept: dict[str, JsonValue] = {"outcome": episode.outcome, "refunded": refunded}
        entries.insert(0, _entry(parts, given, case, EntryKind.MEMORY_KEPT, kept))
    parts.log.append(case.id, *entries)


def _sleep(
    parts: Recording, given: Commit, case: Case, proposal: Proposal, *, until: Sleep, since: RunOutcome
) -> Rest:
    # Counted from the run's recorded end, so that a retry gives the same deadline.
    deadline = since.settled_at + timedelta(seconds=until.seconds)
    asleep = parts.cases.sleep(
        given.case,
        given.generation,
        wake=given.wake,
        seen_seq=case.seen_seq,
        events=until.events,
        deadline=deadline,
        moves=(proposal.move,) if proposal.move else (),
    )
    if not asleep:
        _moved(parts, given, proposal)
        return _rest(given, case, "again")
    detail: dict[str, JsonValue] = {
        "wake": given.wake,
        "until": deadline.isoformat(),
        "events": [kind.value for kind in until.events],
        "move": proposal.move,
    }
    parts.log.append(case.id, _entry(parts, given, case, EntryKind.CASE_SLEPT, detail))
    return _rest(given, case, "sleep", seconds=until.seconds, deadline=deadline.isoformat())


def _earlier(parts: Recording, given: Commit) -> tuple[RunOutcome, ...]:
    """How the runs of the wakes before this one ended, oldest first."""
    ended = (parts.runs.outcome(run_id(given.case, wake)) for wake in range(1, given.wake))
    return tuple(outcome for outcome in ended if outcome is not None)


def _once_more(parts: Recording, given: Commit, case: Case) -> Rest:
    """The world changed under the plan: a fresh look, unless that happened too often."""
    changed = 1 + sum(outcome.status == "CHANGED" for outcome in _earlier(parts, given))
    if changed > MAX_CHANGED:
        return _to_person(parts, given, reasons.kept_changing(changed))
    return _rest(given, case, "again")


def _to_person(parts: Recording, given: Commit, reason: str) -> Rest:
    case = parts.cases.hand_over(given.case, given.generation, reason)
    if case.status is CaseStatus.CLOSED:
        return _rest(given, case, "closed")
    parts.metrics.count(Metric.HANDED_OVER)
    detail: dict[str, JsonValue] = {
        "wake": given.wake,
        "reason": case.handoff_reason or reason,
        "run": given.run,
    }
    parts.log.append(case.id, _entry(parts, given, case, EntryKind.CASE_HANDED_OVER, detail))
    return _rest(given, case, "person")


def _entry(
    parts: Recording, given: Commit, case: Case, kind: EntryKind, detail: dict[str, JsonValue]
) -> NewEntry:
    return NewEntry(
        kind=kind,
        tenant=case.tenant,
        at=parts.clock.now(),
        actor="recorder",
        ref=f"{case.id}#{given.wake}",
        detail=detail,
    )
