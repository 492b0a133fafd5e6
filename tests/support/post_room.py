"""The mail function's own parts on real services: a bucket, a queue, tables, and mail that SES received."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakes.ses import Inbound, inbound
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.mail import DynamoMailboxes, DynamoMailRates, DynamoSentMails, S3MailStore
from nightshift.aws.queue import SqsEventQueue
from nightshift.ids import ChannelId, TenantId
from nightshift.ingress.mail import Post, Received, hear, receive_mail
from nightshift.ingress.ses import Notice, receipts
from nightshift.model.event import Event, MessageDetail
from nightshift.model.tenant import Tenant

if TYPE_CHECKING:
    from typing import Any

    from nightshift.model.metric import Metric
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

__all__ = ["ACME", "BOX", "MAIL", "Counts", "PostOffice", "letter", "make_post_office"]

ACME, MAIL = TenantId("acme"), ChannelId("mail-eu")
BOX = "support@acme.example"


def letter(
    text: str = "Where is my order #1001?",
    *,
    sender: str = "Kim <kim@example.com>",
    subject: str = "A question",
    number: int = 1,
    **headers: str,
) -> bytes:
    """A plain mail; `headers` name others, with `_` for `-`."""
    given = {
        "From": sender,
        "To": BOX,
        "Subject": subject,
        "Date": "Sat, 21 Nov 2026 09:00:00 +0000",
        "Message-ID": f"<mail-{number}@example.com>",
        "Content-Type": "text/plain; charset=utf-8",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return (head + "\r\n" + text.replace("\n", "\r\n")).encode()


@dataclass
class Counts:
    """Metrics as they were counted."""

    of: Counter[Metric] = field(default_factory=Counter)

    def count(self, metric: Metric, value: float = 1) -> None:
        self.of[metric] += int(value)


@dataclass(frozen=True)
class PostOffice:
    """A post on real services, and what to look at afterwards."""

    post: Post
    counts: Counts
    bucket: str
    queue: str
    table: str
    clock: FixedClock

    def store(self, mail: Inbound) -> Inbound:
        """What SES does first."""
        client("s3").put_object(Bucket=self.bucket, Key=f"inbound/{mail.id}", Body=mail.raw)
        return mail

    def receive(
        self,
        raw: bytes,
        *recipients: str,
        verdicts: dict[str, str] | None = None,
        source: str | None = None,
        id: str | None = None,  # noqa: A002  # SES's own word
    ) -> Received:
        """A mail comes in; what became of it in its first mailbox."""
        to, at = recipients or (BOX,), self.clock.now()
        mail = self.store(inbound(raw, *to, at=at, verdicts=verdicts, source=source, id=id))
        return self.told(mail)[0]

    def told(self, mail: Inbound) -> tuple[Received, ...]:
        """SES calls the function."""
        return tuple(one for each in receipts(mail.event) for one in receive_mail(each, self.post))

    def heard(self, event: dict[str, Any]) -> Received:
        return hear(Notice.model_validate(event), self.post)

    def queued(self) -> list[Event]:
        """Takes what is in the queue."""
        return [event for event, _ in self.queued_with_groups()]

    def queued_with_groups(self) -> list[tuple[Event, str]]:
        """Takes what is in the queue, with the group of each."""
        found: list[tuple[Event, str]] = []
        sqs = client("sqs")
        while messages := sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]
        ).get("Messages"):
            for message in messages:
                event = Event.model_validate_json(message["Body"])
                found.append((event, message["Attributes"]["MessageGroupId"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def message(self) -> MessageDetail:
        """The message of the one event in the queue."""
        (event,) = self.queued()
        assert isinstance(event.detail, MessageDetail)
        return event.detail

    def parked(self) -> list[str]:
        return [delivery.parked or "" for delivery in self.post.deliveries.parked(ACME)]

    def files(self) -> dict[str, bytes]:
        s3 = client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix="media/").get("Contents", [])
        return {o["Key"]: s3.get_object(Bucket=self.bucket, Key=o["Key"])["Body"].read() for o in listed}


def make_post_office(tables: Tables, clock: FixedClock) -> PostOffice:
    suffix = tables.ingress.rsplit("-", 1)[-1]
    db, s3, sqs = client("dynamodb"), client("s3"), client("sqs")
    bucket = f"mail-{suffix}"
    s3.create_bucket(Bucket=bucket)
    queue = sqs.create_queue(
        QueueName=f"events-{suffix}.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "30"}
    )["QueueUrl"]
    config = DynamoConfig(tables.config, db)
    config.put_tenant(Tenant(id=ACME, name="Acme", policy_version=1))
    db.put_item(
        TableName=tables.config,
        Item={
            "pk": {"S": f"address#{BOX}"},
            "sk": {"S": "address"},
            "tenant": {"S": ACME},
            "channel": {"S": MAIL},
        },
    )
    counts = Counts()
    post = Post(
        mailboxes=DynamoMailboxes(tables.config, db),
        config=config,
        store=S3MailStore(bucket, s3),
        rates=DynamoMailRates(tables.limits, db),
        sent=DynamoSentMails(tables.ingress, db),
        deliveries=DynamoDeliveries(tables.ingress, db, clock),
        queue=SqsEventQueue(queue, sqs),
        metrics=counts,
        clock=clock,
    )
    return PostOffice(post=post, counts=counts, bucket=bucket, queue=queue, table=tables.ingress, clock=clock)
