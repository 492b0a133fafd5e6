"""The effect ledger on DynamoDB: an intent stands with all its conditions, or not at all."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.items import key
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.runs import DynamoRuns
from nightshift.errors import Conflict
from nightshift.ids import RunId, StepId, TenantId
from nightshift.model.case import CaseStatus, Lock
from nightshift.model.effect import Effect, EffectState
from nightshift.model.tool import Outcome
from nightshift.ports.ledger import Fence, Fenced, Headroom, Stop
from tests.support import records
from tests.support.wire import Contention, answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.support.tables import Tables

OURS = Fence(case=records.CASE, generation=1)
NO_CASE = Fence(case=None, generation=1)
OTHER_RUN = RunId("run_other")
POOLS = itertools.count()
ENDED = {EffectState.DONE, EffectState.REJECTED, EffectState.NOT_DONE}


@dataclass
class Kept:
    ledger: DynamoLedger
    runs: DynamoRuns
    config: DynamoConfig
    db: DynamoDBClient
    tables: Tables

    def written(self) -> list[dict[str, Any]]:
        """Everything in the ledger's table."""
        return sorted(
            self.db.scan(TableName=self.tables.ledger)["Items"], key=lambda i: (i["pk"]["S"], i["sk"]["S"])
        )

    def open(self, pool: str) -> int:
        found = self.db.get_item(TableName=self.tables.ledger, Key=key(f"pool#{records.ACME}#{pool}", "pool"))
        return int(found["Item"]["open"]["N"]) if "Item" in found else 0

    def intend(self, effect: Effect, *, fence: Fence, room: int | None) -> None:
        """An intent that rests on what is left right now."""
        pool = effect.claim.pool if effect.claim is not None else None
        drawn = self.ledger.drawn(effect.tenant, pool) if pool else 0
        headroom = None if room is None else Headroom(left=room, drawn=drawn)
        self.ledger.intend(effect, fence=fence, room=headroom)

    def refused(self, effect: Effect, *, fence: Fence = OURS, room: int | None = None) -> Fenced:
        """An intent is refused, and nothing is written."""
        before = self.written()
        with pytest.raises(Fenced) as caught:
            self.intend(effect, fence=fence, room=room)
        assert self.written() == before
        return caught.value

    def stopped(self, effect: Effect, *, room: int | None = None) -> Stop | None:
        """What stopped an intent, or None when it stands."""
        try:
            self.intend(effect, fence=OURS, room=room)
        except Fenced as exc:
            return exc.stop
        return None

    def settle(self, effect: Effect, state: EffectState) -> Effect:
        settled = effect.model_copy(update={"state": state, "settled_at": records.AT})
        result = None
        if state in ENDED:
            result = records.result(effect.run, step=effect.step, outcome=Outcome(state.value))
        self.ledger.settle(settled, result)
        return settled


@pytest.fixture
def kept(tables: Tables) -> Kept:
    db = client("dynamodb")
    named = LedgerTables(ledger=tables.ledger, runs=tables.runs, cases=tables.cases, config=tables.config)
    config = DynamoConfig(tables.config, db)
    config.put_tenant(records.tenant())
    records.put_case(db, tables.cases, records.case())
    return Kept(DynamoLedger(named, db), DynamoRuns(tables.runs, db), config, db, tables)


def test_an_intent_is_stored_with_its_claim_and_its_share_of_the_pool(kept: Kept) -> None:
    effect = records.effect(held=records.claim(pool="payment-1", amount=1250))
    kept.intend(effect, fence=OURS, room=5000)
    assert kept.ledger.find(effect.run, effect.step, 0) == effect
    assert kept.ledger.of_run(effect.run) == (effect,)
    assert kept.open("payment-1") == 1250


def test_an_effect_nobody_intended_is_not_there(kept: Kept) -> None:
    assert kept.ledger.find(records.RUN, records.REFUND, 0) is None
    assert kept.ledger.of_run(records.RUN) == ()


# -- what stops an intent


