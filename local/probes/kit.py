"""What the probes share: clients, throw-away resources, runs of state machines."""

import contextlib
import io
import json
import os
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ.get("ENDPOINT", "")
REGION = "us-east-1"
ACCOUNT = os.environ.get("ACCOUNT", "123456789012")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/conf"
INVOKE = "arn:aws:states:::lambda:invoke"
KNIFE_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:knife"

KNIFE = """
import boto3, os, json, time
class Boom(Exception): pass
class Flaky(Exception): pass
def s3(): return boto3.client("s3")
def handler(event, context):
    op = event.get("op") if isinstance(event, dict) else None
    if op == "boom": raise Boom("kaput")
    if op == "sleep": time.sleep(event["s"]); return "slept"
    if op == "exit": os._exit(3)
    if op == "pid": return os.getpid()
    if op == "env": return dict(os.environ)
    if op == "import": return __import__(event["module"]).__name__
    if op == "flaky":
        n = 1
        try: n = int(s3().get_object(Bucket="conf", Key=event["k"])["Body"].read()) + 1
        except Exception: pass
        s3().put_object(Bucket="conf", Key=event["k"], Body=str(n))
        if n < event["ok_at"]: raise Flaky(f"try {n}")
        return {"tries": n}
    if op == "token": s3().put_object(Bucket="conf", Key=event["k"], Body=event["token"]); return {"ignored": True}
    if op == "sq": return {"n": event["n"] * event["n"]}
    if op == "big": return "x" * event["n"]
    if isinstance(event, dict) and "Records" in event:
        k = os.environ["KEY"]
        s3().put_object(Bucket="conf", Key=f"{k}/{time.time_ns()}", Body=json.dumps(event))
        bad = []
        for r in event["Records"]:
            b = r.get("body")
            if b == "raise": raise Boom("poison")
            if b == "partial": bad.append({"itemIdentifier": r["messageId"]})
        return {"batchItemFailures": bad}
    if os.environ.get("KEY"):
        s3().put_object(Bucket="conf", Key=f"{os.environ['KEY']}/{time.time_ns()}", Body=json.dumps(event))
    return {"echo": event, "ctx": {"name": context.function_name, "arn": context.invoked_function_arn, "rid": context.aws_request_id, "mem": context.memory_limit_in_mb}}
"""

_clients: dict[str, Any] = {}
_make_client: Any = boto3.client  # its types know services by literal names only
_lock = threading.Lock()


def prepare(endpoint: str) -> None:
    """Point the probes at an endpoint and make what all of them use."""
    globals()["ENDPOINT"] = endpoint
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    with contextlib.suppress(ClientError):
        client("iam").create_role(RoleName="conf", AssumeRolePolicyDocument=json.dumps(trust))
    with contextlib.suppress(ClientError):
        client("s3").create_bucket(Bucket="conf")
    function("knife")
    function("slow1", timeout=1)


def endpoint() -> str:
    """Where the probes go."""
    return ENDPOINT


def client(service: str) -> Any:
    """The one client of a service."""
    with _lock:
        if service not in _clients:
            _clients[service] = _make_client(
                service,
                endpoint_url=ENDPOINT,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(
                    retries={"max_attempts": 0},
                    read_timeout=60,
                    inject_host_prefix=False,
                    max_pool_connections=50,
                ),
            )
        return _clients[service]


def unique(prefix: str = "x") -> str:
    """A fresh name."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def zipped(source: str, name: str = "app.py") -> bytes:
    """A deployment package of one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, source)
    return buffer.getvalue()


def function(name: str, env: dict[str, str] | None = None, timeout: int = 20, source: str = KNIFE) -> str:
    """A function with the all-purpose handler; its ARN."""
    aws = client("lambda")
    try:
        made = aws.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": zipped(source)},
            Timeout=timeout,
            Environment={"Variables": env or {}},
        )
    except aws.exceptions.ResourceConflictException:
        return str(aws.get_function(FunctionName=name)["Configuration"]["FunctionArn"])
    while aws.get_function_configuration(FunctionName=name).get("State", "Active") != "Active":
        time.sleep(0.1)
    return str(made["FunctionArn"])


def invoke(name: str, event: object) -> tuple[str | None, Any]:
    """The function error, if any, and the payload."""
    answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def machine(definition: object, **options: Any) -> str:
    """A state machine; its ARN."""
    text = definition if isinstance(definition, str) else json.dumps(definition)
    made = client("stepfunctions").create_state_machine(
        name=options.pop("name", None) or unique("sm"), definition=text, roleArn=ROLE, **options
    )
    return str(made["stateMachineArn"])


