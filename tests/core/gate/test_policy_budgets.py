"""Budgets: of a customer, the store, a specialist, a workflow; of one tool, or of every write together."""

from __future__ import annotations

import operator
import random
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.aws.client import client
from nightshift.gate.decide import decide
from nightshift.ids import CaseId, RunId, StepId
from nightshift.model.plan import Principal
from nightshift.model.policy import Allowance, Window
from nightshift.model.verdict import Decision
from nightshift.ports.windows import EVERY_WRITE, WindowKey
from tests.core.gate.crowd import insist, together
from tests.core.gate.plans import (
    DEFAULT_POLICY,
    NOW,
    ORDER,
    STANDARD,
    TENANT,
    facts,
    money,
    proposal,
    refund,
    reply,
    step,
)
from tests.core.gate.test_authorise import Store

if TYPE_CHECKING:
    from nightshift.model.plan import Proposal
    from nightshift.model.policy import Policy
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

ALLOW, ASK, REFUSE = Decision.ALLOW, Decision.ASK, Decision.REFUSE
REPLY, REFUND = "messaging.reply", "payments.refund"
ANA = Principal(id="ana", role="manager", kind="person")
ALICE, BOB = (Principal(id=name, role="support", kind="specialist") for name in ("alice", "bob"))


def budget(per: str = "tenant", tool: str = REPLY, then: str = "REFUSE", **bounds: object) -> Window:
    return Window.model_validate(
        {"name": "ours", "tool": tool, "per": per, "days": 1, "then": then} | (bounds or {"count": 2})
    )


def policy(*windows: Window, version: int = 2) -> Policy:
    free = (*DEFAULT_POLICY.allowances, Allowance(name="stock", tool="inventory.set"))
    roles = DEFAULT_POLICY.roles | {"support": DEFAULT_POLICY.roles["admin"]}
    changes = {"windows": windows, "version": version, "allowances": free, "roles": roles}
    return DEFAULT_POLICY.model_copy(update=changes)


def stock(id_: str = "stock") -> Any:  # noqa: ANN401  # a step
    return step(id_, "inventory.set", {"sku": "MUG", "quantity": 3})


@pytest.fixture
def store(tables: Tables, clock: FixedClock) -> Store:
    clock.at = NOW
    return Store(tables, clock)


def plan(run: str, *steps: Any, **about: Any) -> Proposal:  # noqa: ANN401
    return proposal(*(steps or (reply(),)), run=RunId(run), case=CaseId(f"case_{run}"), **about)


def settled(store: Store, given: Proposal, *, done: bool = True) -> None:
    """What the runner does at a run's end."""
    moved = {StepId(each.id): each.limit for each in given.plan.steps if done}
    store.windows.settle(given, moved, at=store.clock.now())


def key(tool: str = REPLY, **whose: str) -> WindowKey:
    return WindowKey.model_validate({"tenant": TENANT, "customer": None, "tool": tool, **whose})


def test_a_day_s_messages_are_counted_for_the_whole_store(store: Store):
    store.policy(policy(budget()))
    decisions = [store.propose(plan(f"run_{n}", customer=f"cus-{n}")).decision for n in range(3)]
    assert decisions == [ALLOW, ALLOW, REFUSE]
    store.clock.at = NOW + timedelta(days=1)
    for number in range(2):
        settled(store, plan(f"run_{number}", customer=f"cus-{number}"), done=False)
    assert store.propose(plan("run_9")).decision is ALLOW


def test_each_specialist_and_each_workflow_has_its_own_budget(store: Store):
    store.policy(policy(budget("specialist", count=1), budget("workflow", count=1)))

    def of(run: str, who: Principal, workflow: str = "") -> Decision:
        return store.propose(plan(run, requester=who, workflow=workflow)).decision

    assert [of("run_1", ALICE), of("run_2", ALICE), of("run_3", BOB)] == [ALLOW, REFUSE, ALLOW]
    assert [of("run_4", ANA), of("run_5", ANA)] == [ALLOW, ALLOW]  # people draw on no specialist's budget
    assert [of("run_6", ANA, "sync@1"), of("run_7", ANA, "other@1")] == [ALLOW, ALLOW]
    assert of("run_8", ANA, "sync@2") is REFUSE  # a new version has no budget of its own


