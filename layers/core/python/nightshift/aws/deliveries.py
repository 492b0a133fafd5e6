"""Stored deliveries on DynamoDB. The document is as ingress stored it; attributes say what became of it."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightshift.aws.items import item, key, number, query_all, read, text
from nightshift.clock import Clock
from nightshift.ids import ChannelId, TenantId, body_digest
from nightshift.ports.deliveries import Delivery

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["KEPT_FOR", "DynamoDeliveries", "delivery_key"]

KEPT_FOR = timedelta(days=30)
_WAITING = "all"
_STRAY = TenantId("unknown")


def delivery_key(tenant: TenantId, channel: ChannelId, delivery: str) -> str:
    """The partition of one delivery's record."""
    return f"delivery#{tenant}#{channel}#{delivery}"


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _overlaid(stored: dict[str, Any]) -> Delivery:
    changed: dict[str, Any] = {}
    if "parked" in stored:
        changed["parked"] = stored["parked"]["S"]
    elif "pending" in stored:
        changed["pending"] = datetime.fromtimestamp(int(stored["pending"]["N"]), UTC)
    if "attempts" in stored:
        changed["attempts"] = int(stored["attempts"]["N"])
    if "case" in stored:
        changed["case"] = stored["case"]["S"]
    return read(Delivery, stored).model_copy(update={"pending": None, "parked": None, **changed})


class DynamoDeliveries:
    """The `Deliveries` port on the ingress table.

    The sparse index `pending` holds what is due (`pending_of` = `all`) and, per tenant, what was parked
    (`pending_of` = `parked#<tenant>`); a delivery in an inbox is in neither.
    """

    def __init__(self, table: str, client: "DynamoDBClient", clock: Clock) -> None:
        self._table = table
        self._client = client
        self._clock = clock

    def keep(self, delivery: Delivery) -> Delivery:
        """Store a delivery unless one of its id is stored; returns the one that stands."""
        fields = {"expires": number(_seconds(delivery.received_at + KEPT_FOR))}
        if delivery.parked is not None:
            fields |= self._parked(delivery.tenant, delivery.parked)
        elif delivery.pending is not None:
            fields |= {"pending_of": text(_WAITING), "pending": number(_seconds(delivery.pending))}
        pk = delivery_key(delivery.tenant, delivery.channel, delivery.delivery)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item(pk, "delivery", delivery, **fields),
                ConditionExpression="attribute_not_exists(doc)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            stored: Any = exc.response
            return _overlaid(stored["Item"])
        return delivery

    def pending(self, before: datetime, limit: int) -> tuple[Delivery, ...]:
        """Deliveries due before an instant, oldest first, of all tenants."""
        page = self._client.query(
            TableName=self._table,
            IndexName="pending",
            KeyConditionExpression="pending_of = :waiting AND pending < :before",
            ExpressionAttributeValues={":waiting": text(_WAITING), ":before": number(_seconds(before))},
            Limit=limit,
        )
        return tuple(_overlaid(stored) for stored in page["Items"])

    def postpone(self, delivery: Delivery, due: datetime) -> None:
        """Count one more attempt; due again at `due`."""
        self._aside(
            delivery_key(delivery.tenant, delivery.channel, delivery.delivery),
            "SET pending = :due ADD attempts :one",
            {":due": number(_seconds(due)), ":one": number(1), ":waiting": text(_WAITING)},
            "pending_of = :waiting",
        )

    def park(self, tenant: TenantId, channel: ChannelId, delivery: str, *, reason: str) -> None:
        """Put a delivery aside for a person."""
        values = {f":{name}": value for name, value in self._parked(tenant, reason).items()}
        self._aside(
            delivery_key(tenant, channel, delivery),
            "SET parked = :parked, pending_of = :pending_of, pending = :pending",
            values,
            "attribute_exists(doc) AND attribute_not_exists(#case)",
        )

    def park_stray(self, message: str, body: str, reason: str) -> None:
        """Put aside a queue message that names no delivery, with its body, under the tenant `unknown`."""
        now = self._clock.now()
        stray = Delivery(
            tenant=_STRAY,
            channel=ChannelId("queue"),
            delivery=message,
            topic="unknown",
            body_ref=f"{self._table}: raw",
            body_digest=body_digest(body.encode()),
            received_at=now,
        )
        fields = self._parked(_STRAY, reason) | {
            "raw": text(body),
            "expires": number(_seconds(now + KEPT_FOR)),
        }
        pk = delivery_key(_STRAY, stray.channel, message)
        self._client.put_item(TableName=self._table, Item=item(pk, "delivery", stray, **fields))

    def parked(self, tenant: TenantId) -> tuple[Delivery, ...]:
        """A tenant's parked deliveries, oldest first."""
        found = query_all(
            self._client,
            TableName=self._table,
            IndexName="pending",
            KeyConditionExpression="pending_of = :parked",
            ExpressionAttributeValues={":parked": text(f"parked#{tenant}")},
        )
        return tuple(_overlaid(stored) for stored in found)

    def _parked(self, tenant: TenantId, reason: str) -> dict[str, Any]:
        return {
            "parked": text(reason),
            "pending_of": text(f"parked#{tenant}"),
            "pending": number(_seconds(self._clock.now())),
        }

    def _aside(self, pk: str, change: str, values: dict[str, Any], condition: str) -> None:
        names: dict[str, Any] = (
            {"ExpressionAttributeNames": {"#case": "case"}} if "#case" in condition else {}
        )
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._table,
                Key=key(pk, "delivery"),
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                **names,
            )