def test_the_same_effect_is_intended_once(kept: Kept) -> None:
    effect = records.effect()
    kept.intend(effect, fence=OURS, room=None)
    assert kept.refused(effect).stop is Stop.INTENDED


@pytest.mark.parametrize("state", list(EffectState))
def test_an_effect_in_any_state_is_not_intended_again(kept: Kept, state: EffectState) -> None:
    effect = records.effect(held=records.claim(pool="payment-1", amount=100))
    kept.intend(effect, fence=OURS, room=5000)
    kept.settle(effect, state)
    assert kept.refused(effect, room=5000).stop is Stop.INTENDED


def test_a_claim_of_another_run_refuses_and_names_its_holder(kept: Kept) -> None:
    kept.intend(records.effect(held=records.claim()), fence=OURS, room=None)
    stopped = kept.refused(records.effect(OTHER_RUN, held=records.claim()))
    assert (stopped.stop, stopped.holder) == (Stop.CLAIMED, records.RUN)


def test_a_claim_of_another_step_of_the_same_run_refuses(kept: Kept) -> None:
    kept.intend(records.effect(held=records.claim()), fence=OURS, room=None)
    second = records.effect(step=StepId("again"), held=records.claim())
    assert kept.refused(second).stop is Stop.CLAIMED


def test_claims_of_two_tenants_do_not_meet(kept: Kept) -> None:
    other = TenantId("other")
    kept.config.put_tenant(records.tenant().model_copy(update={"id": other}))
    kept.intend(records.effect(held=records.claim()), fence=OURS, room=None)
    effect = records.effect(OTHER_RUN, held=records.claim(), tenant=other)
    kept.intend(effect, fence=NO_CASE, room=None)
    assert kept.ledger.find(OTHER_RUN, records.REFUND, 0) == effect


@pytest.mark.parametrize("room", [None, 0, 1249])
def test_a_claim_above_what_is_left_refuses(kept: Kept, room: int | None) -> None:
    effect = records.effect(held=records.claim(pool="payment-1", amount=1250))
    assert kept.refused(effect, room=room).stop is Stop.NO_ROOM


def test_a_claim_of_exactly_what_is_left_fits(kept: Kept) -> None:
    effect = records.effect(held=records.claim(pool="payment-1", amount=1250))
    kept.intend(effect, fence=OURS, room=1250)
    assert kept.open("payment-1") == 1250


def test_open_claims_and_a_new_one_may_not_exceed_what_is_left_together(kept: Kept) -> None:
    first = records.effect(held=records.claim("a", pool="payment-1", amount=3000))
    second = records.effect(OTHER_RUN, held=records.claim("b", pool="payment-1", amount=2001))
    kept.intend(first, fence=OURS, room=5000)
    assert kept.refused(second, room=5000).stop is Stop.NO_ROOM
    fits = records.effect(OTHER_RUN, held=records.claim("b", pool="payment-1", amount=2000))
    kept.intend(fits, fence=OURS, room=5000)
    assert kept.open("payment-1") == 5000


@pytest.mark.guarantee("effects:unknown-is-reconciled")
def test_an_unknown_effect_closes_its_run_to_others_but_not_to_itself(kept: Kept) -> None:
    unknown = records.effect()
    kept.intend(unknown, fence=OURS, room=None)
    open_ = kept.settle(unknown, EffectState.UNKNOWN)
    assert kept.refused(records.effect(step=records.REPLY)).stop is Stop.UNKNOWN
    later = unknown.model_copy(update={"attempt": 2})
    kept.ledger.take_over(later, before=open_)
    kept.ledger.permit(later, fence=OURS)
    with pytest.raises(Fenced) as caught:
        kept.ledger.permit(records.effect(step=records.REPLY), fence=OURS)
    assert caught.value.stop is Stop.UNKNOWN
    kept.intend(records.effect(OTHER_RUN), fence=OURS, room=None)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_a_run_is_open_again_once_its_unknown_effect_is_settled(kept: Kept, state: EffectState) -> None:
    unknown = records.effect()
    kept.intend(unknown, fence=OURS, room=None)
    kept.settle(kept.settle(unknown, EffectState.UNKNOWN), state)
    kept.intend(records.effect(step=records.REPLY), fence=OURS, room=None)


