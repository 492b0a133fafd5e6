"""Episodes on DynamoDB, forgotten by TTL."""

from datetime import datetime
from typing import TYPE_CHECKING

from nightshift.aws.items import item, number, query_all, read, text
from nightshift.ids import TenantId
from nightshift.model.case import Episode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoEpisodes"]


class DynamoEpisodes:
    """The `Episodes` port on one table."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def keep(self, episode: Episode, *, until: datetime) -> None:
        """Keep an episode until an instant."""
        closed_at = episode.closed_at.isoformat(timespec="microseconds")
        stored = item(
            _customer(episode.tenant, episode.customer),
            f"episode#{closed_at}#{episode.case}",
            episode,
            expires=number(int(until.timestamp())),
        )
        self._client.put_item(TableName=self._table, Item=stored)

    def recall(self, tenant: TenantId, customer: str, *, limit: int, at: datetime) -> tuple[Episode, ...]:
        """The newest episodes of one customer of one tenant; expired ones may still lie in the table."""
        recalled: list[Episode] = []
        for stored in query_all(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :customer AND begins_with(sk, :episode)",
            FilterExpression="#expires > :now",
            ExpressionAttributeNames={"#expires": "expires"},
            ExpressionAttributeValues={
                ":customer": text(_customer(tenant, customer)),
                ":episode": text("episode#"),
                ":now": number(int(at.timestamp())),
            },
            ScanIndexForward=False,
            ConsistentRead=True,
        ):
            episode = read(Episode, stored)
            if (episode.tenant, episode.customer) == (tenant, customer):
                recalled.append(episode)
            if len(recalled) == limit:
                break
        return tuple(recalled)


def _customer(tenant: TenantId, customer: str) -> str:
    return f"customer#{tenant}#{customer}"
