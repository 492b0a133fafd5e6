"""The style our own machines are written in: a case that sleeps on a token, a run that asks a person."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.probes.kit import (
    INVOKE,
    client,
    eventually,
    function,
    history,
    machine,
    queue,
    refused,
    run,
    start,
    table,
    token_at,
    token_task,
    unique,
    wait_for,
)

SKETCHES = Path(__file__).with_name("sketches")

ECHO = "def handler(event, context):\n    return event\n"
GATE = "def handler(event, context):\n    return {**event, 'next': event['first']}\n"
STEP = "def handler(event, context):\n    return {**event, 'next': 'done', 'did': event.get('did', 0) + 1}\n"
RECORDER = "def handler(event, context):\n    return {**event, 'sleep': not event.get('woken'), 'woken': True, 'first': 'none'}\n"


def sleep_in_a_table(name: str, *, timeout: int | str = 60) -> dict[str, Any]:
    """A task that writes its token to a table, if the case has seen everything."""
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Sleep",
        "States": {
            "Sleep": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken",
                "TimeoutSeconds": timeout,
                "Arguments": {
                    "TableName": name,
                    "Key": {"pk": {"S": "{% $states.input.case %}"}, "sk": {"S": "meta"}},
                    "UpdateExpression": "SET tok = :t",
                    "ConditionExpression": "inbox_seq = :s",
                    "ExpressionAttributeValues": {
                        ":t": {"S": "{% $states.context.Task.Token %}"},
                        ":s": {"N": "{% $string($states.input.seen) %}"},
                    },
                },
                "Catch": [
                    {
                        "ErrorEquals": ["DynamoDb.ConditionalCheckFailedException"],
                        "Output": {
                            "again": "{% $states.input.case %}",
                            "why": "{% $states.errorOutput.Error %}",
                        },
                        "Next": "Again",
                    },
                    {"ErrorEquals": ["States.Timeout"], "Output": {"late": True}, "Next": "Again"},
                ],
                "Output": "{% $merge([$states.input, $states.result]) %}",
                "End": True,
            },
            "Again": {"Type": "Pass", "End": True},
        },
    }


def a_case(name: str, seen: int) -> None:
    item = {"pk": {"S": "c1"}, "sk": {"S": "meta"}, "inbox_seq": {"N": str(seen)}}
    client("dynamodb").put_item(TableName=name, Item=item)


def token_in(name: str) -> str:
    key = {"pk": {"S": "c1"}, "sk": {"S": "meta"}}
    found = eventually(lambda: client("dynamodb").get_item(TableName=name, Key=key)["Item"].get("tok"))
    return str(found["S"])


def test_update_item_with_token_waits_for_the_answer() -> None:
    name = table()
    a_case(name, 3)
    execution = start(machine(sleep_in_a_table(name)), {"case": "c1", "seen": 3})
    client("stepfunctions").send_task_success(taskToken=token_in(name), output='{"event": "e9"}')
    assert json.loads(wait_for(execution)["output"]) == {"case": "c1", "seen": 3, "event": "e9"}
    assert "TaskSubmitted" in [event["type"] for event in history(execution)]


def test_update_item_with_token_whose_condition_fails_is_caught() -> None:
    name = table()
    a_case(name, 4)
    ended = run(sleep_in_a_table(name), {"case": "c1", "seen": 3})
    assert json.loads(ended["output"]) == {"again": "c1", "why": "DynamoDb.ConditionalCheckFailedException"}


@pytest.mark.parametrize("timeout", [1, "{% $states.input.patience %}"])
def test_update_item_with_token_times_out(timeout: int | str) -> None:
    name = table()
    a_case(name, 3)
    ended = run(sleep_in_a_table(name, timeout=timeout), {"case": "c1", "seen": 3, "patience": 1})
    assert json.loads(ended["output"]) == {"late": True}
    with refused("TaskTimedOut", "TaskDoesNotExist"):
        client("stepfunctions").send_task_success(taskToken=token_in(name), output="{}")


def test_cb_late_answer_after_timeout_is_refused_while_the_execution_goes_on() -> None:
    key = unique("t")
    states = {
        "A": token_task(
            key, TimeoutSeconds=1, Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "B"}], Next="B"
        ),
        "B": {"Type": "Wait", "Seconds": 3, "End": True},
    }
    execution = start(machine({"StartAt": "A", "States": states}))
    eventually(lambda: "WaitStateEntered" in [event["type"] for event in history(execution)])
    with refused("TaskTimedOut", "TaskDoesNotExist"):
        client("stepfunctions").send_task_success(taskToken=token_at(key), output='{"late": 1}')
    assert "Error" in json.loads(wait_for(execution)["output"])


def test_cb_retry_gets_a_new_token() -> None:
    key = unique("t")
    task = token_task(
        key, Retry=[{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 2}], End=True
    )
    execution = start(machine({"StartAt": "A", "States": {"A": task}}))
    first = token_at(key)
    client("stepfunctions").send_task_failure(taskToken=first, error="Again")
    second = eventually(lambda: (found := token_at(key)) != first and found)
    client("stepfunctions").send_task_success(taskToken=second, output='"second"')
    assert wait_for(execution)["output"] == '"second"'


def test_retry_with_jitter_in_jsonata_and_a_caught_wire_error() -> None:
    state = {
        "Type": "Task",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": "knife", "Payload": {"op": "flaky", "k": unique("fl"), "ok_at": 9}},
        "Retry": [
            {
                "ErrorEquals": ["Flaky"],
                "IntervalSeconds": 1,
                "MaxAttempts": 1,
                "BackoffRate": 2,
                "JitterStrategy": "FULL",
            }
        ],
        "Catch": [
            {
                "ErrorEquals": ["States.ALL"],
                "Output": {"error": "{% $states.errorOutput %}"},
                "Assign": {"seen": True},
                "Next": "B",
            }
        ],
        "End": True,
    }
    after = {
        "Type": "Pass",
        "Output": {"error": "{% $states.input.error.Error %}", "seen": "{% $seen %}"},
        "End": True,
    }
    ended = run({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state, "B": after}})
    assert json.loads(ended["output"]) == {"error": "Flaky", "seen": True}


def _filled(sketch: str, names: dict[str, str]) -> str:
    text = (SKETCHES / sketch).read_text(encoding="utf-8")
    for placeholder, value in names.items():
        text = text.replace(placeholder, value)
    return text


def _our_machines() -> tuple[str, str, str]:
    """Case and run with toy functions; the case machine, its table, the approval queue."""
    names = {name: unique(name) for name in ("context", "planner", "recorder", "gate", "step")}
    for name, source in {
        "context": ECHO,
        "planner": ECHO,
        "recorder": RECORDER,
        "gate": GATE,
        "step": STEP,
    }.items():
        function(names[name], source=source)
    url, _ = queue(fifo=True)
    cases = table()
    runs = machine(_filled("run.asl.json", {"GATE": names["gate"], "QURL": url}))
    fill = {
        "CONTEXT": names["context"],
        "PLANNER": names["planner"],
        "RECORDER": names["recorder"],
        "RUNARN": runs,
        "CASES": cases,
    }
    return machine(_filled("case.asl.json", fill)), cases, json.dumps([names["step"], url])


def test_the_standard_case_runs_asks_sleeps_and_closes() -> None:
    case, cases, extra = _our_machines()
    step, url = json.loads(extra)
    a_case(cases, 1)
    data = {"case": "c1", "seen": 1, "person": False, "first": "ask", "apr": "apr-1", "fn": step}
    execution = start(case, data, name=unique("case"))
    message = client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=10, AttributeNames=["All"])[
        "Messages"
    ][0]
    assert message["Attributes"]["MessageGroupId"] == "apr-1"
    client("stepfunctions").send_task_success(
        taskToken=json.loads(message["Body"])["token"], output='{"decision": "yes"}'
    )
    client("stepfunctions").send_task_success(taskToken=token_in(cases), output="{}")
    ended = wait_for(execution)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["decision"] == "yes"
    child = next(event for event in history(execution) if event["type"] == "TaskSubmitted")
    assert json.loads(child["taskSubmittedEventDetails"]["output"])["ExecutionArn"].endswith("-w1")


@pytest.mark.parametrize("lanes", [1, 3])
def test_the_run_takes_its_lanes_through_an_inline_map(lanes: int) -> None:
    step = unique("step")
    gate = unique("gate")
    function(step, source=STEP)
    function(gate, source=GATE)
    url, _ = queue(fifo=True)
    runs = machine(_filled("run.asl.json", {"GATE": gate, "QURL": url}))
    lane = {"fn": step, "first": "many"}
    ended = wait_for(start(runs, {"first": "many", "lanes": [lane] * lanes}))
    assert json.loads(ended["output"])["did"] == 1


def test_a_map_over_nothing_ends_at_once() -> None:
    state = {
        "Type": "Map",
        "Items": "{% $states.input.lanes %}",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "P",
            "States": {"P": {"Type": "Pass", "End": True}},
        },
        "End": True,
    }
    ended = run({"QueryLanguage": "JSONata", "StartAt": "M", "States": {"M": state}}, {"lanes": []}, to=5)
    assert ended["output"] == "[]"
