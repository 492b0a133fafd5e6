"""The arithmetic of budgets and breakers: never more than the vendor allows, and never stuck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.ids import ChannelId, TenantId
from nightshift.model.lane import Breaker, Budget, Lane
from nightshift.ports.limits import Admitted
from nightshift.tools.breaker import LONGEST_OPEN, open_for, opens
from nightshift.tools.budget import absurd, charge, corrected, latest, left, owed, whole_after_wait
from nightshift.tools.heard import Heard

NOW = 1_800_000_000.0
BUDGETS = st.builds(
    Budget,
    per_second=st.floats(0.01, 2000, allow_nan=False),
    burst=st.floats(1, 5000, allow_nan=False),
)


def admitted(budget: Budget, full_at: float, *, per_second: float | None = None) -> Admitted:
    lane = Lane(tenant=TenantId("acme"), channel=ChannelId("shop"), budget=budget)
    return Admitted(lane=lane, full_at=full_at, per_second=per_second or budget.per_second)


@given(BUDGETS, st.lists(st.tuples(st.floats(0, 30), st.floats(0, 50)), min_size=1, max_size=60))
def test_no_stretch_of_time_takes_more_than_the_bucket_and_what_came_back(
    budget: Budget, calls: list[tuple[float, float]]
):
    now, full_at, taken = NOW, 0.0, 0.0
    for after, cost in calls:
        now += after
        if full_at <= latest(budget, budget.per_second, cost, now):
            full_at = max(full_at, now) + charge(budget, budget.per_second, cost)
            taken += min(cost, budget.burst)
        allowed = budget.burst + (now - NOW) * budget.per_second
        assert taken <= allowed * 1.0001 + 0.001


@given(BUDGETS, st.floats(0, 5000), st.floats(0, 5000))
def test_after_its_wait_a_refused_call_fits(budget: Budget, ahead: float, cost: float):
    rate = budget.per_second
    full_at = NOW + min(ahead, budget.burst / rate)
    wait = max(0.0, full_at - latest(budget, rate, cost, NOW))
    assert full_at <= latest(budget, rate, cost, NOW + wait) + 1e-3
    assert wait <= budget.burst / rate + 1e-3


@given(BUDGETS, st.floats(1, 100_000))
def test_a_wait_the_vendor_asks_for_is_kept_and_ends(budget: Budget, wait: float):
    full_at = whole_after_wait(budget, budget.per_second, wait, NOW)
    kept = min(wait, 3600.0)
    assert left(budget, budget.per_second, full_at, NOW + kept * 0.99) < 1.01
    assert full_at <= latest(budget, budget.per_second, min(1.0, budget.burst), NOW + kept) + 1e-3
    assert full_at < absurd(budget, NOW)


@given(BUDGETS, st.floats(0, 1), st.floats(0, 1))
def test_what_the_vendor_says_is_believed_where_it_matters(budget: Budget, ours: float, theirs: float):
    span = budget.burst / budget.per_second
    mine = admitted(budget, NOW + span * (1 - ours))
    heard = Heard(left=budget.burst * theirs, per_second=budget.per_second)
    found = corrected(budget, mine, heard, NOW)
    if abs(ours - theirs) < 0.24:
        assert found is None
    if found is not None:
        full_at, lower = found
        assert lower == (theirs > ours)
        assert left(budget, budget.per_second, full_at, NOW) == pytest.approx(
            budget.burst * theirs, abs=0.01 * budget.burst
        )


def test_a_bigger_plan_has_the_bigger_bucket():
    shopify = Budget(unit="points", per_second=100, burst=2000)
    plus = admitted(shopify, NOW + 15, per_second=1000)
    assert corrected(shopify, plus, Heard(left=20_000, per_second=1000), NOW) == (NOW, True)
    assert charge(shopify, 1000, 100) == pytest.approx(0.1)


def test_requests_beyond_the_cost_are_owed_unless_the_vendor_says_what_is_left():
    requests, points = Budget(unit="requests"), Budget(unit="points")
    assert owed(requests, 1.0, 4, Heard(requests=4)) == 3.0
    assert owed(requests, 5.0, 4, Heard(requests=4)) == 0.0
    assert owed(requests, 1.0, 4, Heard(requests=4, left=10)) == 0.0
    assert owed(points, 1.0, 4, Heard(requests=4)) == 0.0


@given(st.builds(Breaker, failures=st.integers(1, 10), share=st.floats(0.1, 1)), st.integers(0, 50))
def test_a_breaker_opens_on_failures_in_a_row_and_never_before_there_are_enough(breaker: Breaker, row: int):
    assert opens(breaker, troubles=row, calls=row) == (row >= breaker.failures)


@given(st.integers(5, 100), st.integers(0, 100))
def test_a_breaker_looks_at_the_share_of_a_busy_channel(troubles: int, good: int):
    breaker = Breaker(failures=5, share=0.5)
    assert opens(breaker, troubles=troubles, calls=troubles + good) == (troubles >= good)


@given(st.floats(1, 2000), st.integers(-3, 200))
def test_a_breaker_stays_open_longer_each_time_up_to_a_bound(seconds: float, times: int):
    breaker = Breaker(open_seconds=seconds)
    assert seconds <= open_for(breaker, times) <= open_for(breaker, times + 1) <= max(LONGEST_OPEN, seconds)
