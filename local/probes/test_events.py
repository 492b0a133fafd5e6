"""Pollers, rules, schedules and pipes."""

import json
import time
from typing import Any

import pytest

from local.probes.kit import (
    ROLE,
    client,
    deliveries,
    eventually,
    function,
    machine,
    queue,
    single,
    table,
    unique,
)


def test_ev_esm_sqs() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    q, qa = queue()
    client("lambda").create_event_source_mapping(FunctionName=f, EventSourceArn=qa, BatchSize=10)
    client("sqs").send_message(
        QueueUrl=q, MessageBody="hello", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}}
    )
    r = deliveries(k)[0]["Records"][0]
    assert r["body"] == "hello"
    assert r["messageAttributes"]["a"]["stringValue"] == "b"
    assert r["attributes"]["ApproximateReceiveCount"] == "1"
    time.sleep(1)
    assert (
        client("sqs").get_queue_attributes(QueueUrl=q, AttributeNames=["All"])["Attributes"][
            "ApproximateNumberOfMessages"
        ]
        == "0"
    )


def test_ev_esm_sqs_batching() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    q, qa = queue()
    client("sqs").send_message_batch(
        QueueUrl=q, Entries=[{"Id": str(i), "MessageBody": str(i)} for i in range(5)]
    )
    client("lambda").create_event_source_mapping(FunctionName=f, EventSourceArn=qa, BatchSize=5)
    r = deliveries(k)
    assert max(len(x["Records"]) for x in r) > 1, f"batch sizes {[len(x['Records']) for x in r]}"


def test_ev_esm_sqs_dlq() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    d, da = queue()
    q, qa = queue(
        RedrivePolicy=json.dumps({"deadLetterTargetArn": da, "maxReceiveCount": 2}), VisibilityTimeout="1"
    )
    client("lambda").create_event_source_mapping(FunctionName=f, EventSourceArn=qa, BatchSize=1)
    client("sqs").send_message(QueueUrl=q, MessageBody="raise")
    m: list[Any] = []
    t0 = time.time()
    while not m and time.time() - t0 < 8:
        m = client("sqs").receive_message(QueueUrl=d, WaitTimeSeconds=2).get("Messages", [])
    assert m, "nothing in DLQ"
    assert len(deliveries(k)) == 2


