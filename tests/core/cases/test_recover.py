"""A case whose execution is lost is found and started anew, at the wake it is at, however often one dies."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.runs import DynamoRuns
from nightshift.cases.dispatch import dispatch
from nightshift.cases.lookout import StatusChange, look_after, on_status, recover_one, recover_page
from nightshift.cases.recover import MOST_RESTARTS, Became, Recovering, RollOver, recover, roll_over
from nightshift.errors import Conflict, NotFound, Outdated
from nightshift.ids import CaseId, RunId, TenantId, execution_name, run_id
from nightshift.model.case import Case, CaseInput, CaseStatus
from nightshift.model.event import EventKind
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.model.plan import Plan, Principal, Proposal
from tests.support.heard import Heard
from tests.support.intake import ACME, Intake, wait_for_token
from tests.support.lookout import make_recovering

if TYPE_CHECKING:
    from tests.conftest import FixedClock

REPLIES = (EventKind.MESSAGE_RECEIVED,)
OPEN, SLEEPING, PERSON, CLOSED = (
    CaseStatus.OPEN,
    CaseStatus.SLEEPING,
    CaseStatus.WITH_PERSON,
    CaseStatus.CLOSED,
)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def parts(intake: Intake, heard: Heard) -> Recovering:
    return make_recovering(intake.tables, intake.clock, intake.machine, heard)


@pytest.fixture
def runs(intake: Intake) -> DynamoRuns:
    return DynamoRuns(intake.tables.runs, client("dynamodb"))


def opened(intake: Intake) -> CaseId:
    case = dispatch(intake.stored(intake.source.message()), intake.desk).case
    assert case is not None
    return case


def at_work(intake: Intake, wake: int = 1) -> CaseId:
    case = opened(intake)
    for number in range(1, wake + 1):
        intake.cases.observe(CaseInput(case=case, generation=1, wake=number))
    return case


def asleep(intake: Intake, *, seconds: float = 3600, token: str = "") -> CaseId:
    case = at_work(intake)
    deadline = intake.clock.now() + timedelta(seconds=seconds)
    assert intake.cases.sleep(case, 1, wake=1, seen_seq=1, events=REPLIES, deadline=deadline)
    if token:
        assert wait_for_token(intake.tables.cases, case, generation=1, wake=1, seen=1, token=token)
        intake.machine.waiting.add(token)
    return case


def drives(intake: Intake, case: CaseId) -> CaseInput:
    """What the one execution was given that runs for a case."""
    (name,) = intake.machine.running(case)
    assert name == execution_name(case, intake.cases.get(case).generation)
    return intake.machine.started[name]


# -- found


@pytest.mark.guarantee("recovery:no-case-stays-stranded")
def test_a_case_whose_execution_was_never_started_is_started(intake: Intake, parts: Recovering) -> None:
    case = opened(intake)
    intake.machine.lose(case, 1)
    assert look_after(parts).seen == 0  # not yet: the dispatcher may be about to start it
    intake.clock.advance(301)
    assert look_after(parts).recovered == 1
    assert drives(intake, case) == CaseInput(case=case, generation=1, wake=1, woken="opened")


@pytest.mark.guarantee("recovery:no-case-stays-stranded")
def test_a_case_whose_execution_ended_at_work_goes_on_at_the_same_wake(
    intake: Intake, parts: Recovering, heard: Heard
) -> None:
    case = at_work(intake, wake=2)
    intake.machine.end(execution_name(case, 1))
    intake.clock.advance(301)
    assert look_after(parts).recovered == 1
    given = drives(intake, case)
    assert (given.generation, given.wake) == (2, 2)
    assert run_id(case, 2) == run_id(case, given.wake)  # the same run, so the same keys
    assert intake.cases.get(case).restarts == 1
    assert heard.counts[Metric.RECOVERED] == 1
    assert intake.told(case)[-1] == EntryKind.CASE_RECOVERED


def test_an_execution_at_work_is_left_alone_and_looked_at_less_and_less(
    intake: Intake, parts: Recovering
) -> None:
    case = at_work(intake)
    looks = []
    for _ in range(300):
        intake.clock.advance(60)
        looks.append(look_after(parts).running)
    assert 5 < sum(looks) < 12
    assert drives(intake, case).generation == 1


@pytest.mark.guarantee("recovery:sleepers-keep-their-deadline")
def test_a_lost_sleeper_goes_on_sleeping(intake: Intake, parts: Recovering) -> None:
    case = asleep(intake, token="t-1")
    intake.machine.lose(case, 1)
    assert recover(parts, case, why="the machine died") is Became.RECOVERED
    assert drives(intake, case).wake == 1
    stands = intake.cases.observe(drives(intake, case))
    assert (stands.status, stands.wake, stands.token) == (SLEEPING, 1, None)


def test_a_lost_sleeper_that_an_event_came_for_wakes(intake: Intake, parts: Recovering) -> None:
    case = asleep(intake, token="t-1")
    intake.machine.lose(case, 1)
    dispatch(intake.stored(intake.source.message()), intake.desk)
    assert look_after(parts).recovered == 1  # at once: the token told
    assert (drives(intake, case).wake, drives(intake, case).woken) == (2, "event")


def test_a_lost_sleeper_whose_deadline_passed_wakes_by_it(intake: Intake, parts: Recovering) -> None:
    case = asleep(intake, seconds=3600)
    intake.machine.end(execution_name(case, 1), "ABORTED")
    intake.clock.advance(3600)
    assert look_after(parts).seen == 0
    intake.clock.advance(300)
    assert look_after(parts).recovered == 1
    assert (drives(intake, case).wake, drives(intake, case).woken) == (2, "deadline")


def test_a_sleeper_that_was_woken_and_died_before_its_wake_is_found_soon(
    intake: Intake, parts: Recovering
) -> None:
    case = asleep(intake, seconds=864_000, token="t-1")
    dispatch(intake.stored(intake.source.message()), intake.desk)
    assert intake.machine.resumed == ["t-1"]
    intake.machine.lose(case, 1)
    intake.clock.advance(301)
    assert look_after(parts).recovered == 1
    assert (drives(intake, case).wake, drives(intake, case).woken) == (2, "event")


def test_a_sleeper_that_died_before_it_had_a_token_is_found_soon_after_an_event(
    intake: Intake, parts: Recovering
) -> None:
    case = asleep(intake, seconds=864_000)
    intake.machine.end(execution_name(case, 1))
    dispatch(intake.stored(intake.source.message()), intake.desk)
    intake.clock.advance(301)
    assert look_after(parts).recovered == 1
    assert drives(intake, case).wake == 2


@pytest.mark.parametrize("status", [PERSON, CLOSED])
def test_a_case_at_rest_needs_no_execution(intake: Intake, parts: Recovering, status: CaseStatus) -> None:
    case = at_work(intake)
    if status is PERSON:
        intake.cases.hand_over(case, 1, "policy")
    else:
        assert intake.cases.close(case, 1, wake=1, seen_seq=1)
    intake.machine.lose(case, 1)
    intake.clock.advance(86_400)
    assert look_after(parts).seen == 0
    assert recover(parts, case, why="asked for") is Became.AT_REST
    assert intake.machine.running(case) == []


# -- fenced


@pytest.mark.guarantee("recovery:old-generations-are-powerless")
def test_an_older_generation_loses_every_write(intake: Intake, parts: Recovering) -> None:
    case = at_work(intake)
    recover(parts, case, why="the machine died")
    before = intake.cases.get(case)
    for write in (
        lambda: intake.cases.observe(CaseInput(case=case, generation=1, wake=2)),
        lambda: intake.cases.close(case, 1, wake=1, seen_seq=1),
        lambda: intake.cases.hand_over(case, 1, "old"),
        lambda: intake.cases.sleep(
            case, 1, wake=1, seen_seq=1, events=REPLIES, deadline=intake.clock.now() + timedelta(days=1)
        ),
    ):
        with pytest.raises(Outdated):
            write()
    assert not wait_for_token(intake.tables.cases, case, generation=1, wake=1, seen=1, token="old")
    assert intake.cases.get(case) == before


def test_the_old_execution_and_its_run_are_stopped(intake: Intake, parts: Recovering) -> None:
    case = at_work(intake)
    recover(parts, case, why="asked for")
    assert intake.machine.stopped == [f"{case}-g1", f"{run_id(case, 1)}-g1"]
    assert intake.machine.running(case) == [f"{case}-g2"]


def test_of_two_that_recover_at_once_one_does(intake: Intake, parts: Recovering) -> None:
    case = at_work(intake)
    stale = intake.cases.get(case)
    recover(parts, case, why="first")
    with pytest.raises(Conflict):
        parts.watch.advance(stale, 2, counted=True, look_again=intake.clock.now())
    assert intake.cases.get(case).generation == 2
    assert intake.machine.running(case) == [f"{case}-g2"]


def test_a_crash_between_the_new_generation_and_its_start_is_made_good(
    intake: Intake, parts: Recovering
) -> None:
    case = at_work(intake)
    parts.watch.advance(intake.cases.get(case), 2, counted=True, look_again=intake.clock.now())
    assert look_after(parts).recovered == 1
    assert intake.machine.running(case) == [f"{case}-g2"]  # and the old one, not stopped then, is now
    assert intake.cases.get(case).restarts == 1


def test_a_generation_that_ran_before_the_records_were_restored_is_passed_over(
    intake: Intake, parts: Recovering
) -> None:
    case = at_work(intake)
    for name in (f"{case}-g2", f"{case}-g3"):
        intake.machine.states[name] = intake.machine.states[f"{case}-g1"]
    recover(parts, case, why="restored")
    assert intake.machine.running(case) == [f"{case}-g4"]


# -- bounded


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
def test_a_case_that_gets_no_further_goes_to_a_person(
    intake: Intake, parts: Recovering, heard: Heard
) -> None:
    case = at_work(intake)
    for generation in range(1, MOST_RESTARTS + 2):
        intake.machine.end(f"{case}-g{generation}", "FAILED", "States.Runtime")
        intake.clock.advance(600)
        look_after(parts)
    stands = intake.cases.get(case)
    assert stands.status is PERSON
    assert "States.Runtime" in (stands.handoff_reason or "")
    assert heard.counts[Metric.RECOVERY_GIVEN_UP] == 1
    assert intake.told(case)[-1] == EntryKind.CASE_HANDED_OVER


def test_a_wake_that_begins_is_progress(intake: Intake, parts: Recovering) -> None:
    case = at_work(intake)
    recover(parts, case, why="the machine died")
    intake.cases.observe(CaseInput(case=case, generation=2, wake=2))
    assert intake.cases.get(case).restarts == 0


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
def test_a_stranded_case_goes_to_a_person_without_another_try(
    intake: Intake, parts: Recovering, runs: DynamoRuns
) -> None:
    case = at_work(intake)
    change = StatusChange(name=f"{case}-g1", status="FAILED", error="Stranded")
    assert on_status(parts, runs, change) is Became.HANDED_OVER
    assert intake.cases.get(case).status is PERSON


# -- told by a status change


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_ends_badly_is_followed_at_once(
    intake: Intake, parts: Recovering, runs: DynamoRuns, status: str
) -> None:
    case = at_work(intake)
    intake.machine.end(f"{case}-g1", status)  # type: ignore[arg-type]  # parametrised
    change = StatusChange.model_validate({"name": f"{case}-g1", "status": status, "input": "{}"})
    assert on_status(parts, runs, change) is Became.RECOVERED
    assert intake.machine.running(case) == [f"{case}-g2"]
    assert on_status(parts, runs, change) is Became.ELSEWHERE  # delivered again: an older generation


def test_the_end_of_an_execution_we_stopped_starts_nothing(
    intake: Intake, parts: Recovering, runs: DynamoRuns
) -> None:
    case = at_work(intake)
    recover(parts, case, why="asked for")
    for name in (
        f"{case}-g1",
        f"{run_id(case, 1)}-g1",
        "somebody-else-s",
        f"{CaseId('case_' + 'a' * 26)}-g1",
    ):
        assert on_status(parts, runs, StatusChange(name=name, status="ABORTED")) is Became.ELSEWHERE
    assert intake.cases.get(case).generation == 2


def test_a_run_that_ends_badly_has_its_case_looked_after(
    intake: Intake, parts: Recovering, runs: DynamoRuns
) -> None:
    case = at_work(intake)
    stands = intake.cases.get(case)
    run = run_id(case, 1)
    runs.propose(_proposal(stands, run))
    assert on_status(parts, runs, StatusChange(name=f"{run}-g1", status="TIMED_OUT")) is Became.RUNNING
    assert parts.watch.due(intake.clock.now(), 10) == (case,)


def _proposal(case: Case, run: RunId) -> Proposal:
    plan = Plan(name="test")
    return Proposal(
        run=run,
        tenant=case.tenant,
        case=case.id,
        wake=case.wake,
        generation=case.generation,
        subject=case.subject,
        customer=None,
        requester=Principal(id="specialist:support", role="support", kind="specialist"),
        proposed_by="playbook:test@1",
        plan=plan,
        digest=plan.digest(),
        proposed_at=case.updated_at,
    )


# -- rolled over


def test_a_roll_over_hands_the_wake_to_a_new_execution(
    intake: Intake, parts: Recovering, heard: Heard
) -> None:
    case = asleep(intake, token="t-1")
    given = RollOver(case=case, generation=1, wake=2, woken="deadline")
    assert roll_over(parts, given) is Became.RECOVERED
    assert intake.machine.started[f"{case}-g2"] == CaseInput(
        case=case, generation=2, wake=2, woken="deadline"
    )
    assert intake.machine.stopped == []  # whoever asks ends by itself
    assert (heard.counts[Metric.ROLLED_OVER], intake.cases.get(case).restarts) == (1, 0)


def test_a_roll_over_that_died_before_its_start_starts_when_asked_again(
    intake: Intake, parts: Recovering
) -> None:
    case = asleep(intake, seconds=10)
    parts.watch.advance(intake.cases.get(case), 2, counted=False, look_again=intake.clock.now())
    intake.clock.advance(11)
    assert roll_over(parts, RollOver(case=case, generation=1, wake=2, woken="deadline")) is Became.ELSEWHERE
    assert intake.machine.started[f"{case}-g2"].wake == 2
    roll_over(parts, RollOver(case=case, generation=1, wake=2, woken="deadline"))
    assert intake.cases.get(case).generation == 2


def test_a_run_that_broke_off_is_restarted_and_at_last_given_up(intake: Intake, parts: Recovering) -> None:
    case = at_work(intake)
    for generation in range(1, MOST_RESTARTS + 1):
        given = RollOver(case=case, generation=generation, wake=1, why="restart", error="States.TaskFailed")
        assert roll_over(parts, given) is Became.RECOVERED
    last = RollOver(case=case, generation=MOST_RESTARTS + 1, wake=1, why="restart", error="States.TaskFailed")
    assert roll_over(parts, last) is Became.HANDED_OVER
    assert intake.cases.get(case).status is PERSON


# -- all at once, and by hand


def test_every_lost_case_is_found_page_by_page_and_those_at_work_are_left_alone(
    intake: Intake, parts: Recovering
) -> None:
    lost = [_sleeper(intake, number) for number in range(95)]
    fine = _sleeper(intake, 95)
    for case in lost:
        intake.machine.lose(case, 1)
    began, after, seen = intake.clock.now(), "", 0
    for _ in range(10):
        tally, after = recover_page(parts, tenant=ACME, since=began, after=after)
        seen += tally.seen
        if not after:
            break
    assert seen == 96
    assert all(len(intake.machine.running(case)) == 1 for case in [*lost, fine])
    assert intake.cases.get(fine).generation == 1


def test_a_pass_ends_however_many_cases_are_at_work(intake: Intake, parts: Recovering) -> None:
    for number in range(90):
        event = intake.source.message(conversation=f"w{number}")
        case = dispatch(intake.stored(event), intake.desk).case
        assert case is not None
        intake.cases.observe(CaseInput(case=case, generation=1, wake=1))
    began, after, seen, pages = intake.clock.now(), "", 0, 0
    while pages < 10:
        intake.clock.advance(1)  # every look at a page takes a moment
        tally, after = recover_page(parts, tenant=ACME, since=began, after=after)
        seen, pages = seen + tally.seen, pages + 1
        if not after:
            break
    assert (after, seen) == ("", 90)


def _sleeper(intake: Intake, number: int) -> CaseId:
    event = intake.source.message(conversation=f"c{number}")
    case = dispatch(intake.stored(event), intake.desk).case
    assert case is not None
    intake.cases.observe(CaseInput(case=case, generation=1, wake=1))
    deadline = intake.clock.now() + timedelta(days=1)
    assert intake.cases.sleep(case, 1, wake=1, seen_seq=1, events=REPLIES, deadline=deadline)
    return case


def test_another_tenant_s_cases_are_left_alone(intake: Intake, parts: Recovering) -> None:
    case = at_work(intake)
    intake.machine.lose(case, 1)
    tally, _ = recover_page(parts, tenant=TenantId("other"), since=intake.clock.now(), after="")
    assert (tally.seen, intake.machine.running(case)) == (0, [])
    with pytest.raises(NotFound):
        recover_one(parts, TenantId("other"), case, by="person:ana")


def test_a_person_may_have_a_running_case_started_anew_as_often_as_they_like(
    intake: Intake, parts: Recovering
) -> None:
    case = at_work(intake)
    for _ in range(MOST_RESTARTS + 2):
        assert recover_one(parts, ACME, case, by="person:ana") is Became.RECOVERED
    assert drives(intake, case).generation == MOST_RESTARTS + 3


def test_a_case_that_cannot_be_examined_keeps_no_other_from_it(
    intake: Intake, parts: Recovering, clock: FixedClock
) -> None:
    first = at_work(intake)
    clock.advance(1)
    second = _at_work_too(intake)
    for case in (first, second):
        intake.machine.lose(case, 1)
    spoilt = {"pk": {"S": f"case#{first}"}, "sk": {"S": "meta"}}
    client("dynamodb").update_item(
        TableName=intake.tables.cases,
        Key=spoilt,
        UpdateExpression="SET doc = :no",
        ExpressionAttributeValues={":no": {"S": "{}"}},
    )
    clock.advance(301)
    with pytest.raises(ValueError, match="Case"):  # it is not kept quiet either
        look_after(parts)
    assert drives(intake, second).generation == 1


def _at_work_too(intake: Intake) -> CaseId:
    case = dispatch(intake.stored(intake.source.message(conversation="c2")), intake.desk).case
    assert case is not None
    intake.cases.observe(CaseInput(case=case, generation=1, wake=1))
    return case


def test_a_service_that_is_down_leaves_the_case_due(
    intake: Intake, parts: Recovering, clock: FixedClock
) -> None:
    case = at_work(intake)
    intake.machine.lose(case, 1)
    clock.advance(301)
    intake.machine.down = True
    with pytest.raises(Exception, match="down"):
        look_after(parts)
    intake.machine.down = False
    assert look_after(parts).recovered == 1