def test_two_unknown_effects_both_have_to_be_settled(kept: Kept) -> None:
    first, second = records.effect(), records.effect(step=records.REPLY)
    for effect in (first, second):
        kept.intend(effect, fence=OURS, room=None)
    for effect in (first, second):
        kept.settle(effect, EffectState.UNKNOWN)
    kept.settle(first, EffectState.DONE)
    third = records.effect(step=StepId("third"))
    assert kept.refused(third).stop is Stop.UNKNOWN
    kept.settle(second, EffectState.NOT_DONE)
    kept.intend(third, fence=OURS, room=None)


def _locked(kept: Kept) -> None:
    locked = records.case(lock=Lock(reason="legal", at=records.AT))
    records.put_case(kept.db, kept.tables.cases, locked)


def _newer(kept: Kept) -> None:
    records.put_case(kept.db, kept.tables.cases, records.case(generation=2))


def _with_person(kept: Kept) -> None:
    records.put_case(kept.db, kept.tables.cases, records.case(status=CaseStatus.WITH_PERSON))


def _closed(kept: Kept) -> None:
    records.put_case(kept.db, kept.tables.cases, records.case(status=CaseStatus.CLOSED))


def _missing(kept: Kept) -> None:
    kept.db.delete_item(TableName=kept.tables.cases, Key=key(f"case#{records.CASE}", "meta"))


def _halted(kept: Kept) -> None:
    kept.config.put_tenant(records.tenant(halted=True))


def _no_tenant(kept: Kept) -> None:
    kept.db.delete_item(TableName=kept.tables.config, Key=key(f"tenant#{records.ACME}", "meta"))


WORLD: list[tuple[Callable[[Kept], None], Stop]] = [
    (_locked, Stop.CASE),
    (_newer, Stop.OUTDATED),
    (_with_person, Stop.CASE),
    (_closed, Stop.CASE),
    (_missing, Stop.CASE),
    (_halted, Stop.HALTED),
    (_no_tenant, Stop.HALTED),
]


@pytest.mark.parametrize(("change", "stop"), WORLD)
def test_a_case_or_tenant_that_was_taken_away_stops_intent_and_permit(
    kept: Kept, change: Callable[[Kept], None], stop: Stop
) -> None:
    before = records.effect(OTHER_RUN)
    kept.intend(before, fence=OURS, room=None)
    change(kept)
    effect = records.effect(held=records.claim(pool="payment-1", amount=100))
    assert kept.refused(effect, room=5000).stop is stop
    with pytest.raises(Fenced) as caught:
        kept.ledger.permit(before, fence=OURS)
    assert caught.value.stop is stop


def test_a_run_without_a_case_needs_no_case(kept: Kept) -> None:
    _missing(kept)
    effect = records.effect()
    kept.intend(effect, fence=NO_CASE, room=None)
    kept.ledger.permit(effect, fence=NO_CASE)
    _halted(kept)
    assert kept.refused(records.effect(OTHER_RUN), fence=NO_CASE).stop is Stop.HALTED


# -- claims: given back, kept, held for a while


@pytest.mark.parametrize("state", [EffectState.REJECTED, EffectState.NOT_DONE])
def test_a_claim_is_given_back_when_nothing_happened(kept: Kept, state: EffectState) -> None:
    held = records.claim(pool="payment-1", amount=5000)
    effect = records.effect(held=held)
    kept.intend(effect, fence=OURS, room=5000)
    kept.settle(effect, state)
    assert kept.open("payment-1") == 0
    kept.intend(records.effect(OTHER_RUN, held=held), fence=OURS, room=5000)