def test_ev_esm_sqs_partial() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    q, qa = queue(VisibilityTimeout="2")
    client("lambda").create_event_source_mapping(
        FunctionName=f, EventSourceArn=qa, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    client("sqs").send_message_batch(
        QueueUrl=q, Entries=[{"Id": "1", "MessageBody": "good"}, {"Id": "2", "MessageBody": "partial"}]
    )

    def delivered() -> list[str]:
        return [record["body"] for event in deliveries(k) for record in event["Records"]]

    bodies = eventually(lambda: (found := delivered()).count("partial") >= 2 and found)
    assert bodies.count("good") == 1


def test_ev_esm_fifo_order() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    q, qa = queue(fifo=True)
    for i in range(4):
        client("sqs").send_message(
            QueueUrl=q, MessageBody=f"m{i}", MessageGroupId="g", MessageDeduplicationId=str(i)
        )
    client("lambda").create_event_source_mapping(FunctionName=f, EventSourceArn=qa, BatchSize=2)
    deliveries(k, 2)
    time.sleep(1)
    r = deliveries(k)
    assert [x["body"] for e in r for x in e["Records"]] == ["m0", "m1", "m2", "m3"]
    assert r[0]["Records"][0]["attributes"]["MessageGroupId"] == "g"


def test_ev_esm_filter() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    q, qa = queue()
    client("lambda").create_event_source_mapping(
        FunctionName=f,
        EventSourceArn=qa,
        FilterCriteria={"Filters": [{"Pattern": json.dumps({"body": {"t": ["a"]}})}]},
    )
    for x in "ba":
        client("sqs").send_message(QueueUrl=q, MessageBody=json.dumps({"t": x}))
    deliveries(k)
    time.sleep(0.7)
    assert [json.loads(x["body"])["t"] for e in deliveries(k) for x in e["Records"]] == ["a"]


def test_ev_esm_ddb_stream() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    tb = table(stream=True)
    sa = client("dynamodb").describe_table(TableName=tb)["Table"]["LatestStreamArn"]
    client("lambda").create_event_source_mapping(
        FunctionName=f, EventSourceArn=sa, StartingPosition="TRIM_HORIZON", BatchSize=10
    )
    d = client("dynamodb")
    d.put_item(TableName=tb, Item={"pk": {"S": "1"}, "sk": {"S": "1"}, "v": {"N": "1"}})
    d.update_item(
        TableName=tb,
        Key={"pk": {"S": "1"}, "sk": {"S": "1"}},
        UpdateExpression="SET v=:v",
        ExpressionAttributeValues={":v": {"N": "2"}},
    )
    d.delete_item(TableName=tb, Key={"pk": {"S": "1"}, "sk": {"S": "1"}})
    t0 = time.time()
    rs: list[Any] = []
    while len(rs) < 3 and time.time() - t0 < 12:
        rs = [x for e in deliveries(k) for x in e["Records"]]
        time.sleep(0.2)
    assert [r["eventName"] for r in rs] == ["INSERT", "MODIFY", "REMOVE"]
    assert rs[1]["dynamodb"]["OldImage"]["v"] == {"N": "1"}


def test_ev_esm_ddb_filter() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    tb = table(stream=True)
    sa = client("dynamodb").describe_table(TableName=tb)["Table"]["LatestStreamArn"]
    client("lambda").create_event_source_mapping(
        FunctionName=f,
        EventSourceArn=sa,
        StartingPosition="TRIM_HORIZON",
        FilterCriteria={"Filters": [{"Pattern": json.dumps({"eventName": ["REMOVE"]})}]},
    )
    d = client("dynamodb")
    d.put_item(TableName=tb, Item={"pk": {"S": "1"}, "sk": {"S": "1"}})
    d.delete_item(TableName=tb, Key={"pk": {"S": "1"}, "sk": {"S": "1"}})
    [x for e in deliveries(k) for x in e["Records"]]
    time.sleep(0.7)
    assert [r["eventName"] for e in deliveries(k) for r in e["Records"]] == ["REMOVE"]


def test_ev_rule_lambda() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    bus = unique("bus")
    client("events").create_event_bus(Name=bus)
    client("events").put_rule(
        Name="r", EventBusName=bus, EventPattern=json.dumps({"detail": {"a": [{"numeric": [">", 1]}]}})
    )
    client("events").put_targets(Rule="r", EventBusName=bus, Targets=[{"Id": "1", "Arn": f}])
    client("events").put_events(
        Entries=[
            {"Source": "s", "DetailType": "d", "Detail": '{"a":1}', "EventBusName": bus},
            {"Source": "s", "DetailType": "d", "Detail": '{"a":2}', "EventBusName": bus},
        ]
    )
    r = deliveries(k)
    assert r[0]["detail"] == {"a": 2}
    assert len(r) == 1


def test_ev_rule_sfn() -> None:
    bus = unique("bus")
    client("events").create_event_bus(Name=bus)
    a = machine(single({"Type": "Pass"}))
    client("events").put_rule(Name="r", EventBusName=bus, EventPattern=json.dumps({"source": ["s"]}))
    client("events").put_targets(
        Rule="r",
        EventBusName=bus,
        Targets=[
            {
                "Id": "1",
                "Arn": a,
                "RoleArn": ROLE,
                "InputTransformer": {"InputPathsMap": {"d": "$.detail.id"}, "InputTemplate": '{"id": <d>}'},
            }
        ],
    )
    client("events").put_events(
        Entries=[{"Source": "s", "DetailType": "d", "Detail": '{"id":"q"}', "EventBusName": bus}]
    )
    t0 = time.time()
    l: list[Any] = []
    while not l and time.time() - t0 < 6:
        l = client("stepfunctions").list_executions(stateMachineArn=a)["executions"]
        time.sleep(0.1)
    assert l, "no execution"
    assert json.loads(
        client("stepfunctions").describe_execution(executionArn=l[0]["executionArn"])["input"]
    ) == {"id": "q"}


def test_ev_rule_fifo_sqs() -> None:
    q, qa = queue(fifo=True, ContentBasedDeduplication="true")
    bus = unique("bus")
    client("events").create_event_bus(Name=bus)
    client("events").put_rule(Name="r", EventBusName=bus, EventPattern=json.dumps({"source": ["s"]}))
    client("events").put_targets(
        Rule="r", EventBusName=bus, Targets=[{"Id": "1", "Arn": qa, "SqsParameters": {"MessageGroupId": "g"}}]
    )
    client("events").put_events(
        Entries=[{"Source": "s", "DetailType": "d", "Detail": '{"id":"q"}', "EventBusName": bus}]
    )
    assert client("sqs").receive_message(QueueUrl=q, WaitTimeSeconds=3).get("Messages")


def test_ev_scheduler_at_lambda() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    client("scheduler").create_schedule(
        Name=unique("s"),
        ScheduleExpression=time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + 3)),
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f, "RoleArn": ROLE, "Input": '{"z":1}'},
        ActionAfterCompletion="DELETE",
    )
    assert deliveries(k, 1, 20)[0] == {"z": 1}


