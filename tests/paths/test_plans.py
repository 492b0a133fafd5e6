"""A person's plan on the running installation: asked about, approved, done, stopped, taken back."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from demo.assembly import ROOT
from demo.tenant import PRODUCT, SHOP
from nightshift.cli.connection import Connection
from nightshift.errors import BadInput
from nightshift.model.approval import ApprovalStatus
from nightshift.model.dryrun import DryRun
from nightshift.model.plan import Plan
from nightshift.model.rundesk import Launched, PlanDocument, RunDetail, RunOrder, Undone, Why
from nightshift.model.steer import Steered
from nightshift.model.verdict import Decision

if TYPE_CHECKING:
    from demo.shop import Shop

pytestmark = pytest.mark.xdist_group("shop")

ENDED = {"DONE", "REFUSED", "REJECTED", "EXPIRED", "CHANGED", "FAILED", "STOPPED", "UNDO_FAILED", "UNKNOWN"}


def stock(quantity: int, **more: Any) -> Plan:  # noqa: ANN401  # any field of a plan
    """Each test sets a quantity of its own: one that another run has just set is not set again at once."""
    steps = [
        {"id": "product", "tool": "catalog.get_product", "channel": SHOP, "args": {"sku": "${inputs.sku}"}},
        {
            "id": "stock",
            "tool": "inventory.set",
            "channel": SHOP,
            "args": {
                "sku": "${inputs.sku}",
                "quantity": quantity,
                "expected_quantity": "${steps.product.quantity}",
            },
            "needs": ["product"],
        },
    ]
    return Plan.model_validate({"name": "restock", "inputs": {"sku": PRODUCT}, "steps": steps, **more})


def begin(api: Connection, plan: Plan) -> str:
    key = f"test-{time.time_ns()}"
    begun = api.call(Launched, "POST", "/v1/runs", body=RunOrder(plan=plan, key=key))
    assert begun.run is not None, begun.findings
    return begun.run


def seen(api: Connection, run: str) -> RunDetail:
    return api.call(RunDetail, "GET", f"/v1/runs/{run}")


def until(shop: Shop, run: str, *statuses: str) -> RunDetail:
    api = shop.as_("ana")

    def look() -> RunDetail | None:
        found = seen(api, run)
        return found if found.status in statuses else None

    return shop.wait_for(look, f"{run} to be {' or '.join(statuses)}", seen=lambda: seen(api, run).status)


def approve(shop: Shop, run: str) -> None:
    (approval,) = until(shop, run, "WAITING").approvals
    decided = shop.as_("ben").decide(approval.id, "approve", "fine")
    assert decided.status is ApprovalStatus.APPROVED
    assert decided.case is None


def test_a_plan_is_rehearsed_asked_about_carried_out_and_taken_back(shop: Shop) -> None:
    ana = shop.as_("ana")
    plan = stock(31, tests=[{"name": "some are left", "that": "steps.stock.after.quantity > 0"}])
    foreseen = ana.call(DryRun, "POST", "/v1/plans/dry-run", body=PlanDocument(plan=plan))
    before = foreseen.steps[1].before["quantity"]
    assert (foreseen.passed, foreseen.steps[1].after) == (True, {"quantity": 31})
    run = begin(ana, plan)
    until(shop, run, "WAITING")
    with pytest.raises(BadInput, match="who asks may not decide"):
        ana.decide(seen(ana, run).approvals[0].id, "approve", "I asked for it")
    approve(shop, run)
    done = until(shop, run, *ENDED)
    assert (done.status, done.steps[1].output["before"]) == ("DONE", before)
    undo = ana.call(Undone, "POST", f"/v1/runs/{run}/undo")
    assert undo.run is not None
    approve(shop, undo.run)
    assert until(shop, undo.run, *ENDED).status == "DONE"
    again = ana.call(DryRun, "POST", "/v1/plans/dry-run", body=PlanDocument(plan=plan))
    assert again.steps[1].before["quantity"] == before


def test_a_plan_with_a_forbidden_step_is_refused_whole_and_nothing_of_it_runs(shop: Shop) -> None:
    ben = shop.as_("ben")  # an operator: may read products, may not set stock
    run = begin(ben, stock(7))
    refused = until(shop, run, *ENDED)
    assert refused.status == "REFUSED"
    assert refused.verdict is not None
    assert {step.decision for step in refused.verdict.steps} == {Decision.REFUSE}
    assert {step.state for step in refused.steps} == {"PENDING"}


def test_a_stopped_run_does_nothing_until_it_is_carried_on(shop: Shop) -> None:
    ana = shop.as_("ana")
    run = begin(ana, stock(33))
    until(shop, run, "WAITING")
    stopped = ana.call(Steered, "POST", f"/v1/runs/{run}/stop", body=Why(note="wait"))
    assert stopped.stopped
    (approval,) = seen(ana, run).approvals
    shop.as_("ben").decide(approval.id, "approve", "fine")
    assert seen(ana, run).status == "PAUSED"
    assert seen(ana, run).steps[1].state == "PENDING"
    assert not ana.call(Steered, "POST", f"/v1/runs/{run}/resume", body=Why(note="go")).stopped
    assert until(shop, run, *ENDED).status == "DONE"


def test_a_run_that_is_rejected_by_a_person_changes_nothing(shop: Shop) -> None:
    ana = shop.as_("ana")
    run = begin(ana, stock(35))
    (approval,) = until(shop, run, "WAITING").approvals
    shop.as_("ben").decide(approval.id, "reject", "no")
    ended = until(shop, run, *ENDED)
    assert (ended.status, ended.steps[1].state) == ("REJECTED", "PENDING")


def test_the_example_plan_of_the_demo_passes(shop: Shop) -> None:
    given = json.loads((ROOT / "demo" / "examples" / "plan.json").read_text(encoding="utf-8"))
    asked = PlanDocument(plan=Plan.model_validate(given))
    assert shop.as_("ana").call(DryRun, "POST", "/v1/plans/dry-run", body=asked).passed


def test_a_run_that_failed_is_tried_again_from_its_failed_step_once_the_world_allows_it(shop: Shop) -> None:
    ana, sku = shop.as_("ana"), "MUG-LATER"
    args = {"sku": sku, "quantity": 5}
    step = {"id": "stock", "tool": "inventory.set", "channel": SHOP, "args": args}
    plan = Plan.model_validate({"name": "restock", "steps": [step]})
    foreseen = ana.call(DryRun, "POST", "/v1/plans/dry-run", body=PlanDocument(plan=plan))
    assert not foreseen.passed  # nothing has this SKU yet
    run = begin(ana, plan)
    approve(shop, run)
    failed = until(shop, run, *ENDED)
    assert (failed.status, failed.steps[0].code) == ("FAILED", "listing.not_found")
    shop.vendor.create_product(sku=sku)
    ana.call(Steered, "POST", f"/v1/runs/{run}/retry", body=Why(note="it is listed now"))
    done = until(shop, run, *ENDED)
    assert (done.status, done.steps[0].output["quantity"]) == ("DONE", 5)


def test_a_plan_waits_and_asks_where_it_says_so(shop: Shop) -> None:
    ana = shop.as_("ana")
    steps = [
        {"id": "product", "tool": "catalog.get_product", "channel": SHOP, "args": {"sku": PRODUCT}},
        {"id": "sure", "tool": "ask.person", "args": {"question": "Is 29 right?"}, "needs": ["product"]},
        {"id": "pause", "tool": "wait.for", "args": {"seconds": 1}, "needs": ["sure"]},
        {
            "id": "stock",
            "tool": "inventory.set",
            "channel": SHOP,
            "args": {"sku": PRODUCT, "quantity": 29},
            "needs": ["pause"],
        },
        {
            "id": "never",
            "tool": "inventory.set",
            "channel": SHOP,
            "args": {"sku": PRODUCT, "quantity": 1},
            "needs": ["product"],
            "when": "steps.product.price.amount < 1",
        },
    ]
    plan = Plan.model_validate({"name": "ask-and-wait", "steps": steps})
    foreseen = ana.call(DryRun, "POST", "/v1/plans/dry-run", body=PlanDocument(plan=plan))
    assert [step.prospect for step in foreseen.steps] == [
        "READ",
        "CONTROL",
        "CONTROL",
        "WOULD_RUN",
        "SKIPPED",
    ]
    run = begin(ana, plan)
    approve(shop, run)
    done = until(shop, run, *ENDED)
    assert done.status == "DONE", done.outcome
    states = {step.step: step.state for step in done.steps}
    assert states == {
        "product": "DONE", "sure": "DONE", "pause": "DONE", "stock": "DONE", "never": "SKIPPED",
    }  # fmt: skip


def test_what_a_failed_run_had_done_is_shown_as_taken_back_and_not_taken_back_twice(shop: Shop) -> None:
    ana = shop.as_("ana")
    first = {
        "id": "stock",
        "tool": "inventory.set",
        "channel": SHOP,
        "args": {"sku": PRODUCT, "quantity": 27},
    }
    args = {"sku": "MUG-NEVER", "quantity": 3}
    second = {"id": "bad", "tool": "inventory.set", "channel": SHOP, "args": args, "needs": ["stock"]}
    run = begin(ana, Plan.model_validate({"name": "half", "steps": [first, second]}))
    approve(shop, run)
    failed = until(shop, run, *ENDED)
    assert failed.status == "FAILED"
    assert [step.state for step in failed.steps] == ["TAKEN_BACK", "REJECTED"]
    assert failed.compensation is not None
    assert ana.call(Undone, "POST", f"/v1/runs/{run}/undo").run is None
