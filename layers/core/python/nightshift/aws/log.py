"""The action log on DynamoDB, by PartiQL INSERT alone: the role that writes it cannot overwrite."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nightshift.actionlog.chain import GENESIS, entry_id, link, root_of
from nightshift.aws.items import condition_failed, contended, document, query_all, read, text
from nightshift.errors import Conflict
from nightshift.model.log import LogEntry, Sealed, StoredEntry
from nightshift.ports.log import NewEntry
from nightshift.ports.sealing import Sealing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoActionLog"]

_LAST = 20  # a page that holds most streams whole; what lies before it is asked for by id
_TRIES = 40
_FIRST_WAIT = 0.3  # seconds at most


def _part(lost: LogEntry, attempt: int) -> None:
    """Let writers part: each waits its own time (its entry's hash is the jitter), the longest loser least."""
    jitter = int(lost.hash[:4], 16) / 0xFFFF
    time.sleep(jitter * _FIRST_WAIT / (1 + attempt))  # noqa: TID251  # no state machine waits within a write


def _linked(
    stream: str, wanted: Mapping[str, NewEntry], sealed: Mapping[str, Sealed | None], last: LogEntry | None
) -> list[LogEntry]:
    prev, seq = (last.hash, last.seq) if last else (GENESIS, 0)
    linked: list[LogEntry] = []
    for seq_of, (name, new) in enumerate(wanted.items(), start=seq + 1):
        linked.append(link(stream, new, seq=seq_of, prev=prev, sealed=sealed[name]))
        prev = linked[-1].hash
    return linked


class DynamoActionLog:
    """The `ActionLog` port on one table.

    Args:
        table: of the log.
        client: DynamoDB.
        sealing: seals personal fields; without it they are left out, and never stored in clear.
    """

    def __init__(self, table: str, client: "DynamoDBClient", sealing: Sealing | None = None) -> None:
        self._table = table
        self._client = client
        self._sealing = sealing
        self._insert = f"INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': ?, 'case': ?, 'at': ?, 'doc': ?}}"

    def append(self, stream: str, *entries: NewEntry) -> None:
        """Append entries in order; an entry already there (same kind and `ref`) is left out.

        Raises:
            Conflict: other writers won the place over and over.
        """
        wanted: dict[str, NewEntry] = {}
        for new in entries:
            wanted.setdefault(entry_id(stream, new), new)
        sealed: dict[str, Sealed | None] = {}
        checked = 0  # whatever stands there by then up to this number is none of them
        for attempt in range(_TRIES):
            last = self._last(stream)
            for name in self._known(stream, wanted, last, checked):
                del wanted[name]
            if not wanted:
                return
            checked = last[0].seq if last else 0
            for name in wanted.keys() - sealed.keys():
                sealed[name] = self._sealed(stream, name, wanted[name])
            linked = _linked(stream, wanted, sealed, last[0] if last else None)
            if self._written(linked):
                return
            _part(linked[0], attempt)
        message = f"the log stream {stream} is written by others all the time"
        raise Conflict(message)

    def read(self, stream: str) -> tuple[LogEntry, ...]:
        """All entries of one stream, oldest first."""
        return tuple(read(LogEntry, item) for item in self._of_stream(stream))

    def of_case(self, case: str) -> tuple[LogEntry, ...]:
        """All entries of a case over all its streams, by time (eventually consistent)."""
        entries = [read(LogEntry, item) for item in self._of_root(case)]
        return tuple(sorted(entries, key=lambda entry: (entry.at, entry.stream, entry.seq)))

    def streams(self, prefix: str) -> tuple[str, ...]:
        """The streams of a case: its own first, then its steps'."""
        return tuple(sorted({entry.stream for entry in self.of_case(prefix)}, key=lambda s: (s != prefix, s)))

    def stored(self, root: str) -> tuple[StoredEntry, ...]:
        """Everything that stands in the streams of a root, unread, each stream in the order of its keys."""
        streams = {root: None} | {item["pk"]["S"]: None for item in self._of_root(root)}
        return tuple(
            StoredEntry(stream=stream, place=item["sk"]["S"], doc=item.get("doc", {}).get("S", ""))
            for stream in streams
            for item in self._of_stream(stream)
        )

    def _of_stream(self, stream: str) -> Iterator[dict[str, Any]]:
        return query_all(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :stream",
            ExpressionAttributeValues={":stream": text(stream)},
            ConsistentRead=True,
        )

    def _of_root(self, root: str) -> Iterator[dict[str, Any]]:
        return query_all(
            self._client,
            TableName=self._table,
            IndexName="case",
            KeyConditionExpression="#case = :case",
            ExpressionAttributeNames={"#case": "case"},
            ExpressionAttributeValues={":case": text(root)},
        )

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

    def _known(
        self, stream: str, wanted: Mapping[str, NewEntry], last: Sequence[LogEntry], checked: int
    ) -> set[str]:
        """Which of the wanted stand in the stream, that has none of them up to the number `checked`."""
        known = wanted.keys() & {entry.entry for entry in last}
        oldest = last[-1].seq if last else 1
        missing = sorted(wanted.keys() - known)
        if missing and oldest > checked + 1:
            known |= self._among(stream, missing, first=checked + 1, to=oldest - 1)
        return known

    def _among(self, stream: str, ids: Sequence[str], *, first: int, to: int) -> set[str]:
        """Which of the ids stand among the entries `first` … `to` of a long stream; reads them all."""
        quoted = {f":id{n}": text(f'"entry":"{name}"') for n, name in enumerate(ids)}
        found = query_all(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :stream AND sk BETWEEN :first AND :to",
            FilterExpression=" OR ".join(f"contains(doc, {place})" for place in quoted),
            ExpressionAttributeValues={
                ":stream": text(stream),
                ":first": text(f"{first:08}"),
                ":to": text(f"{to:08}"),
                **quoted,
            },
            ConsistentRead=True,
        )
        return {read(LogEntry, item).entry for item in found} & set(ids)

    def _sealed(self, stream: str, name: str, new: NewEntry) -> Sealed | None:
        if self._sealing is None or not new.personal:
            return None
        return self._sealing.seal(new.tenant, root_of(stream), entry=name, fields=new.personal)

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
