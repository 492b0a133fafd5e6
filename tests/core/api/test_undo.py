"""Undo: the inverse of what a run did, as a new plan; what cannot be taken back is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nightshift.ids import RunId, StepId, idempotency_key
from nightshift.model.case import RunOutcome
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.model.log import EntryKind
from nightshift.model.tool import Outcome
from nightshift.ports.ledger import Fence
from tests.support import records
from tests.support.desk import OTHER, SHOP, ask, make_desk

if TYPE_CHECKING:
    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

SKU = "MUG-BLUE"


@pytest.fixture
def desk(tables: Tables, clock: FixedClock) -> Desk:
    return make_desk(tables, clock)


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


STEPS: dict[str, dict[str, Any]] = {
    "price": {
        "id": "price", "tool": "pricing.set", "channel": SHOP, "args": {"sku": SKU, "price": eur(1190)},
    },
    "stock": {
        "id": "stock", "tool": "inventory.set", "channel": SHOP, "args": {"sku": SKU, "quantity": 40},
    },
}  # fmt: skip
GIVEN: dict[str, dict[str, Any]] = {
    "price": {"sku": SKU, "price": eur(1190), "before": eur(1250)},
    "stock": {"sku": SKU, "quantity": 40, "before": 42, "location": ""},
}


def begun(desk: Desk, *steps: str) -> RunId:
    plan = {"name": "reprice", "steps": [STEPS[step] for step in steps]}
    return RunId(ask(desk, "POST /v1/runs", body={"plan": plan, "key": "order-0001"}).body["run"])


def did(desk: Desk, run: RunId, step: str, state: EffectState = EffectState.DONE, **output: object) -> None:
    """What the door for effects writes of a step."""
    now = desk.clock.now()
    intent = Effect.model_validate(
        records.effect(run, step=StepId(step)).model_dump()
        | {"key": idempotency_key(run, StepId(step), 0), "tool": STEPS[step]["tool"], "channel": SHOP}
    )
    desk.ledger.intend(intent, fence=Fence(case=None, generation=1), room=None)
    done = state is EffectState.DONE
    result = StepResult(
        run=run, step=StepId(step), outcome=Outcome.DONE, output=GIVEN[step] | output, settled_at=now
    )
    settled = intent.model_copy(update={"state": state, "settled_at": now if done else None})
    desk.ledger.settle(settled, result if done else None)


def ended(desk: Desk, run: str, status: str = "DONE", **more: object) -> None:
    outcome = {"run": run, "status": status, "settled_at": desk.clock.now(), **more}
    desk.runs.settle(RunOutcome.model_validate(outcome))


def test_what_a_run_did_is_taken_back_in_reverse_as_a_new_run(desk: Desk, clock: FixedClock) -> None:
    run = begun(desk, "price", "stock")
    did(desk, run, "price")
    clock.advance(1)
    did(desk, run, "stock")
    ended(desk, run)
    shown = ask(desk, f"GET /v1/runs/{run}/undo").body
    got = ask(desk, f"POST /v1/runs/{run}/undo")
    assert got.status == 200
    assert got.body["plan"] == shown["plan"]
    first, second = got.body["plan"]["steps"]
    assert (first["tool"], first["args"]["quantity"], first["args"]["expected_quantity"]) == (
        "inventory.set",
        42,
        40,
    )
    assert (second["tool"], second["args"]["price"], second["args"]["expected_price"]) == (
        "pricing.set", eur(1250), eur(1190),
    )  # fmt: skip
    assert second["needs"] == [first["id"]]
    undo = ask(desk, f"GET /v1/runs/{got.body['run']}").body
    assert undo["proposal"]["undoes"] == run
    assert undo["proposal"]["requester"]["id"] == "ana"
    (entry,) = desk.log.read(got.body["run"])
    assert (entry.kind, entry.detail["undoes"]) == (EntryKind.PLAN_PROPOSED, run)


@pytest.mark.guarantee("plans:one-undo-at-a-time")
def test_an_undo_under_way_is_named_again_whoever_asks(desk: Desk) -> None:
    run = begun(desk, "price")
    did(desk, run, "price")
    ended(desk, run)
    first = ask(desk, f"POST /v1/runs/{run}/undo").body["run"]
    assert ask(desk, f"POST /v1/runs/{run}/undo").body["run"] == first
    assert ask(desk, f"POST /v1/runs/{run}/undo", as_="ben").body["run"] == first


def test_an_undo_that_ended_leaves_to_the_next_only_what_still_stands(desk: Desk, clock: FixedClock) -> None:
    run = begun(desk, "price", "stock")
    did(desk, run, "price")
    clock.advance(1)
    did(desk, run, "stock")
    ended(desk, run)
    first = RunId(ask(desk, f"POST /v1/runs/{run}/undo").body["run"])
    at = desk.clock.now()
    desk.runs.keep(StepResult(run=first, step=StepId("stock"), outcome=Outcome.DONE, settled_at=at))
    ended(desk, first, "REJECTED")
    again = ask(desk, f"POST /v1/runs/{run}/undo").body
    assert again["run"] != first
    assert [step["tool"] for step in again["plan"]["steps"]] == ["pricing.set"]


def test_what_the_run_took_back_itself_is_not_taken_back_twice(desk: Desk) -> None:
    run = begun(desk, "price")
    did(desk, run, "price")
    ended(desk, run, "FAILED", undone=["price"])
    got = ask(desk, f"POST /v1/runs/{run}/undo")
    assert (got.status, got.body["run"], got.body["plan"]) == (200, None, None)


def test_what_nobody_knows_how_to_take_back_is_said(desk: Desk) -> None:
    run = begun(desk, "price")
    did(desk, run, "price", before=None)
    ended(desk, run)
    got = ask(desk, f"POST /v1/runs/{run}/undo").body
    assert got["run"] is None
    assert got["stands"] == [
        {"step": "price", "tool": "pricing.set", "channel": SHOP, "code": "undo.unknown"}
    ]


def test_a_run_that_has_not_ended_or_may_have_done_more_is_not_taken_back(desk: Desk) -> None:
    run = begun(desk, "price")
    early = ask(desk, f"POST /v1/runs/{run}/undo")
    assert (early.status, "not ended" in early.body["error"]["problem"]) == (409, True)
    did(desk, run, "price", EffectState.UNKNOWN)
    ended(desk, run, "UNKNOWN")
    unknown = ask(desk, f"POST /v1/runs/{run}/undo")
    assert (unknown.status, "settle" in unknown.body["error"]["problem"]) == (409, True)
    assert len(ask(desk, "GET /v1/runs").body["runs"]) == 1


def test_who_may_not_run_plans_may_not_take_them_back_and_no_other_tenant_sees_them(desk: Desk) -> None:
    run = begun(desk, "price")
    ended(desk, run)
    assert ask(desk, f"POST /v1/runs/{run}/undo", as_="vera").status == 403
    assert ask(desk, f"POST /v1/runs/{run}/undo", tenant=OTHER).status == 404
    assert ask(desk, f"GET /v1/runs/{run}/undo", tenant=OTHER).status == 404
