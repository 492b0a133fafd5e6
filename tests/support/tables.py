"""The tables as the stacks define them (held together by tests/stacks), for tests at the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEXES: dict[str, dict[str, tuple[str, str, str]]] = {
    "ingress": {"pending": ("pending_of", "pending", "N")},
    "cases": {"tenant": ("tenant", "opened", "S"), "alive": ("alive_of", "due", "N")},
    "runs": {},
    "ledger": {"unknown": ("unknown_of", "since", "S")},
    "log": {"case": ("case", "at", "S")},
    "approvals": {"waiting": ("waiting_of", "asked", "S"), "case": ("case", "asked", "S")},
    "memory": {},
    "limits": {},
    "subjects": {},
    "config": {"due": ("due_of", "due", "N")},
}
KEYS_ONLY = {"alive"}  # indexes that hold keys, all others hold whole items


@dataclass(frozen=True)
class Tables:
    ingress: str
    cases: str
    runs: str
    ledger: str
    log: str
    approvals: str
    memory: str
    limits: str
    subjects: str
    config: str


def create(client: DynamoDBClient, suffix: str) -> Tables:
    """Create all tables, named `<table>-<suffix>`."""
    for name, indexes in INDEXES.items():
        attributes = {"pk": "S", "sk": "S"}
        for hash_key, range_key, kind in indexes.values():
            attributes |= {hash_key: "S", range_key: kind}
        extra = {
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": index,
                    "KeySchema": [
                        {"AttributeName": hash_key, "KeyType": "HASH"},
                        {"AttributeName": range_key, "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY" if index in KEYS_ONLY else "ALL"},
                }
                for index, (hash_key, range_key, _) in indexes.items()
            ]
        }
        client.create_table(
            TableName=f"{name}-{suffix}",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in attributes.items()],
            **(extra if indexes else {}),
        )
    return Tables(**{name: f"{name}-{suffix}" for name in INDEXES})
