"""Whose data keys there are. A key is deleted with its item: no point-in-time recovery brings it back."""

from typing import TYPE_CHECKING, Final

from nightshift.aws.items import key, query_all, text
from nightshift.ids import TenantId, opaque

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["KEY", "DynamoSubjectKeys", "subject_key"]

KEY: Final = "key"
_CASE = "case#"


def subject_key(tenant: TenantId, subject: str) -> str:
    """The partition a subject's data key stands in, under the sort key `KEY`."""
    return f"subject#{tenant}#{subject}"


def _customer(tenant: TenantId, customer: str) -> str:
    return subject_key(tenant, opaque("sub", tenant, customer))  # the vendor's own id stands nowhere


class DynamoSubjectKeys:
    """The `SubjectKeys` port."""

    def __init__(self, table: str, db: "DynamoDBClient") -> None:
        self._table = table
        self._db = db

    def adopt(self, tenant: TenantId, customer: str, subject: str) -> None:
        """Note that a subject is a customer's."""
        item = key(_customer(tenant, customer), f"{_CASE}{subject}")
        self._db.put_item(TableName=self._table, Item=item)

    def of_customer(self, tenant: TenantId, customer: str) -> tuple[str, ...]:
        """The subjects a customer adopted and that are not forgotten yet."""
        found = query_all(
            self._db,
            TableName=self._table,
            KeyConditionExpression="pk = :customer AND begins_with(sk, :case)",
            ExpressionAttributeValues={":customer": text(_customer(tenant, customer)), ":case": text(_CASE)},
            ConsistentRead=True,
        )
        return tuple(item["sk"]["S"].removeprefix(_CASE) for item in found)

    def forget(self, tenant: TenantId, subject: str) -> bool:
        """Destroy a subject's data key; False: it had none."""
        try:
            self._db.delete_item(
                TableName=self._table,
                Key=key(subject_key(tenant, subject), KEY),
                ConditionExpression="attribute_exists(pk)",
            )
        except self._db.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def disown(self, tenant: TenantId, customer: str, subject: str) -> None:
        """Remove the note that `adopt` made."""
        self._db.delete_item(TableName=self._table, Key=key(_customer(tenant, customer), f"{_CASE}{subject}"))
