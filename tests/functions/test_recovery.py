"""The recovery function as its schedule, its rule, the case's state machine and the API call it."""

from __future__ import annotations

import importlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.approvals.resume import resume_decided
from nightshift.aws.client import client
from nightshift.aws.executions import StepFunctions
from nightshift.cases.dispatch import dispatch
from nightshift.errors import Misconfigured
from nightshift.ids import ApprovalId, CaseId, RunId
from nightshift.model.approval import ApprovalStatus
from nightshift.model.case import CaseInput, CaseStatus
from tests.support import records
from tests.support.intake import ACME, Intake, make_intake
from tests.support.records import QUOTE, READ, REFUND
from tests.support.scene import make_scene

if TYPE_CHECKING:
    from types import ModuleType

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


@pytest.fixture
def intake(tables: Tables, clock: FixedClock) -> Intake:
    clock.at = clock.at.replace(year=2020)  # the function reads the machine's own clock
    return make_intake(tables, clock)


@pytest.fixture
def machine(tables: Tables) -> str:
    made = client("stepfunctions").create_state_machine(
        name=f"case-{tables.cases.rsplit('-', 1)[-1]}",
        definition=json.dumps(WAITS),
        roleArn="arn:aws:iam::000000000000:role/test",
    )
    return made["stateMachineArn"]


