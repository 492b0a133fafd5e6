"""The action log on DynamoDB, by PartiQL INSERT alone: the role that writes it cannot overwrite."""

import time
from typing import TYPE_CHECKING, Any

from nightshift.actionlog.chain import GENESIS, entry_id, link, root_of
from nightshift.aws.items import condition_failed, contended, document, query_all, read, text
from nightshift.errors import Conflict
from nightshift.model.log import LogEntry
from nightshift.ports.log import NewEntry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoActionLog"]

_LAST = 20  # a retry's repeat stands among the last entries of its stream
_TRIES = 40
_FIRST_WAIT = 0.3  # seconds at most


def _part(lost: LogEntry, attempt: int) -> None:
    """Let writers part: each waits its own time (its entry's hash is the jitter), the longest loser least."""
    jitter = int(lost.hash[:4], 16) / 0xFFFF
    time.sleep(jitter * _FIRST_WAIT / (1 + attempt))  # noqa: TID251  # no state machine waits within a write


class DynamoActionLog:
    """The `ActionLog` port on one table."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client
        self._insert = f"INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': ?, 'case': ?, 'at': ?, 'doc': ?}}"

    def append(self, stream: str, *entries: NewEntry) -> None:
        """Append entries in order; an entry already there (same kind and `ref`) is left out.

        Raises:
            Conflict: other writers won the place over and over.
        """
        for attempt in range(_TRIES):
            last = self._last(stream)
            known = {entry.entry for entry in last}
            prev, seq = (last[0].hash, last[0].seq) if last else (GENESIS, 0)
            linked: list[LogEntry] = []
            for new in entries:
                if entry_id(stream, new) in known:
                    continue
                known.add(entry_id(stream, new))
                seq += 1
                linked.append(link(stream, new, seq=seq, prev=prev))
                prev = linked[-1].hash
            if not linked or self._written(linked):
                return
            _part(linked[0], attempt)
        message = f"the log stream {stream} is written by others all the time"
        raise Conflict(message)

    def read(self, stream: str) -> tuple[LogEntry, ...]:
        """All entries of one stream, oldest first."""
        found = query_all(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :stream",
            ExpressionAttributeValues={":stream": text(stream)},
            ConsistentRead=True,
        )
        return tuple(read(LogEntry, item) for item in found)

    def of_case(self, case: str) -> tuple[LogEntry, ...]:
        """All entries of a case over all its streams, by time (eventually consistent)."""
        found = query_all(
            self._client,
            TableName=self._table,
            IndexName="case",
            KeyConditionExpression="#case = :case",
            ExpressionAttributeNames={"#case": "case"},
            ExpressionAttributeValues={":case": text(case)},
        )
        entries = [read(LogEntry, item) for item in found]
        return tuple(sorted(entries, key=lambda entry: (entry.at, entry.stream, entry.seq)))

    def streams(self, prefix: str) -> tuple[str, ...]:
        """The streams of a case: its own first, then its steps'."""
        return tuple(sorted({entry.stream for entry in self.of_case(prefix)}, key=lambda s: (s != prefix, s)))

    def _last(self, stream: str) -> list[LogEntry]:
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :stream",
            ExpressionAttributeValues={":stream": text(stream)},
            ScanIndexForward=False,
            Limit=_LAST,
            ConsistentRead=True,
        )
        return [read(LogEntry, item) for item in page["Items"]]

    def _written(self, linked: list[LogEntry]) -> bool:
        statements: list[Any] = [
            {
                "Statement": self._insert,
                "Parameters": [
                    text(entry.stream),
                    text(f"{entry.seq:08}"),
                    text(root_of(entry.stream)),
                    text(entry.at.isoformat()),
                    document(entry),
                ],
            }
            for entry in linked
        ]
        try:
            if len(statements) == 1:
                self._client.execute_statement(**statements[0])
            else:
                self._client.execute_transaction(TransactStatements=statements)
        except self._client.exceptions.DuplicateItemException:
            return False
        except (
            self._client.exceptions.TransactionCanceledException,
            self._client.exceptions.TransactionConflictException,
        ) as exc:
            if condition_failed(exc) or contended(exc):
                return False
            raise
        return True
