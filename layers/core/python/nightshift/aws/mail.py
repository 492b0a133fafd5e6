"""The mail ports on AWS: mailboxes in the config table, raw mail in S3, hourly caps, SES's own word."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nightshift.aws.items import key, number, text
from nightshift.errors import BadInput, NotFound
from nightshift.ids import ChannelId, TenantId, opaque
from nightshift.ports.mail import Mailbox, SentMail

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

__all__ = ["INBOUND", "MEDIA", "DynamoMailRates", "DynamoMailboxes", "DynamoSentMails", "S3MailStore"]

INBOUND = "inbound/"
"""Where the receipt rule stores raw mail: the prefix of its S3 action."""
MEDIA = "media/"

_KEPT_FOR = timedelta(days=30)


class DynamoMailboxes:
    """The `Mailboxes` port on the config table."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def find(self, address: str) -> Mailbox | None:
        """The mailbox of an address."""
        found = self._client.get_item(TableName=self._table, Key=key(f"address#{address}", "address"))
        if "Item" not in found:
            return None
        tenant, channel = found["Item"]["tenant"]["S"], found["Item"]["channel"]["S"]
        return Mailbox(address=address, tenant=TenantId(tenant), channel=ChannelId(channel))


class S3MailStore:
    """The `MailStore` port on one bucket."""

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self._bucket = bucket
        self._client = client

    def ref(self, message: str) -> str:
        """The key of a raw mail."""
        return f"{INBOUND}{message}"

    def raw(self, message: str, most: int) -> bytes:
        """A raw mail; one that is too large is not read at all."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self.ref(message))
        except self._client.exceptions.NoSuchKey as exc:
            problem = f"no mail is stored under {self.ref(message)}"
            raise NotFound(problem) from exc
        with found["Body"] as body:
            if found["ContentLength"] > most:
                problem = f"it has {found['ContentLength']} bytes"
                raise BadInput("mail", problem, f"At most {most} are read.")
            return body.read()

    def keep_file(self, tenant: TenantId, content: bytes) -> str:
        """Keep a file under its own digest; the same file again is the same object."""
        name = f"{MEDIA}{tenant}/{hashlib.sha256(content).hexdigest()}"
        self._client.put_object(
            Bucket=self._bucket,
            Key=name,
            Body=content,
            ContentType="application/octet-stream",
            ContentDisposition="attachment",
            Metadata={"tainted": "true"},
        )
        return name


class DynamoMailRates:
    """The `MailRates` port on the limits table: one item per sender and hour holds the mails it admitted."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def admit(self, tenant: TenantId, who: str, message: str, *, at: datetime, most: int) -> bool:
        """Whether a mail is among the first `most` of its hour."""
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        mail = opaque("m", message)
        try:
            self._client.update_item(
                TableName=self._table,
                Key=key(f"mail#{tenant}#{opaque('who', who)}", f"hour#{hour:%Y%m%d%H}"),
                UpdateExpression="ADD mails :mails SET expires = :expires",
                ConditionExpression=(
                    "attribute_not_exists(mails) OR size(mails) < :most OR contains(mails, :mail)"
                ),
                ExpressionAttributeValues={
                    ":mails": {"SS": [mail]},
                    ":mail": text(mail),
                    ":most": number(most),
                    ":expires": number(int((hour + timedelta(days=1)).timestamp())),
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


class DynamoSentMails:
    """The `SentMails` port on the ingress table."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def record(self, tenant: TenantId, effect: str, sent: SentMail) -> None:
        """Keep what SES told; the first telling stands."""
        fields = {
            "message": text(sent.message),
            "sent_at": text(sent.sent_at.isoformat()),
            "expires": number(int((sent.sent_at + _KEPT_FOR).timestamp())),
        }
        try:
            self._client.put_item(
                TableName=self._table,
                Item={**key(_sent_key(tenant, effect), "sent"), **fields},
                ConditionExpression="attribute_not_exists(message)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def find(self, tenant: TenantId, effect: str) -> SentMail | None:
        """What SES told of the effect with this key."""
        found = self._client.get_item(
            TableName=self._table, Key=key(_sent_key(tenant, effect), "sent"), ConsistentRead=True
        ).get("Item")
        if found is None:
            return None
        return SentMail(message=found["message"]["S"], sent_at=datetime.fromisoformat(found["sent_at"]["S"]))


def _sent_key(tenant: TenantId, effect: str) -> str:
    return f"sent#{tenant}#{effect}"
