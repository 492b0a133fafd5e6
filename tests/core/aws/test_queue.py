from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.queue import SqsEventQueue
from nightshift.errors import Retryable
from nightshift.ids import TenantId
from nightshift.model.event import Event
from tests.support.intake import Source

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def url(tables: Tables) -> str:
    name = f"events-{tables.ingress.rsplit('-', 1)[-1]}.fifo"
    return client("sqs").create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]


def received(url: str) -> list[MessageTypeDef]:
    return (
        client("sqs")
        .receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["MessageGroupId"],
            MessageAttributeNames=["All"],
        )
        .get("Messages", [])
    )


def test_an_event_crosses_the_queue_whole_with_its_origin_beside_it(url: str, clock: FixedClock):
    event = Source(clock).message("Grüße, 猫")
    SqsEventQueue(url, client("sqs")).send(event)
    (message,) = received(url)
    assert Event.model_validate_json(message["Body"]) == event
    beside = {name: found["StringValue"] for name, found in message["MessageAttributes"].items()}
    assert beside == {"tenant": event.tenant, "channel": event.channel, "delivery": event.delivery}


def test_the_same_delivery_is_queued_once(url: str, clock: FixedClock):
    queue, event = SqsEventQueue(url, client("sqs")), Source(clock).message()
    queue.send(event)
    queue.send(event)
    assert len(received(url)) == 1


def test_a_subject_is_one_group_and_tenants_share_none(url: str, clock: FixedClock):
    queue, source, other = SqsEventQueue(url, client("sqs")), Source(clock), Source(clock, TenantId("other"))
    sent = [
        source.message(conversation="a"),
        source.message(conversation="a"),
        source.message(conversation="b"),
        other.message(conversation="a"),
    ]
    groups: dict[str, str] = {}
    for event in sent:
        queue.send(event)
    while messages := received(url):
        for message in messages:
            groups[Event.model_validate_json(message["Body"]).id] = message["Attributes"]["MessageGroupId"]
            client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    first, second, third, fourth = (groups[event.id] for event in sent)
    assert first == second
    assert len({first, third, fourth}) == 3


def test_a_queue_that_does_not_take_it_may_later(url: str, clock: FixedClock):
    with pytest.raises(Retryable):
        SqsEventQueue(url + "gone", client("sqs")).send(Source(clock).message())