@pytest.mark.parametrize("state", [EffectState.INTENT, EffectState.RELEASED, EffectState.UNKNOWN])
def test_a_claim_is_kept_while_the_effect_may_yet_happen(kept: Kept, state: EffectState) -> None:
    held = records.claim(pool="payment-1", amount=1000)
    effect = records.effect(held=held)
    kept.intend(effect, fence=OURS, room=5000)
    kept.settle(effect, state)
    assert kept.open("payment-1") == 1000
    years_later = records.effect(OTHER_RUN, held=held, at=records.AT + timedelta(days=4000))
    assert kept.refused(years_later, room=5000).stop is Stop.CLAIMED


def test_a_claim_that_was_used_is_never_given_again(kept: Kept) -> None:
    held = records.claim(pool="payment-1", amount=1000)
    effect = records.effect(held=held)
    kept.intend(effect, fence=OURS, room=5000)
    kept.settle(effect, EffectState.DONE)
    assert kept.open("payment-1") == 0  # the vendor counts it now
    years_later = records.effect(OTHER_RUN, held=held, at=records.AT + timedelta(days=4000))
    assert kept.refused(years_later, room=5000).stop is Stop.CLAIMED


@pytest.mark.parametrize(
    ("hold", "after", "free"),
    [(600, 0, False), (600, 599, False), (600, 600, False), (600, 601, True), (0, 1, True)],
)
def test_a_claim_with_a_hold_is_free_again_after_it(kept: Kept, hold: int, after: int, free: bool) -> None:  # noqa: FBT001  # a table's column
    held = records.claim("message:conv-1", hold=hold)
    effect = records.effect(held=held)
    kept.intend(effect, fence=OURS, room=None)
    kept.settle(effect, EffectState.DONE)
    later = records.effect(OTHER_RUN, held=held, at=records.AT + timedelta(seconds=after))
    if free:
        kept.intend(later, fence=OURS, room=None)
        third = records.effect(RunId("run_third"), held=held, at=later.attempted_at)
        assert kept.refused(third).holder == OTHER_RUN
    else:
        assert kept.refused(later).stop is Stop.CLAIMED


# -- attempts


def taken(effect: Effect, at: datetime) -> Effect:
    changes = {
        "attempt": effect.attempt + 1,
        "state": EffectState.INTENT,
        "attempted_at": at,
        "lease_until": at + timedelta(seconds=60),
    }
    return effect.model_copy(update=changes)


def test_of_two_who_take_over_exactly_one_wins(kept: Kept) -> None:
    effect = records.effect()
    kept.intend(effect, fence=OURS, room=None)

    def take(n: int) -> int | None:
        mine = taken(effect, records.AT + timedelta(seconds=n))
        try:
            kept.ledger.take_over(mine, before=effect)
        except Fenced:
            return None
        return n

    with ThreadPoolExecutor(8) as pool:
        won = [n for n in pool.map(take, range(8)) if n is not None]
    found = kept.ledger.find(effect.run, effect.step, 0)
    assert found is not None
    assert found.attempt == 2
    assert [records.AT + timedelta(seconds=n) for n in won] == [found.attempted_at]


def test_an_effect_that_was_settled_meanwhile_cannot_be_taken_over(kept: Kept) -> None:
    effect = records.effect()
    kept.intend(effect, fence=OURS, room=None)
    settled = kept.settle(effect, EffectState.DONE)
    with pytest.raises(Fenced):
        kept.ledger.take_over(taken(effect, records.AT), before=effect)
    assert kept.ledger.find(effect.run, effect.step, 0) == settled


def test_taking_over_needs_no_case_and_no_leave(kept: Kept) -> None:
    effect = records.effect()
    kept.intend(effect, fence=OURS, room=None)
    _locked(kept)
    _halted(kept)
    kept.ledger.take_over(taken(effect, records.AT), before=effect)


@pytest.mark.parametrize("state", [s for s in EffectState if s is not EffectState.INTENT])
def test_an_outdated_attempt_settles_nothing(kept: Kept, state: EffectState) -> None:
    effect = records.effect(held=records.claim(pool="payment-1", amount=1000))
    kept.intend(effect, fence=OURS, room=5000)
    kept.ledger.take_over(taken(effect, records.AT), before=effect)
    before = kept.written()
    with pytest.raises(Conflict):
        kept.settle(effect, state)
    assert kept.written() == before
    assert kept.runs.results(effect.run) == {}


