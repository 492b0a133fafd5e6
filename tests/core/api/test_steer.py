"""What a person asks of a run beside its plan: stop, go on, try again, end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.aws.client import client
from nightshift.ids import RunId, StepId
from nightshift.model.case import RunOutcome
from nightshift.model.effect import StepResult
from nightshift.model.log import EntryKind
from nightshift.model.tool import Outcome
from tests.support.desk import OTHER, SHOP, Answer, ask, ask_for_refund, make_desk, open_case, suffix_of

if TYPE_CHECKING:
    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

STEP: dict[str, Any] = {
    "id": "product",
    "tool": "catalog.get_product",
    "channel": SHOP,
    "args": {"sku": "MUG-BLUE"},
}


@pytest.fixture
def desk(tables: Tables, clock: FixedClock) -> Desk:
    return make_desk(tables, clock)


@pytest.fixture
def run(desk: Desk) -> RunId:
    plan = {"name": "look", "steps": [STEP]}
    return RunId(ask(desk, "POST /v1/runs", body={"plan": plan, "key": "order-0001"}).body["run"])


def steer(desk: Desk, run: RunId, verb: str, as_: str = "ana", **more: Any) -> Answer:  # noqa: ANN401  # as `ask`
    return ask(desk, f"POST /v1/runs/{run}/{verb}", as_=as_, body={"note": "wrong list"}, **more)


Executions = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def executions(tables: Tables) -> Executions:
    """This test's executions of runs, by name and status."""

    def found() -> list[tuple[str, str]]:
        states = client("stepfunctions")
        mine = f"run-{suffix_of(tables)}"
        machines = states.list_state_machines()["stateMachines"]
        (arn,) = (machine["stateMachineArn"] for machine in machines if machine["name"] == mine)
        listed = states.list_executions(stateMachineArn=arn)["executions"]
        return sorted((each["name"], each["status"]) for each in listed)

    return found


def test_a_stopped_run_goes_on_in_its_next_generation(desk: Desk, run: RunId, executions: Executions) -> None:
    stopped = steer(desk, run, "stop")
    assert (stopped.status, stopped.body["stopped"], stopped.body["generation"]) == (200, True, 2)
    assert executions() == [(f"{run}-g1", "ABORTED")]
    assert steer(desk, run, "stop").body == stopped.body
    assert ask(desk, f"GET /v1/runs/{run}").body["status"] == "PAUSED"
    assert ask(desk, "GET /v1/runs").body["runs"][0]["status"] == "PAUSED"
    resumed = steer(desk, run, "resume")
    assert (resumed.status, resumed.body["stopped"], resumed.body["generation"]) == (200, False, 2)
    assert executions() == [(f"{run}-g1", "ABORTED"), (f"{run}-g2", "RUNNING")]
    kinds = [entry.kind for entry in desk.log.read(run)]
    assert kinds == [EntryKind.PLAN_PROPOSED, EntryKind.RUN_STOPPED, EntryKind.RUN_RESUMED]
    assert {entry.actor for entry in desk.log.read(run)} == {"person:ana"}


def test_a_stopped_run_that_is_ended_is_ended(desk: Desk, run: RunId) -> None:
    early = steer(desk, run, "close")
    assert (early.status, "not stopped" in early.body["error"]["problem"]) == (409, True)
    steer(desk, run, "stop")
    closed = steer(desk, run, "close")
    assert (closed.status, closed.body["status"]) == (200, "STOPPED")
    assert ask(desk, f"GET /v1/runs/{run}").body["status"] == "STOPPED"


def test_a_run_that_failed_is_tried_again_from_its_failed_step(desk: Desk, run: RunId) -> None:
    assert steer(desk, run, "retry").status == 409
    at = desk.clock.now()
    desk.runs.keep(
        StepResult(run=run, step=StepId("product"), outcome=Outcome.REJECTED, code="x", settled_at=at)
    )
    desk.runs.settle(RunOutcome(run=run, status="FAILED", reason="x", failed_step="product", settled_at=at))
    tried = steer(desk, run, "retry")
    assert (tried.status, tried.body["generation"]) == (200, 2)
    shown = ask(desk, f"GET /v1/runs/{run}").body
    assert (shown["status"], shown["steps"][0]["state"]) == ("RUNNING", "PENDING")


@pytest.mark.parametrize("verb", ["stop", "resume", "retry", "close"])
def test_only_who_may_run_plans_steers_runs_and_only_of_their_tenant(
    desk: Desk, run: RunId, executions: Executions, verb: str
) -> None:
    refused = steer(desk, run, verb, as_="vera")
    assert (refused.status, "plans:run" in refused.body["error"]["problem"]) == (403, True)
    assert steer(desk, run, verb, tenant=OTHER).status == 404
    assert ask(desk, f"POST /v1/runs/{run}/{verb}", body={"note": ""}).status == 400
    assert executions() == [(f"{run}-g1", "RUNNING")]


@pytest.mark.parametrize("verb", ["stop", "resume", "retry", "close"])
def test_a_cases_run_is_left_to_its_case(desk: Desk, verb: str) -> None:
    approval = ask_for_refund(desk, open_case(desk))
    got = steer(desk, approval.run, verb)
    assert got.status == 409
    assert "case" in got.body["error"]["problem"]


def test_why_a_run_was_stopped_is_kept_sealed_for_those_who_may_read_it(desk: Desk, run: RunId) -> None:
    steer(desk, run, "stop")
    (_, stopped) = desk.log.read(run)
    assert "wrong list" not in stopped.model_dump_json()
    assert ask(desk, f"POST /v1/runs/{run}/personal", as_="ben").status == 403
    assert ask(desk, f"POST /v1/runs/{run}/personal", tenant=OTHER).status == 404
    (line,) = ask(desk, f"POST /v1/runs/{run}/personal").body["lines"]
    assert (line["kind"], line["fields"]) == ("run.stopped", {"note": "wrong list"})
    assert desk.log.read(run)[-1].kind is EntryKind.PERSONAL_READ
    cases = ask_for_refund(desk, open_case(desk)).run
    assert ask(desk, f"POST /v1/runs/{cases}/personal").status == 404
