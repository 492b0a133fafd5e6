"""The queue between ingress and dispatcher on SQS FIFO."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.errors import Retryable
from nightshift.ids import opaque
from nightshift.model.event import Event

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

__all__ = ["SqsEventQueue"]


class SqsEventQueue:
    """The `EventQueue` port on one FIFO queue: per subject (mails: per sender), deduplicated by event id.

    Tenant, channel and delivery travel as message attributes too, so that a body nobody can read any
    more still leads to its delivery.
    """

    def __init__(self, url: str, client: "SQSClient") -> None:
        self._url = url
        self._client = client

    def send(self, event: Event) -> None:
        """Send an event; the queue drops a second one of the same delivery for five minutes.

        Raises:
            Retryable: the queue did not take it, or did not say so.
        """
        origin: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value}
            for name, value in (
                ("tenant", event.tenant),
                ("channel", event.channel),
                ("delivery", event.delivery),
            )
        }
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=event.model_dump_json(),
                MessageGroupId=opaque("grp", event.tenant, event.group()),
                MessageDeduplicationId=event.id,
                MessageAttributes=origin,
            )
        except (ClientError, BotoCoreError) as exc:
            message = f"the event queue did not take {event.id}"
            raise Retryable(message, code="queue.send") from exc
