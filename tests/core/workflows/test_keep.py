"""Saving, versions, and switching on and off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from nightshift.errors import BadInput, NotFound
from nightshift.model.workflow import NewWorkflow
from nightshift.workflows.keep import differences, disable, enable, run_by_hand, save
from tests.support.workshop import ACME, ANA, BEN, PLAN

if TYPE_CHECKING:
    from tests.support.workshop import Workshop

DAILY = {"kind": "schedule", "cron": "0 9 * * *"}
MANUAL = {"kind": "manual"}


def test_a_version_never_changes_and_the_newest_is_in_force(shop: Workshop):
    first = shop.saved(DAILY)
    second = shop.saved(MANUAL)
    assert (first.version, second.version) == (1, 2)
    workflows = shop.desk.workflows
    assert workflows.version(ACME, "reprice", 1) == first
    assert workflows.versions(ACME, "reprice", 10) == (second, first)
    head = workflows.head(ACME, "reprice")
    assert (head.version, head.enabled, head.next) == (2, True, None)
    assert [each.name for each in workflows.heads(ACME)] == ["reprice"]


def test_the_same_again_is_no_new_version(shop: Workshop):
    assert shop.saved(DAILY) == shop.saved(DAILY)
    assert shop.told(f"setup:{ACME}") == ["workflow.saved"]


def test_what_changed_is_shown_line_by_line(shop: Workshop):
    shown = differences(shop.saved(DAILY), shop.saved({**DAILY, "timezone": "Europe/Berlin"}))
    assert '-    "timezone": "UTC"' in shown
    assert '+    "timezone": "Europe/Berlin"' in shown


def test_it_is_off_until_it_is_switched_on_and_a_new_version_stays_as_it_was(shop: Workshop):
    shop.saved(DAILY, enabled=None)
    assert shop.desk.workflows.head(ACME, "reprice").enabled is False
    assert enable(shop.desk, ACME, ANA, "reprice").next is not None
    shop.saved(DAILY, enabled=None, note="changed")
    assert shop.desk.workflows.head(ACME, "reprice").enabled is True
    assert disable(shop.desk, ACME, BEN, "reprice").next is None


def test_only_its_owner_switches_it_on_for_it_runs_as_them(shop: Workshop):
    shop.saved(DAILY, enabled=None)
    with pytest.raises(BadInput, match="runs as ana") as caught:
        enable(shop.desk, ACME, BEN, "reprice")
    assert caught.value.field == "name"
    given = NewWorkflow.model_validate({"trigger": DAILY, "plan": PLAN, "enabled": True})
    assert save(shop.desk, ACME, BEN, name="reprice", given=given).owner == "ben"


def test_by_hand_it_runs_as_whoever_asks_and_once_for_a_key(shop: Workshop):
    shop.saved(DAILY, enabled=None)
    first = run_by_hand(shop.desk, ACME, BEN, "reprice", key="monday", event={"why": "sale"})
    again = run_by_hand(shop.desk, ACME, BEN, "reprice", key="monday", event={"why": "sale"})
    assert first.run == again.run
    other = run_by_hand(shop.desk, ACME, ANA, "reprice", key="monday", event={})
    assert other.run != first.run
    assert [(p.requester, p.plan.inputs["event"]) for p in shop.launcher.plans.values()] == [
        (BEN, {"kind": "manual", "why": "sale"}),
        (ANA, {"kind": "manual"}),
    ]
    with pytest.raises(NotFound):
        run_by_hand(shop.desk, ACME, ANA, "nothing", key="monday", event={})


def test_another_tenant_has_none_of_them(shop: Workshop):
    shop.saved(DAILY)
    assert shop.desk.workflows.heads(ACME.__class__("acme-two")) == ()


@pytest.mark.parametrize(
    ("trigger", "field"),
    [
        ({"kind": "schedule", "cron": "0 25 * * *"}, "trigger.cron"),
        ({"kind": "schedule", "rate": "1 day", "timezone": "Nowhere"}, "trigger.timezone"),
        ({"kind": "event", "event": "OrderPlaced", "when": "event.total >"}, "trigger.when"),
        ({"kind": "event", "event": "OrderPlaced", "when": "tenant.name == 'x'"}, "trigger.when"),
        ({"kind": "event", "event": "OrderPlaced", "until": "now > 3"}, "trigger.until"),
        (
            {
                "kind": "event",
                "event": "CompetitorPriceChanged",
                "watch": {"channel": "nothing", "skus": ["MUG"], "currency": "EUR"},
            },
            "trigger.watch.channel",
        ),
    ],
)
def test_a_trigger_that_cannot_be_meant_changes_nothing(shop: Workshop, trigger: dict[str, Any], field: str):
    with pytest.raises(BadInput) as caught:
        shop.saved(trigger)
    assert caught.value.field == field
    assert shop.desk.workflows.heads(ACME) == ()


@pytest.mark.parametrize(
    "trigger",
    [
        {"kind": "schedule"},
        {"kind": "schedule", "cron": "0 9 * * *", "rate": "1 day"},
        {"kind": "schedule", "rate": "0 days"},
        {"kind": "event", "event": "NoSuchEvent"},
        {
            "kind": "event",
            "event": "OrderPlaced",
            "watch": {"channel": "feed", "skus": ["MUG"], "currency": "EUR"},
        },
    ],
)
def test_a_trigger_of_no_shape_is_refused(trigger: dict[str, Any]):
    with pytest.raises(ValidationError):
        NewWorkflow.model_validate({"trigger": trigger, "plan": PLAN})


def test_a_plan_that_takes_the_name_of_the_event_or_is_too_large_is_refused(shop: Workshop):
    taken = PLAN.model_copy(update={"inputs": {"event": 1}})
    large = PLAN.model_copy(update={"inputs": {"text": "x" * 150_000}})
    for plan, field in ((taken, "plan.inputs.event"), (large, "plan")):
        with pytest.raises(BadInput) as caught:
            shop.saved(MANUAL, plan=plan)
        assert caught.value.field == field
