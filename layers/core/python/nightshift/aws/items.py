"""Nouns to DynamoDB items and back: keys beside one JSON document, plus the few fields conditions need."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from nightshift.model.base import Document

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

__all__ = [
    "condition_failed",
    "contended",
    "document",
    "item",
    "key",
    "milliseconds",
    "number",
    "query_all",
    "read",
    "text",
]

D = TypeVar("D", bound=Document)


def text(value: str) -> "AttributeValueTypeDef":
    """A string attribute."""
    return {"S": value}


def number(value: int) -> "AttributeValueTypeDef":
    """A number attribute."""
    return {"N": str(value)}


def milliseconds(at: datetime) -> int:
    """An instant as milliseconds since 1970: compared as a number, it has one spelling."""
    return int(at.timestamp() * 1000)


def key(pk: str, sk: str) -> dict[str, "AttributeValueTypeDef"]:
    """The primary key every table has: `pk` and `sk`, both strings."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def document(value: Document) -> "AttributeValueTypeDef":
    """A noun as one JSON string attribute (`doc`)."""
    return {"S": value.model_dump_json()}


def item(
    pk: str, sk: str, value: Document, **fields: "AttributeValueTypeDef"
) -> dict[str, "AttributeValueTypeDef"]:
    """A whole item: key, `doc`, and fields that conditions or indexes read."""
    return {**key(pk, sk), "doc": document(value), **fields}


def read(model: type[D], stored: Mapping[str, Any]) -> D:
    """The noun of an item."""
    return model.model_validate_json(stored["doc"]["S"])


def condition_failed(exc: Exception, index: int | None = None) -> bool:
    """Whether a botocore error says that a condition failed (in a transaction: that of one action)."""
    response = getattr(exc, "response", {})
    code = response.get("Error", {}).get("Code")
    if code == "ConditionalCheckFailedException":
        return True
    if code != "TransactionCanceledException":
        return False
    reasons = response.get("CancellationReasons", [])
    wanted = reasons if index is None else reasons[index : index + 1]
    return any(r.get("Code") in {"ConditionalCheckFailed", "DuplicateItemException"} for r in wanted)


def contended(exc: Exception) -> bool:
    """Whether a botocore error says only that another write was under way: nothing was changed, try again."""
    response = getattr(exc, "response", {})
    codes = {response.get("Error", {}).get("Code")}
    if codes == {"TransactionCanceledException"}:
        codes = {reason.get("Code", "None") for reason in response.get("CancellationReasons", [])} - {"None"}
    return bool(codes) and codes <= {"TransactionConflict", "TransactionConflictException"}


def query_all(client: "DynamoDBClient", **query: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  # boto3's own
    """Every item of a query, over all its pages."""
    while True:
        page = client.query(**query)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
