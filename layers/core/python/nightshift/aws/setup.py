"""Writing the configuration on DynamoDB: what was read must still stand when it is replaced."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from nightshift.aws.items import condition_failed, contended, item, key, query_all, read, text
from nightshift.errors import Conflict, NotFound
from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Document
from nightshift.model.policy import Policy
from nightshift.model.tenant import Channel, Staff, Tenant
from nightshift.ports.setup import AddressOwner

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoSetup"]

D = TypeVar("D", bound=Document)

_TRIES: Final = 8
_nobody_is_there = "attribute_not_exists(pk)"
_it_is_as_it_was_read = "doc = :doc"


def _pk(tenant: TenantId) -> str:
    return f"tenant#{tenant}"


def _tenant_item(tenant: Tenant) -> dict[str, Any]:
    return {**item(_pk(tenant.id), "meta", tenant), "halted": {"BOOL": tenant.halted}}


def _channel_item(channel: Channel) -> dict[str, Any]:
    return item(_pk(channel.tenant), f"channel#{channel.id}", channel)


def _staff_item(staff: Staff) -> dict[str, Any]:
    return item(_pk(staff.tenant), f"staff#{staff.id}", staff)


class DynamoSetup:
    """The `Setup` port on the config table."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def add_tenant(self, tenant: Tenant, policy: Policy, admin: Staff) -> None:
        """Store a tenant that was not there, with its policy and first person, or nothing of it."""
        policy_item = item(_pk(tenant.id), f"policy#{policy.version:06}", policy)
        puts = [_tenant_item(tenant), policy_item, _staff_item(admin)]
        actions = [self._put(stored, _nobody_is_there) for stored in puts]
        if not self._transacted(actions):
            message = f"the tenant {tenant.id} is there already"
            raise Conflict(message)

    def change_tenant(self, tenant: TenantId, change: Callable[[Tenant], Tenant]) -> Tenant:
        """Replace a tenant's record by what `change` makes of it."""

        def changed(before: Tenant | None) -> Tenant:
            if before is None:
                message = f"there is no tenant {tenant}"
                raise NotFound(message)
            return change(before)

        return self._change(Tenant, key(_pk(tenant), "meta"), changed, _tenant_item)

    def change_channel(
        self, tenant: TenantId, channel: ChannelId, change: Callable[[Channel | None], Channel]
    ) -> Channel:
        """Replace a channel's record, or store a new one."""
        return self._change(Channel, key(_pk(tenant), f"channel#{channel}"), change, _channel_item)

    def staff_of(self, tenant: TenantId) -> tuple[Staff, ...]:
        """Everybody of a tenant, by id, strongly consistent."""
        found = query_all(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :tenant AND begins_with(sk, :staff)",
            ExpressionAttributeValues={":tenant": text(_pk(tenant)), ":staff": text("staff#")},
            ConsistentRead=True,
        )
        return tuple(read(Staff, stored) for stored in found)

    def put_staff(self, staff: Staff, *, if_stands: Staff | None) -> None:
        """Store a person, if another person's record still stands as it was read."""
        self._staff({"Put": {"TableName": self._table, "Item": _staff_item(staff)}}, if_stands)

    def remove_staff(self, staff: Staff, *, if_stands: Staff) -> None:
        """Remove a person, if another person's record still stands as it was read."""
        gone = {
            "TableName": self._table,
            "Key": key(_pk(staff.tenant), f"staff#{staff.id}"),
            "ConditionExpression": _it_is_as_it_was_read,
            "ExpressionAttributeValues": {":doc": text(staff.model_dump_json())},
        }
        self._staff({"Delete": gone}, if_stands)

    def address_owner(self, mailbox: str) -> AddressOwner | None:
        """Whose a mail address is, strongly consistent."""
        at = key(f"address#{mailbox}", "address")
        found = self._client.get_item(TableName=self._table, Key=at, ConsistentRead=True).get("Item")
        if found is None:
            return None
        return AddressOwner(tenant=TenantId(found["tenant"]["S"]), channel=ChannelId(found["channel"]["S"]))

    def claim_address(self, mailbox: str, owner: AddressOwner) -> None:
        """Give a mail address to a channel; again, it changes nothing."""
        stored = {
            **key(f"address#{mailbox}", "address"),
            "tenant": text(owner.tenant),
            "channel": text(owner.channel),
        }
        free_or_ours = f"{_nobody_is_there} OR (#tenant = :tenant AND #channel = :channel)"
        try:
            self._client.put_item(
                TableName=self._table,
                Item=stored,
                ConditionExpression=free_or_ours,
                ExpressionAttributeNames={"#tenant": "tenant", "#channel": "channel"},
                ExpressionAttributeValues={":tenant": text(owner.tenant), ":channel": text(owner.channel)},
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            message = f"the address {mailbox} belongs to another channel"
            raise Conflict(message) from exc

    def _change(
        self,
        model: type[D],
        at: dict[str, Any],
        change: Callable[[D | None], D],
        stored_as: Callable[[D], dict[str, Any]],
    ) -> D:
        for _ in range(_TRIES):
            found = self._client.get_item(TableName=self._table, Key=at, ConsistentRead=True).get("Item")
            before = None if found is None else read(model, found)
            after = change(before)
            if after == before:
                return after
            # attributes that others keep beside the document stay
            put: dict[str, Any] = {"TableName": self._table, "Item": {**(found or {}), **stored_as(after)}}
            if found is None:
                put["ConditionExpression"] = _nobody_is_there
            else:
                put["ConditionExpression"] = _it_is_as_it_was_read
                put["ExpressionAttributeValues"] = {":doc": found["doc"]}
            try:
                self._client.put_item(**put)
            except self._client.exceptions.ConditionalCheckFailedException:
                continue
            return after
        message = "the configuration is being changed by others"
        raise Conflict(message)

    def _staff(self, action: dict[str, Any], if_stands: Staff | None) -> None:
        actions = [action]
        if if_stands is not None:
            check = {
                "TableName": self._table,
                "Key": key(_pk(if_stands.tenant), f"staff#{if_stands.id}"),
                "ConditionExpression": _it_is_as_it_was_read,
                "ExpressionAttributeValues": {":doc": text(if_stands.model_dump_json())},
            }
            actions.append({"ConditionCheck": check})
        if not self._transacted(actions):
            message = "the staff was changed by somebody else"
            raise Conflict(message)

    def _put(self, stored: dict[str, Any], condition: str) -> dict[str, Any]:
        return {"Put": {"TableName": self._table, "Item": stored, "ConditionExpression": condition}}

    def _transacted(self, actions: list[dict[str, Any]]) -> bool:
        given: Any = actions
        for _ in range(_TRIES):
            try:
                self._client.transact_write_items(TransactItems=given)
            except self._client.exceptions.TransactionCanceledException as exc:
                if condition_failed(exc):
                    return False
                if not contended(exc):
                    raise
            else:
                return True
        message = "the configuration is being changed by others"
        raise Conflict(message)
