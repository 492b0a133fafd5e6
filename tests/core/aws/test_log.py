"""The action log on DynamoDB: appended by PartiQL INSERT alone, unbroken under any writers."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.actionlog.chain import entry_id, verify
from nightshift.aws.client import METER, client
from nightshift.aws.items import key
from nightshift.aws.log import DynamoActionLog
from nightshift.errors import Conflict
from nightshift.model.log import EntryKind
from nightshift.ports.log import NewEntry
from tests.support import records
from tests.support.wire import Contention, answering

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.support.tables import Tables

CASE = "case_1"
STREAMS = itertools.count(100)


@dataclass
class Kept:
    log: DynamoActionLog
    db: DynamoDBClient
    table: str


@pytest.fixture
def kept(tables: Tables) -> Kept:
    db = client("dynamodb")
    return Kept(DynamoActionLog(tables.log, db), db, tables.log)


def new(ref: str, kind: EntryKind = EntryKind.CONTEXT_READ, *, seconds: int = 0) -> NewEntry:
    at = records.AT + timedelta(seconds=seconds)
    return NewEntry(kind=kind, tenant=records.ACME, at=at, actor="test", ref=ref, detail={"ref": ref})


def refs(kept: Kept, stream: str = CASE) -> list[object]:
    return [entry.detail["ref"] for entry in kept.log.read(stream)]


def test_entries_are_read_in_the_order_they_were_appended(kept: Kept) -> None:
    kept.log.append(CASE, new("a"), new("b"))
    kept.log.append(CASE, new("c"))
    entries = kept.log.read(CASE)
    assert refs(kept) == ["a", "b", "c"]
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert verify(entries) == []


def test_a_stream_nobody_wrote_is_empty(kept: Kept) -> None:
    assert kept.log.read(CASE) == ()
    kept.log.append(CASE)
    assert kept.log.read(CASE) == ()


def test_a_retry_adds_no_second_line(kept: Kept) -> None:
    for _ in range(3):
        kept.log.append(CASE, new("a"))
    assert refs(kept) == ["a"]


def test_a_retry_adds_only_what_the_first_try_did_not(kept: Kept) -> None:
    kept.log.append(CASE, new("a"), new("b"))
    kept.log.append(CASE, new("a"), new("b"), new("c"))
    assert refs(kept) == ["a", "b", "c"]
    assert verify(kept.log.read(CASE)) == []


def test_one_happening_given_twice_in_one_call_is_one_line(kept: Kept) -> None:
    kept.log.append(CASE, new("a"), new("a"))
    assert refs(kept) == ["a"]


def test_the_same_ref_of_another_kind_is_another_line(kept: Kept) -> None:
    kept.log.append(CASE, new("a"))
    kept.log.append(CASE, new("a", EntryKind.CASE_CLOSED))
    assert len(kept.log.read(CASE)) == 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=6))
def test_whatever_is_retried_each_happening_stands_once_and_in_order(
    kept: Kept, batches: list[list[str]]
) -> None:
    stream = f"case_{next(STREAMS)}"
    for batch in batches:
        kept.log.append(stream, *[new(ref) for ref in batch])
    assert refs(kept, stream) == list(dict.fromkeys(ref for batch in batches for ref in batch))
    assert verify(kept.log.read(stream)) == []


def test_eight_writers_on_one_stream_make_one_unbroken_chain(kept: Kept) -> None:
    def write(writer: int) -> None:
        for n in range(40):
            kept.log.append(CASE, new(f"{writer}/{n}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    entries = kept.log.read(CASE)
    assert len(entries) == 320
    assert verify(entries) == []
    assert sorted(refs(kept), key=str) == sorted(f"{w}/{n}" for w in range(8) for n in range(40))
    for writer in range(8):
        own = [ref for ref in refs(kept) if str(ref).startswith(f"{writer}/")]
        assert own == [f"{writer}/{n}" for n in range(40)]


def test_writers_of_several_entries_never_interleave_them(kept: Kept) -> None:
    def write(writer: int) -> None:
        for n in range(10):
            kept.log.append(CASE, *[new(f"{writer}/{n}/{part}") for part in range(3)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    entries = kept.log.read(CASE)
    assert verify(entries) == []
    found = [str(ref).rsplit("/", 1) for ref in refs(kept)]
    assert len(found) == 120
    for at in range(0, 120, 3):
        assert [part for _, part in found[at : at + 3]] == ["0", "1", "2"]
        assert len({batch for batch, _ in found[at : at + 3]}) == 1


def test_writers_of_the_same_happening_make_one_line(kept: Kept) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: kept.log.append(CASE, new("same"), new("other")), range(16)))
    assert refs(kept) == ["same", "other"]


def test_appending_uses_nothing_that_could_overwrite(kept: Kept) -> None:
    METER.take()
    kept.log.append(CASE, new("a"))
    kept.log.append(CASE, new("b"), new("c"))
    calls = {name for name in METER.take() if not name.endswith((".bytes", ".units"))}
    assert calls == {"dynamodb.Query", "dynamodb.ExecuteStatement", "dynamodb.ExecuteTransaction"}


def test_a_place_that_is_taken_cannot_be_inserted_again(kept: Kept) -> None:
    kept.log.append(CASE, new("a"))
    before = kept.log.read(CASE)
    statement = f"INSERT INTO \"{kept.table}\" VALUE {{'pk': ?, 'sk': ?, 'doc': ?}}"
    with pytest.raises(kept.db.exceptions.DuplicateItemException):
        kept.db.execute_statement(
            Statement=statement, Parameters=[{"S": CASE}, {"S": "00000001"}, {"S": "forged"}]
        )
    assert kept.log.read(CASE) == before


def test_an_edit_behind_our_back_is_found(kept: Kept) -> None:
    kept.log.append(CASE, new("a"), new("b"), new("c"))
    second = kept.log.read(CASE)[1]
    forged = second.model_copy(update={"detail": {"ref": "forged"}}).model_dump_json()
    kept.db.update_item(
        TableName=kept.table,
        Key=key(CASE, "00000002"),
        UpdateExpression="SET doc = :doc",
        ExpressionAttributeValues={":doc": {"S": forged}},
    )
    assert [found.seq for found in verify(kept.log.read(CASE))] == [2]


def test_a_removal_behind_our_back_is_found(kept: Kept) -> None:
    kept.log.append(CASE, new("a"), new("b"), new("c"))
    kept.db.delete_item(TableName=kept.table, Key=key(CASE, "00000002"))
    assert verify(kept.log.read(CASE))


def test_a_case_is_read_over_all_its_streams_by_time(kept: Kept) -> None:
    kept.log.append(f"{CASE}/run_1/refund", new("second", seconds=2), new("fourth", seconds=4))
    kept.log.append(CASE, new("first", seconds=1), new("third", seconds=3))
    kept.log.append("case_2", new("other", seconds=2))
    kept.log.append("case_11", new("neighbour", seconds=2))
    found = [entry.detail["ref"] for entry in kept.log.of_case(CASE)]
    assert found == ["first", "second", "third", "fourth"]
    assert kept.log.streams(CASE) == (CASE, f"{CASE}/run_1/refund")


def test_a_long_stream_is_read_whole(kept: Kept) -> None:
    for batch in range(5):
        kept.log.append(CASE, *[new(f"{batch}/{n}") for n in range(60)])
    assert len(kept.log.read(CASE)) == 300
    assert verify(kept.log.read(CASE)) == []


def test_writers_that_meet_in_one_place_try_again(kept: Kept) -> None:
    with answering(kept.db, "ExecuteTransaction", Contention(3)):
        kept.log.append(CASE, new("a"), new("b"))
    meeting = iter([(400, {"__type": "TransactionConflictException", "message": "writers met"})])
    with answering(kept.db, "ExecuteStatement", lambda _: next(meeting, None)):
        kept.log.append(CASE, new("c"))
    assert refs(kept) == ["a", "b", "c"]


def test_writers_that_meet_over_and_over_give_up(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightshift.aws.log._FIRST_WAIT", 0)
    with answering(kept.db, "ExecuteTransaction", Contention(1000)), pytest.raises(Conflict):
        kept.log.append(CASE, new("a"), new("b"))
    assert kept.log.read(CASE) == ()


def test_another_fault_of_an_insert_is_not_taken_for_a_meeting(kept: Kept) -> None:
    cancelled = kept.db.exceptions.TransactionCanceledException
    fault = Contention(1, "ItemCollectionSizeLimitExceeded")
    with answering(kept.db, "ExecuteTransaction", fault), pytest.raises(cancelled):
        kept.log.append(CASE, new("a"), new("b"))
    assert kept.log.read(CASE) == ()


def test_a_retry_long_after_adds_no_second_line(kept: Kept):
    kept.log.append(CASE, new("first"), new("second"))
    for n in range(60):
        kept.log.append(CASE, new(f"later {n}"))
    kept.log.append(CASE, new("second"), new("fresh"), new("first"), new("later 3"))
    assert refs(kept).count("first") == refs(kept).count("second") == refs(kept).count("later 3") == 1
    assert refs(kept)[-1] == "fresh"
    assert verify(kept.log.read(CASE)) == []


def test_an_entry_that_quotes_the_id_of_another_is_not_taken_for_it(kept: Kept):
    wanted = entry_id(CASE, new("wanted"))
    quoting = new("quoting").model_copy(update={"detail": {"ref": "quoting", "entry": wanted}})
    kept.log.append(CASE, quoting)
    for n in range(30):
        kept.log.append(CASE, new(f"later {n}"))
    kept.log.append(CASE, new("wanted"))
    assert refs(kept)[-1] == "wanted"


def test_only_a_long_stream_is_read_twice(kept: Kept):
    for n in range(20):
        kept.log.append(CASE, new(f"{n}"))
    METER.take()
    kept.log.append(CASE, new("20"))
    assert METER.take()["dynamodb.Query"] == 1
    kept.log.append(CASE, new("21"))
    assert METER.take()["dynamodb.Query"] == 2
    kept.log.append(CASE, new("21"))  # among the last: nothing more is asked
    assert METER.take()["dynamodb.Query"] == 1
