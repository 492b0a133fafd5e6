from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.blobs import S3Blobs
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.queue import SqsEventQueue
from nightshift.aws.secrets import ManagedSecrets
from nightshift.ids import ChannelId, TenantId
from nightshift.ingress.receive import Answer, Gate, receive
from nightshift.model.event import Event
from nightshift.model.tenant import Channel
from tests.support.vendor import ACCOUNT, SECRET, Vendor, signed

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

ACME, SHOP = TenantId("acme"), ChannelId("shop-eu")


@dataclass(frozen=True)
class Ingress:
    """One adapter's ingress on real services, and what to look at afterwards."""

    gate: Gate
    bucket: str
    queue: str
    table: str

    def post(
        self, body: bytes, headers: dict[str, str] | None = None, *, tenant: str = ACME, channel: str = SHOP
    ) -> Answer:
        given = signed(body) if headers is None else headers
        return receive(tenant, channel, headers=given, body=body, gate=self.gate)

    def bodies(self) -> dict[str, bytes]:
        s3 = client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {o["Key"]: s3.get_object(Bucket=self.bucket, Key=o["Key"])["Body"].read() for o in listed}

    def deliveries(self) -> int:
        return client("dynamodb").scan(TableName=self.table)["Count"]

    def queued(self) -> list[Event]:
        """Takes what is in the queue."""
        found: list[Event] = []
        sqs = client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(Event.model_validate_json(message["Body"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def untouched(self) -> bool:
        return self.bodies() == {} and self.deliveries() == 0 and self.queued() == []


@pytest.fixture
def ingress(tables: Tables, clock: FixedClock) -> Ingress:
    suffix = tables.ingress.rsplit("-", 1)[-1]
    db, secrets = client("dynamodb"), client("secretsmanager")
    bucket, ref = f"bodies-{suffix}", f"nightshift/{suffix}/vendor/acme/shop-eu"
    client("s3").create_bucket(Bucket=bucket)
    secrets.create_secret(Name=ref, SecretString=json.dumps({"key": SECRET}))
    queue = client("sqs").create_queue(
        QueueName=f"events-{suffix}.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "30"}
    )["QueueUrl"]
    config = DynamoConfig(tables.config, db)
    for channel, adapter in ((SHOP, "vendor"), (ChannelId("other"), "another")):
        config.put_channel(
            Channel(
                id=channel,
                tenant=ACME,
                adapter=adapter,
                account=ACCOUNT,
                base_url="http://127.0.0.1:9",
                secret_ref=ref,
            )
        )
    gate = Gate(
        adapter="vendor",
        webhooks=Vendor(),
        config=config,
        secrets=ManagedSecrets(secrets, clock),
        blobs=S3Blobs(bucket, client("s3")),
        deliveries=DynamoDeliveries(tables.ingress, db, clock),
        queue=SqsEventQueue(queue, client("sqs")),
        clock=clock,
    )
    return Ingress(gate=gate, bucket=bucket, queue=queue, table=tables.ingress)
