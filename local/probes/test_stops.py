"""Stops, nested runs and how prompt things are."""

import json
import time
from datetime import UTC, datetime, timedelta

from local.probes.kit import (
    client,
    eventually,
    function,
    history,
    invoke,
    knife_task,
    machine,
    output_of,
    single,
    single_jsonata,
    sleeping,
    start,
    unique,
    wait_for,
)

SYNC = "arn:aws:states:::states:startExecution.sync:2"


def nested(child: str) -> dict[str, object]:
    return single({"Type": "Task", "Resource": SYNC, "Parameters": {"StateMachineArn": child, "Input": {}}})


def running(arn: str) -> list[str]:
    found = client("stepfunctions").list_executions(stateMachineArn=arn, statusFilter="RUNNING")
    return [execution["executionArn"] for execution in found["executions"]]


def test_nested_sync_is_prompt() -> None:
    parent = machine(nested(machine(single(knife_task({"op": "sleep", "s": 0.1})))))
    wait_for(start(parent))
    began = time.time()
    assert json.loads(wait_for(start(parent))["output"])["Output"] == {"r": "slept"}
    assert time.time() - began < 0.4


def test_stopping_the_parent_stops_the_child() -> None:
    child = machine(sleeping(60))
    parent = start(machine(nested(child)))
    execution = eventually(lambda: running(child))[0]
    client("stepfunctions").stop_execution(executionArn=parent, error="Op", cause="halt")
    assert wait_for(parent, 3)["status"] == "ABORTED"
    assert wait_for(execution, 3)["status"] == "ABORTED"


def test_the_deadline_of_a_nested_run_stops_the_child() -> None:
    child = machine(sleeping(60))
    task = {**nested(child)["States"]["S"], "TimeoutSeconds": 1}  # type: ignore[index]
    parent = start(machine({"StartAt": "S", "States": {"S": task}}))
    execution = eventually(lambda: running(child))[0]
    assert wait_for(parent, 5)["error"] == "States.Timeout"
    assert wait_for(execution, 8)["status"] == "ABORTED"


def test_stop_while_retrying() -> None:
    task = knife_task({"op": "boom"}, Retry=[{"ErrorEquals": ["Boom"], "IntervalSeconds": 60}])
    execution = start(machine(single(task)))
    eventually(lambda: "TaskFailed" in [event["type"] for event in history(execution)])
    client("stepfunctions").stop_execution(executionArn=execution)
    assert wait_for(execution, 2)["status"] == "ABORTED"
    eventually(lambda: history(execution)[-1]["type"] == "ExecutionAborted", 2)


def test_stop_during_a_lambda_call() -> None:
    execution = start(machine(single(knife_task({"op": "sleep", "s": 6}))))
    eventually(lambda: "TaskStarted" in [event["type"] for event in history(execution)])
    client("stepfunctions").stop_execution(executionArn=execution, error="Op")
    assert wait_for(execution, 2)["error"] == "Op"


def test_run_machine_is_quick() -> None:
    states = {
        f"S{n}": {"Type": "Pass", "Output": "{% $states.input %}", "Next": f"S{n + 1}"} for n in range(4)
    }
    states["S4"] = {"Type": "Succeed"}
    arn = machine({"QueryLanguage": "JSONata", "StartAt": "S0", "States": states})
    wait_for(start(arn))
    began = time.time()
    for _ in range(10):
        wait_for(start(arn))
    assert (time.time() - began) / 10 < 0.1


def test_wait_timestamp_exact() -> None:
    until = datetime.now(UTC) + timedelta(seconds=1.4)
    text = until.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    output_of(single_jsonata({"Type": "Wait", "Timestamp": "{% $states.input.until %}"}), {"until": text})
    assert -0.02 < (datetime.now(UTC) - until).total_seconds() < 0.5


def test_vars_quotes_jsonpath() -> None:
    text = 'he said "hi"\n$x'
    states = {
        "A": {"Type": "Pass", "Assign": {"v.$": "$.s"}, "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"o.$": "$v"}, "End": True},
    }
    assert output_of({"StartAt": "A", "States": states}, {"s": text}) == {"o": text}


def test_jsonata_null_is_a_value() -> None:
    state = {"Type": "Pass", "Output": {"a": "{% $states.input.a %}", "b": "{% $states.input %}"}}
    assert output_of(single_jsonata(state), {"a": None}) == {"a": None, "b": {"a": None}}


def test_a_handler_that_exits_is_an_exit_error() -> None:
    failed, body = invoke("knife", {"op": "exit"})
    assert failed == "Unhandled"
    assert body["errorType"] == "Runtime.ExitError"
    assert invoke("knife", {"op": "sq", "n": 2}) == (None, {"n": 4})


def test_a_function_without_its_layer_cannot_import() -> None:
    failed, body = invoke("knife", {"op": "import", "module": "moto"})
    assert failed, body
    assert body["errorType"] == "ModuleNotFoundError"


def test_a_changed_configuration_gives_new_environments() -> None:
    name = unique("f")
    function(name)
    _, before = invoke(name, {"op": "pid"})
    assert invoke(name, {"op": "pid"}) == (None, before)
    variables = {"Variables": {"CHANGED": "1"}}
    client("lambda").update_function_configuration(FunctionName=name, Environment=variables)
    _, after = invoke(name, {"op": "env"})
    assert after["CHANGED"] == "1"
    assert after["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert invoke(name, {"op": "pid"})[1] != before


def test_an_import_error_is_reported_as_such() -> None:
    name = unique("f")
    function(name, source="import nothing_of_that_name\n")
    _, body = invoke(name, {})
    assert body["errorType"] == "Runtime.ImportModuleError"
