"""Lanes at the wire: one budget and one breaker for all, one write per call, and no call stuck for ever."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from nightshift.aws.client import METER
from nightshift.aws.limits import DynamoLimits
from nightshift.ids import ChannelId, TenantId
from nightshift.model.lane import Breaker, BreakerState, Budget, Lane, LaneState
from nightshift.ports.limits import Admitted, Refusal, Refused
from tests.core.gate.crowd import together

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

ACME, SHOP = TenantId("acme"), ChannelId("shop")
LANE = Lane(
    tenant=ACME,
    channel=SHOP,
    budget=Budget(per_second=2.0, burst=10.0),
    breaker=Breaker(failures=3, share=0.5, within_seconds=60, open_seconds=30),
)


@pytest.fixture
def limits(tables: Tables) -> DynamoLimits:
    return DynamoLimits(tables.limits)


def take(limits: DynamoLimits, clock: FixedClock, *, cost: float = 1.0, writes: bool = True) -> Admitted:
    return limits.admit(LANE, cost=cost, writes=writes, now=clock.now())


def refused(limits: DynamoLimits, clock: FixedClock, *, cost: float = 1.0, writes: bool = True) -> Refused:
    with pytest.raises(Refused) as caught:
        take(limits, clock, cost=cost, writes=writes)
    return caught.value


def state(limits: DynamoLimits) -> LaneState:
    return limits.states(ACME, [SHOP])[0]


def trouble(limits: DynamoLimits, clock: FixedClock, times: int = 3) -> list[bool]:
    return [limits.troubled(take(limits, clock), now=clock.now()) for _ in range(times)]


# --- budget ---------------------------------------------------------------------------------------


def test_a_call_is_one_write_when_the_lane_is_idle_and_when_it_is_busy(
    limits: DynamoLimits, clock: FixedClock
):
    METER.take()
    for _ in range(5):
        take(limits, clock)
    assert METER.take()["dynamodb.UpdateItem"] == 5
    clock.advance(3600)
    take(limits, clock)
    take(limits, clock)
    assert METER.take()["dynamodb.UpdateItem"] == 2


def test_a_bucket_that_is_used_up_says_when_to_come_back(limits: DynamoLimits, clock: FixedClock):
    for _ in range(10):
        take(limits, clock)
    found = refused(limits, clock)
    assert (found.why, found.wait) == (Refusal.EXHAUSTED, pytest.approx(0.5))
    assert refused(limits, clock, cost=4).wait == pytest.approx(2.0)
    clock.advance(0.5)
    take(limits, clock)
    clock.advance(3600)
    for _ in range(10):
        take(limits, clock)
    assert refused(limits, clock).why is Refusal.EXHAUSTED


def test_a_call_that_costs_more_than_the_bucket_waits_for_all_of_it(limits: DynamoLimits, clock: FixedClock):
    take(limits, clock, cost=1000)
    assert refused(limits, clock).wait == pytest.approx(0.5)


def test_all_lambdas_of_a_channel_share_its_budget_and_channels_do_not(tables: Tables, clock: FixedClock):
    lambdas = [DynamoLimits(tables.limits) for _ in range(4)]
    let_through = 0
    for _ in range(5):
        for each in lambdas:
            try:
                take(each, clock)
            except Refused:
                continue
            let_through += 1
    assert let_through == 10
    other = LANE.model_copy(update={"channel": ChannelId("other")})
    stranger = LANE.model_copy(update={"tenant": TenantId("stranger")})
    for lane in (other, stranger):
        lambdas[0].admit(lane, cost=10, writes=True, now=clock.now())


def test_eight_threads_take_exactly_what_there_is(tables: Tables, clock: FixedClock):
    let_through, lock = [], threading.Lock()

    def work(number: int) -> None:
        mine = DynamoLimits(tables.limits)
        for _ in range(4):
            try:
                take(mine, clock)
            except Refused:
                continue
            with lock:
                let_through.append(number)

    together(work)
    # Contention may refuse a call (it comes back half a second later); it never lets one too many through.
    assert 8 <= len(let_through) <= 10


def test_what_was_owed_is_paid_by_the_next_call(limits: DynamoLimits, clock: FixedClock):
    limits.owe(LANE, 6.0)
    take(limits, clock, cost=4.0)
    assert refused(limits, clock).why is Refusal.EXHAUSTED


def test_the_vendors_word_moves_the_budget_for_all(tables: Tables, limits: DynamoLimits, clock: FixedClock):
    now = clock.now().timestamp()
    mine = take(limits, clock)
    limits.correct(mine, now + 5.0, lower=False, per_second=4.0)
    other = DynamoLimits(tables.limits)
    assert refused(other, clock).wait == pytest.approx(0.25)  # at the vendor's own rate
    limits.correct(mine, now + 1.0, lower=False, per_second=None)  # never earlier, unless asked to
    assert refused(other, clock).why is Refusal.EXHAUSTED
    clock.advance(4.5)
    theirs = take(other, clock)
    assert theirs.per_second == 4.0
    other.correct(theirs, clock.now().timestamp(), lower=True, per_second=None)
    take(limits, clock, cost=10)


def test_a_lower_correction_loses_against_a_call_that_came_in_between(
    limits: DynamoLimits, clock: FixedClock
):
    mine = take(limits, clock, cost=5)
    take(limits, clock, cost=5)
    limits.correct(mine, clock.now().timestamp(), lower=True, per_second=None)
    assert refused(limits, clock).why is Refusal.EXHAUSTED


@pytest.mark.parametrize("ahead", [3700.0, 86_400.0, 86_400.0 * 365])
def test_a_lane_written_by_a_clock_far_ahead_does_not_stand_still(
    tables: Tables, clock: FixedClock, ahead: float
):
    wrong = DynamoLimits(tables.limits)
    clock.advance(ahead)
    take(wrong, clock)
    clock.advance(-ahead)
    right = DynamoLimits(tables.limits)
    take(right, clock, cost=10)
    assert refused(right, clock).wait == pytest.approx(0.5)


def test_a_clock_a_little_behind_takes_nothing_twice(tables: Tables, clock: FixedClock):
    for _ in range(10):
        take(DynamoLimits(tables.limits), clock)
    clock.advance(-2)
    assert refused(DynamoLimits(tables.limits), clock).wait == pytest.approx(2.5)


# --- breaker --------------------------------------------------------------------------------------


def test_success_of_a_closed_breaker_writes_nothing_more_and_troubles_open_it(
    limits: DynamoLimits, clock: FixedClock
):
    assert trouble(limits, clock) == [False, False, True]
    found = refused(limits, clock)
    assert (found.why, found.wait) == (Refusal.OPEN, pytest.approx(30))
    assert refused(limits, clock, writes=False).why is Refusal.OPEN
    assert state(limits).breaker is BreakerState.OPEN


def test_few_troubles_among_many_calls_open_nothing(limits: DynamoLimits, clock: FixedClock):
    limits.troubled(take(limits, clock), now=clock.now())
    for _ in range(7):
        clock.advance(2)
        take(limits, clock)
    assert trouble(limits, clock, 2) == [False, False]
    take(limits, clock)


def test_troubles_long_apart_open_nothing(limits: DynamoLimits, clock: FixedClock):
    for _ in range(6):
        assert trouble(limits, clock, 1) == [False]
        clock.advance(61)


def test_one_trial_at_a_time_closes_it_again(tables: Tables, limits: DynamoLimits, clock: FixedClock):
    trouble(limits, clock)
    clock.advance(30)
    trial = take(limits, clock)
    assert trial.trial
    assert state(limits).breaker is BreakerState.HALF_OPEN
    assert refused(DynamoLimits(tables.limits), clock).why is Refusal.OPEN
    limits.recovered(trial)
    assert state(limits).breaker is BreakerState.CLOSED
    assert not take(limits, clock).trial
    assert trouble(limits, clock, 2) == [False, False]


def test_of_eight_threads_one_makes_the_trial(tables: Tables, clock: FixedClock, limits: DynamoLimits):
    trouble(limits, clock)
    clock.advance(31)
    trials, lock = [], threading.Lock()

    def work(number: int) -> None:
        try:
            made = take(DynamoLimits(tables.limits), clock)
        except Refused:
            return
        with lock:
            trials.append((number, made.trial))

    together(work)
    assert [trial for _, trial in trials] == [True]


def test_a_trial_that_fails_opens_it_for_twice_as_long(limits: DynamoLimits, clock: FixedClock):
    trouble(limits, clock)
    for seconds in (30, 60, 120, 240, 480, 900, 900):
        clock.advance(seconds - 1)
        assert refused(limits, clock).why is Refusal.OPEN
        clock.advance(1)
        trial = take(limits, clock)
        assert trial.trial
        assert limits.troubled(trial, now=clock.now())


def test_a_trial_that_never_asked_is_given_back(limits: DynamoLimits, clock: FixedClock):
    trouble(limits, clock)
    clock.advance(30)
    limits.undecided(take(limits, clock))
    assert take(limits, clock).trial


def test_a_trial_whose_lambda_died_makes_room_after_a_minute(
    tables: Tables, limits: DynamoLimits, clock: FixedClock
):
    trouble(limits, clock)
    clock.advance(30)
    take(limits, clock)
    clock.advance(59)
    assert refused(limits, clock).wait == pytest.approx(1.0)
    clock.advance(2)
    assert take(DynamoLimits(tables.limits), clock).trial


@pytest.mark.parametrize("ahead", [7200.0, 86_400.0 * 30])
def test_a_breaker_opened_by_a_clock_far_ahead_is_tried(
    limits: DynamoLimits, clock: FixedClock, ahead: float
):
    clock.advance(ahead)
    trouble(limits, clock)
    clock.advance(-ahead)
    assert take(limits, clock).trial


# --- stopped writes -------------------------------------------------------------------------------


def test_a_writes_strange_answer_stops_writes_at_once_and_reads_go_on(
    limits: DynamoLimits, clock: FixedClock
):
    take(limits, clock)
    assert limits.drifted(LANE, at_once=True, why="refund: vendor.shape", now=clock.now())
    assert not limits.drifted(LANE, at_once=True, why="later", now=clock.now())
    found = refused(limits, clock)
    assert (found.why, found.wait) == (Refusal.STOPPED, None)
    assert take(limits, clock, writes=False).stopped
    assert state(limits).stopped == "refund: vendor.shape"
    assert state(limits).stopped_at == clock.now()


def test_the_third_strange_read_within_ten_minutes_stops_writes_and_accidents_do_not(
    limits: DynamoLimits, clock: FixedClock
):
    def read() -> bool:
        return limits.drifted(LANE, at_once=False, why="get: vendor.shape", now=clock.now())

    assert [read(), read()] == [False, False]
    clock.advance(601)
    assert [read(), read()] == [False, False]
    take(limits, clock)
    clock.advance(60)
    assert read()
    assert refused(limits, clock).why is Refusal.STOPPED


def test_a_person_releases_a_stopped_channel_once(limits: DynamoLimits, clock: FixedClock):
    assert not limits.release(ACME, SHOP)
    limits.drifted(LANE, at_once=True, why="x", now=clock.now())
    assert limits.release(ACME, SHOP)
    assert not limits.release(ACME, SHOP)
    take(limits, clock)
    assert not limits.drifted(LANE, at_once=False, why="x", now=clock.now())


def test_stopped_writes_make_no_trial_of_an_open_breaker(limits: DynamoLimits, clock: FixedClock):
    trouble(limits, clock)
    limits.drifted(LANE, at_once=True, why="x", now=clock.now())
    clock.advance(31)
    assert refused(limits, clock).why is Refusal.STOPPED
    assert take(limits, clock, writes=False).trial


# --- turns, states, AWS in trouble ----------------------------------------------------------------


def test_a_turn_is_held_by_one_and_lapses(tables: Tables, limits: DynamoLimits, clock: FixedClock):
    other = DynamoLimits(tables.limits)
    assert limits.hold(LANE, "refresh", seconds=30, now=clock.now())
    assert not other.hold(LANE, "refresh", seconds=30, now=clock.now())
    limits.let_go(LANE, "refresh")
    assert other.hold(LANE, "refresh", seconds=30, now=clock.now())
    clock.advance(31)
    assert limits.hold(LANE, "refresh", seconds=30, now=clock.now())


def test_states_come_in_the_order_they_were_asked_for_and_of_unused_channels_too(
    limits: DynamoLimits, clock: FixedClock
):
    take(limits, clock)
    names = [ChannelId("nobody"), SHOP, ChannelId("shop2")]
    found = limits.states(ACME, names)
    assert [each.channel for each in found] == names
    assert [each.full_at is None for each in found] == [True, False, True]
    assert limits.states(ACME, []) == ()


class _Throttling:
    """A table that takes nothing at the moment."""

    class exceptions:  # noqa: N801  # boto3's name
        class ConditionalCheckFailedException(Exception):
            pass

    def update_item(self, **_: object) -> object:
        code = "ProvisionedThroughputExceededException"
        raise ClientError({"Error": {"Code": code, "Message": "slow down"}}, "UpdateItem")


def test_a_throttling_table_lets_no_call_through_and_undoes_no_answer(
    limits: DynamoLimits, clock: FixedClock
):
    let_through = take(limits, clock)
    throttling = DynamoLimits("limits", _Throttling())  # type: ignore[arg-type]  # as much of it as is called
    with pytest.raises(ClientError):
        take(throttling, clock)
    assert not throttling.troubled(let_through, now=clock.now())
    assert not throttling.drifted(LANE, at_once=True, why="x", now=clock.now())
    throttling.correct(let_through, 1.0, lower=True, per_second=None)
    throttling.recovered(let_through)
    throttling.undecided(let_through)
