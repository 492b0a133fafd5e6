"""Cases at the wire, one by one; `tests/core/cases/test_life.py` drives them in any order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import METER
from nightshift.cases.dispatch import dispatch
from nightshift.errors import Conflict, NotFound
from nightshift.ids import CaseId, RunId
from nightshift.model.case import Case, CaseInput, CaseStatus, ContextPackage, Signal, SignalKind
from nightshift.model.event import EventKind
from tests.support.intake import ACME, Intake, make_intake, wait_for_token

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

SIGNAL = Signal(kind=SignalKind.FRAUD, rule="a rule", evidence="a field")
REPLIES = (EventKind.MESSAGE_RECEIVED, EventKind.ORDER_EDITED)
NOWHERE = CaseId("case_none")


@pytest.fixture
def intake(tables: Tables, clock: FixedClock) -> Intake:
    return make_intake(tables, clock)


@pytest.fixture
def case(intake: Intake) -> Case:
    """A case in its first wake."""
    accepted = dispatch(intake.stored(intake.source.message()), intake.desk)
    assert accepted.case is not None
    return intake.cases.observe(CaseInput(case=accepted.case, generation=1, wake=1))


def follow(intake: Intake, text: str = "more") -> None:
    dispatch(intake.stored(intake.source.message(text)), intake.desk)


def slept(intake: Intake, case: Case, **changed: object) -> bool:
    args = {
        "wake": 1,
        "seen_seq": 1,
        "events": REPLIES,
        "deadline": intake.clock.now() + timedelta(days=2),
        "moves": ("ask_photo",),
    }
    return intake.cases.sleep(case.id, 1, **{**args, **changed})


def test_what_is_not_there_is_not_found(intake: Intake):
    for look in (
        lambda: intake.cases.get(NOWHERE),
        lambda: intake.cases.context(NOWHERE, 1),
        lambda: intake.cases.observe(CaseInput(case=NOWHERE, generation=1, wake=1)),
        lambda: intake.cases.lock(NOWHERE, "reason"),
        lambda: intake.cases.add_move(NOWHERE, 1, "move"),
        lambda: intake.cases.note(NOWHERE, customer="c"),
    ):
        with pytest.raises(NotFound):
            look()
    assert intake.cases.of_tenant(ACME, 5) == ()


def test_sleep_says_until_when_and_for_what_and_a_wake_clears_it(intake: Intake, case: Case):
    assert slept(intake, case)
    asleep = intake.cases.get(case.id)
    assert (asleep.status, asleep.sleep_events) == (CaseStatus.SLEEPING, REPLIES)
    assert asleep.deadline == intake.clock.now() + timedelta(days=2)
    woken = intake.cases.observe(CaseInput(case=case.id, generation=1, wake=2, woken="deadline"))
    assert (woken.status, woken.sleep_events, woken.deadline) == (CaseStatus.OPEN, (), None)
    assert woken.moves == ("ask_photo",)


def test_a_retried_sleep_is_still_a_sleep(intake: Intake, case: Case):
    assert slept(intake, case)
    assert slept(intake, case)


def test_a_late_retry_of_observe_takes_no_token_from_a_sleeper(intake: Intake, case: Case):
    assert slept(intake, case)
    again = intake.cases.observe(CaseInput(case=case.id, generation=1, wake=1))
    assert (again.status, again.sleep_events) == (CaseStatus.SLEEPING, REPLIES)


def test_a_retry_of_observe_sees_no_more_than_the_first_time(intake: Intake, case: Case):
    follow(intake)
    again = intake.cases.observe(CaseInput(case=case.id, generation=1, wake=1))
    assert (again.seen_seq, again.inbox_seq) == (1, 2)


def test_a_wake_that_is_over_cannot_be_observed(intake: Intake, case: Case):
    intake.cases.observe(CaseInput(case=case.id, generation=1, wake=3))
    with pytest.raises(Conflict):
        intake.cases.observe(CaseInput(case=case.id, generation=1, wake=2))


@pytest.mark.parametrize("wake", [1, 2])
def test_an_execution_that_was_given_up_changes_nothing(intake: Intake, case: Case, wake: int):
    before = intake.cases.get(case.id)
    deadline = intake.clock.now()
    for change in (
        lambda: intake.cases.observe(CaseInput(case=case.id, generation=2, wake=wake)),
        lambda: intake.cases.sleep(case.id, 2, wake=1, seen_seq=1, events=REPLIES, deadline=deadline),
        lambda: intake.cases.close(case.id, 2, wake=1, seen_seq=1),
        lambda: intake.cases.hand_over(case.id, 2, "reason"),
    ):
        with pytest.raises(Conflict):
            change()
    assert intake.cases.get(case.id) == before


def test_close_frees_the_subject_and_a_retry_says_so_again(intake: Intake, case: Case):
    for _ in range(2):
        assert intake.cases.close(case.id, 1, wake=1, seen_seq=1)
    closed = intake.cases.get(case.id)
    assert (closed.status, closed.closed_at) == (CaseStatus.CLOSED, intake.clock.now())
    assert intake.cases.open_case(ACME, case.subject) is None
    follow(intake)
    new = intake.cases.open_case(ACME, case.subject)
    assert new is not None
    assert new.id != case.id
    # a retry of the old one's close leaves the new one alone
    assert intake.cases.close(case.id, 1, wake=1, seen_seq=1)
    assert intake.cases.open_case(ACME, case.subject) == new


def test_neither_sleep_nor_close_passes_over_an_event(intake: Intake, case: Case):
    follow(intake)
    assert not slept(intake, case)
    assert not intake.cases.close(case.id, 1, wake=1, seen_seq=1)
    assert intake.cases.get(case.id).status is CaseStatus.OPEN


def test_a_locked_case_neither_sleeps_nor_closes(intake: Intake, case: Case):
    intake.cases.lock(case.id, "fraud suspected", (SIGNAL,))
    assert not slept(intake, case)
    assert not intake.cases.close(case.id, 1, wake=1, seen_seq=1)


def test_the_first_lock_stands_and_signals_add_up(intake: Intake, case: Case):
    other = SIGNAL.model_copy(update={"rule": "b rule"})
    intake.cases.lock(case.id, "first", (SIGNAL,))
    intake.clock.advance(5)
    intake.cases.lock(case.id, "second", (SIGNAL, other))
    locked = intake.cases.get(case.id)
    assert locked.lock is not None
    assert (locked.lock.reason, locked.lock.at) == ("first", case.opened_at)
    assert locked.signals == (SIGNAL, other)


def test_hand_over_keeps_the_subject_and_the_first_reason(intake: Intake, case: Case):
    for reason in ("too large", "again"):
        given = intake.cases.hand_over(case.id, 1, reason)
        assert (given.status, given.handoff_reason) == (CaseStatus.WITH_PERSON, "too large")
    had = intake.cases.open_case(ACME, case.subject)
    assert had is not None
    assert had.id == case.id
    assert (
        intake.cases.observe(CaseInput(case=case.id, generation=1, wake=2)).status is CaseStatus.WITH_PERSON
    )


def test_a_closed_case_is_not_handed_over(intake: Intake, case: Case):
    assert intake.cases.close(case.id, 1, wake=1, seen_seq=1)
    assert intake.cases.hand_over(case.id, 1, "late").status is CaseStatus.CLOSED


def test_a_person_resolves_what_they_have_seen(intake: Intake, case: Case):
    intake.cases.hand_over(case.id, 1, "too large")
    follow(intake)
    with pytest.raises(Conflict):
        intake.cases.resolve(case.id, by="ana", note="refunded by hand", seen_seq=1)
    for _ in range(2):
        done = intake.cases.resolve(case.id, by="ana", note="refunded by hand", seen_seq=2)
        assert done.status is CaseStatus.CLOSED
    assert intake.cases.open_case(ACME, case.subject) is None
    assert intake.cases.observe(CaseInput(case=case.id, generation=1, wake=2)).status is CaseStatus.CLOSED


def test_moves_are_kept_once_and_in_order(intake: Intake, case: Case):
    for wake, move in ((2, "remind"), (1, "ask_photo"), (10, "refund"), (2, "remind"), (3, "remind")):
        intake.cases.add_move(case.id, wake, move)
    assert intake.cases.get(case.id).moves == ("ask_photo", "remind", "remind", "refund")


def test_a_note_sets_only_what_it_names(intake: Intake, case: Case):
    intake.cases.note(case.id, customer="cust-1", intent="refund")
    intake.cases.note(case.id, run=RunId("run_1"))
    intake.cases.note(case.id)
    noted = intake.cases.get(case.id)
    assert (noted.customer, noted.intent, noted.last_run) == ("cust-1", "refund", "run_1")


def test_what_a_wake_knows_is_kept_per_wake(intake: Intake, case: Case):
    package = ContextPackage(
        case=case.id,
        tenant=ACME,
        wake=1,
        woken="opened",
        seen_seq=1,
        subject=case.subject,
        specialist="support",
        events=intake.cases.events(case.id),
    )
    intake.cases.keep_context(package)
    assert intake.cases.context(case.id, 1) == package
    with pytest.raises(NotFound):
        intake.cases.context(case.id, 2)


def test_a_used_token_is_forgotten_and_a_newer_one_is_not(intake: Intake, case: Case):
    assert wait_for_token(intake.tables.cases, case.id, generation=1, wake=1, seen=1, token="t-new")
    intake.cases.forget_token(case.id, "t-old")
    assert intake.cases.get(case.id).token == "t-new"
    intake.cases.forget_token(case.id, "t-new")
    assert intake.cases.get(case.id).token is None


def test_a_tenants_cases_come_newest_first(intake: Intake):
    opened: list[CaseId] = []
    for number in range(4):
        intake.clock.advance(1)
        event = intake.stored(intake.source.message(conversation=f"c{number}"))
        accepted = dispatch(event, intake.desk)
        assert accepted.case is not None
        opened.append(accepted.case)
    assert [found.id for found in intake.cases.of_tenant(ACME, 3)] == opened[:0:-1]


def test_accepting_is_one_transaction(intake: Intake):
    event = intake.stored(intake.source.message())
    METER.take()
    dispatch(event, intake.desk)
    counts = METER.take()
    writes = {name: n for name, n in counts.items() if name in _WRITES}
    assert writes == {"dynamodb.TransactWriteItems": 1, "dynamodb.ExecuteTransaction": 1}


_WRITES = {
    f"dynamodb.{name}"
    for name in (
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "TransactWriteItems",
        "ExecuteStatement",
        "ExecuteTransaction",
    )
}
