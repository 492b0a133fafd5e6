from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.executions import StepFunctions
from nightshift.ids import CaseId
from nightshift.model.case import CaseInput

if TYPE_CHECKING:
    from tests.support.tables import Tables

WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


@pytest.fixture
def machine(tables: Tables) -> str:
    made = client("stepfunctions").create_state_machine(
        name=f"case-{tables.cases.rsplit('-', 1)[-1]}",
        definition=json.dumps(WAITS),
        roleArn="arn:aws:iam::000000000000:role/test",
    )
    return made["stateMachineArn"]


def executions(machine: str) -> list[str]:
    found = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return sorted(one["name"] for one in found)


def test_a_generation_of_a_case_is_started_once(machine: str):
    port, first = (
        StepFunctions(machine, client("stepfunctions")),
        CaseInput(case=CaseId("case_a"), generation=1, wake=1),
    )
    for _ in range(3):
        port.start_case(first)
    port.start_case(first.model_copy(update={"wake": 2}))  # the same name with another input
    assert executions(machine) == ["case_a-g1"]
    port.start_case(first.model_copy(update={"generation": 2}))
    assert executions(machine) == ["case_a-g1", "case_a-g2"]


def test_an_execution_that_ended_is_not_started_again(machine: str):
    port, given = (
        StepFunctions(machine, client("stepfunctions")),
        CaseInput(case=CaseId("case_a"), generation=1, wake=1),
    )
    port.start_case(given)
    (run,) = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    client("stepfunctions").stop_execution(executionArn=run["executionArn"])
    port.start_case(given)
    assert executions(machine) == ["case_a-g1"]


def test_what_an_execution_is_given_is_what_the_first_state_reads(machine: str):
    given = CaseInput(case=CaseId("case_a"), generation=1, wake=1)
    StepFunctions(machine, client("stepfunctions")).start_case(given)
    (run,) = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    described = client("stepfunctions").describe_execution(executionArn=run["executionArn"])
    assert CaseInput.model_validate_json(described["input"]) == given


@pytest.mark.parametrize("token", ["no-such-token", "A" * 400])
def test_a_token_nobody_waits_on_is_no_error(machine: str, token: str):
    assert StepFunctions(machine, client("stepfunctions")).succeed(token, {"woken": "event"}) is False


def test_a_state_that_waits_on_a_token_is_resumed_once(tables: Tables):
    suffix = tables.cases.rsplit("-", 1)[-1]
    queue = client("sqs").create_queue(QueueName=f"tokens-{suffix}")["QueueUrl"]
    asks = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody.$": "$$.Task.Token"},
        "End": True,
    }
    arn = client("stepfunctions").create_state_machine(
        name=f"asks-{suffix}",
        definition=json.dumps({"StartAt": "Ask", "States": {"Ask": asks}}),
        roleArn="arn:aws:iam::000000000000:role/test",
    )["stateMachineArn"]
    port = StepFunctions(arn, client("stepfunctions"))
    port.start_case(CaseInput(case=CaseId("case_a"), generation=1, wake=1))
    (message,) = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert port.succeed(message["Body"], {"woken": "event"}) is True
    # the emulator takes a token until the state has seen the first answer
    (run,) = client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    tries = (
        client("stepfunctions").describe_execution(executionArn=run["executionArn"]) for _ in range(5000)
    )
    assert next(one["status"] for one in tries if one["status"] != "RUNNING") == "SUCCEEDED"
    assert port.succeed(message["Body"], {"woken": "event"}) is False