@pytest.mark.parametrize(("field", "owner"), [("specialist", "tenant"), ("workflow", "cus-1")])
def test_owners_of_one_name_share_no_counter(store: Store, field: str, owner: str):
    store.policy(policy(budget("tenant"), budget("customer"), budget("specialist"), budget("workflow")))
    who = Principal(id=owner if field == "specialist" else "s", role="support", kind="specialist")
    flow = f"{owner}@1" if field == "workflow" else "w@1"
    assert store.propose(plan("run_1", requester=who, workflow=flow, customer="cus-1")).decision is ALLOW
    found = [
        len(store.reserved(each))
        for each in (key(), key(customer="cus-1"), key(specialist=who.id), key(workflow=flow[:-2]))
    ]
    assert found == [1, 1, 1, 1]


def test_settling_gives_back_what_was_not_used_in_every_counter(store: Store):
    every = [
        budget(per, tool) for per in ("tenant", "customer", "specialist", "workflow") for tool in (REPLY, "*")
    ]
    store.policy(policy(*(w.model_copy(update={"name": f"w{n}"}) for n, w in enumerate(every))))
    given = plan("run_1", stock(), reply(), workflow="sync@1")
    assert store.propose(given).decision is ALLOW
    owners: list[dict[str, str]] = [
        {},
        {"customer": "cus-1"},
        {"specialist": "support"},
        {"workflow": "sync"},
    ]
    for whose in owners:
        assert (len(store.reserved(key(**whose))), len(store.reserved(key("*", **whose)))) == (1, 2)
    written = client("dynamodb").scan(TableName=store.tables.ledger)["Items"]
    assert {item["pk"]["S"].partition("#")[0] for item in written} == {
        "window"
    }  # the gate may write no other
    store.windows.settle(given, {StepId("reply"): None}, at=NOW)
    for whose in owners:
        one, all_ = store.windows.load([key(**whose), key("*", **whose)])
        assert (one.uses, all_.uses) == ((), ())
        assert (sum(t.count for t in one.totals), sum(t.count for t in all_.totals)) == (1, 1)


def test_every_write_together_counts_writes_of_all_tools_and_no_read(store: Store):
    store.policy(policy(budget(tool=EVERY_WRITE, count=3)))
    assert store.propose(plan("run_1", ORDER, stock(), reply())).decision is ALLOW
    assert store.propose(plan("run_2", ORDER)).decision is ALLOW
    assert store.propose(plan("run_3", stock(), reply())).decision is REFUSE
    assert store.propose(plan("run_4", stock())).decision is ALLOW


def test_money_of_all_tools_together_stays_within_the_day(store: Store):
    store.policy(policy(budget(tool=EVERY_WRITE, amount=money(5000))))
    assert store.propose(plan("run_1", *STANDARD, reply(needs=("refund",)))).decision is ALLOW
    assert store.propose(plan("run_2", *STANDARD[:2], refund(2500))).decision is ALLOW
    assert store.propose(plan("run_3", *STANDARD[:2], refund(501))).decision is REFUSE
    assert store.propose(plan("run_4", *STANDARD[:2], refund(500))).decision is ALLOW
    assert store.propose(plan("run_5", reply())).decision is ALLOW


def test_a_plan_of_nobody_draws_on_nobody_s_budget_but_an_unknown_customer_asks():
    asked = plan("run_1", requester=ANA, customer=None)
    world = partial(facts, asked)
    assert decide(asked, world(policy=policy(budget("specialist", count=0)))).decision is ALLOW
    assert decide(asked, world(policy=policy(budget("workflow", count=0)))).decision is ALLOW
    assert decide(asked, world(policy=policy(budget("customer", count=9)))).decision is ASK
    unbounded = budget("workflow", REFUND, amount=money(1, "USD"))
    money_plan = plan("run_1", *STANDARD)
    assert decide(money_plan, facts(money_plan, policy=policy(unbounded))).decision is ALLOW


