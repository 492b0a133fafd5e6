"""What workflows want to have looked at, on the config table; what was seen, on the ingress table."""

from typing import TYPE_CHECKING

from nightshift.aws.items import item, key, number, read
from nightshift.aws.workflows import WATCHED, due_items, partition
from nightshift.errors import Conflict
from nightshift.ports.workflows import PricesSeen, PriceWatch

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from nightshift.ids import ChannelId, TenantId

__all__ = ["DynamoWatches"]


class DynamoWatches:
    """The `Watches` port: `config` has what is watched, `ingress` what was seen."""

    def __init__(self, config: str, ingress: str, client: "DynamoDBClient") -> None:
        self._config = config
        self._ingress = ingress
        self._client = client

    def due(self, now: "datetime", limit: int) -> tuple[PriceWatch, ...]:
        """Those of all tenants that are to be looked at, the longest overdue first."""
        return tuple(
            read(PriceWatch, each) for each in due_items(self._client, self._config, WATCHED, now, limit)
        )

    def looked(self, watch: PriceWatch, again: "datetime") -> None:
        """Look again then; one that is not wanted any more stays away."""
        try:
            self._client.update_item(
                TableName=self._config,
                Key=key(partition(watch.tenant), f"watch#{watch.workflow}"),
                UpdateExpression="SET due = :again",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":again": number(int(again.timestamp()))},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def seen(self, tenant: "TenantId", channel: "ChannelId", sku: str) -> PricesSeen:
        """What was seen last."""
        place = key(f"cursor#{tenant}#{channel}", sku)
        answer = self._client.get_item(TableName=self._ingress, Key=place, ConsistentRead=True)
        return read(PricesSeen, answer["Item"]) if "Item" in answer else PricesSeen()

    def see(self, tenant: "TenantId", channel: "ChannelId", sku: str, *, seen: PricesSeen) -> None:
        """Remember what was seen."""
        try:
            self._client.put_item(
                TableName=self._ingress,
                Item=item(f"cursor#{tenant}#{channel}", sku, seen, seq=number(seen.seq)),
                ConditionExpression="attribute_not_exists(pk) OR seq = :before",
                ExpressionAttributeValues={":before": number(seen.seq - 1)},
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            message = f"the prices of {channel} were looked at by somebody else"
            raise Conflict(message) from exc
