"""DynamoDB on disk: what a call changes is in the journal before the call is answered."""

from collections import defaultdict
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb

from local.durable.journal import Image, Journal, Line

__all__ = ["DurableTables"]

_STATEMENTS = {"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"}
_action: ContextVar[str] = ContextVar("_action", default="")

Table = dict[str, Any]


@dataclass(frozen=True)
class _Change:
    table: Table
    pk: str
    sk: str
    old: Any
    new: Any


class DurableTables:
    """Watches every item that is stored or removed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._changes: list[_Change] = []
        self._replaced: list[Table] = []
        self._written: defaultdict[tuple[str, str, str], int] = defaultdict(int)  # stream records

    def install(self) -> None:
        """Put the watch into ministack."""
        self._watch_items()
        self.journal_before_the_answer()
        transact_without_copying_tables()

    def load(self, image: Image) -> None:
        """Give the tables, which are there already, their items and streams."""
        for (account, region, name), table in dynamodb._tables.all_items():
            key = _key(table)
            table["items"] = defaultdict(dict, image.tables.get(key, {}))
            dynamodb._items_replaced(table)
            dropped, records = image.dropped.get(key, 0), image.streams.get(key, [])
            dynamodb._stream_trimmed.set_scoped(account, region, name, dropped)
            dynamodb._stream_records.set_scoped(account, region, name, records)
            self._written[account, region, name] = dropped + len(records)
        self._replaced.clear()

    def _watch_items(self) -> None:
        set_item, remove_item = dynamodb._set_item, dynamodb._remove_item
        replaced = dynamodb._items_replaced

        def watched_set(table: Table, pk: str, sk: str, item: Any) -> Any:
            old = set_item(table, pk, sk, item)
            self._changes.append(_Change(table, pk, sk, old, item))
            return old

        def watched_remove(table: Table, pk: str, sk: str) -> Any:
            old = remove_item(table, pk, sk)
            if old is not None:
                self._changes.append(_Change(table, pk, sk, old, None))
            return old

        def watched_replaced(table: Table) -> None:
            if _action.get() == "ExecuteTransaction":
                self._undo(table)
            else:
                self._replaced.append(table)
            replaced(table)

        dynamodb._set_item, dynamodb._remove_item = watched_set, watched_remove
        dynamodb._items_replaced = watched_replaced

    def _undo(self, table: Table) -> None:
        """A transaction failed: take back what its statements did to this table."""
        for change in reversed(self._changes):
            if change.table is not table:
                continue
            if change.old is not None:
                table["items"].setdefault(change.pk, {})[change.sk] = change.old
            elif change.pk in table["items"]:
                table["items"][change.pk].pop(change.sk, None)
        self._changes = [change for change in self._changes if change.table is not table]

    def journal_before_the_answer(self) -> None:
        """Ministack keeps tables in memory. `test_what_was_answered_is_there_after_kill_9`."""
        theirs = dynamodb.handle_request

        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
        ) -> Any:
            action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
            token = _action.set(action)
            try:
                answer = await theirs(method, path, headers, body, query)
                self._write(action)
            finally:
                _action.reset(token)
            return answer

        dynamodb.handle_request = handle

    def _write(self, action: str) -> None:
        if not self._changes and not self._replaced:
            return
        changes, self._changes = self._changes, []
        replaced, self._replaced = self._replaced, []
        if action in _STATEMENTS:
            stream_what_statements_change(changes)
        line: Line = {"items": [[_key(c.table), c.pk, c.sk, c.new] for c in changes]}
        if replaced:
            line["replaced"] = {_key(table): table["items"] for table in replaced}
        streams = dict(self._new_records(changes))
        if streams:
            line["streams"] = streams
        self._journal.append(line)

    def _new_records(self, changes: list[_Change]) -> Iterator[tuple[str, list[Any]]]:
        for table in {id(change.table): change.table for change in changes}.values():
            if not (table.get("StreamSpecification") or {}).get("StreamEnabled"):
                continue
            _, _, _, region, account, *_ = table["TableArn"].split(":")
            place = (account, region, table["TableName"])
            end = dynamodb.stream_end_position(place[2], account_id=account, region=region)
            new = end - self._written[place]
            if new > 0:
                self._written[place] = end
                yield _key(table), dynamodb._stream_records.get_scoped(*place)[-new:]


def stream_what_statements_change(changes: list[_Change]) -> None:
    """Ministack's PartiQL writes no stream records. `test_statements_reach_the_stream_and_…`."""
    for change in changes:
        kept = "INSERT" if change.old is None else "MODIFY"
        event = "REMOVE" if change.new is None else kept
        dynamodb._emit_stream_event(change.table["TableName"], event, change.old, change.new, replicate=False)


def transact_without_copying_tables() -> None:
    """Each ExecuteTransaction copies its tables with all items. `test_a_failed_transaction_leaves_nothing`.

    `DurableTables._undo` takes back what a failed one did, so that copying the partitions' names is enough.
    """
    theirs = dynamodb._execute_transaction
    copy = dynamodb.copy

    def copy_deeply(value: Any, *rest: Any) -> Any:
        return dict(value) if _is_a_table(value) else copy.deepcopy(value, *rest)

    def execute(data: dict[str, Any]) -> Any:
        dynamodb.copy = SimpleNamespace(deepcopy=copy_deeply, copy=copy.copy)
        try:
            return theirs(data)
        finally:
            dynamodb.copy = copy

    dynamodb._execute_transaction = execute


def _is_a_table(value: Any) -> bool:
    """Whether this is `dict(table["items"])`: its first partition is that of a table."""
    if not isinstance(value, dict) or not value:
        return False
    pk, partition = next(iter(value.items()))
    return any(
        scope[:2] == (get_account_id(), get_region()) and table["items"].get(pk) is partition
        for scope, table in dynamodb._tables.all_items()
    )


def _key(table: Table) -> str:
    """A table made anew under an old name is another table."""
    return f"{table['TableArn']} {table['TableId']}"
