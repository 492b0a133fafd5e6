"""Plan: one proposal per wake, stored and logged once, whoever asks again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.log import DynamoActionLog
from nightshift.errors import NotFound
from nightshift.ids import run_id
from nightshift.planner.choose import PlaybookPlanner
from nightshift.planner.playbook import bundled
from nightshift.planner.propose import PlanInput, Planning, plan
from tests.support.case_life import Life, make_life
from tests.support.matters import CUSTOMER, message, package

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def life(tables: Tables, clock: FixedClock) -> Life:
    return make_life(tables, clock)


@pytest.fixture
def parts(life: Life) -> Planning:
    return Planning(
        cases=life.cases,
        config=life.config,
        runs=life.runs,
        log=life.log,
        clock=life.clock,
        library=bundled(),
        planner=PlaybookPlanner(bundled()),
    )


def observed(life: Life, intent: str = "refund_request", **changes: object) -> PlanInput:
    said = message("I want my money back, my secret is safe")
    case = life.open(said).id
    life.wake(case, 1)
    life.cases.keep_context(package(said, intent=intent, case=case, **changes))
    return PlanInput(case=case, generation=1, wake=1)


def test_the_plan_of_a_wake_is_stored_with_who_asks_and_who_proposes(life: Life, parts: Planning):
    given = observed(life)
    planned = plan(parts, given)
    assert planned.run == run_id(given.case, 1)
    proposal = life.runs.proposal(planned.run)
    assert (proposal.requester.id, proposal.requester.role) == ("specialist:support", "support")
    assert (proposal.proposed_by, proposal.move) == ("playbook:refund-request@1", "refund")
    assert (proposal.customer, proposal.digest) == (CUSTOMER, proposal.plan.digest())


def test_the_first_plan_of_a_wake_stands(life: Life, parts: Planning):
    given = observed(life)
    first = life.runs.proposal(plan(parts, given).run)
    life.cases.keep_context(package(message("cancel"), intent="cancel_order", case=given.case))
    life.clock.advance(60)
    assert plan(parts, given).run == first.run
    assert life.runs.proposal(first.run) == first
    assert life.told(given.case) == ["plan.proposed"]


def test_a_planner_that_died_before_its_line_writes_it_on_the_retry(
    life: Life, parts: Planning, tables: Tables
):
    given = observed(life)
    lost = DynamoActionLog(tables.memory, client("dynamodb"))  # a line in another table is lost
    run = plan(replace(parts, log=lost), given).run
    assert life.told(given.case) == []
    assert plan(parts, given).run == run
    assert life.told(given.case) == ["plan.proposed"]


def test_the_log_tells_tools_and_limits_and_nothing_personal(life: Life, parts: Planning):
    given = observed(life)
    plan(parts, given)
    (entry,) = life.log.read(given.case)
    assert entry.detail["tools"] == [
        "orders.get",
        "payments.quote_refund",
        "payments.refund",
        "messaging.reply",
    ]
    assert (entry.detail["limits"], entry.detail["after"]) == (["12.50 EUR"], "close")
    assert entry.actor == "playbook:refund-request@1"
    assert "secret" not in entry.model_dump_json()
    assert "kim" not in entry.model_dump_json().casefold()


def test_a_hand_over_is_a_plan_without_steps(life: Life, parts: Planning):
    given = observed(life, intent="sing_a_song")
    proposal = life.runs.proposal(plan(parts, given).run)
    assert (proposal.plan.steps, proposal.plan.after.kind, proposal.move) == ((), "handoff", "")


def test_a_specialist_nobody_described_asks_in_a_role_nobody_knows(life: Life, parts: Planning):
    given = observed(life, specialist="poet")
    assert life.runs.proposal(plan(parts, given).run).requester.role == "unknown"


def test_a_wake_that_was_not_observed_cannot_be_planned(life: Life, parts: Planning):
    given = observed(life)
    with pytest.raises(NotFound):
        plan(parts, given.model_copy(update={"wake": 2}))
