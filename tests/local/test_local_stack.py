"""The local AWS as a whole: it starts, deploys, counts, scales time, and leaves nothing behind."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.deploy import DeployError
from local.stack import LocalStack

ROLE = "arn:aws:iam::123456789012:role/any"
INVOKE = "arn:aws:states:::lambda:invoke"
HANDLER = """
import os, time
def handler(event, context):
    time.sleep(event.get("sleep", 0))
    return {"pid": os.getpid(), "sq": event.get("n", 0) ** 2}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Time runs a hundred times faster."""
    with LocalStack.start(tmp_path_factory.mktemp("state"), time_scale=0.01) as started:
        make_function(started, "worker")
        yield started


def make_function(stack: LocalStack, name: str) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", HANDLER)
    stack.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=ROLE,
        Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
        Timeout=30,
    )


def invoke(stack: LocalStack, event: dict[str, Any]) -> Any:
    answer = stack.client("lambda").invoke(FunctionName="worker", Payload=json.dumps(event).encode())
    return json.loads(answer["Payload"].read())


def run(stack: LocalStack, name: str, definition: dict[str, Any]) -> Any:
    states = stack.client("stepfunctions")
    made = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
    started = states.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
    return until(
        lambda: (seen := states.describe_execution(executionArn=started))["status"] != "RUNNING" and seen
    )


def until(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError("never")


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    if status.parent.parent.is_dir() and Path("/proc/self").exists():
        return status.exists() and status.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def one(state: dict[str, Any]) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": {**state, "End": True}}}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_ends_takes_its_functions_with_it(tmp_path: Path, number: signal.Signals) -> None:
    stack = LocalStack.start(tmp_path)
    make_function(stack, "worker")
    child = invoke(stack, {})["pid"]
    assert alive(child)
    assert stack.pid is not None
    os.kill(stack.pid, number)
    stack.stop()
    until(lambda: not alive(child))


def test_a_server_ends_with_its_parent(tmp_path: Path) -> None:
    script = f"from local.stack import LocalStack; print(LocalStack.start({str(tmp_path)!r}).pid, flush=True)"
    command = [sys.executable, "-W", "ignore", "-c", script + "; import os; os._exit(0)"]
    said = subprocess.run(command, capture_output=True, check=True, text=True, cwd=Path(__file__).parents[2])
    until(lambda: not alive(int(said.stdout)))


def test_a_killed_function_gives_an_exit_error_and_the_next_call_works(stack: LocalStack) -> None:
    definition = one(
        {
            "Type": "Task",
            "Resource": INVOKE,
            "Arguments": {"FunctionName": "worker", "Payload": {"sleep": 20}},
            "Catch": [{"ErrorEquals": ["Runtime.ExitError"], "Output": "caught", "Next": "C"}],
        }
    )
    definition["States"]["C"] = {"Type": "Pass", "End": True}
    states = stack.client("stepfunctions")
    made = states.create_state_machine(name="killed", definition=json.dumps(definition), roleArn=ROLE)
    started = states.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
    until(lambda: stack.kill_lambda("worker"))
    ended = until(
        lambda: (seen := states.describe_execution(executionArn=started))["status"] != "RUNNING" and seen
    )
    assert ended["output"] == '"caught"'
    assert invoke(stack, {"n": 3})["sq"] == 9


def test_stats_count_transitions_invocations_and_calls_by_caller(stack: LocalStack) -> None:
    invoke(stack, {})
    stack.reset_stats()
    task = {
        "Type": "Task",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": "worker", "Payload": {}},
        "Next": "B",
    }
    machine = {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": task, "B": {"Type": "Succeed"}}}
    assert run(stack, "counted", machine)["status"] == "SUCCEEDED"
    stats = stack.stats()
    assert stats["machines"]["counted"] == 2
    assert stats["lambdas"] == {"worker": {"invocations": 1, "cold_starts": 0, "errors": 0}}
    assert {"service": "lambda", "action": "InvokeFunction", "caller": "states", "count": 1} in stats["calls"]


def test_time_scale_wait(stack: LocalStack) -> None:
    began = time.monotonic()
    run(stack, "wait", one({"Type": "Wait", "Seconds": "{% 50 + 50 %}"}))
    assert 0.9 < time.monotonic() - began < 2.5


def test_time_scale_retry(stack: LocalStack) -> None:
    task = {
        "Type": "Task",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": "missing", "Payload": {}},
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 40, "MaxAttempts": 2, "BackoffRate": 1}],
    }
    began = time.monotonic()
    assert run(stack, "retry", one(task))["status"] == "FAILED"
    assert 0.7 < time.monotonic() - began < 2.5


@pytest.mark.parametrize("seconds", [100, "{% 2 * 50 %}"])
def test_time_scale_token_timeout(stack: LocalStack, seconds: int | str) -> None:
    queue = stack.client("sqs").create_queue(QueueName="asked")["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "TimeoutSeconds": seconds,
        "Arguments": {"QueueUrl": queue, "MessageBody": "{% $states.context.Task.Token %}"},
    }
    began = time.monotonic()
    assert run(stack, f"token-{type(seconds).__name__}", one(task))["error"] == "States.Timeout"
    assert 0.9 < time.monotonic() - began < 2.5


def test_the_deadline_of_a_function_call_is_not_scaled(stack: LocalStack) -> None:
    arguments = {"FunctionName": "worker", "Payload": {"sleep": 0.3, "n": 2}}
    task = {"Type": "Task", "Resource": INVOKE, "TimeoutSeconds": 10, "Arguments": arguments}
    assert run(stack, "unscaled", one(task))["status"] == "SUCCEEDED"


def assembly(folder: Path, **templates: dict[str, Any]) -> Path:
    """A cloud assembly of stacks, each after the one before it."""
    artifacts: dict[str, Any] = {}
    for name, template in templates.items():
        (folder / f"{name}.template.json").write_text(json.dumps(template), encoding="utf-8")
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": f"{name}.template.json"},
            "dependencies": list(artifacts),
        }
    manifest = {"version": "36.0.0", "artifacts": dict(reversed(artifacts.items()))}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
    },
}


def test_stacks_are_deployed_in_order_with_references_between_them_and_ttl_on(
    stack: LocalStack, tmp_path: Path
) -> None:
    data = {
        "Resources": {"Table": TABLE},
        "Outputs": {"Name": {"Value": {"Ref": "Table"}, "Export": {"Name": "data:Table"}}},
    }
    weak = {"Fn::GetStackOutput": {"StackName": "data", "OutputName": "Name"}}
    value = {"Fn::Join": [" ", [{"Fn::ImportValue": "data:Table"}, weak]]}
    parameter = {"Type": "String", "Name": "/any/table", "Value": value}
    use = {
        "Resources": {"Parameter": {"Type": "AWS::SSM::Parameter", "Properties": parameter}},
        "Outputs": {"Parameter": {"Value": {"Ref": "Parameter"}}},
    }
    outputs = stack.deploy(assembly(tmp_path, data=data, use=use))
    name = outputs["data"]["Name"]
    found = stack.client("ssm").get_parameter(Name=outputs["use"]["Parameter"])["Parameter"]["Value"]
    assert found == f"{name} {name}"
    ttl = stack.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    assert stack.deploy(tmp_path) == outputs


def test_a_template_too_long_for_a_request_goes_through_a_bucket(stack: LocalStack, tmp_path: Path) -> None:
    output = {"Long": {"Value": {"Ref": "Table"}, "Description": "x" * 1000}}
    metadata = {f"note{number}": "y" * 1000 for number in range(60)}
    long = {"Metadata": metadata, "Resources": {"Table": TABLE}, "Outputs": output}
    assert stack.deploy(assembly(tmp_path, long=long))["long"]["Long"]


def test_a_failed_deploy_names_the_resource(stack: LocalStack, tmp_path: Path) -> None:
    machine = {"DefinitionString": '{"StartAt": "Nowhere", "States": {}}', "RoleArn": ROLE}
    bad = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}}}
    with pytest.raises(DeployError, match=r"Machine \(AWS::StepFunctions::StateMachine\)"):
        stack.deploy(assembly(tmp_path, bad=bad))


def threads_of(pid: int | None) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads where /proc tells")
def test_sleepers_cost_a_thread_each(stack: LocalStack) -> None:
    states, queue = stack.client("stepfunctions"), stack.client("sqs").create_queue(QueueName="tokens")
    waits = one(
        {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "TimeoutSeconds": 90_000,
            "Arguments": {
                "QueueUrl": queue["QueueUrl"],
                "MessageBody": "{% $states.context.Task.Token %}",
            },
        }
    )
    definition = json.dumps({**waits, "TimeoutSeconds": 100_000})
    machine = states.create_state_machine(name="sleepers", definition=definition, roleArn=ROLE)
    before = threads_of(stack.pid)
    for n in range(200):
        states.start_execution(stateMachineArn=machine["stateMachineArn"], name=f"s{n}")
    count = ["ApproximateNumberOfMessages"]
    sqs = stack.client("sqs")

    def asleep() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=queue["QueueUrl"], AttributeNames=count)
        return int(found["Attributes"][count[0]]) == 200

    until(asleep)
    assert threads_of(stack.pid) - before < 200 + 100
    token = sqs.receive_message(QueueUrl=queue["QueueUrl"])["Messages"][0]["Body"]
    woken = time.monotonic()
    states.send_task_success(taskToken=token, output="{}")
    pages = {"stateMachineArn": machine["stateMachineArn"], "statusFilter": "SUCCEEDED"}
    until(lambda: states.list_executions(**pages)["executions"])
    assert time.monotonic() - woken < 1


def test_a_burst_shares_a_few_environments_and_each_event_is_answered(stack: LocalStack):
    make_function(stack, "burst")
    before = stack.stats()["lambdas"].get("burst", {"cold_starts": 0})["cold_starts"]

    def one(n: int) -> Any:
        answer = stack.client("lambda").invoke(FunctionName="burst", Payload=json.dumps({"n": n}).encode())
        return json.loads(answer["Payload"].read())["sq"]

    with ThreadPoolExecutor(40) as pool:
        assert list(pool.map(one, range(40))) == [n * n for n in range(40)]
    assert 1 <= stack.stats()["lambdas"]["burst"]["cold_starts"] - before < 20


def test_events_that_wait_for_one_another_get_an_environment_each(stack: LocalStack):
    make_function(stack, "crowd")

    def one(_: int) -> Any:
        answer = stack.client("lambda").invoke(FunctionName="crowd", Payload=b'{"sleep": 3}')
        return json.loads(answer["Payload"].read())["pid"]

    began = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        pids = set(pool.map(one, range(6)))
    assert len(pids) == 6
    assert time.monotonic() - began < 6  # in fewer environments it takes two rounds