@pytest.mark.parametrize("first", sorted(ENDED))
@pytest.mark.parametrize("second", [s for s in EffectState if s is not EffectState.INTENT])
def test_what_is_settled_stays_settled(kept: Kept, first: EffectState, second: EffectState) -> None:
    effect = records.effect(held=records.claim(pool="payment-1", amount=1000))
    kept.intend(effect, fence=OURS, room=5000)
    settled = kept.settle(effect, first)
    with pytest.raises(Conflict):
        kept.settle(effect, second)
    assert kept.ledger.find(effect.run, effect.step, 0) == settled
    assert kept.runs.results(effect.run)[effect.step].outcome.value == first.value
    assert kept.open("payment-1") == 0


def test_a_released_effect_is_free_for_the_next_attempt(kept: Kept) -> None:
    effect = records.effect(held=records.claim(pool="payment-1", amount=1000))
    kept.intend(effect, fence=OURS, room=5000)
    kept.ledger.release(effect)
    released = kept.ledger.find(effect.run, effect.step, 0)
    assert released is not None
    assert released.state is EffectState.RELEASED
    again = taken(released, records.AT + timedelta(seconds=1))
    kept.ledger.take_over(again, before=released)
    kept.settle(again, EffectState.DONE)
    assert kept.open("payment-1") == 0


def test_an_effect_and_its_result_are_stored_together(kept: Kept) -> None:
    effect = records.effect()
    kept.intend(effect, fence=OURS, room=None)
    kept.settle(effect, EffectState.DONE)
    assert kept.runs.results(effect.run)[effect.step].outcome is Outcome.DONE


def test_what_really_happened_replaces_a_refusal_that_was_written_meanwhile(kept: Kept) -> None:
    effect = records.effect()
    kept.intend(effect, fence=OURS, room=None)
    kept.runs.keep(records.result(outcome=Outcome.REJECTED, code="refund.nothing_left"))
    kept.settle(effect, EffectState.DONE)
    assert kept.runs.results(effect.run)[effect.step].outcome is Outcome.DONE


# -- the pool, whatever happens


@dataclass
class Payment:
    """A payment at a vendor, and what our ledger has under way on it."""

    captured: int
    refunded: int = 0
    under_way: list[Effect] = field(default_factory=list)

    @property
    def room(self) -> int:
        return self.captured - self.refunded

    @property
    def claimed(self) -> int:
        return sum(e.claim.amount.amount for e in self.under_way if e.claim and e.claim.amount)


moves = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.integers(1, 600)),
        st.tuples(
            st.sampled_from(["done", "rejected", "not_done", "unknown", "released"]), st.integers(0, 5)
        ),
    ),
    min_size=1,
    max_size=25,
)


@pytest.mark.guarantee("effects:never-over-refund")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(captured=st.integers(1, 1500), wanted=moves)
def test_claimed_and_refunded_never_exceed_captured(
    kept: Kept, captured: int, wanted: list[tuple[str, int]]
) -> None:
    payment, pool = Payment(captured), f"payment-{next(POOLS)}"
    for n, (move, value) in enumerate(wanted):
        if move == "claim":
            held = records.claim(f"{pool}/{n}", pool=pool, amount=value)
            effect = records.effect(RunId(f"run_{pool}_{n}"), held=held)
            fits = payment.claimed + value <= payment.room
            assert kept.stopped(effect, room=payment.room) is (None if fits else Stop.NO_ROOM)
            if fits:
                payment.under_way.append(effect)
        elif payment.under_way:
            _end(kept, payment, value % len(payment.under_way), EffectState(move.upper()))
        assert payment.claimed + payment.refunded <= payment.captured
        assert kept.open(pool) == payment.claimed


