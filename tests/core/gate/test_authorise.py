"""The stage on real tables: one verdict, one reservation, one line in the log, whatever dies in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.windows import DynamoWindows
from nightshift.errors import Conflict, Misconfigured, NotFound
from nightshift.gate.authorise import authorise
from nightshift.ids import CaseId, RunId, StepId
from nightshift.model.case import RunOutcome
from nightshift.model.log import EntryKind
from nightshift.model.policy import Window
from nightshift.model.tenant import Channel, Tenant
from nightshift.model.verdict import Decision, Lane, Move
from nightshift.ports.windows import Reservation, WindowKey
from tests.core.gate.crowd import insist, together
from tests.core.gate.plans import (
    DEFAULT_POLICY,
    LIVE,
    NOW,
    ORDER,
    QUOTE,
    SHOP,
    STANDARD,
    TENANT,
    TOOLS,
    money,
    proposal,
    refund,
    reply,
    step,
    use,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightshift.model.plan import Proposal
    from nightshift.model.policy import Policy
    from nightshift.model.verdict import RunState, Verdict
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

RUN = RunId("run_1")
CASE = CaseId("case_1")
CUSTOMER = WindowKey(tenant=TENANT, customer="cus-1", tool="payments.refund")
STORE = WindowKey(tenant=TENANT, customer=None, tool="payments.refund")


@dataclass
class Store:
    """A tenant with its tables, and the gate over them."""

    tables: Tables
    clock: FixedClock
    locked: set[CaseId] = field(default_factory=set)

    def __post_init__(self) -> None:
        db = client("dynamodb")
        self.runs = DynamoRuns(self.tables.runs, db)
        self.config = DynamoConfig(self.tables.config, db)
        self.windows = DynamoWindows(self.tables.ledger, db)
        self.limits = DynamoLimits(self.tables.limits, db)
        self.log = DynamoActionLog(self.tables.log, db)
        self.policy(DEFAULT_POLICY)
        for id_, known in LIVE.items():
            self.config.put_channel(
                Channel(
                    id=id_, tenant=TENANT, adapter=known.adapter, account="acme", base_url="http://x",
                    secret_ref="x", live_tools=known.live_tools,
                )
            )  # fmt: skip

    def policy(self, policy: Policy, *, halted: bool = False) -> None:
        self.config.put_policy(TENANT, policy)
        self.config.put_tenant(Tenant(id=TENANT, name="Acme", policy_version=policy.version, halted=halted))

    def gate(
        self, run: RunId = RUN, *, runs: DynamoRuns | None = None, windows: DynamoWindows | None = None
    ) -> RunState:
        return authorise(
            run,
            3,
            runs=runs or self.runs,
            config=self.config,
            locks=_Locks(self.locked),
            windows=windows or self.windows,
            limits=self.limits,
            log=self.log,
            catalog=TOOLS,
            clock=self.clock,
        )

    def propose(self, given: Proposal) -> Verdict:
        """Propose a plan and have it judged."""
        self.runs.propose(given)
        self.gate(given.run)
        return self.runs.verdict(given.run)

    def reserved(self, key: WindowKey) -> list[tuple[str, str, int | None, str]]:
        found = self.windows.load([key])[0].uses
        return [(u.run, u.step, u.amount.amount if u.amount else None, u.state) for u in found]


@dataclass
class _Locks:
    cases: set[CaseId]

    def locked(self, case: CaseId) -> bool:
        return case in self.cases


@pytest.fixture
def store(tables: Tables, clock: FixedClock) -> Store:
    clock.at = NOW
    return Store(tables, clock)


MINE = [("run_1", "refund", 2000, "reserved")]


def test_an_allowed_plan_is_reserved_kept_and_begun(store: Store):
    store.runs.propose(proposal(*STANDARD))
    state = store.gate()
    lane = Lane(adapter="shopify", steps=(StepId("order"), StepId("quote")))
    assert state.move == Move(index=0, next="one", lanes=(lane,))
    assert (state.run, state.generation, state.ask_seconds) == (RUN, 3, 86_400)
    assert store.runs.verdict(RUN).decision is Decision.ALLOW
    assert store.reserved(CUSTOMER) == store.reserved(STORE) == MINE


def test_the_log_says_what_was_decided_and_by_which_rules(store: Store):
    given = proposal(ORDER, QUOTE, refund(9000))
    verdict = store.propose(given)
    (entry,) = store.log.read(CASE)
    assert (entry.kind, entry.actor, entry.at) == (EntryKind.VERDICT_GIVEN, "gate", NOW)
    assert entry.detail["decision"] == "ASK"
    assert entry.detail["tier"] == "APPROVE"
    assert entry.detail["policy"] == 1
    assert entry.detail["plan"] == verdict.plan_digest
    assert entry.detail["steps"] == {"order": "read", "quote": "read", "refund": "tier"}
    assert entry.detail["findings"] == ["tier"]


def test_a_run_without_a_case_is_logged_under_its_own_name(store: Store):
    store.propose(proposal(*STANDARD, case=None))
    assert [entry.kind for entry in store.log.read(RUN)] == [EntryKind.VERDICT_GIVEN]


def test_a_repeated_call_gives_the_same_and_does_nothing_twice(store: Store):
    store.runs.propose(proposal(*STANDARD))
    first = store.gate()
    verdict, counter = store.runs.verdict(RUN), store.windows.load([CUSTOMER])
    store.clock.advance(60)
    store.policy(DEFAULT_POLICY, halted=True)
    assert store.gate() == first
    assert store.runs.verdict(RUN) == verdict
    assert store.windows.load([CUSTOMER]) == counter
    assert len(store.log.read(CASE)) == 1


def test_a_plan_that_asks_counts_until_it_is_settled(store: Store):
    assert store.propose(proposal(ORDER, QUOTE, refund(9000))).decision is Decision.ASK
    assert store.reserved(CUSTOMER) == [("run_1", "refund", 9000, "reserved")]
    second = proposal(*STANDARD, run=RunId("run_2"))
    assert store.propose(second).decision is Decision.ASK


def test_a_refused_plan_reserves_nothing(store: Store):
    assert store.propose(proposal(ORDER, QUOTE, refund(30_000))).decision is Decision.REFUSE
    assert store.reserved(CUSTOMER) == store.reserved(STORE) == []
    assert [m.next for m in store.runs.verdict(RUN).moves] == ["settle"]


def test_a_plan_in_shadow_reserves_nothing(store: Store):
    shop = store.config.channel(TENANT, SHOP)
    store.config.put_channel(shop.model_copy(update={"live_tools": frozenset()}))
    verdict = store.propose(proposal(*STANDARD))
    assert verdict.shadow
    assert verdict.decision is Decision.ALLOW
    assert store.reserved(CUSTOMER) == []


@pytest.mark.parametrize("case", [CASE, None])
def test_a_lock_or_a_halt_refuses(store: Store, case: CaseId | None):
    store.locked.add(CASE)
    verdict = store.propose(proposal(*STANDARD, case=case))
    assert (verdict.decision is Decision.REFUSE) == (case is CASE)
    store.policy(DEFAULT_POLICY, halted=True)
    halted = store.propose(proposal(*STANDARD, run=RunId("run_2"), case=None))
    assert [f.rule for f in halted.findings if f.decision is Decision.REFUSE] == ["halted"]


def test_a_channel_of_another_tenant_is_unknown(store: Store):
    foreign = store.config.channel(TENANT, SHOP).model_copy(update={"id": "theirs", "tenant": "other"})
    store.config.put_channel(foreign)
    verdict = store.propose(proposal(step("order", "orders.get", {"order": "1"}, channel="theirs")))
    assert [f.rule for f in verdict.findings] == ["channel"]


def test_only_windows_that_the_plan_touches_are_reserved(store: Store):
    store.propose(proposal(reply()))
    assert store.windows.load([CUSTOMER, STORE])[0].version == 0


def test_an_unknown_customers_plan_counts_towards_the_stores_day(store: Store):
    verdict = store.propose(proposal(*STANDARD, customer=None))
    assert verdict.decision is Decision.ASK
    assert store.reserved(STORE) == MINE


def test_a_use_inside_the_longest_window_outlives_every_write(store: Store):
    def window(name: str, days: int) -> Window:
        return Window(
            name=name, tool="payments.refund", per="customer", days=days, count=9, then=Decision.ASK
        )

    three = (window("month", 30), window("quarter", 90), window("day", 1))
    store.policy(DEFAULT_POLICY.model_copy(update={"version": 2, "windows": three}))
    for number, days_ago in enumerate((92, 91, 90, 89, 0)):
        store.clock.at = NOW - timedelta(days=days_ago)
        run = RunId(f"run_{number}")
        given = proposal(*STANDARD, run=run)
        store.propose(given)
        store.windows.settle(given, {StepId("refund"): money(1)}, at=store.clock.now())
    counter = store.windows.load([CUSTOMER])[0]
    assert counter.uses == ()
    days = [(NOW - total.begins).days for total in counter.totals for _ in range(total.count)]
    assert days == [91, 90, 89, 0]


def test_a_question_nobody_answered_yet_is_not_dropped_from_a_day_s_window(store: Store):
    day = Window(name="day", tool="payments.refund", per="customer", days=1, count=1, then=Decision.REFUSE)
    store.policy(DEFAULT_POLICY.model_copy(update={"version": 2, "windows": (day,)}))
    assert store.propose(proposal(ORDER, QUOTE, refund(9000))).decision is Decision.ASK
    store.clock.at = NOW + timedelta(days=29)
    assert store.propose(proposal(*STANDARD, run=RunId("run_2"))).decision is Decision.REFUSE
    bigger = day.model_copy(update={"count": 2})
    store.policy(DEFAULT_POLICY.model_copy(update={"version": 3, "windows": (bigger,)}))
    assert store.propose(proposal(*STANDARD, run=RunId("run_3"))).decision is Decision.ALLOW
    assert [name for name, *_ in store.reserved(CUSTOMER)] == ["run_1", "run_3"]


def test_days_begin_in_the_tenants_time_zone(store: Store):
    store.policy(DEFAULT_POLICY.model_copy(update={"version": 2, "timezone": "Pacific/Auckland"}))
    store.clock.at = NOW.replace(hour=10)  # 23:00 in Auckland
    store.propose(proposal(ORDER, QUOTE, refund(2000), customer="cus-9"))
    before = [use(197_000, NOW.replace(hour=10), run="run_8")]
    counter = store.windows.load([STORE])[0]
    store.windows.reserve(
        RunId("run_8"), [Reservation(counter=counter, uses=tuple(before), keep_from=NOW - timedelta(9))]
    )
    late = proposal(*STANDARD, run=RunId("run_2"), customer="cus-2")
    assert store.propose(late).decision is Decision.REFUSE
    store.clock.at = NOW.replace(hour=11, minute=1)  # past midnight in Auckland, still the same day in UTC
    settled = proposal(ORDER, QUOTE, refund(2000), customer="cus-9")
    store.windows.settle(settled, {}, at=store.clock.now())
    next_day = proposal(*STANDARD, run=RunId("run_3"), customer="cus-3")
    assert store.propose(next_day).decision is Decision.ALLOW


def test_a_time_zone_that_does_not_exist_stops_the_run(store: Store):
    store.policy(DEFAULT_POLICY.model_copy(update={"version": 2, "timezone": "Mars/Olympus"}))
    store.runs.propose(proposal(*STANDARD))
    with pytest.raises(Misconfigured):
        store.gate()


def test_a_run_without_a_plan_is_not_found(store: Store):
    with pytest.raises(NotFound):
        store.gate(RunId("run_none"))


# --- crashes --------------------------------------------------------------------------------------


class Died(Exception):
    """The Lambda was killed here."""


class DiesBeforeGiving(DynamoRuns):
    """Killed between reservation and verdict."""

    def give(self, verdict: Verdict) -> Verdict:
        raise Died(verdict.run)


class DiesAfterGiving(DynamoRuns):
    """Killed between verdict and log."""

    def give(self, verdict: Verdict) -> Verdict:
        super().give(verdict)
        raise Died(verdict.run)


def test_a_crash_before_the_verdict_leaves_one_reservation_after_the_retry(store: Store):
    store.runs.propose(proposal(*STANDARD))
    with pytest.raises(Died):
        store.gate(runs=DiesBeforeGiving(store.tables.runs, client("dynamodb")))
    assert store.reserved(CUSTOMER) == MINE
    assert store.gate().move.next == "one"
    assert store.reserved(CUSTOMER) == store.reserved(STORE) == MINE
    assert store.runs.verdict(RUN).decision is Decision.ALLOW


def test_a_crash_before_the_verdict_and_a_halt_after_it_free_the_reservation(store: Store):
    store.runs.propose(proposal(*STANDARD))
    with pytest.raises(Died):
        store.gate(runs=DiesBeforeGiving(store.tables.runs, client("dynamodb")))
    store.policy(DEFAULT_POLICY, halted=True)
    assert store.gate().move.next == "settle"
    assert store.reserved(CUSTOMER) == store.reserved(STORE) == []


def test_a_crash_after_the_verdict_still_gets_its_line_in_the_log(store: Store):
    store.runs.propose(proposal(*STANDARD))
    with pytest.raises(Died):
        store.gate(runs=DiesAfterGiving(store.tables.runs, client("dynamodb")))
    assert store.log.read(CASE) == ()
    store.gate()
    assert len(store.log.read(CASE)) == 1
    assert store.reserved(CUSTOMER) == MINE


@dataclass
class Racing(DynamoWindows):
    """Another run gets into the same counters right before this one, so many times."""

    store: Store
    times: int

    def __post_init__(self) -> None:
        super().__init__(self.store.tables.ledger)

    def reserve(self, run: RunId, reservations: Sequence[Reservation]) -> None:
        if self.times > 0:
            self.times -= 1
            fresh = self.load([STORE])[0]
            other = use(198_500, NOW, run="run_other", state="reserved")
            super().reserve(
                RunId("run_other"), [Reservation(counter=fresh, uses=(other,), keep_from=NOW - timedelta(31))]
            )
        super().reserve(run, reservations)


def test_a_run_that_lost_a_race_is_judged_by_what_the_winner_left(store: Store):
    store.runs.propose(proposal(*STANDARD))
    assert store.gate(windows=Racing(store, 1)).move.next == "settle"
    verdict = store.runs.verdict(RUN)
    assert [f.rule for f in verdict.findings] == ["window:refunds-a-day-eur"]
    assert [use[0] for use in store.reserved(STORE)] == ["run_other"]


def test_a_run_that_always_loses_decides_nothing(store: Store):
    store.policy(DEFAULT_POLICY.model_copy(update={"version": 2, "windows": DEFAULT_POLICY.windows[:1]}))
    store.runs.propose(proposal(*STANDARD))

    class Hopeless(DynamoWindows):
        def reserve(self, run: RunId, reservations: Sequence[Reservation]) -> None:
            fresh = self.load([CUSTOMER])[0]
            again = (use(0, NOW, run=f"run_{fresh.version}", state="done"),)
            super().reserve(
                RunId("run_x"), [Reservation(counter=fresh, uses=again, keep_from=NOW - timedelta(31))]
            )
            super().reserve(run, reservations)

    with pytest.raises(Conflict):
        store.gate(windows=Hopeless(store.tables.ledger))
    with pytest.raises(NotFound):
        store.runs.verdict(RUN)
    assert store.log.read(CASE) == ()


def test_a_verdict_that_another_attempt_gave_first_stands_and_frees_what_this_one_took(store: Store):
    store.runs.propose(proposal(*STANDARD))

    class Slow(DynamoRuns):
        """While it decided, another attempt refused."""

        def give(self, verdict: Verdict) -> Verdict:
            settle = (Move(index=0, next="settle"),)
            refused = verdict.model_copy(update={"decision": Decision.REFUSE, "moves": settle})
            super().give(refused)
            return super().give(verdict)

    assert store.gate(runs=Slow(store.tables.runs, client("dynamodb"))).move.next == "settle"
    assert store.reserved(CUSTOMER) == store.reserved(STORE) == []


def test_a_gate_that_comes_after_the_end_of_its_run_leaves_no_reservation(store: Store):
    store.runs.propose(proposal(*STANDARD))

    class Slow(DynamoRuns):
        """While it reserved, the next generation judged, carried out and settled the run."""

        def give(self, verdict: Verdict) -> Verdict:
            super().give(verdict.model_copy(update={"decided_at": NOW - timedelta(seconds=9)}))
            self.settle(RunOutcome(run=RUN, status="DONE", settled_at=NOW))
            return super().give(verdict)

    store.gate(runs=Slow(store.tables.runs, client("dynamodb")))
    assert store.reserved(CUSTOMER) == store.reserved(STORE) == []


# --- many at once ---------------------------------------------------------------------------------


def test_a_window_holds_under_eight_threads(store: Store):
    bound = Window(
        name="cap", tool="payments.refund", per="tenant", days=1, amount=money(10_000), then=Decision.REFUSE
    )
    store.policy(DEFAULT_POLICY.model_copy(update={"version": 2, "windows": (bound,)}))
    names = [RunId(f"run_{number}") for number in range(16)]
    for name in names:
        store.runs.propose(proposal(*STANDARD, run=name, case=CaseId(f"case_{name}"), customer=name))

    def work(number: int) -> None:
        for name in names[number::8]:
            insist(partial(store.gate, name))

    together(work)
    decisions = [store.runs.verdict(name).decision for name in names]
    assert decisions.count(Decision.ALLOW) == 5
    assert decisions.count(Decision.REFUSE) == 11
    assert sum(amount or 0 for _, _, amount, _ in store.reserved(STORE)) == 10_000


def test_one_run_judged_by_eight_threads_has_one_verdict_and_one_reservation(store: Store):
    store.runs.propose(proposal(*STANDARD))
    states: list[RunState] = []
    together(lambda _: insist(lambda: states.append(store.gate())))
    assert len(states) == 8
    assert all(state == states[0] for state in states)
    assert store.reserved(CUSTOMER) == store.reserved(STORE) == MINE
    assert len(store.log.read(CASE)) == 1