@pytest.fixture
def function(tables: Tables, machine: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function at a cold start."""
    settings = {
        "STAGE": "test",
        "TABLE_CASES": tables.cases,
        "TABLE_RUNS": tables.runs,
        "TABLE_APPROVALS": tables.approvals,
        "TABLE_CONFIG": tables.config,
        "TABLE_LOG": tables.log,
        "MACHINE_CASE": machine,
        "MACHINE_RUN": machine,
        "BUCKET_BODIES": "no-such-bucket",
        "WEBHOOK_PREFIX": "no-such-function-",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module("functions.recovery.handler"))


def opened(intake: Intake) -> CaseId:
    case = dispatch(intake.stored(intake.source.message()), intake.desk).case
    assert case is not None
    return case


def executions(machine: str) -> dict[str, str]:
    found = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return {one["name"]: one["status"] for one in found}


def test_a_case_that_nothing_drives_is_started(intake: Intake, function: ModuleType, machine: str) -> None:
    case = opened(intake)
    swept = function.handler({"op": "sweep"}, None)
    assert (swept["seen"], swept["recovered"]) == (1, 1)
    assert executions(machine) == {f"{case}-g1": "RUNNING"}
    assert function.handler({"op": "sweep"}, None)["seen"] == 0


def test_an_execution_that_is_stopped_is_followed(intake: Intake, function: ModuleType, machine: str) -> None:
    case = opened(intake)
    intake.cases.observe(CaseInput(case=case, generation=1, wake=1))
    StepFunctions(machine, client("stepfunctions")).start_case(CaseInput(case=case, generation=1, wake=1))
    (running,) = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    client("stepfunctions").stop_execution(executionArn=running["executionArn"])
    detail = {
        "executionArn": running["executionArn"],
        "stateMachineArn": machine,
        "name": running["name"],
        "status": "ABORTED",
        "input": "{}",
        "output": None,
    }
    change = {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": detail,
    }
    assert function.handler(change, None) == {"became": "recovered"}
    assert function.handler(change, None) == {"became": "elsewhere"}
    assert executions(machine) == {f"{case}-g1": "ABORTED", f"{case}-g2": "RUNNING"}
    (given,) = [
        client("stepfunctions").describe_execution(executionArn=one["executionArn"])["input"]
        for one in client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        if one["name"] == f"{case}-g2"
    ]
    assert CaseInput.model_validate_json(given) == CaseInput(case=case, generation=2, wake=1)


def test_the_state_roll_over_gets_the_next_execution(
    intake: Intake, function: ModuleType, machine: str
) -> None:
    case = opened(intake)
    intake.cases.observe(CaseInput(case=case, generation=1, wake=1))
    given = {
        "op": "roll_over",
        "case": case,
        "generation": 1,
        "wake": 2,
        "woken": "event",
        "why": "roll_over",
        "error": "",
    }
    assert function.handler(given, None) == {"became": "recovered"}
    assert function.handler(given, None) == {"became": "elsewhere"}
    assert executions(machine) == {f"{case}-g2": "RUNNING"}


def test_all_cases_of_a_tenant_are_recovered_on_demand(
    intake: Intake, function: ModuleType, machine: str
) -> None:
    case = opened(intake)
    asked = {"op": "recover", "tenant": ACME, "case": None, "restored_at": None, "cursor": "", "by": "ana"}
    first = function.handler(asked, None)
    assert (first["done"], first["seen"], first["recovered"]) == (True, 1, 1)
    again = function.handler(asked, None)
    assert (again["seen"], again["running"]) == (1, 1)
    one = function.handler({**asked, "case": case}, None)
    assert one["recovered"] == 1
    assert executions(machine) == {f"{case}-g1": "ABORTED", f"{case}-g2": "RUNNING"}


def test_what_cannot_be_done_is_refused_by_field(function: ModuleType) -> None:
    refused = function.handler({"op": "recover", "restored_at": "2026-11-21T09:00:00Z"}, None)["refused"]
    assert refused["field"] == "tenant"


@pytest.mark.parametrize("event", [{}, {"op": "dance"}, {"op": "roll_over"}, {"detail": {"name": 1}}])
def test_a_call_nobody_makes_is_an_error_that_quotes_nothing(
    function: ModuleType, event: dict[str, object]
) -> None:
    with pytest.raises(Misconfigured):
        function.handler(event, None)


@pytest.mark.guarantee("recovery:no-case-stays-stranded")
def test_an_answer_that_never_reached_its_run_is_given(tables: Tables, clock: FixedClock) -> None:
    scene = make_scene(tables, clock)
    scene.propose(asks=frozenset({REFUND}))
    scene.steps(READ, QUOTE)
    asked = scene.ask("token-1")
    by, at = records.ANA, clock.now()
    scene.door.approvals.decide(asked.id, ApprovalStatus.APPROVED, by=by, at=at, note="")  # and then it died
    parts = scene.asking.approvals, scene.asking.runs, scene.asking.executions
    assert resume_decided(*parts) == 1
    assert scene.waiting.answers["token-1"]["run"] == records.RUN
    assert resume_decided(*parts) == 0
    assert scene.asking.approvals.unresumed(10) == ()


def test_an_answer_that_cannot_be_given_keeps_no_other_from_its_run(
    tables: Tables, clock: FixedClock
) -> None:
    scene = make_scene(tables, clock)
    scene.propose(asks=frozenset({REFUND}))
    scene.steps(READ, QUOTE)
    asked = scene.ask("token-1")
    lost = asked.model_copy(
        update={
            "id": ApprovalId("apr_lost"),
            "run": RunId("run_lost"),
            "asked_at": asked.asked_at - timedelta(hours=1),
        }
    )
    scene.door.approvals.ask(lost, "token-0", 1)  # its run's records are gone
    for each in (lost, asked):
        decided = ApprovalStatus.APPROVED
        scene.door.approvals.decide(each.id, decided, by=records.ANA, at=clock.now(), note="")
    parts = scene.asking.approvals, scene.asking.runs, scene.asking.executions
    assert resume_decided(*parts) == 1
    assert "token-1" in scene.waiting.answers
    assert scene.asking.approvals.unresumed(10) == ()


def test_a_case_with_a_person_is_left_to_them(intake: Intake, function: ModuleType, machine: str) -> None:
    case = opened(intake)
    intake.cases.hand_over(case, 1, "policy")
    assert function.handler({"op": "sweep"}, None)["seen"] == 0
    asked = {"op": "recover", "tenant": ACME, "case": case}
    assert function.handler(asked, None)["recovered"] == 0
    assert executions(machine) == {}
    assert intake.cases.get(case).status is CaseStatus.WITH_PERSON
