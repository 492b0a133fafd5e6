"""Cumulative windows at the wire: nothing lost, nothing twice, and never more than a window allows."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.aws.client import client
from nightshift.aws.windows import DynamoWindows
from nightshift.errors import Conflict
from nightshift.gate.totals import fold
from nightshift.ids import RunId, StepId
from nightshift.ports.windows import Reservation, WindowCounter, WindowKey, WindowUse
from tests.core.gate.crowd import insist, together
from tests.core.gate.plans import NOW, ORDER, QUOTE, STANDARD, TENANT, money, proposal, refund, use

if TYPE_CHECKING:
    from datetime import datetime

    from nightshift.money import Money
    from tests.support.tables import Tables

CUSTOMER = WindowKey(tenant=TENANT, customer="cus-1", tool="payments.refund")
STORE = WindowKey(tenant=TENANT, customer=None, tool="payments.refund")
REFUND = StepId("refund")


@pytest.fixture
def windows(tables: Tables) -> DynamoWindows:
    return DynamoWindows(tables.ledger)


def reservation(
    counter: WindowCounter, run: str, amount: int | Money = 2000, *, at: datetime = NOW
) -> Reservation:
    uses = (use(amount, at, run=run, state="reserved"),)
    return Reservation(counter=counter, uses=uses, keep_from=at - timedelta(days=31))


def reserve(windows: DynamoWindows, run: str, *keys: WindowKey, at: datetime = NOW) -> None:
    counters = windows.load(keys)
    windows.reserve(RunId(run), [reservation(counter, run, at=at) for counter in counters])


def uses(windows: DynamoWindows, key: WindowKey) -> tuple[WindowUse, ...]:
    return windows.load([key])[0].uses


def test_what_nobody_used_is_empty_at_version_nothing(windows: DynamoWindows):
    assert windows.load([CUSTOMER, STORE]) == (WindowCounter(key=CUSTOMER), WindowCounter(key=STORE))
    assert windows.load([]) == ()


def test_a_reservation_stands_in_all_its_counters(windows: DynamoWindows):
    reserve(windows, "run_1", CUSTOMER, STORE)
    for counter in windows.load([CUSTOMER, STORE]):
        assert counter.version == 1
        assert counter.uses == (use(2000, NOW, run="run_1", state="reserved"),)


def test_a_use_without_money_is_counted_too(windows: DynamoWindows):
    plain = use(0, NOW, run="run_1").model_copy(update={"amount": None})
    counter = windows.load([CUSTOMER])[0]
    windows.reserve(RunId("run_1"), [Reservation(counter=counter, uses=(plain,), keep_from=NOW)])
    assert uses(windows, CUSTOMER) == (plain,)


def test_a_retry_reserves_nothing_twice(windows: DynamoWindows):
    reserve(windows, "run_0", CUSTOMER)
    for _ in range(3):
        reserve(windows, "run_1", CUSTOMER)
    assert [u.run for u in uses(windows, CUSTOMER)] == ["run_0", "run_1"]


def test_a_counter_that_changed_since_it_was_loaded_is_a_conflict_that_writes_nothing(windows: DynamoWindows):
    loaded = windows.load([CUSTOMER, STORE])
    reserve(windows, "run_0", STORE)
    with pytest.raises(Conflict):
        windows.reserve(RunId("run_1"), [reservation(counter, "run_1") for counter in loaded])
    assert uses(windows, CUSTOMER) == ()
    assert [u.run for u in uses(windows, STORE)] == ["run_0"]


def test_no_windows_means_nothing_to_reserve(windows: DynamoWindows):
    windows.reserve(RunId("run_1"), [])
    assert windows.load([CUSTOMER])[0].version == 0


def test_customers_tenants_and_tools_are_counted_apart(windows: DynamoWindows):
    reserve(windows, "run_1", CUSTOMER)
    others = [
        CUSTOMER.model_copy(update=change)
        for change in (
            {"customer": "cus-2"},
            {"customer": None},
            {"customer": "tenant"},
            {"customer": "=tenant"},
            {"tenant": "other"},
            {"tool": "orders.cancel"},
        )
    ]
    for index, key in enumerate(others):
        assert uses(windows, key) == (), key
        reserve(windows, f"run_{index}", key)
    assert len(uses(windows, CUSTOMER)) == 1
    assert all(len(uses(windows, key)) == 1 for key in others)


def test_what_no_window_reaches_is_dropped_when_it_is_written(windows: DynamoWindows):
    reserve(windows, "run_0", CUSTOMER, at=NOW)
    reserve(windows, "run_1", CUSTOMER, at=NOW + timedelta(days=31))
    reserve(windows, "run_2", CUSTOMER, at=NOW + timedelta(days=31, seconds=1))
    assert [u.run for u in uses(windows, CUSTOMER)] == ["run_1", "run_2"]


def test_a_counter_expires_only_after_every_window_has_passed(windows: DynamoWindows, tables: Tables):
    reserve(windows, "run_1", CUSTOMER)
    key = {"pk": {"S": "window#acme#cus-1#payments.refund"}, "sk": {"S": "window"}}
    stored = client("dynamodb").get_item(TableName=tables.ledger, Key=key)["Item"]
    assert int(stored["expires"]["N"]) >= (NOW + timedelta(days=31)).timestamp()


# --- settling -------------------------------------------------------------------------------------

LATER = NOW + timedelta(hours=5)


def test_settling_counts_what_really_moved_from_when_it_moved(windows: DynamoWindows):
    reserve(windows, "run_1", CUSTOMER, STORE)
    windows.settle(proposal(*STANDARD), {REFUND: money(1250)}, at=LATER)
    for counter in windows.load([CUSTOMER, STORE]):
        assert counter.uses == ()
        (total,) = counter.totals
        assert (total.count, total.moved) == (1, {"EUR": 1250})
        assert total.begins <= LATER < total.begins + timedelta(seconds=total.seconds)


def test_settling_takes_back_what_did_not_happen(windows: DynamoWindows):
    reserve(windows, "run_0", CUSTOMER)
    reserve(windows, "run_1", CUSTOMER, STORE)
    windows.settle(proposal(*STANDARD), {}, at=LATER)
    assert [u.run for u in uses(windows, CUSTOMER)] == ["run_0"]
    assert uses(windows, STORE) == ()


def test_settling_again_changes_nothing_whatever_it_says(windows: DynamoWindows):
    reserve(windows, "run_1", CUSTOMER)
    given = proposal(*STANDARD)
    windows.settle(given, {REFUND: money(1250)}, at=LATER)
    before = windows.load([CUSTOMER])
    windows.settle(given, {REFUND: money(1250)}, at=LATER)
    windows.settle(given, {}, at=LATER + timedelta(hours=1))
    windows.settle(given, {REFUND: money(9)}, at=LATER + timedelta(hours=1))
    assert windows.load([CUSTOMER]) == before


def test_settling_a_run_that_reserved_nothing_writes_nothing(windows: DynamoWindows):
    windows.settle(proposal(*STANDARD), {REFUND: money(1250)}, at=LATER)
    windows.settle(proposal(), {}, at=LATER)
    assert windows.load([CUSTOMER, STORE]) == (WindowCounter(key=CUSTOMER), WindowCounter(key=STORE))


def test_settling_a_run_without_a_known_customer_reaches_the_stores_counter(windows: DynamoWindows):
    reserve(windows, "run_1", STORE)
    windows.settle(proposal(*STANDARD, customer=None), {}, at=LATER)
    assert uses(windows, STORE) == ()


def test_every_step_of_a_run_is_settled_by_itself(windows: DynamoWindows):
    counter = windows.load([CUSTOMER])[0]
    both = (use(1000, NOW, run="run_1", state="reserved"),)
    both += (both[0].model_copy(update={"step": StepId("rest")}),)
    windows.reserve(RunId("run_1"), [Reservation(counter=counter, uses=both, keep_from=NOW)])
    given = proposal(ORDER, QUOTE, refund(1000), refund(1000, "rest"))
    windows.settle(given, {StepId("rest"): money(700)}, at=LATER)
    (counter,) = windows.load([CUSTOMER])
    assert counter.uses == ()
    assert [(total.count, total.moved) for total in counter.totals] == [(1, {"EUR": 700})]


def test_settling_that_loses_every_race_says_so_and_changes_nothing(windows: DynamoWindows, tables: Tables):
    class AlwaysLate(DynamoWindows):
        """Another run writes between its every read and write."""

        def _written(self, actions: list[Any]) -> bool:
            reserve(windows, f"run_{windows.load([CUSTOMER])[0].version}_other", CUSTOMER)
            return super()._written(actions)

    reserve(windows, "run_1", CUSTOMER)
    with pytest.raises(Conflict):
        AlwaysLate(tables.ledger).settle(proposal(*STANDARD), {}, at=LATER)
    assert "run_1" in [u.run for u in uses(windows, CUSTOMER)]


# --- many at once ---------------------------------------------------------------------------------


def test_eight_threads_lose_no_reservation(windows: DynamoWindows):
    def work(number: int) -> None:
        for turn in range(3):
            insist(partial(reserve, windows, f"run_{number}_{turn}", CUSTOMER, STORE))

    together(work)
    for counter in windows.load([CUSTOMER, STORE]):
        assert len({u.run for u in counter.uses}) == len(counter.uses) == 24
        assert counter.version == 24


def test_eight_threads_settle_without_losing_one_another(windows: DynamoWindows):
    for number in range(8):
        reserve(windows, f"run_{number}", CUSTOMER, STORE)

    def work(number: int) -> None:
        given = proposal(*STANDARD, run=RunId(f"run_{number}"))
        moved = {REFUND: money(number)} if number % 2 else {}
        insist(partial(windows.settle, given, moved, at=LATER))

    together(work)
    (store,) = windows.load([STORE])
    assert store.uses == ()
    assert [(total.count, total.moved) for total in store.totals] == [(4, {"EUR": 1 + 3 + 5 + 7})]


# --- size -----------------------------------------------------------------------------------------


def test_a_counter_of_uses_from_before_they_were_folded_is_read_and_folded(
    windows: DynamoWindows, tables: Tables
):
    counter = windows.load([CUSTOMER])[0]
    old = use(500, NOW, run="run_old", state="done")
    windows.reserve(RunId("run_old"), [Reservation(counter=counter, uses=(old,), keep_from=NOW)])
    key = {"pk": {"S": "window#acme#cus-1#payments.refund"}, "sk": {"S": "window"}}
    client("dynamodb").update_item(TableName=tables.ledger, Key=key, UpdateExpression="REMOVE totals")
    assert uses(windows, CUSTOMER) == (old,)
    reserve(windows, "run_1", CUSTOMER)
    windows.settle(proposal(*STANDARD), {REFUND: money(250)}, at=NOW)
    (counter,) = windows.load([CUSTOMER])
    assert counter.uses == ()
    assert [(total.count, total.moved) for total in counter.totals] == [(2, {"EUR": 750})]


def test_a_store_of_5000_refunds_a_day_stays_far_below_the_limit_of_an_item(
    windows: DynamoWindows, tables: Tables
):
    """31 days of it, folded as they would have been, written and measured as DynamoDB measures."""
    uses_of_a_month = (
        use(1250, NOW - timedelta(seconds=n * 17.28), run=f"run_{n}", state="done") for n in range(155_000)
    )
    _, totals = fold(uses_of_a_month, (), NOW)
    assert sum(total.count for total in totals) == 155_000
    counter = windows.load([STORE])[0].model_copy(update={"totals": totals})
    windows.reserve(RunId("run_1"), [reservation(counter, "run_1")])
    key = {"pk": {"S": "window#acme#tenant#payments.refund"}, "sk": {"S": "window"}}
    stored = client("dynamodb").get_item(TableName=tables.ledger, Key=key)["Item"]
    assert windows.load([STORE])[0].totals == totals
    assert len(json.dumps(stored)) < 60_000  # more than DynamoDB counts; 400 kB are allowed
