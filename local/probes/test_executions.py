"""The execution API."""

import json
import time

import pytest

from local.probes.kit import (
    INVOKE,
    KNIFE_ARN,
    REGION,
    ROLE,
    client,
    history,
    knife_task,
    machine,
    queue,
    refused,
    run,
    single,
    sleeping,
    start,
    token_at,
    token_task,
    unique,
    wait_for,
)


def test_api_stop_execution() -> None:
    ex = start(machine(sleeping(60)))
    time.sleep(0.4)
    client("stepfunctions").stop_execution(executionArn=ex, error="Op", cause="halt")
    r = wait_for(ex, 5)
    assert (r["status"], r.get("error"), r.get("cause")) == ("ABORTED", "Op", "halt")
    assert history(ex)[-1]["type"] == "ExecutionAborted"


def test_api_stop_while_token() -> None:
    k = unique("t")
    ex = start(machine(single(token_task(k))))
    tk = token_at(k)
    client("stepfunctions").stop_execution(executionArn=ex)
    assert wait_for(ex, 5)["status"] == "ABORTED"
    with refused("TaskTimedOut", "TaskDoesNotExist", "InvalidToken"):
        client("stepfunctions").send_task_success(taskToken=tk, output="1")


def test_api_name_idempotent_running() -> None:
    a = machine(sleeping(5))
    e1 = start(a, {"a": 1}, "n1")
    e2 = start(a, {"a": 1}, "n1")
    assert e1 == e2
    with refused("ExecutionAlreadyExists"):
        start(a, {"a": 2}, "n1")


def test_api_name_taken_after_close() -> None:
    a = machine(single({"Type": "Pass"}))
    e = start(a, {"a": 1}, "n1")
    wait_for(e)
    with refused("ExecutionAlreadyExists"):
        start(a, {"a": 1}, "n1")


def test_api_no_name() -> None:
    a = machine(single({"Type": "Pass"}))
    s = client("stepfunctions")
    e1 = s.start_execution(stateMachineArn=a)["executionArn"]
    e2 = s.start_execution(stateMachineArn=a)["executionArn"]
    assert e1 != e2, e1
    assert not e1.endswith(":None"), e1


def test_api_input_limit() -> None:
    a = machine(single({"Type": "Pass"}))
    with refused("InvalidExecutionInput", "ValidationException"):
        start(a, {"x": "y" * 300000})


def test_api_state_output_limit() -> None:
    r = run(single(knife_task({"op": "big", "n": 300000})))
    assert (r["status"], r.get("error")) == ("FAILED", "States.DataLimitExceeded")


def test_api_invalid_definition() -> None:
    with refused("InvalidDefinition"):
        machine({"StartAt": "Z", "States": {"A": {"Type": "Pass", "End": True}}})