def start(arn: str, data: object = None, name: str | None = None) -> str:
    """Start an execution; its ARN."""
    text = json.dumps({} if data is None else data)
    return str(
        client("stepfunctions").start_execution(stateMachineArn=arn, name=name or unique("e"), input=text)[
            "executionArn"
        ]
    )


def wait_for(execution: str, to: float = 20) -> Any:
    """The description once it has ended."""
    deadline = time.time() + to
    while time.time() < deadline:
        described = client("stepfunctions").describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.01)
    raise AssertionError(
        f"still RUNNING after {to} s; last events {[e['type'] for e in history(execution)][-4:]}"
    )


def run(definition: object, data: object = None, to: float = 20, **options: Any) -> Any:
    """Create, start, wait."""
    return wait_for(start(machine(definition, **options), data), to)


def output_of(definition: object, data: object = None, to: float = 20, **options: Any) -> Any:
    """The output of a run that must succeed."""
    ended = run(definition, data, to, **options)
    assert ended["status"] == "SUCCEEDED", (
        f"{ended['status']} {ended.get('error')} {str(ended.get('cause'))[:300]}"
    )
    return json.loads(ended["output"])


def history(execution: str) -> list[Any]:
    """All events."""
    return list(
        client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)["events"]
    )


def single(state: dict[str, Any]) -> dict[str, Any]:
    """A machine of one state."""
    return {"StartAt": "S", "States": {"S": {**state, "End": True}}}


def single_jsonata(state: dict[str, Any]) -> dict[str, Any]:
    """A JSONata machine of one state."""
    return {"QueryLanguage": "JSONata", **single(state)}


def sleeping(seconds: float) -> dict[str, Any]:
    """A machine that waits."""
    return single({"Type": "Wait", "Seconds": seconds})


def knife_task(payload: object, **fields: Any) -> dict[str, Any]:
    """A task that calls the all-purpose function."""
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "Parameters": {"FunctionName": "knife", "Payload": payload},
        "ResultSelector": {"r.$": "$.Payload"},
        **fields,
    }


def token_task(key: str, **fields: Any) -> dict[str, Any]:
    """A task that leaves its token in S3 and waits."""
    return {
        "Type": "Task",
        "Resource": INVOKE + ".waitForTaskToken",
        "Parameters": {
            "FunctionName": "knife",
            "Payload": {"op": "token", "k": key, "token.$": "$$.Task.Token"},
        },
        **fields,
    }


def token_at(key: str, to: float = 10) -> str:
    """The token left there."""
    return str(
        eventually(lambda: client("s3").get_object(Bucket="conf", Key=key)["Body"].read().decode(), to)
    )


def eventually(look: Callable[[], Any], to: float = 10) -> Any:
    """The first truthy answer; errors of AWS count as not yet."""
    deadline = time.time() + to
    while time.time() < deadline:
        with contextlib.suppress(ClientError):
            if found := look():
                return found
        time.sleep(0.03)
    raise AssertionError(f"nothing after {to} s")


def table(*, stream: bool = False, gsi: bool = False, ttl: bool = False) -> str:
    """A table with pk and sk; its name."""
    name = unique("tb")
    options: dict[str, Any] = {}
    attributes = ["pk", "sk"]
    if gsi:
        attributes.append("g")
        keys = [{"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        options["GlobalSecondaryIndexes"] = [
            {"IndexName": "gsi1", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
        ]
    if stream:
        options["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"} for attribute in attributes],
        BillingMode="PAY_PER_REQUEST",
        **options,
    )
    if ttl:
        client("dynamodb").update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "exp"}
        )
    return name


def queue(*, fifo: bool = False, **attributes: str) -> tuple[str, str]:
    """A queue; its URL and ARN."""
    name = unique("q") + (".fifo" if fifo else "")
    made = {**({"FifoQueue": "true"} if fifo else {}), **attributes}
    url = client("sqs").create_queue(QueueName=name, Attributes=made)["QueueUrl"]
    return url, client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]


def deliveries(key: str, n: int = 1, to: float = 12) -> list[Any]:
    """The events that functions with KEY=key left in S3, at least n."""

    def keys() -> list[str]:
        found = [
            entry["Key"]
            for entry in client("s3").list_objects_v2(Bucket="conf", Prefix=key + "/").get("Contents", [])
        ]
        return found if len(found) >= n else []

    return [
        json.loads(client("s3").get_object(Bucket="conf", Key=found)["Body"].read())
        for found in sorted(eventually(keys, to))
    ]


def near(actual: float, wanted: float, within: float = 0.7) -> bool:
    """Whether a duration is about right."""
    return abs(actual - wanted) <= within


@contextlib.contextmanager
def refused(*codes: str) -> Iterator[None]:
    """The call inside must be refused with one of these codes."""
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] in codes
