"""Tenants, channels, policies and staff on DynamoDB: one partition per tenant."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from nightshift.aws.client import client as aws_client
from nightshift.aws.items import document, item, key, milliseconds, number, query_all, read, text
from nightshift.errors import Conflict, NotFound
from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Document
from nightshift.model.tenant import Channel, Staff, Tenant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from nightshift.model.policy import Policy

__all__ = ["DynamoConfig"]

D = TypeVar("D", bound=Document)

_TRIES = 8


def _policy() -> "type[Policy]":
    """The model of policies, loaded by those who read one: ingress does not."""
    from nightshift.model.policy import Policy  # noqa: PLC0415

    return Policy


def _pk(tenant: TenantId) -> str:
    return f"tenant#{tenant}"


def _beside(tenant: Tenant) -> dict[str, Any]:
    """What stands beside a tenant's document, for the conditions of effects."""
    doubt = tenant.in_doubt_before
    since = {} if doubt is None else {"in_doubt_before": number(milliseconds(doubt))}
    return {"halted": {"BOOL": tenant.halted}, **since}


class DynamoConfig:
    """The `Config` port on one table. All reads are strongly consistent."""

    def __init__(self, table: str, client: "DynamoDBClient | None" = None) -> None:
        self._table = table
        self._client = client or aws_client("dynamodb")
        # A stored version never changes, so it is read once per process.
        self._policies: dict[tuple[TenantId, int], Policy] = {}

    def tenant(self, tenant: TenantId) -> Tenant:
        """One tenant."""
        return self._get(Tenant, tenant, "meta")

    def channel(self, tenant: TenantId, channel: ChannelId) -> Channel:
        """One channel."""
        return self._get(Channel, tenant, f"channel#{channel}")

    def channels(self, tenant: TenantId) -> tuple[Channel, ...]:
        """All channels of a tenant, by id."""
        found = query_all(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :tenant AND begins_with(sk, :channel)",
            ExpressionAttributeValues={":tenant": text(_pk(tenant)), ":channel": text("channel#")},
            ConsistentRead=True,
        )
        return tuple(read(Channel, stored) for stored in found)

    def policy(self, tenant: TenantId) -> "Policy":
        """The policy in force: the version that the tenant's record names."""
        return self.policy_of(self.tenant(tenant))

    def policy_of(self, tenant: Tenant) -> "Policy":
        """The policy that a tenant's record, read already, puts in force."""
        named = (tenant.id, tenant.policy_version)
        if named not in self._policies:
            self._policies[named] = self._get(_policy(), tenant.id, f"policy#{tenant.policy_version:06}")
        return self._policies[named]

    def staff(self, tenant: TenantId, person: str) -> Staff:
        """One person."""
        return self._get(Staff, tenant, f"staff#{person}")

    def put_tenant(self, tenant: Tenant) -> None:
        """Store a tenant. What effects are conditional on stands beside the document."""
        self._client.put_item(
            TableName=self._table, Item={**item(_pk(tenant.id), "meta", tenant), **_beside(tenant)}
        )

    def doubt(self, tenant: TenantId, before: datetime) -> None:
        """Say that records of what began before an instant are not whole.

        Raises:
            NotFound: no such tenant.
            Conflict: the tenant's record is written by others all the time.
        """
        for _ in range(_TRIES):
            stored = self._stored(tenant, "meta")
            stands = read(Tenant, stored)
            if stands.in_doubt_before is not None and stands.in_doubt_before >= before:
                return
            doubted = stands.model_copy(update={"in_doubt_before": before})
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=key(_pk(tenant), "meta"),
                    UpdateExpression="SET doc = :new, in_doubt_before = :before",
                    ConditionExpression="doc = :old",
                    ExpressionAttributeValues={
                        ":new": document(doubted),
                        ":old": stored["doc"],
                        ":before": _beside(doubted)["in_doubt_before"],
                    },
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                continue
            return
        message = f"the record of tenant {tenant} is written by others all the time"
        raise Conflict(message)

    def put_channel(self, channel: Channel) -> None:
        """Store a channel."""
        self._put(channel.tenant, f"channel#{channel.id}", channel)

    def put_policy(self, tenant: TenantId, policy: "Policy") -> None:
        """Store a policy version; it comes into force when the tenant's record names it.

        Raises:
            Conflict: this version is stored already and says something else.
        """
        sk = f"policy#{policy.version:06}"
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item(_pk(tenant), sk, policy),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            if self._get(_policy(), tenant, sk) != policy:
                message = (
                    f"policy version {policy.version} of {tenant} is stored already; give it a new version"
                )
                raise Conflict(message) from exc

    def put_staff(self, staff: Staff) -> None:
        """Store a person."""
        self._put(staff.tenant, f"staff#{staff.id}", staff)

    def _put(self, tenant: TenantId, sk: str, value: Document) -> None:
        self._client.put_item(TableName=self._table, Item=item(_pk(tenant), sk, value))

    def _get(self, model: type[D], tenant: TenantId, sk: str) -> D:
        return read(model, self._stored(tenant, sk))

    def _stored(self, tenant: TenantId, sk: str) -> dict[str, Any]:
        answer = self._client.get_item(TableName=self._table, Key=key(_pk(tenant), sk), ConsistentRead=True)
        if "Item" not in answer:
            message = f"tenant {tenant} has no {sk}"
            raise NotFound(message)
        return answer["Item"]
