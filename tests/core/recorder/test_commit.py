"""The end of a wake: closed, asleep, with a person or once more; repeated, it is the same."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.errors import Conflict, NotFound, Outdated
from nightshift.ids import CaseId, run_id
from nightshift.model.case import CaseStatus
from nightshift.model.event import EventKind
from nightshift.model.plan import After, Close, HandOff, Sleep
from nightshift.model.verdict import Decision, Finding, Tier, Verdict
from nightshift.recorder.commit import MAX_CHANGED, commit, hand_over
from tests.support.case_life import Life, Status, make_life, over
from tests.support.matters import ACME, AT, CUSTOMER, euro, happened, message, package

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

NUMBERS = itertools.count(1_000)  # an example of its own never meets another one's deliveries
SLEEP = Sleep(events=(EventKind.MESSAGE_RECEIVED,), seconds=172_800)


@pytest.fixture
def life(tables: Tables, clock: FixedClock) -> Life:
    return make_life(tables, clock)


def started(life: Life, number: int = 1) -> CaseId:
    opened = life.open(message("money back", number))
    life.wake(opened.id, 1)
    return opened.id


def test_a_done_plan_closes_the_case_and_is_remembered(life: Life):
    case = started(life)
    life.cases.note(case, customer=CUSTOMER, intent="refund_request")
    run = life.planned(case, 1, Close())
    life.settled(run, "DONE", euro(1250))
    rest = commit(life.recording(), over(case, 1, run))
    stands = life.cases.get(case)
    assert (rest.rest, stands.status, stands.moves) == ("closed", CaseStatus.CLOSED, ("refund",))
    (episode,) = life.episodes.recall(ACME, CUSTOMER, limit=5, at=life.clock.now())
    assert (episode.case, episode.outcome, episode.refunded) == (case, "refund", euro(1250))
    assert episode.summary == "refund_request; refund; 12.50 EUR refunded"
    assert life.told(case) == ["memory.kept", "case.closed"]


def test_a_commit_that_died_after_closing_is_finished_by_its_retry(life: Life):
    case = started(life)
    life.cases.note(case, customer=CUSTOMER)
    run = life.planned(case, 1, Close())
    life.settled(run, "DONE")
    assert life.cases.close(case, 1, wake=1, seen_seq=1)
    assert commit(life.recording(), over(case, 1, run)).rest == "closed"
    assert life.told(case) == ["memory.kept", "case.closed"]
    assert len(life.episodes.recall(ACME, CUSTOMER, limit=5, at=life.clock.now())) == 1


def test_a_customer_nobody_knows_is_not_remembered(life: Life):
    case = started(life)
    run = life.planned(case, 1, Close())
    life.settled(run, "DONE")
    assert commit(life.recording(), over(case, 1, run)).rest == "closed"
    assert life.told(case) == ["case.closed"]


def test_what_all_runs_of_a_case_moved_is_remembered(life: Life):
    case = started(life)
    life.cases.note(case, customer=CUSTOMER)
    first = life.planned(case, 1, Close())
    life.settled(first, "DONE", euro(1250))
    life.join(case, happened(EventKind.REFUND_CREATED, 2))
    assert commit(life.recording(), over(case, 1, first)).rest == "again"
    life.wake(case, 2)
    second = life.planned(case, 2, Close(), move="settled")
    life.settled(second, "DONE")
    assert commit(life.recording(), over(case, 2, second)).rest == "closed"
    (episode,) = life.episodes.recall(ACME, CUSTOMER, limit=5, at=life.clock.now())
    assert (episode.refunded, life.cases.get(case).moves) == (euro(1250), ("refund", "settled"))


def test_a_sleeping_case_names_what_it_waits_for_and_until_when(life: Life):
    case = started(life)
    run = life.planned(case, 1, SLEEP, move="ask_for_photo")
    life.settled(run, "DONE")
    rest = commit(life.recording(), over(case, 1, run))
    stands = life.cases.get(case)
    deadline = life.clock.now() + timedelta(seconds=SLEEP.seconds)
    assert (rest.rest, rest.sleep_seconds, rest.deadline) == ("sleep", SLEEP.seconds, deadline.isoformat())
    assert (stands.status, stands.deadline, stands.sleep_events) == (
        CaseStatus.SLEEPING,
        deadline,
        SLEEP.events,
    )
    assert stands.moves == ("ask_for_photo",)
    assert life.told(case) == ["case.slept"]


@pytest.mark.guarantee("cases:no-lost-wake-up")
def test_a_case_does_not_fall_asleep_over_an_unread_event(life: Life):
    case = started(life)
    run = life.planned(case, 1, SLEEP, move="ask_for_photo")
    life.settled(run, "DONE")
    life.join(case, message("here it is", 2))
    rest = commit(life.recording(), over(case, 1, run))
    assert (rest.rest, life.cases.get(case).moves) == ("again", ("ask_for_photo",))
    assert life.told(case) == []


def test_a_handoff_in_the_plan_gives_the_case_to_a_person(life: Life):
    case = started(life)
    run = life.planned(case, 1, HandOff(reason="the return awaits receipt"), move="awaits_receipt")
    life.settled(run, "DONE")
    rest = commit(life.recording(), over(case, 1, run))
    stands = life.cases.get(case)
    assert (rest.rest, stands.status) == ("person", CaseStatus.WITH_PERSON)
    assert stands.handoff_reason == "the return awaits receipt"
    assert life.told(case) == ["case.handed_over"]


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("REFUSED", "policy"),
        ("REJECTED", "rejected"),
        ("EXPIRED", "nobody answered"),
        ("FAILED", "failed"),
        ("UNKNOWN", "not known"),
        ("UNDO_FAILED", "could not be taken back"),
        ("STOPPED", "stopped"),
    ],
)
def test_a_run_that_was_not_done_ends_with_a_person_and_adds_no_move(life: Life, status: Status, word: str):
    case = started(life)
    run = life.planned(case, 1, Close())
    life.settled(run, status, reason="vendor.timeout")
    rest = commit(life.recording(), over(case, 1, run))
    stands = life.cases.get(case)
    assert (rest.rest, stands.status, stands.moves) == ("person", CaseStatus.WITH_PERSON, ())
    assert word in (stands.handoff_reason or "")


def test_two_factors_are_told_as_such(life: Life):
    case = started(life)
    run = life.planned(case, 1, Close())
    finding = Finding(rule="two-factor", problem="p", fix="f")
    life.runs.give(
        Verdict(
            run=run,
            tenant=ACME,
            plan_digest="d",
            policy_version=1,
            decision=Decision.REFUSE,
            tier=Tier.TWO_FACTOR,
            findings=(finding,),
            decided_at=AT,
        )
    )
    life.settled(run, "REFUSED", reason="two-factor: p")
    commit(life.recording(), over(case, 1, run))
    assert life.cases.get(case).handoff_reason == "needs two factors: a person must take it"


def test_a_run_without_an_end_is_for_a_person(life: Life):
    case = started(life)
    run = life.planned(case, 1, Close())
    rest = commit(life.recording(), over(case, 1, run))
    assert rest.rest == "person"
    assert "without a recorded outcome" in (life.cases.get(case).handoff_reason or "")


@pytest.mark.parametrize(
    ("status", "rest"), [("DONE", "closed"), ("FAILED", "person"), ("UNKNOWN", "person")]
)
def test_the_recorded_end_of_a_run_stands_whatever_became_of_its_execution(
    life: Life, status: Status, rest: str
):
    case = started(life)
    run = life.planned(case, 1, Close())
    life.settled(run, status)
    given = over(case, 1, run, at="Run", error="States.Timeout")
    assert commit(life.recording(), given).rest == rest


def test_a_run_that_broke_off_without_an_end_is_carried_on(life: Life):
    case = started(life)
    run = life.planned(case, 1, Close())
    given = over(case, 1, run, at="Run", error="States.TaskFailed")
    rest = commit(life.recording(), given)
    assert (rest.rest, rest.error, rest.wake) == ("restart", "States.TaskFailed", 1)
    assert life.cases.get(case).status is CaseStatus.OPEN
    with pytest.raises(Outdated):
        commit(life.recording(), given.model_copy(update={"generation": 2}))


def test_a_run_that_broke_off_while_a_person_has_the_case_stays_with_them(life: Life):
    case = started(life)
    run = life.planned(case, 1, Close())
    life.cases.hand_over(case, 1, "triage: legal")
    rest = commit(life.recording(), over(case, 1, run, at="Run", error="States.TaskFailed"))
    assert rest.rest == "person"
    assert life.cases.get(case).handoff_reason == "triage: legal"


def test_a_changed_world_is_looked_at_again_three_times_and_then_by_a_person(life: Life):
    case = started(life)
    rests = []
    for wake in range(1, MAX_CHANGED + 2):
        life.wake(case, wake)
        run = life.planned(case, wake, Close())
        life.settled(run, "CHANGED", reason="state.changed")
        rests.append(commit(life.recording(), over(case, wake, run)).rest)
    assert rests == ["again"] * MAX_CHANGED + ["person"]
    assert life.cases.get(case).moves == ()


def test_what_rules_gave_to_a_person_goes_there_with_their_reason(life: Life):
    case = started(life)
    known = package(message("money back"), case=case, person="triage found signs of legal")
    life.cases.keep_context(known)
    rest = commit(life.recording(), over(case, 1, woken="opened", person=True))
    assert (rest.rest, life.cases.get(case).handoff_reason) == ("person", "triage found signs of legal")


def test_a_case_that_a_person_closed_meanwhile_stays_closed(life: Life):
    case = started(life)
    life.cases.resolve(case, by="person:ana", note="done", seen_seq=1)
    assert commit(life.recording(), over(case, 1, person=True)).rest == "closed"
    assert hand_over(life.recording(), over(case, 1, at="Plan", error="X")).rest == "closed"
    assert life.told(case) == []


def test_handing_over_needs_nothing_but_the_case(life: Life):
    case = started(life)
    rest = hand_over(life.recording(), over(case, 1, op="hand_over", at="Plan", error="Misconfigured"))
    stands = life.cases.get(case)
    assert (rest.rest, stands.status) == ("person", CaseStatus.WITH_PERSON)
    assert stands.handoff_reason == "no plan could be made (Misconfigured)"


def test_a_given_up_generation_decides_nothing(life: Life):
    case = started(life)
    run = life.planned(case, 1, Close())
    life.settled(run, "DONE")
    old = over(case, 1, run).model_copy(update={"generation": 7})
    with pytest.raises(Conflict):
        commit(life.recording(), old)
    with pytest.raises(Conflict):
        hand_over(life.recording(), old)
    assert life.cases.get(case).status is CaseStatus.OPEN


def test_a_case_nobody_knows_is_told(life: Life):
    with pytest.raises(NotFound):
        commit(life.recording(), over(CaseId("case_none")))


@pytest.mark.parametrize("status", ["DONE", "FAILED", "CHANGED", None])
@pytest.mark.parametrize("after", [Close(), SLEEP, HandOff(reason="r")], ids=lambda a: a.kind)
def test_the_same_call_again_gives_the_same_rest_and_no_second_line(
    life: Life, after: After, status: Status | None
):
    case = started(life)
    life.cases.note(case, customer=CUSTOMER)
    run = life.planned(case, 1, after)
    if status is not None:
        life.settled(run, status)
    first = commit(life.recording(), over(case, 1, run))
    lines = life.told(case)
    life.clock.advance(30)
    assert commit(life.recording(), over(case, 1, run)) == first
    assert life.told(case) == lines
    assert len(life.episodes.recall(ACME, CUSTOMER, limit=9, at=life.clock.now())) <= 1


@pytest.mark.guarantee("privacy:no-personal-data-in-logs")
def test_no_line_of_the_log_holds_what_a_customer_wrote(life: Life):
    opened = life.open(message("my secret words"))
    life.wake(opened.id, 1)
    life.cases.note(opened.id, customer=CUSTOMER)
    run = life.planned(opened.id, 1, Close())
    life.settled(run, "DONE", euro(100))
    commit(life.recording(), over(opened.id, 1, run))
    written = " ".join(entry.model_dump_json() for entry in life.log.read(opened.id))
    assert "secret" not in written
    assert "kim@example.com" not in written


@pytest.mark.guarantee("cases:no-lost-wake-up")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.integers(min_value=0, max_value=2),
    late=st.integers(min_value=1, max_value=3),
    kinds=st.lists(
        st.sampled_from([EventKind.ORDER_UPDATED, EventKind.REFUND_CREATED, EventKind.ORDER_EDITED]),
        min_size=5,
        max_size=5,
    ),
)
def test_a_case_never_closes_over_an_event_that_came_after_observe(
    life: Life, before: int, late: int, kinds: list[EventKind]
):
    number = next(NUMBERS)
    subject = message("x", number).subject.model_copy(update={"ref": f"order-{number}"})
    opening = message("money back", number).model_copy(update={"subject": subject})
    case = life.open(opening).id
    numbers = iter(range(number * 10, number * 10 + 9))
    for kind in kinds[:before]:
        life.join(case, happened(kind, next(numbers)))
    wake = life.cases.get(case).wake + 1
    life.wake(case, wake)
    run = life.planned(case, wake, Close())
    life.settled(run, "DONE")
    for kind in kinds[before : before + late]:
        life.join(case, happened(kind, next(numbers)))
    rest = commit(life.recording(), over(case, wake, run))
    stands = life.cases.get(case)
    assert (rest.rest, stands.status) == ("again", CaseStatus.OPEN)
    life.wake(case, wake + 1)
    again = life.planned(case, wake + 1, Close(), move="settled")
    life.settled(again, "DONE")
    assert commit(life.recording(), over(case, wake + 1, again)).rest == "closed"
    assert stands.inbox_seq == 1 + before + late


def test_runs_are_named_by_case_and_wake(life: Life):
    case = started(life)
    assert life.planned(case, 1, Close()) == run_id(case, 1)