def test_ev_scheduler_at_sfn() -> None:
    a = machine(single({"Type": "Pass"}))
    client("scheduler").create_schedule(
        Name=unique("s"),
        ScheduleExpression=time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + 3)),
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": a, "RoleArn": ROLE, "Input": '{"z":1}'},
    )
    t0 = time.time()
    l: list[Any] = []
    while not l and time.time() - t0 < 20:
        l = client("stepfunctions").list_executions(stateMachineArn=a)["executions"]
        time.sleep(0.3)
    assert l, "no execution"


@pytest.mark.xfail(strict=True, reason="no universal targets")
def test_ev_scheduler_universal_sqs() -> None:
    q, _qa = queue()
    client("scheduler").create_schedule(
        Name=unique("s"),
        ScheduleExpression=time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + 2)),
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
            "RoleArn": ROLE,
            "Input": json.dumps({"QueueUrl": q, "MessageBody": "hi"}),
        },
    )
    t0 = time.time()
    m = None
    while not m and time.time() - t0 < 8:
        m = client("sqs").receive_message(QueueUrl=q, WaitTimeSeconds=2).get("Messages")
    assert m, "nothing"


def test_ev_s3_to_eventbridge() -> None:
    b = unique("b")
    client("s3").create_bucket(Bucket=b)
    client("s3").put_bucket_notification_configuration(
        Bucket=b, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    q, qa = queue()
    r = unique("r")
    client("events").put_rule(
        Name=r, EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [b]}}})
    )
    client("events").put_targets(Rule=r, Targets=[{"Id": "1", "Arn": qa}])
    client("s3").put_object(Bucket=b, Key="k", Body=b"x")
    assert client("sqs").receive_message(QueueUrl=q, WaitTimeSeconds=3).get("Messages"), "nothing"


def test_ev_lambda_async_destination_dlq() -> None:
    d, da = queue()
    f = function(unique("f"))
    client("lambda").put_function_event_invoke_config(
        FunctionName=f, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": da}}
    )
    client("lambda").invoke(FunctionName=f, InvocationType="Event", Payload=b'{"op":"boom"}')
    assert client("sqs").receive_message(QueueUrl=d, WaitTimeSeconds=8).get("Messages"), "nothing"


@pytest.mark.xfail(strict=True, reason="pipes do not start state machines")
def test_ev_pipes_sqs_to_sfn() -> None:
    q, qa = queue()
    a = machine(single({"Type": "Pass"}))
    client("pipes").create_pipe(
        Name=unique("p"),
        RoleArn=ROLE,
        Source=qa,
        Target=a,
        TargetParameters={"StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}},
    )
    client("sqs").send_message(QueueUrl=q, MessageBody='{"a":1}')
    t0 = time.time()
    l: list[Any] = []
    while not l and time.time() - t0 < 10:
        l = client("stepfunctions").list_executions(stateMachineArn=a)["executions"]
        time.sleep(0.3)
    assert l, "no execution"


def test_ev_scheduler_is_on_time() -> None:
    k = unique("k")
    f = function(unique("f"), {"KEY": k})
    at = time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + 2))
    target = {"Arn": f, "RoleArn": ROLE, "Input": '{"z":1}'}
    client("scheduler").create_schedule(
        Name=unique("s"), ScheduleExpression=at, FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    deliveries(k, 1, 5)
