"""SQS."""

import json
import threading
import time

import pytest

from local.probes.kit import client, near, queue


def test_sqs_visibility_and_dlq() -> None:
    d, da = queue()
    q, _ = queue(
        VisibilityTimeout="1", RedrivePolicy=json.dumps({"deadLetterTargetArn": da, "maxReceiveCount": 1})
    )
    s = client("sqs")
    s.send_message(QueueUrl=q, MessageBody="a")
    assert s.receive_message(QueueUrl=q).get("Messages")
    assert not s.receive_message(QueueUrl=q).get("Messages")
    time.sleep(1.2)
    assert not s.receive_message(QueueUrl=q).get("Messages")
    assert s.receive_message(QueueUrl=d, WaitTimeSeconds=2).get("Messages"), "not in dlq"


@pytest.mark.xfail(strict=True, reason="no StartMessageMoveTask")
def test_sqs_move_task() -> None:
    _d, da = queue()
    q, qa = queue(
        VisibilityTimeout="1", RedrivePolicy=json.dumps({"deadLetterTargetArn": da, "maxReceiveCount": 1})
    )
    s = client("sqs")
    s.send_message(QueueUrl=q, MessageBody="a")
    s.receive_message(QueueUrl=q)
    time.sleep(1.2)
    s.receive_message(QueueUrl=q)
    time.sleep(0.2)
    s.start_message_move_task(SourceArn=da, DestinationArn=qa)
    assert s.receive_message(QueueUrl=q, WaitTimeSeconds=4).get("Messages"), "not moved back"


def test_sqs_fifo_dedup_group_lock() -> None:
    q, _ = queue(fifo=True)
    s = client("sqs")
    for _ in range(2):
        s.send_message(QueueUrl=q, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="1")
    s.send_message(QueueUrl=q, MessageBody="b", MessageGroupId="g", MessageDeduplicationId="2")
    r = s.receive_message(QueueUrl=q, MaxNumberOfMessages=1)["Messages"]
    assert [m["Body"] for m in r] == ["a"]
    assert not s.receive_message(QueueUrl=q, MaxNumberOfMessages=10).get("Messages"), "group not locked"
    s.delete_message(QueueUrl=q, ReceiptHandle=r[0]["ReceiptHandle"])
    assert [m["Body"] for m in s.receive_message(QueueUrl=q, MaxNumberOfMessages=10).get("Messages", [])] == [
        "b"
    ]


def test_sqs_fifo_dedup_after_delete() -> None:
    q, _ = queue(fifo=True)
    s = client("sqs")
    s.send_message(QueueUrl=q, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="1")
    m = s.receive_message(QueueUrl=q)["Messages"][0]
    s.delete_message(QueueUrl=q, ReceiptHandle=m["ReceiptHandle"])
    s.send_message(QueueUrl=q, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="1")
    assert not s.receive_message(QueueUrl=q, WaitTimeSeconds=1).get("Messages"), "dedup lost after delete"


def test_sqs_delay() -> None:
    q, _ = queue()
    s = client("sqs")
    s.send_message(QueueUrl=q, MessageBody="a", DelaySeconds=2)
    assert not s.receive_message(QueueUrl=q).get("Messages")
    assert s.receive_message(QueueUrl=q, WaitTimeSeconds=4).get("Messages")


def test_sqs_long_poll_wakes() -> None:
    q, _ = queue()
    threading.Timer(1, lambda: client("sqs").send_message(QueueUrl=q, MessageBody="a")).start()
    t0 = time.time()
    assert client("sqs").receive_message(QueueUrl=q, WaitTimeSeconds=10).get("Messages")
    assert near(time.time() - t0, 1)