def test_api_invalid_definition_next() -> None:
    with refused("InvalidDefinition"):
        machine({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Q"}}})


def test_api_validate_definition() -> None:
    s = client("stepfunctions")
    assert (
        s.validate_state_machine_definition(definition=json.dumps(single({"Type": "Pass"})))["result"] == "OK"
    )
    assert (
        s.validate_state_machine_definition(
            definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Q"}}})
        )["result"]
        == "FAIL"
    )


def test_api_test_state() -> None:
    r = client("stepfunctions").test_state(
        definition=json.dumps({"Type": "Pass", "Parameters": {"a.$": "$.b"}, "Next": "N"}),
        roleArn=ROLE,
        input='{"b":1}',
        inspectionLevel="DEBUG",
    )
    assert (r["status"], json.loads(r["output"]), r.get("nextState")) == ("SUCCEEDED", {"a": 1}, "N")


def test_api_test_state_mock() -> None:
    r = client("stepfunctions").test_state(
        definition=json.dumps(
            {
                "Type": "Task",
                "Resource": INVOKE,
                "Parameters": {"FunctionName": "none"},
                "Catch": [{"ErrorEquals": ["E"], "Next": "H"}],
                "End": True,
            }
        ),
        input="{}",
        mock={"errorOutput": {"error": "E", "cause": "c"}},
        inspectionLevel="INFO",
    )
    assert (r["status"], r.get("nextState")) == ("CAUGHT_ERROR", "H")


@pytest.mark.xfail(strict=True, reason="no RedriveExecution")
def test_api_redrive() -> None:
    k = unique("fl")
    ex = start(
        machine(
            {
                "StartAt": "A",
                "States": {
                    "A": {"Type": "Pass", "Result": {"op": "flaky", "k": k, "ok_at": 2}, "Next": "B"},
                    "B": {"Type": "Task", "Resource": KNIFE_ARN, "End": True},
                },
            }
        )
    )
    assert wait_for(ex)["status"] == "FAILED"
    client("stepfunctions").redrive_execution(executionArn=ex)
    time.sleep(0.3)
    r = wait_for(ex)
    assert r["status"] == "SUCCEEDED"
    assert r["redriveCount"] == 1


def test_api_sm_timeout() -> None:
    r = run({"TimeoutSeconds": 1, **sleeping(30)}, to=6)
    assert r["status"] == "TIMED_OUT"
    assert "stopDate" in r


def test_api_history_detail() -> None:
    ex = start(
        machine(
            {
                "StartAt": "A",
                "States": {
                    "A": knife_task({"op": "sq", "n": 2}, Next="W"),
                    "W": {"Type": "Wait", "Seconds": 1, "Next": "C"},
                    "C": {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$.r.n", "NumericEquals": 4, "Next": "S"}],
                    },
                    "S": {"Type": "Succeed"},
                },
            }
        )
    )
    wait_for(ex)
    h = history(ex)
    assert [e["type"] for e in h] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "WaitStateEntered",
        "WaitStateExited",
        "ChoiceStateEntered",
        "ChoiceStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    assert all("previousEventId" in e for e in h), "no previousEventId"
    s = h[2]["taskScheduledEventDetails"]
    assert (s["resource"], s["resourceType"], s["region"]) == ("invoke", "lambda", REGION)
    assert "input" in h[0]["executionStartedEventDetails"]


def test_api_history_paging_reverse() -> None:
    ex = start(machine(single({"Type": "Pass"})))
    wait_for(ex)
    s = client("stepfunctions")
    r = s.get_execution_history(executionArn=ex, maxResults=2)
    assert len(r["events"]) == 2
    assert "nextToken" in r
    r = s.get_execution_history(executionArn=ex, reverseOrder=True)
    assert r["events"][0]["type"] == "ExecutionSucceeded"


def test_api_history_map_iterations() -> None:
    ex = start(
        machine(single({"Type": "Map", "ItemsPath": "$", "ItemProcessor": single({"Type": "Pass"})})), [1]
    )
    wait_for(ex)
    ty = [e["type"] for e in history(ex)]
    assert ty == [
        "ExecutionStarted",
        "MapStateEntered",
        "MapStateStarted",
        "MapIterationStarted",
        "PassStateEntered",
        "PassStateExited",
        "MapIterationSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]


def test_api_list_filter_stopdate() -> None:
    a = machine(single({"Type": "Pass"}))
    wait_for(start(a))
    l = client("stepfunctions").list_executions(stateMachineArn=a, statusFilter="SUCCEEDED")["executions"]
    assert len(l) == 1
    assert "stopDate" in l[0]
    assert (
        client("stepfunctions").list_executions(stateMachineArn=a, statusFilter="RUNNING")["executions"] == []
    )


def test_api_express_sync() -> None:
    r = client("stepfunctions").start_sync_execution(
        stateMachineArn=machine(single({"Type": "Pass", "Result": 3}), type="EXPRESS"), input="{}"
    )
    assert (r["status"], r["output"]) == ("SUCCEEDED", "3")


def test_api_versions_alias_start() -> None:
    s = client("stepfunctions")
    n = unique("sm")
    r = s.create_state_machine(
        name=n, definition=json.dumps(single({"Type": "Pass", "Result": 1})), roleArn=ROLE, publish=True
    )
    v1 = r["stateMachineVersionArn"]
    s.update_state_machine(
        stateMachineArn=r["stateMachineArn"],
        definition=json.dumps(single({"Type": "Pass", "Result": 2})),
        publish=True,
    )
    al = s.create_state_machine_alias(
        name="live", routingConfiguration=[{"stateMachineVersionArn": v1, "weight": 100}]
    )["stateMachineAliasArn"]
    assert wait_for(s.start_execution(stateMachineArn=v1)["executionArn"])["output"] == "1"
    assert wait_for(s.start_execution(stateMachineArn=al)["executionArn"])["output"] == "1"


def test_api_update_does_not_touch_running() -> None:
    s = client("stepfunctions")
    a = machine(
        {
            "StartAt": "W",
            "States": {
                "W": {"Type": "Wait", "Seconds": 1, "Next": "P"},
                "P": {"Type": "Pass", "Result": 1, "End": True},
            },
        }
    )
    e = start(a)
    time.sleep(0.2)
    s.update_state_machine(stateMachineArn=a, definition=json.dumps(single({"Type": "Pass", "Result": 2})))
    assert wait_for(e)["output"] == "1"
    assert wait_for(start(a))["output"] == "2"


def test_api_create_idempotent_conflict() -> None:
    n = unique("sm")
    a = machine(single({"Type": "Pass"}), name=n)
    assert machine(single({"Type": "Pass"}), name=n) == a
    with refused("StateMachineAlreadyExists"):
        machine(single({"Type": "Pass", "Result": 1}), name=n)


def test_api_activity() -> None:
    s = client("stepfunctions")
    a = s.create_activity(name=unique("act"))["activityArn"]
    ex = start(machine(single({"Type": "Task", "Resource": a, "TimeoutSeconds": 20})), {"q": 1})
    r = s.get_activity_task(activityArn=a, workerName="w")
    assert json.loads(r["input"]) == {"q": 1}
    s.send_task_success(taskToken=r["taskToken"], output="5")
    assert wait_for(ex)["output"] == "5"


def test_api_status_change_event() -> None:
    q, qa = queue()
    a = machine(single({"Type": "Pass"}))
    rule = unique("r")
    client("events").put_rule(
        Name=rule,
        EventPattern=json.dumps(
            {"source": ["aws.states"], "detail": {"stateMachineArn": [a], "status": ["SUCCEEDED"]}}
        ),
    )
    client("events").put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": qa}])
    wait_for(start(a))
    m = client("sqs").receive_message(QueueUrl=q, WaitTimeSeconds=4).get("Messages")
    assert m, "no event"


def test_api_delete_sm() -> None:
    a = machine(single({"Type": "Pass"}))
    client("stepfunctions").delete_state_machine(stateMachineArn=a)
    time.sleep(0.2)
    with refused("StateMachineDoesNotExist", "StateMachineDeleting"):
        start(a)
