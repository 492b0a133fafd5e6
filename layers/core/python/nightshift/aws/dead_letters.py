"""Dead letters on SQS: looked at, and moved back one by one."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.errors import NotFound
from nightshift.ids import opaque
from nightshift.model.base import Noun
from nightshift.model.repair import DeadLetter, Redriven

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

__all__ = ["DeadQueue", "SqsDeadLetters"]

_BATCH: Final = 10
_HIDDEN_SECONDS: Final = 60  # while a letter is moved; it comes back by itself if we die
_TAKEN = (ClientError, BotoCoreError)


class DeadQueue(Noun):
    """Where a queue's dead letters lie, and where they go back to.

    Args:
        dead: URL of the dead letters.
        source: URL of the FIFO queue they came from; empty where a function was invoked instead.
        function: the function that failed, invoked again with the event it was given.
    """

    dead: str
    source: str = ""
    function: str = ""


class SqsDeadLetters:
    """The `DeadLetters` port."""

    def __init__(self, queues: dict[str, DeadQueue], *, sqs: "SQSClient", lambdas: "LambdaClient") -> None:
        self._queues = queues
        self._sqs = sqs
        self._lambdas = lambdas

    def names(self) -> tuple[str, ...]:
        """The queues that can be looked at."""
        return tuple(self._queues)

    def look(self, queue: str, limit: int) -> tuple[DeadLetter, ...]:
        """Some of a queue's dead letters; they are shown again at once."""
        at = self._one(queue)
        found = list(self._received(at.dead, limit))
        for letter in found:
            self._sqs.change_message_visibility(
                QueueUrl=at.dead, ReceiptHandle=letter["ReceiptHandle"], VisibilityTimeout=0
            )
        return tuple(_shown(letter) for letter in found)

    def redrive(self, queue: str, limit: int) -> Redriven:
        """Move dead letters back, each sent before it is deleted."""
        at = self._one(queue)
        moved = failed = 0
        for letter in self._received(at.dead, limit):
            try:
                self._back(at, letter)
                self._sqs.delete_message(QueueUrl=at.dead, ReceiptHandle=letter["ReceiptHandle"])
            except _TAKEN:
                failed += 1
            else:
                moved += 1
        return Redriven(queue=queue, moved=moved, failed=failed, left=self._left(at.dead))

    def _one(self, queue: str) -> DeadQueue:
        found = self._queues.get(queue)
        if found is None:
            message = f"there is no queue {queue}; there are {', '.join(self._queues)}"
            raise NotFound(message)
        return found

    def _received(self, url: str, limit: int) -> Iterator["MessageTypeDef"]:
        left = limit
        while left > 0:
            page = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(_BATCH, left),
                VisibilityTimeout=_HIDDEN_SECONDS,
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            found = page.get("Messages", [])
            yield from found
            left -= len(found)
            if not found:
                return

    def _back(self, at: DeadQueue, letter: "MessageTypeDef") -> None:
        if at.function:
            payload = _event_of(letter["Body"])
            self._lambdas.invoke(FunctionName=at.function, InvocationType="Event", Payload=payload)
            return
        system = letter.get("Attributes", {})
        # The first id would be dropped within five minutes as a repetition, and the letter lost.
        fresh = opaque("rdv", letter["MessageId"])
        attributes: Any = {name: dict(value) for name, value in letter.get("MessageAttributes", {}).items()}
        self._sqs.send_message(
            QueueUrl=at.source,
            MessageBody=letter["Body"],
            MessageAttributes=attributes,
            MessageGroupId=system["MessageGroupId"],
            MessageDeduplicationId=fresh,
        )

    def _left(self, url: str) -> int:
        found = self._sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])


def _event_of(body: str) -> bytes:
    """What the function was given: the body itself, or what an asynchronous destination wrapped."""
    try:
        said = json.loads(body)
    except ValueError:
        return body.encode()
    wrapped = said.get("requestPayload") if isinstance(said, dict) else None
    return body.encode() if wrapped is None else json.dumps(wrapped).encode()


def _shown(letter: "MessageTypeDef") -> DeadLetter:
    sent = int(letter.get("Attributes", {}).get("SentTimestamp", "0"))
    named = {
        name: value.get("StringValue", "") for name, value in letter.get("MessageAttributes", {}).items()
    }
    return DeadLetter(
        id=letter["MessageId"],
        sent_at=datetime.fromtimestamp(sent / 1000, UTC),
        tenant=named.get("tenant", ""),
        channel=named.get("channel", ""),
        delivery=named.get("delivery", ""),
    )