def _end(kept: Kept, payment: Payment, at: int, state: EffectState) -> None:
    effect = kept.settle(payment.under_way[at], state)
    if state not in ENDED:
        return
    del payment.under_way[at]
    if state is EffectState.DONE and effect.claim and effect.claim.amount:
        payment.refunded += effect.claim.amount.amount


@pytest.mark.guarantee("effects:never-over-refund")
def test_an_intent_does_not_rest_on_what_was_left_before_another_was_settled(kept: Kept) -> None:
    first, second = (
        records.effect(RunId(f"run_{n}"), held=records.claim(f"line-{n}", pool="payment-1", amount=700))
        for n in (1, 2)
    )
    kept.intend(first, fence=OURS, room=1000)
    seen = Headroom(left=1000, drawn=kept.ledger.drawn(second.tenant, "payment-1"))
    kept.settle(first, EffectState.DONE)
    with pytest.raises(Fenced) as caught:
        kept.ledger.intend(second, fence=OURS, room=seen)
    assert caught.value.stop is Stop.NO_ROOM
    assert kept.open("payment-1") == 0


@pytest.mark.guarantee("effects:never-over-refund")
def test_of_many_claims_at_once_only_those_that_fit_are_taken(kept: Kept) -> None:
    def take(n: int) -> int:
        effect = records.effect(
            RunId(f"run_{n}"), held=records.claim(f"line-{n}", pool="payment-1", amount=300)
        )
        for _ in range(50):
            try:
                return 300 if kept.stopped(effect, room=1000) is None else 0
            except Conflict:
                continue  # contended: nothing was written
        return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(12))) == 900
    assert kept.open("payment-1") == 900


@pytest.mark.guarantee("effects:one-claim-across-cases")
def test_of_many_runs_at_once_one_gets_the_claim(kept: Kept) -> None:
    def take(n: int) -> str | None:
        try:
            kept.intend(records.effect(RunId(f"run_{n}"), held=records.claim()), fence=OURS, room=None)
        except (Fenced, Conflict):
            return None
        return f"run_{n}"

    with ThreadPoolExecutor(8) as pool:
        won = [run for run in pool.map(take, range(12)) if run is not None]
    assert len(won) == 1
    assert kept.refused(records.effect(OTHER_RUN, held=records.claim())).holder == won[0]


# -- writers that meet


def test_writers_that_meet_try_again(kept: Kept) -> None:
    effect = records.effect(held=records.claim(pool="payment-1", amount=100))
    with answering(kept.db, "TransactWriteItems", Contention(3)):
        kept.intend(effect, fence=OURS, room=5000)
    with answering(kept.db, "TransactWriteItems", Contention(3)):
        kept.settle(effect, EffectState.DONE)
    assert kept.runs.results(effect.run)[effect.step].outcome is Outcome.DONE
    assert kept.open("payment-1") == 0


def test_writers_that_meet_over_and_over_give_up_with_nothing_written(kept: Kept) -> None:
    effect = records.effect()
    before = kept.written()
    with answering(kept.db, "TransactWriteItems", Contention(100)), pytest.raises(Conflict):
        kept.intend(effect, fence=OURS, room=None)
    assert kept.written() == before
    kept.intend(effect, fence=OURS, room=None)
    with answering(kept.db, "TransactWriteItems", Contention(100)), pytest.raises(Conflict):
        kept.settle(effect, EffectState.DONE)
    assert kept.ledger.find(effect.run, effect.step, 0) == effect


def test_another_fault_of_a_transaction_is_not_taken_for_a_meeting(kept: Kept) -> None:
    effect = records.effect()
    fault = "ItemCollectionSizeLimitExceeded"
    cancelled = kept.db.exceptions.TransactionCanceledException
    with answering(kept.db, "TransactWriteItems", Contention(1, fault)), pytest.raises(cancelled):
        kept.intend(effect, fence=OURS, room=None)
    kept.intend(effect, fence=OURS, room=None)
    with answering(kept.db, "TransactWriteItems", Contention(1, fault)), pytest.raises(cancelled):
        kept.settle(effect, EffectState.DONE)
    kept.settle(effect, EffectState.DONE)
