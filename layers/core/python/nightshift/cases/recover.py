"""Recovery: the execution is a cache, the records are the truth. A lost one is started anew.

The order is fixed and safe at every crash: the case is given to a fresh generation (from then on the
old execution can change nothing), what the old one ran is stopped, the new one starts with the same
wake. So the same run carries on with the same plan, verdict, results, approvals and keys. A crash in
between leaves a case that is due, and the sweep goes on from there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import JsonValue

from nightshift.clock import Clock
from nightshift.errors import Conflict
from nightshift.ids import CaseId, RunId, run_id
from nightshift.model.base import Noun
from nightshift.model.case import Case, CaseInput, CaseStatus, ExecutionState, Woken
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.ports.cases import Cases
from nightshift.ports.config import Config
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.metrics import Metrics
from nightshift.ports.watch import Drivers, Watch

__all__ = ["MOST_RESTARTS", "Became", "Recovering", "RollOver", "examine", "recover", "roll_over"]

MOST_RESTARTS: Final = 3
"""So often a case is recovered without getting on; then a person takes it."""

_LOOK_AGAIN = timedelta(minutes=1)
_PATIENCE = timedelta(minutes=5)
_MOST_PATIENCE = timedelta(hours=1)
_STRANDED = "Stranded"
_ACTOR = "recovery"
_AT_WORK = frozenset({CaseStatus.OPEN, CaseStatus.SLEEPING})


class Became(StrEnum):
    """What became of a case that was looked after."""

    RECOVERED = "recovered"  # a new execution drives it
    RUNNING = "running"  # its execution is at work
    AT_REST = "at_rest"  # closed, or with a person: nothing has to drive it
    HANDED_OVER = "handed_over"  # a person has it now
    ELSEWHERE = "elsewhere"  # somebody else recovered it at the same moment


@dataclass(frozen=True, kw_only=True)
class Recovering:
    """What recovery works with."""

    cases: Cases
    watch: Watch
    drivers: Drivers
    config: Config
    log: ActionLog
    metrics: Metrics
    clock: Clock


class RollOver(Noun):
    """What an execution hands over when it wants to be followed by a new one.

    `why`: `roll_over` (it is old, long or of an outdated definition) or `restart` (its run broke off).
    """

    case: CaseId
    generation: int
    wake: int
    woken: Woken = "opened"
    why: str = "roll_over"
    error: str = ""


def recover(parts: Recovering, case: CaseId, *, why: str, counted: bool = True) -> Became:
    """Start a case anew at the wake it is at, whether or not its execution runs. Safe to repeat.

    Args:
        parts: what it works with.
        case: which.
        why: in words, for the log.
        counted: whether it counts as one more recovery without progress. The fourth of those gives the
            case to a person instead; a person who asks for one does not count.

    Raises:
        NotFound: no such case.
    """
    stands = parts.cases.get(case)
    if stands.status not in _AT_WORK:
        return Became.AT_REST
    if counted and stands.restarts >= MOST_RESTARTS:
        parts.metrics.count(Metric.RECOVERY_GIVEN_UP)
        told = f"it was restarted {stands.restarts} times and got no further: {why}"
        return _to_person(parts, stands, told)
    given = _advanced(parts, stands, counted=counted)
    if given is None:
        return Became.ELSEWHERE
    _start(parts, given, _resumption(given, parts.clock.now()))
    parts.metrics.count(Metric.RECOVERED)
    return _logged(parts, given, EntryKind.CASE_RECOVERED, why)


def examine(
    parts: Recovering, case: CaseId, seen: ExecutionState | None = None, *, postpones: bool = True
) -> Became:
    """Look after one case: leave it alone while its execution runs, recover it otherwise.

    `seen` is how that execution stands, where the caller was told. `postpones`: one at work is looked
    after later; a pass over all of them moves none, or it would meet those again and never end.

    Raises:
        NotFound: no such case.
    """
    stands = parts.cases.get(case)
    if stands.status not in _AT_WORK:
        return Became.AT_REST
    state = seen or parts.drivers.state(case, stands.generation)
    if state.status == "NONE":
        return _begun(parts, stands)
    if state.status == "RUNNING" and not _older_than_the_records(parts, stands, state):
        if postpones:
            parts.watch.postpone(stands, _patience(stands, parts.clock.now()))
        return Became.RUNNING
    if state.error == _STRANDED:
        return _to_person(parts, stands, "a stage failed, and the case could not be handed over then")
    return recover(parts, case, why=f"its execution is {state.status} {state.error}".rstrip())


def roll_over(parts: Recovering, given: RollOver) -> Became:
    """Have a new execution follow the one that asks. Safe to repeat.

    Raises:
        NotFound: no such case.
    """
    stands = parts.cases.get(given.case)
    if stands.status not in _AT_WORK:
        return Became.AT_REST
    if stands.generation != given.generation:
        # an earlier try may have died before it started the next generation; a start repeats nothing
        _start(parts, stands, _resumption(stands, parts.clock.now()))
        return Became.ELSEWHERE
    if given.why != "roll_over":
        return recover(parts, given.case, why=f"its run broke off ({given.error})")
    advanced = _advanced(parts, stands, counted=False, stop=False)
    if advanced is None:
        return Became.ELSEWHERE
    wake = CaseInput(case=given.case, generation=advanced.generation, wake=given.wake, woken=given.woken)
    _start(parts, advanced, wake)
    parts.metrics.count(Metric.ROLLED_OVER)
    return _logged(parts, advanced, EntryKind.CASE_ROLLED_OVER, "old, long, or of an outdated definition")


def _advanced(parts: Recovering, case: Case, *, counted: bool, stop: bool = True) -> Case | None:
    """The case in a generation of which there never was an execution; None: somebody was faster."""
    to = case.generation + 1
    while parts.drivers.state(case.id, to).status != "NONE":
        to += 1  # records that were restored know less than the state machine service
    try:
        given = parts.watch.advance(case, to, counted=counted, look_again=parts.clock.now() + _LOOK_AGAIN)
    except Conflict:
        return None
    for older in range(case.generation if stop else case.generation + 1, to):
        parts.drivers.stop(case.id, older, _run(case))
    return given


def _begun(parts: Recovering, case: Case) -> Became:
    """Its execution never started: whoever was to start it died before, or the start is still under way."""
    if case.generation > 1:
        parts.drivers.stop(case.id, case.generation - 1, _run(case))
    _start(parts, case, _resumption(case, parts.clock.now()))
    parts.watch.postpone(case, parts.clock.now() + _LOOK_AGAIN)
    parts.metrics.count(Metric.RECOVERED)
    return _logged(parts, case, EntryKind.CASE_RECOVERED, "its execution never started")


def _start(parts: Recovering, case: Case, given: CaseInput) -> None:
    parts.drivers.start_case(given.model_copy(update={"generation": case.generation}))


def _resumption(case: Case, now: datetime) -> CaseInput:
    """What a new execution begins with: the wake that is under way, or the one that is due."""
    here = CaseInput(case=case.id, generation=case.generation, wake=max(case.wake, 1), woken=case.woken)
    if case.status is not CaseStatus.SLEEPING:
        return here
    if case.inbox_seq > case.seen_seq:
        return here.model_copy(update={"wake": case.wake + 1, "woken": "event"})
    if case.deadline is not None and case.deadline <= now:
        return here.model_copy(update={"wake": case.wake + 1, "woken": "deadline"})
    return here


def _run(case: Case) -> RunId | None:
    return run_id(case.id, case.wake) if case.wake else None


def _older_than_the_records(parts: Recovering, case: Case, state: ExecutionState) -> bool:
    """Whether an execution began before its records were restored, and knows what they do not."""
    restored = parts.config.tenant(case.tenant).in_doubt_before
    return restored is not None and state.started_at is not None and state.started_at < restored


def _patience(case: Case, now: datetime) -> datetime:
    if case.status is CaseStatus.SLEEPING and case.deadline is not None:
        return max(case.deadline, now) + _PATIENCE
    return now + max(_PATIENCE, min(now - case.updated_at, _MOST_PATIENCE))


def _to_person(parts: Recovering, case: Case, reason: str) -> Became:
    try:
        taken = parts.cases.hand_over(case.id, case.generation, reason)
    except Conflict:
        return Became.ELSEWHERE
    if taken.status is not CaseStatus.WITH_PERSON:
        return Became.AT_REST
    parts.drivers.stop(case.id, case.generation, _run(case))
    detail: dict[str, JsonValue] = {"wake": case.wake, "reason": taken.handoff_reason or reason, "run": None}
    entry = _entry(parts, taken, EntryKind.CASE_HANDED_OVER, detail, ref=f"{case.id}#{case.wake}")
    parts.log.append(case.id, entry)
    parts.metrics.count(Metric.HANDED_OVER)
    return Became.HANDED_OVER


def _logged(parts: Recovering, case: Case, kind: EntryKind, why: str) -> Became:
    detail: dict[str, JsonValue] = {
        "generation": case.generation,
        "wake": case.wake,
        "restarts": case.restarts,
        "why": why,
    }
    parts.log.append(case.id, _entry(parts, case, kind, detail, ref=f"{case.id}-g{case.generation}"))
    return Became.RECOVERED


def _entry(
    parts: Recovering, case: Case, kind: EntryKind, detail: dict[str, JsonValue], *, ref: str
) -> NewEntry:
    return NewEntry(kind=kind, tenant=case.tenant, at=parts.clock.now(), actor=_ACTOR, ref=ref, detail=detail)
