"""What the clock begins: once each, as the owner stands now, in the version that was in force."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.workflows import DynamoWorkflows
from nightshift.errors import Conflict
from nightshift.model.metric import Metric
from nightshift.model.plan import PlanTest
from nightshift.model.tenant import Staff
from nightshift.model.workflow import NewWorkflow, WorkflowHead
from nightshift.workflows.keep import disable, enable, save
from nightshift.workflows.tick import Ticked, tick
from tests.support.workshop import ACME, ANA, PLAN, utc

if TYPE_CHECKING:
    from nightshift.model.workflow import Workflow
    from tests.support.tables import Tables
    from tests.support.workshop import Workshop

DAILY = {"kind": "schedule", "cron": "0 9 * * *", "catch_up": "all"}
A_DAY = timedelta(days=1)


def days(shop: Workshop) -> list[str]:
    return [event["at"][:10] for event in shop.launcher.events()]


def test_a_daily_workflow_runs_once_a_day(shop: Workshop):
    shop.saved(DAILY)
    assert tick(shop.desk) == Ticked()  # 09:00 is over when it is saved at 09:00
    for _ in range(3):
        shop.clock.at += A_DAY
        assert tick(shop.desk) == Ticked(begun=1)
        assert tick(shop.desk) == Ticked()
    assert days(shop) == ["2026-11-22", "2026-11-23", "2026-11-24"]
    first = next(iter(shop.launcher.plans.values()))
    assert (first.requester, first.workflow, first.proposed_by) == (ANA, "reprice@1", "workflow:reprice@1")
    assert (first.case, first.generation, first.tainted) == (None, 1, ())
    assert first.plan.inputs == {
        "sku": "MUG",
        "event": {"kind": "schedule", "at": "2026-11-22T09:00:00+00:00"},
    }
    assert first.digest == first.plan.digest()
    assert shop.told(first.run) == ["plan.proposed"]


def test_days_that_nothing_ran_are_caught_up_each_once(shop: Workshop):
    shop.saved(DAILY)
    shop.clock.at += 4 * A_DAY
    assert tick(shop.desk) == Ticked(begun=4)
    assert tick(shop.desk) == Ticked()
    assert days(shop) == ["2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25"]


def test_a_long_pause_is_caught_up_in_parts(shop: Workshop):
    shop.saved(DAILY)
    shop.clock.at += 45 * A_DAY
    assert [tick(shop.desk).begun for _ in range(4)] == [20, 20, 5, 0]
    assert len(set(days(shop))) == 45


def test_what_died_between_taking_an_occurrence_and_its_run_is_made_good(shop: Workshop):
    shop.saved(DAILY)
    shop.clock.at += A_DAY
    shop.launcher.down = True
    assert tick(shop.desk) == Ticked(failed=1)
    shop.launcher.down = False
    assert tick(shop.desk) == Ticked(begun=1)
    assert tick(shop.desk) == Ticked()
    assert days(shop) == ["2026-11-22"]


class _Dies(DynamoWorkflows):
    """Dies before it can say that a time is over."""

    def change(self, head: WorkflowHead, before: WorkflowHead) -> None:
        del head, before
        raise Conflict("died")


@pytest.mark.guarantee("workflows:each-occurrence-once")
def test_what_died_before_its_time_was_over_runs_no_time_twice(shop: Workshop, tables: Tables):
    shop.saved(DAILY)
    shop.clock.at += A_DAY
    whole = shop.desk.workflows
    object.__setattr__(shop.desk, "workflows", _Dies(tables.config, client("dynamodb")))
    assert tick(shop.desk) == Ticked(failed=1)
    object.__setattr__(shop.desk, "workflows", whole)
    # meanwhile somebody saves another version: the run that began keeps the one it began with
    shop.saved(DAILY, note="better", name="reprice")
    shop.clock.at += A_DAY
    assert tick(shop.desk).begun == 1
    assert [(p.workflow, p.plan.inputs["event"]["at"][:10]) for p in shop.launcher.plans.values()] == [
        ("reprice@1", "2026-11-22"),
        ("reprice@2", "2026-11-23"),
    ]


@pytest.mark.guarantee("workflows:each-occurrence-once")
def test_an_occurrence_that_was_taken_keeps_its_version(shop: Workshop):
    shop.saved(DAILY)
    shop.clock.at += A_DAY
    shop.launcher.down = True
    tick(shop.desk)
    shop.launcher.down = False
    second: Workflow = shop.saved(DAILY, note="edited while it began")
    assert second.version == 2
    head = shop.desk.workflows.head(ACME, "reprice")
    back = head.model_copy(update={"next": utc("2026-11-22T09:00"), "seq": head.seq + 1})
    shop.desk.workflows.change(back, head)
    assert tick(shop.desk) == Ticked(begun=1)
    assert [p.workflow for p in shop.launcher.plans.values()] == ["reprice@1"]


@pytest.mark.guarantee("workflows:as-their-owner")
def test_an_owner_who_is_gone_pauses_it_and_it_is_said(shop: Workshop):
    shop.saved(DAILY)
    shop.config.put_staff(Staff(id="ana", tenant=ACME, name="ana", role="viewer"))
    shop.clock.at += A_DAY
    assert tick(shop.desk) == Ticked(paused=1)
    assert tick(shop.desk) == Ticked()
    head = shop.desk.workflows.head(ACME, "reprice")
    assert (head.enabled, head.paused, head.next) == (True, "owner.role", None)
    assert shop.heard.counts[Metric.WORKFLOWS_PAUSED] == 1
    assert shop.told(f"setup:{ACME}") == ["workflow.saved", "workflow.paused"]
    assert not shop.launcher.plans
    # given the role again, and enabled by its owner, it goes on with the next time
    shop.config.put_staff(Staff(id="ana", tenant=ACME, name="ana", role="manager"))
    enable(shop.desk, ACME, ANA, "reprice")
    shop.clock.at += A_DAY
    assert tick(shop.desk) == Ticked(begun=1)


@pytest.mark.guarantee("workflows:as-their-owner")
def test_an_owner_with_another_role_runs_with_that_role(shop: Workshop):
    shop.saved(DAILY)
    policy = shop.config.policy(ACME)
    roles = {**policy.roles, "lead": policy.roles["manager"]}
    shop.config.put_policy(ACME, policy.model_copy(update={"version": 2, "roles": roles}))
    shop.config.put_tenant(shop.config.tenant(ACME).model_copy(update={"policy_version": 2}))
    shop.config.put_staff(Staff(id="ana", tenant=ACME, name="ana", role="lead"))
    shop.clock.at += A_DAY
    tick(shop.desk)
    assert [p.requester.role for p in shop.launcher.plans.values()] == ["lead"]


def test_a_tenant_that_is_halted_begins_nothing_until_it_goes_on(shop: Workshop):
    shop.saved(DAILY)
    tenant = shop.config.tenant(ACME)
    shop.config.put_tenant(tenant.model_copy(update={"halted": True}))
    shop.clock.at += A_DAY
    assert tick(shop.desk) == Ticked(held=1)
    assert tick(shop.desk) == Ticked()  # it is looked at again in a while
    shop.config.put_tenant(tenant)
    shop.clock.advance(301)
    assert tick(shop.desk) == Ticked(begun=1)
    assert days(shop) == ["2026-11-22"]


def test_a_disabled_workflow_does_not_run_and_catches_nothing_up(shop: Workshop):
    shop.saved(DAILY)
    disable(shop.desk, ACME, ANA, "reprice")
    shop.clock.at += 2 * A_DAY
    assert tick(shop.desk) == Ticked()
    enable(shop.desk, ACME, ANA, "reprice")
    assert tick(shop.desk) == Ticked()
    shop.clock.at += A_DAY
    assert tick(shop.desk) == Ticked(begun=1)


def test_one_workflow_that_cannot_begin_keeps_no_other_from_running(shop: Workshop):
    shop.saved(DAILY, name="first")
    given = NewWorkflow.model_validate({"trigger": DAILY, "plan": PLAN, "enabled": True})
    save(shop.desk, ACME, ANA, name="second", given=given)
    key = {"pk": {"S": f"workflow#{ACME}"}, "sk": {"S": "version#first#000001"}}
    client("dynamodb").delete_item(TableName=shop.desk.workflows._table, Key=key)
    shop.clock.at += A_DAY
    assert tick(shop.desk) == Ticked(begun=1, failed=1)
    assert [p.workflow for p in shop.launcher.plans.values()] == ["second@1"]


def test_a_plan_whose_tests_do_not_hold_does_not_begin_and_it_is_said(shop: Workshop):
    tests = (PlanTest(name="not too cheap", that="true"),)
    shop.saved(DAILY, plan=PLAN.model_copy(update={"tests": tests}))
    shop.rehearsals.failing = {"not too cheap"}
    shop.clock.at += A_DAY
    assert tick(shop.desk) == Ticked(held=1)
    assert not shop.launcher.plans
    assert shop.told(f"setup:{ACME}") == ["workflow.saved", "workflow.held"]
    shop.rehearsals.failing = set()
    shop.clock.at += A_DAY
    assert tick(shop.desk) == Ticked(begun=1)
    assert shop.rehearsals.asked == 2


def test_ticks_at_once_begin_each_time_once(shop: Workshop):
    shop.saved(DAILY)
    shop.clock.at += 3 * A_DAY
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: tick(shop.desk), range(6)))
    assert sorted(days(shop)) == ["2026-11-22", "2026-11-23", "2026-11-24"]
