"""Runs without a case: stored, listed and started once, whatever breaks in between."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.launch import StepFunctionsLaunch
from nightshift.aws.runs import DynamoRuns
from nightshift.errors import Retryable
from nightshift.ids import RunId, TenantId, occurrence_run_id
from nightshift.model.plan import Plan, Proposal
from tests.support import records
from tests.support.wire import answering

if TYPE_CHECKING:
    from tests.support.tables import Tables

WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
BUSY = (400, {"__type": "ThrottlingException", "message": "busy"})


@pytest.fixture
def machine(tables: Tables) -> str:
    made = client("stepfunctions").create_state_machine(
        name=f"run-{tables.runs.rsplit('-', 1)[-1]}",
        definition=json.dumps(WAITS),
        roleArn="arn:aws:iam::000000000000:role/test",
    )
    return made["stateMachineArn"]


@pytest.fixture
def launch(tables: Tables, machine: str) -> StepFunctionsLaunch:
    return StepFunctionsLaunch(tables.runs, machine, db=client("dynamodb"), states=client("stepfunctions"))


def a_run(number: int = 1, tenant: TenantId = records.ACME) -> RunId:
    return occurrence_run_id(tenant, "person:ana", str(number))


def asked_for(number: int = 1, *, name: str = "reprice") -> Proposal:
    plan = Plan(name=name)
    return Proposal(
        run=a_run(number),
        tenant=records.ACME,
        case=None,
        wake=0,
        generation=1,
        subject="",
        customer=None,
        requester=records.ANA,
        proposed_by="person:ana",
        plan=plan,
        digest=plan.digest(),
        proposed_at=records.AT + timedelta(seconds=number),
    )


def executions(machine: str, status: str = "") -> list[str]:
    found = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return sorted(one["name"] for one in found if status in {"", one["status"]})


def test_a_run_is_stored_listed_and_started_once_however_often_it_is_launched(
    launch: StepFunctionsLaunch, machine: str, tables: Tables
) -> None:
    for _ in range(3):
        assert launch.launch(asked_for()) == asked_for()
    assert DynamoRuns(tables.runs, client("dynamodb")).proposal(a_run()) == asked_for()
    assert executions(machine) == [f"{a_run()}-g1"]
    lines, more = launch.listed(records.ACME, 10, "")
    assert [(line.run, line.name, line.proposed_by) for line in lines] == [(a_run(), "reprice", "person:ana")]
    assert more == ""


def test_the_plan_launched_first_stands_and_only_it_is_listed(launch: StepFunctionsLaunch) -> None:
    first = launch.launch(asked_for())
    later = asked_for(name="another").model_copy(update={"proposed_at": records.AT + timedelta(hours=1)})
    assert launch.launch(later) == first
    lines, _ = launch.listed(records.ACME, 10, "")
    assert [(line.name, line.proposed_at) for line in lines] == [
        ("reprice", "2026-11-21T09:00:01.000000+00:00")
    ]


def test_what_the_machine_is_given_is_the_run_and_its_generation(
    launch: StepFunctionsLaunch, machine: str
) -> None:
    launch.launch(asked_for())
    (one,) = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    given = client("stepfunctions").describe_execution(executionArn=one["executionArn"])["input"]
    assert json.loads(given) == {"run": a_run(), "generation": 1}


def test_runs_are_listed_the_newest_first_page_by_page(launch: StepFunctionsLaunch) -> None:
    for number in range(1, 6):
        launch.launch(asked_for(number))
    seen, cursor = [], ""
    while True:
        lines, cursor = launch.listed(records.ACME, 2, cursor)
        seen.append([line.run for line in lines])
        if not cursor:
            break
    assert [run for page in seen for run in page] == [a_run(n) for n in (5, 4, 3, 2, 1)]
    assert len(seen[0]) == 2
    assert launch.listed(TenantId("other"), 10, "") == ((), "")


def test_a_stopped_run_goes_on_only_in_a_later_generation(launch: StepFunctionsLaunch, machine: str) -> None:
    launch.launch(asked_for())
    launch.stop(a_run(), 1, "a person stopped it")
    assert executions(machine, "RUNNING") == []
    launch.launch(asked_for())
    assert executions(machine, "RUNNING") == []
    for _ in range(2):
        launch.again(asked_for(), 2)
    assert executions(machine, "RUNNING") == [f"{a_run()}-g2"]


def test_a_run_that_never_began_can_be_stopped_and_nothing_happens(
    launch: StepFunctionsLaunch, machine: str
) -> None:
    launch.stop(a_run(9), 1, "a person stopped it")
    assert executions(machine) == []


def test_a_launch_that_broke_off_is_retryable_and_the_same_call_goes_on(
    launch: StepFunctionsLaunch, machine: str
) -> None:
    def no_line(request: dict[str, dict[str, dict[str, str]]]) -> tuple[int, dict[str, str]] | None:
        return BUSY if request["Item"]["pk"]["S"].startswith("runs#") else None

    with answering(client("dynamodb"), "PutItem", no_line), pytest.raises(Retryable):
        launch.launch(asked_for())
    assert executions(machine) == []
    launch.launch(asked_for())
    assert executions(machine) == [f"{a_run()}-g1"]
