"""Which partition keys a DynamoDB request addresses: what `dynamodb:LeadingKeys` is compared with.

Values are read by the functions with which ministack carries the request out, so that no request is checked
for one item and carried out on another. A scan addresses none, and then `ForAllValues` holds, as on AWS.
"""

from collections.abc import Iterator
from typing import Any

from ministack.services import dynamodb

__all__ = ["in_request", "in_statement"]


def in_request(request: dict[str, Any], table: str) -> list[str]:
    """Of one call, one part of a batch or one item of a transaction on this table."""
    name = _partition_key(table, request.get("IndexName"))
    values = [item[name] for item in _items(request, table) if isinstance(item, dict) and name in item]
    return [str(dynamodb._extract_key_val(value)) for value in values] + _queried(request, name)


def in_statement(parsed: dict[str, Any]) -> list[str]:
    """Of a PartiQL statement as ministack's parser gives it."""
    name = _partition_key(parsed["table"], parsed.get("index"))
    item = parsed.get("item") or {}
    item = item["M"] if set(item) == {"M"} else item
    values = [item[name]] if name in item else []
    for attribute, operator, value in parsed.get("conditions") or []:
        if attribute == name and operator == "=":
            values.append(value)
        elif attribute == name and operator == "IN":
            values.extend(value)
    return [str(dynamodb._extract_key_val(value)) for value in values]


def _partition_key(table: str, index: str | None) -> str:
    """The attribute's name; empty for a table that does not exist, which the call itself will say."""
    found = dynamodb._tables.get(table)
    return str(dynamodb._resolve_index_keys(found, index)[0]) if found else ""


def _items(request: dict[str, Any], table: str) -> Iterator[Any]:
    """Each key or whole item."""
    yield from (request[part] for part in ("Key", "Item") if part in request)
    for name, batch in (request.get("RequestItems") or {}).items():
        if dynamodb._normalize_table_name(name) != table:
            continue
        if isinstance(batch, dict):
            yield from batch.get("Keys") or []
            continue
        for write in batch:
            yield from (part.get("Item") or part.get("Key") for part in write.values())


def _queried(request: dict[str, Any], name: str) -> list[str]:
    """The partition key of a Query, in its new or its old form."""
    attributes = request.get("ExpressionAttributeValues") or {}, request.get("ExpressionAttributeNames") or {}
    found = dynamodb._extract_pk_from_condition(request.get("KeyConditionExpression"), *attributes, name)
    found = found or dynamodb._extract_pk_from_key_conditions(request.get("KeyConditions") or {}, name)
    return [str(found)] if found else []
