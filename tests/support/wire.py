"""Answers of AWS that the emulator never gives (contention, throttling), put in at the wire."""

from __future__ import annotations

import json
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

Answer = tuple[int, dict[str, Any]]


@contextmanager
def answering(
    db: DynamoDBClient, operation: str, answer: Callable[[dict[str, Any]], Answer | None]
) -> Iterator[None]:
    """Requests of one operation get this status and body; those for which it gives None go through."""
    event, events = f"before-send.dynamodb.{operation}", _events(db)

    def answered(request: Any, **_: object) -> AWSResponse | None:  # noqa: ANN401  # botocore's event
        given = answer(json.loads(request.body))
        if given is None:
            return None
        raw = SimpleNamespace(stream=lambda: [json.dumps(given[1]).encode()])
        return AWSResponse(request.url, given[0], _no_headers(), raw)

    events.register(event, answered)
    try:
        yield
    finally:
        events.unregister(event, answered)


def _events(db: DynamoDBClient) -> Any:  # noqa: ANN401  # the stubs know no handler that answers
    return db.meta.events


def _no_headers() -> Any:  # noqa: ANN401  # a mapping is enough
    return {}


class Contention:
    """The next `left` transactions are cancelled with `code`, as when two writers meet."""

    def __init__(self, left: int, code: str = "TransactionConflict") -> None:
        self.left = left
        self.code = code

    def __call__(self, request: dict[str, Any]) -> Answer | None:
        if self.left == 0:
            return None
        self.left -= 1
        actions = request.get("TransactItems") or request["TransactStatements"]
        reasons = [{"Code": self.code, "Message": "writers met"}, *[{"Code": "None"}] * (len(actions) - 1)]
        return 400, {"__type": "TransactionCanceledException", "message": "", "CancellationReasons": reasons}
