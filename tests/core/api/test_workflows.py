"""Workflows over HTTP: saved, compared, switched on, run by hand; and who may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.desk import OTHER, SHOP, ask

if TYPE_CHECKING:
    from nightshift.api.desk import Desk

READ = {"id": "product", "tool": "catalog.get_product", "channel": SHOP, "args": {"sku": "MUG-BLUE"}}
DAILY = {"kind": "schedule", "cron": "0 9 * * *", "timezone": "Europe/Berlin"}


def workflow(**changes: object) -> dict[str, Any]:
    return {"trigger": DAILY, "plan": {"name": "look", "steps": [READ]}, **changes}


def test_a_workflow_is_saved_listed_shown_and_compared(desk: Desk):
    saved = ask(desk, "PUT /v1/workflows/look", body=workflow(enabled=True))
    assert saved.status == 200
    assert saved.body["head"]["owner"] == "ana"
    assert saved.body["head"]["next"] == "2026-11-22T08:00:00Z"
    ask(desk, "PUT /v1/workflows/look", body=workflow(note="another"))
    listed = ask(desk, "GET /v1/workflows").body["workflows"]
    assert [(each["name"], each["version"], each["enabled"]) for each in listed] == [("look", 2, True)]
    assert ask(desk, "GET /v1/workflows/look").body["workflow"]["version"] == 2
    assert ask(desk, "GET /v1/workflows/look?version=1").body["workflow"]["note"] == ""
    versions = ask(desk, "GET /v1/workflows/look/versions").body["versions"]
    assert [each["version"] for each in versions] == [2, 1]
    lines = ask(desk, "GET /v1/workflows/look/diff?old=1&new=2").body["lines"]
    assert '+  "note": "another",' in lines


def test_it_is_switched_on_and_off_and_run_by_hand_once(desk: Desk):
    ask(desk, "PUT /v1/workflows/look", body=workflow())
    assert ask(desk, "POST /v1/workflows/look/enable").body["enabled"] is True
    assert ask(desk, "POST /v1/workflows/look/disable").body["next"] is None
    order = {"key": "monday-01", "event": {"why": "sale"}}
    ran = [ask(desk, "POST /v1/workflows/look/run", body=order).body for _ in range(2)]
    assert ran[0] == ran[1]
    assert ran[0]["started"] is True
    runs = ask(desk, "GET /v1/runs").body["runs"]
    assert [(run["run"], run["proposed_by"]) for run in runs] == [(ran[0]["run"], "workflow:look@1")]
    shown = ask(desk, "GET /v1/workflows/look").body
    assert [each["run"] for each in shown["occurrences"]] == [ran[0]["run"]]
    proposal = ask(desk, f"GET /v1/runs/{ran[0]['run']}").body["proposal"]
    assert proposal["requester"] == {"id": "ana", "role": "manager", "kind": "person"}
    assert proposal["plan"]["inputs"]["event"] == {"kind": "manual", "why": "sale"}


def test_another_person_does_not_switch_on_what_would_run_as_its_owner(desk: Desk):
    ask(desk, "PUT /v1/workflows/look", body=workflow())
    refused = ask(desk, "POST /v1/workflows/look/enable", as_="ben")
    assert (refused.status, refused.body["error"]["field"]) == (400, "name")
    assert ask(desk, "POST /v1/workflows/look/disable", as_="ben").status == 200


@pytest.mark.parametrize(
    "what",
    ["PUT /v1/workflows/look", "POST /v1/workflows/look/enable", "POST /v1/workflows/look/disable",
     "POST /v1/workflows/look/run"],
)  # fmt: skip
def test_a_viewer_looks_and_changes_nothing(desk: Desk, what: str):
    ask(desk, "PUT /v1/workflows/look", body=workflow())
    bodies = {
        "PUT /v1/workflows/look": workflow(note="mine"),
        "POST /v1/workflows/look/run": {"key": "k" * 8},
    }
    refused = ask(desk, what, as_="vera", body=bodies.get(what))
    assert (refused.status, "plans:run" in refused.body["error"]["problem"]) == (403, True)
    seen = ask(desk, "GET /v1/workflows", as_="vera").body["workflows"]
    assert [(each["version"], each["enabled"]) for each in seen] == [(1, False)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"trigger": {"kind": "schedule", "cron": "61 * * * *"}}, "trigger.cron"),
        ({"trigger": {"kind": "event", "event": "OrderPlaced", "when": "1 +"}}, "trigger.when"),
        ({"plan": {"name": "NOT A NAME"}}, "plan.name"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(desk: Desk, changes: dict[str, Any], field: str):
    refused = ask(desk, "PUT /v1/workflows/look", body=workflow(**changes))
    assert (refused.status, refused.body["error"]["field"]) == (400, field)
    assert ask(desk, "GET /v1/workflows").body == {"workflows": []}


def test_a_workflow_of_another_tenant_is_not_there(desk: Desk):
    ask(desk, "PUT /v1/workflows/look", body=workflow())
    assert ask(desk, "GET /v1/workflows/look", tenant=OTHER).status == 404
    assert ask(desk, "POST /v1/workflows/look/run", tenant=OTHER, body={"key": "k" * 8}).status == 404