def test_a_budget_that_bounds_nothing_is_refused():
    with pytest.raises(ValueError, match="bounds nothing"):
        budget(count=None)


def test_a_message_whose_outcome_is_not_known_stays_counted(store: Store):
    store.policy(policy(budget(count=1)))
    given = plan("run_1")
    store.propose(given)
    store.windows.settle(given, {StepId("reply"): None}, at=NOW)  # UNKNOWN counts as if it had happened
    assert store.propose(plan("run_2")).decision is REFUSE


# --- many at once ---------------------------------------------------------------------------------


_OWNERS = ("tenant", "customer", "specialist", "workflow")


def owner_of(given: Proposal, per: str) -> str | None:
    """Whose budget a plan draws on, read off the proposal."""
    return {
        "tenant": "all",
        "customer": given.customer,
        "specialist": given.requester.id if given.requester.kind == "specialist" else None,
        "workflow": given.workflow.split("@")[0] or None,
    }[per]


def usage(plans: list[Proposal]) -> Counter[tuple[str, str]]:
    """The writes of plans, added up per owner."""
    used: Counter[tuple[str, str]] = Counter()
    for given in plans:
        writes = [each for each in given.plan.steps if each.tool in {REPLY, REFUND, "inventory.set"}]
        for per in _OWNERS:
            owner = owner_of(given, per)
            used.update({(per, owner): len(writes)} if owner is not None else {})
    return used


@pytest.mark.guarantee("gate:budgets-hold")
@pytest.mark.parametrize("seed", range(3))
def test_no_budget_is_overdrawn_by_plans_that_are_judged_and_settled_at_once(store: Store, seed: int):
    """Eight threads judge plans of all owners, settle some as done, some as not done, and leave some."""
    chance = random.Random(seed)  # noqa: S311
    bounds = {per: chance.randint(2, 9) for per in _OWNERS}
    most = money(chance.choice([2500, 6000, 20_000]))
    windows = [budget(per, EVERY_WRITE, count=bounds[per]) for per in _OWNERS]
    store.policy(policy(*windows, budget("tenant", REFUND, amount=most)))
    plans = [
        plan(
            f"run_{number}",
            *(chance.choice([(reply(),), (*STANDARD[:2], refund(1000)), (stock(), stock("more"), reply())])),
            requester=chance.choice([ALICE, BOB, ANA]),
            workflow=chance.choice(["", "sync@1", "sync@2"]),
            customer=chance.choice(["cus-1", "cus-2"]),
        )
        for number in range(24)
    ]
    fates = {given.run: chance.choice(["done", "nothing", "open"]) for given in plans}
    for given in plans:
        store.runs.propose(given)

    def work(number: int) -> None:
        for given in plans[number::8]:
            insist(partial(store.gate, given.run))
            if store.runs.verdict(given.run).decision is ALLOW and fates[given.run] != "open":
                insist(partial(settled, store, given, done=fates[given.run] == "done"))

    together(work)
    counted = [p for p in plans if store.runs.verdict(p.run).decision is ALLOW and fates[p.run] != "nothing"]
    used = usage(counted)
    assert all(count <= bounds[per] for (per, _), count in used.items())
    assert sum(each.limit.amount for p in counted for each in p.plan.steps if each.limit) <= most.amount
    for (per, owner), count in used.items():
        (counter,) = store.windows.load([key("*", **({} if per == "tenant" else {per: owner}))])
        assert len(counter.uses) + sum(map(operator.attrgetter("count"), counter.totals)) == count
    assert {store.runs.verdict(given.run).decision for given in plans} == {ALLOW, REFUSE}
