"""The mail function: what SES received, and what it says of mails that we sent."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.mail import DynamoMailboxes, DynamoMailRates, DynamoSentMails, S3MailStore
from nightshift.aws.queue import SqsEventQueue
from nightshift.clock import SystemClock
from nightshift.errors import BadInput
from nightshift.ingress.mail import Post, Received, hear, receive_mail
from nightshift.ingress.ses import Notice, receipts
from nightshift.settings import Settings
from nightshift.telemetry import logger, metrics

__all__ = ["MailSettings", "PostRoom", "wire"]


class MailSettings(Settings):
    """Settings of the mail function."""

    table_config: str
    table_ingress: str
    table_limits: str
    bucket_mail: str
    queue_events: str


@dataclass(frozen=True, kw_only=True)
class PostRoom:
    """Takes what SES tells, of either kind, and says in the log what was done."""

    post: Post

    def take(self, event: dict[str, Any]) -> None:
        """Take a receipt rule's event, or one that SES published about a mail of ours.

        Raises:
            BadInput: it is neither; its dead letter shows it.
        """
        try:
            done = self._taken(event)
        except ValidationError as exc:
            first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadInput(where or "event", first["type"], "Send what SES sends.") from None
        for one in done:
            quiet = one.done in {"sent", "recorded", "known"}
            said = logger.info if quiet else logger.warning
            said("mail taken", **one.model_dump())

    def _taken(self, event: dict[str, Any]) -> tuple[Received, ...]:
        if "Records" not in event:
            return (hear(Notice.model_validate(event), self.post),)
        return tuple(one for receipt in receipts(event) for one in receive_mail(receipt, self.post))


def wire(settings: MailSettings) -> PostRoom:
    """Put the mail function together."""
    db, clock = client("dynamodb"), SystemClock()
    return PostRoom(
        post=Post(
            mailboxes=DynamoMailboxes(settings.table_config, db),
            config=DynamoConfig(settings.table_config, db),
            store=S3MailStore(settings.bucket_mail, client("s3")),
            rates=DynamoMailRates(settings.table_limits, db),
            sent=DynamoSentMails(settings.table_ingress, db),
            deliveries=DynamoDeliveries(settings.table_ingress, db, clock),
            queue=SqsEventQueue(settings.queue_events, client("sqs")),
            metrics=metrics,
            clock=clock,
        )
    )
