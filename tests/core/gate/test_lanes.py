"""Channels that take no calls now: the gate says so, and waits where waiting helps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.errors import NotFound, Throttled
from nightshift.gate.checks import BREAKER
from nightshift.ids import RunId
from nightshift.model.lane import Breaker, Lane
from nightshift.model.verdict import Decision
from tests.core.gate.plans import DESK, LIVE, NOW, ORDER, QUOTE, SHOP, STANDARD, TENANT, proposal, reply
from tests.core.gate.test_authorise import RUN, Store
from tests.core.gate.test_decide import judge

if TYPE_CHECKING:
    from nightshift.ids import ChannelId
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def store(tables: Tables, clock: FixedClock) -> Store:
    clock.at = NOW
    return Store(tables, clock)


def open_breaker(store: Store, channel: ChannelId = SHOP, *, times: int = 1) -> None:
    """As the calls of its Lambdas do; each further time by a trial that fails."""
    lane = Lane(tenant=TENANT, channel=channel, breaker=Breaker(failures=1, open_seconds=30))
    for number in range(times):
        store.clock.advance(0 if number == 0 else 30 * 2 ** (number - 1))
        admitted = store.limits.admit(lane, cost=1, writes=False, now=store.clock.now())
        assert store.limits.troubled(admitted, now=store.clock.now())


def test_a_plan_over_an_open_breaker_is_refused_with_what_to_do():
    channels = LIVE | {SHOP: LIVE[SHOP].model_copy(update={"open_until": NOW + timedelta(seconds=90)})}
    verdict = judge(*STANDARD, channels=channels)
    assert verdict.decision is Decision.REFUSE
    found = [f for f in verdict.findings if f.rule == BREAKER]
    assert {f.step for f in found} == {step.id for step in STANDARD if step.channel == SHOP}
    assert all("90 s" in f.problem and f.fix for f in found)


def test_a_breaker_that_is_due_for_its_trial_refuses_nothing():
    channels = LIVE | {SHOP: LIVE[SHOP].model_copy(update={"open_until": NOW})}
    assert judge(*STANDARD, channels=channels).decision is judge(*STANDARD).decision is Decision.ALLOW


def test_stopped_writes_refuse_writes_and_no_reads():
    channels = LIVE | {each: LIVE[each].model_copy(update={"stopped": True}) for each in (SHOP, DESK)}
    assert judge(ORDER, QUOTE, channels=channels).decision is Decision.ALLOW
    verdict = judge(*STANDARD, channels=channels)
    assert verdict.decision is Decision.REFUSE
    assert {f.rule for f in verdict.findings if f.decision is Decision.REFUSE} == {"stopped"}
    assert judge(reply(), channels=channels).decision is Decision.REFUSE


def test_the_gate_waits_for_a_breaker_that_is_tried_soon_and_then_decides(store: Store):
    open_breaker(store)
    store.runs.propose(proposal(*STANDARD))
    with pytest.raises(Throttled) as caught:
        store.gate()
    assert (caught.value.code, caught.value.retry_after) == ("breaker.open", 30)
    with pytest.raises(NotFound):
        store.runs.verdict(RUN)
    store.clock.advance(30)
    store.gate()
    assert store.runs.verdict(RUN).decision is Decision.ALLOW


def test_a_breaker_that_stays_open_for_long_refuses_the_plan_at_once(store: Store):
    open_breaker(store, times=3)
    verdict = store.propose(proposal(*STANDARD))
    assert verdict.decision is Decision.REFUSE
    assert BREAKER in {found.rule for found in verdict.findings}


def test_a_plan_that_is_wrong_anyway_is_not_waited_for(store: Store):
    open_breaker(store)
    unknown = ORDER.model_copy(update={"tool": "orders.burn"})
    assert store.propose(proposal(unknown)).decision is Decision.REFUSE


def test_an_open_breaker_of_a_channel_the_plan_does_not_use_is_none_of_its_business(store: Store):
    open_breaker(store, DESK)
    assert store.propose(proposal(ORDER, QUOTE)).decision is Decision.ALLOW


def test_the_gate_sees_that_a_persons_release_is_awaited(store: Store):
    lane = Lane(tenant=TENANT, channel=SHOP)
    store.limits.drifted(lane, at_once=True, why="refund: vendor.shape", now=store.clock.now())
    verdict = store.propose(proposal(*STANDARD))
    assert verdict.decision is Decision.REFUSE
    assert "stopped" in {found.rule for found in verdict.findings}
    store.limits.release(TENANT, SHOP)
    again = proposal(*STANDARD, run=RunId("run_2"))
    assert store.propose(again).decision is Decision.ALLOW
