"""Approvals on DynamoDB: PENDING is decided by one conditional write."""

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nightshift.aws.items import item, key, number, query_all, read, text
from nightshift.errors import Conflict, NotFound
from nightshift.ids import ApprovalId, CaseId, TenantId
from nightshift.model.approval import Approval, ApprovalStatus
from nightshift.model.plan import Principal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoApprovals"]


_DECIDED = "=decided"  # no tenant is named so


def _at(approval: ApprovalId) -> dict[str, Any]:
    return key(f"approval#{approval}", "approval")


class DynamoApprovals:
    """The `Approvals` port on one table."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def ask(self, approval: Approval, token: str, generation: int) -> Approval:
        """Store a PENDING approval, or, when it is stored, take the newer token; returns the record."""
        asked = text(approval.asked_at.isoformat())
        fields = {
            "status": text(approval.status),
            "token": text(token),
            "asked_in": number(generation),
            "waiting_of": text(approval.tenant),
            "asked": asked,
            **({"case": text(approval.case)} if approval.case is not None else {}),
        }
        pk = _at(approval.id)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item(pk["pk"]["S"], "approval", approval, **fields),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self._newer(approval.id, token, generation)
        return approval

    def _newer(self, approval: ApprovalId, token: str, generation: int) -> Approval:
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_at(approval),
                UpdateExpression="SET #token = :token, asked_in = :generation",
                ConditionExpression="attribute_not_exists(asked_in) OR asked_in <= :generation",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={":token": text(token), ":generation": number(generation)},
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self.get(approval)
        return read(Approval, answer["Attributes"])

    def get(self, approval: ApprovalId) -> Approval:
        """One approval, strongly consistent."""
        found = self.find(approval)
        if found is None:
            message = f"there is no approval {approval}"
            raise NotFound(message)
        return found

    def find(self, approval: ApprovalId) -> Approval | None:
        """One approval, strongly consistent, or None."""
        answer = self._client.get_item(TableName=self._table, Key=_at(approval), ConsistentRead=True)
        return read(Approval, answer["Item"]) if "Item" in answer else None

    def of_case(self, case: CaseId) -> tuple[Approval, ...]:
        """The approvals a case asked for, as its index knows them."""
        return self._query("case", "case", case)

    def waiting(self, tenant: TenantId) -> tuple[Approval, ...]:
        """All PENDING approvals of a tenant, oldest first."""
        return self._query("waiting", "waiting_of", tenant)

    def decide(
        self,
        approval: ApprovalId,
        status: ApprovalStatus,
        *,
        by: Principal | None,
        at: datetime,
        note: str,
    ) -> Approval:
        """Decide a PENDING approval."""
        before = self.get(approval)
        decided = before.model_copy(
            update={"status": status, "decided_by": by, "decided_at": at, "note": note}
        )
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_at(approval),
                UpdateExpression="SET doc = :doc, #status = :status, waiting_of = :decided",
                ConditionExpression="#status = :pending",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":doc": text(decided.model_dump_json()),
                    ":status": text(status),
                    ":pending": text(ApprovalStatus.PENDING),
                    ":decided": text(_DECIDED),
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            message = f"approval {approval} is decided already"
            raise Conflict(message) from exc
        return decided

    def unresumed(self, limit: int) -> tuple[Approval, ...]:
        """Decided approvals whose run was not given the answer yet."""
        page = self._client.query(
            TableName=self._table,
            IndexName="waiting",
            KeyConditionExpression="waiting_of = :decided",
            ExpressionAttributeValues={":decided": text(_DECIDED)},
            Limit=limit,
        )
        return tuple(read(Approval, stored) for stored in page["Items"])

    def resumed(self, approval: ApprovalId) -> None:
        """The answer was given to whatever waited for it."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._table,
                Key=_at(approval),
                UpdateExpression="REMOVE waiting_of",
                ConditionExpression="waiting_of = :decided",
                ExpressionAttributeValues={":decided": text(_DECIDED)},
            )

    def token(self, approval: ApprovalId) -> str | None:
        """The token of the state that waits for the answer."""
        answer = self._client.get_item(
            TableName=self._table,
            Key=_at(approval),
            ConsistentRead=True,
            ProjectionExpression="#token",
            ExpressionAttributeNames={"#token": "token"},
        )
        return answer.get("Item", {}).get("token", {}).get("S")

    def _query(self, index: str, field: str, value: str) -> tuple[Approval, ...]:
        found = query_all(
            self._client,
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression="#field = :value",
            ExpressionAttributeNames={"#field": field},
            ExpressionAttributeValues={":value": text(value)},
        )
        return tuple(read(Approval, stored) for stored in found)
