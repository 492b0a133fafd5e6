"""The chain proves itself: whatever is done to stored entries shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nightshift.actionlog.chain import GENESIS, content_hash, entry_id, link, root_of, step_stream, verify
from nightshift.model.log import EntryKind, LogEntry, Sealed
from nightshift.ports.log import NewEntry
from tests.support import records

STREAM = "case_1"

texts = st.text(max_size=6)
details = st.dictionaries(
    texts, st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6) | texts, max_size=3
)
news = st.builds(
    NewEntry,
    kind=st.sampled_from(EntryKind),
    tenant=st.just(records.ACME),
    at=st.integers(0, 10**9).map(lambda us: records.AT + timedelta(microseconds=us)),
    actor=texts,
    ref=texts,
    detail=details,
)


def chain(entries: list[NewEntry], stream: str = STREAM) -> list[LogEntry]:
    linked: list[LogEntry] = []
    for seq, new in enumerate(entries, start=1):
        linked.append(link(stream, new, seq=seq, prev=linked[-1].hash if linked else GENESIS))
    return linked


chains = st.lists(news, min_size=1, max_size=8).map(chain)
longer = st.lists(news, min_size=2, max_size=8).map(chain)


@given(st.lists(news, max_size=8).map(chain))
def test_an_untouched_chain_holds(entries: list[LogEntry]) -> None:
    assert verify(entries) == []


@given(chains)
def test_a_chain_still_holds_after_it_was_stored_and_read(entries: list[LogEntry]) -> None:
    read = [LogEntry.model_validate_json(entry.model_dump_json()) for entry in entries]
    assert verify(read) == []


EDITS: dict[str, object] = {
    "stream": "case_2",
    "entry": "ent_other",
    "tenant": "other",
    "kind": EntryKind.MEMORY_KEPT,
    "at": records.AT - timedelta(days=1),
    "actor": "person:mallory",
    "detail": {"amount": "999999.00 EUR"},
    "schema_version": 7,
}


@pytest.mark.parametrize("field", sorted(EDITS))
@given(data=st.data())
def test_an_edited_field_is_found_where_it_stands(field: str, data: st.DataObject) -> None:
    entries = data.draw(chains)
    at = data.draw(st.integers(0, len(entries) - 1))
    edited = entries[at].model_copy(update={field: EDITS[field]})
    assume(edited != entries[at])
    assert {edited.seq} <= {found.seq for found in verify([*entries[:at], edited, *entries[at + 1 :]])}


@given(st.data())
def test_an_edit_with_a_new_hash_breaks_the_entry_after_it(data: st.DataObject) -> None:
    entries = data.draw(longer)
    at = data.draw(st.integers(0, len(entries) - 2))
    new = data.draw(news.filter(lambda n: n.detail != entries[at].detail))
    forged = link(STREAM, new, seq=at + 1, prev=entries[at].prev)
    assert [found.seq for found in verify([*entries[:at], forged, *entries[at + 1 :]])] == [at + 2]


@given(st.data())
def test_a_removed_entry_is_found_unless_it_was_the_last(data: st.DataObject) -> None:
    entries = data.draw(longer)
    at = data.draw(st.integers(0, len(entries) - 2))
    assert verify([*entries[:at], *entries[at + 1 :]])


@given(st.data())
def test_an_inserted_entry_is_found(data: st.DataObject) -> None:
    entries = data.draw(chains)
    at = data.draw(st.integers(0, len(entries) - 1))
    prev = entries[at - 1].hash if at else GENESIS
    inserted = link(STREAM, data.draw(news), seq=at + 1, prev=prev)
    assert verify([*entries[:at], inserted, *entries[at:]])


@given(st.data())
def test_a_repeated_entry_is_found(data: st.DataObject) -> None:
    entries = data.draw(chains)
    at = data.draw(st.integers(0, len(entries) - 1))
    assert verify([*entries[: at + 1], entries[at], *entries[at + 1 :]])


@given(st.data())
def test_two_swapped_entries_are_found(data: st.DataObject) -> None:
    entries = data.draw(longer)
    first, second = sorted(
        data.draw(st.lists(st.integers(0, len(entries) - 1), min_size=2, max_size=2, unique=True))
    )
    entries[first], entries[second] = entries[second], entries[first]
    assert verify(entries)


@given(st.data())
def test_an_entry_of_another_chain_is_found(data: st.DataObject) -> None:
    entries = data.draw(longer)
    other = data.draw(
        st.lists(news, min_size=len(entries), max_size=len(entries)).map(lambda n: chain(n, "case_2"))
    )
    at = data.draw(st.integers(0, len(entries) - 1))
    mixed = [*entries[:at], other[at], *entries[at + 1 :]]
    assert verify(mixed)


@given(st.data())
def test_a_gap_in_the_numbers_is_found_even_when_every_hash_holds(data: st.DataObject) -> None:
    entries = data.draw(chains)
    jumped = link(STREAM, data.draw(news), seq=len(entries) + 2, prev=entries[-1].hash)
    assert [found.seq for found in verify([*entries, jumped])] == [len(entries) + 2]


def test_an_entry_without_sealed_fields_hashes_as_before_there_were_any() -> None:
    plain = {
        "schema_version": 1, "stream": "case_1", "seq": 1, "entry": "ent_1", "tenant": "acme",
        "kind": "run.settled", "at": "2026-11-21T09:00:00Z", "actor": "runner",
        "detail": {"moved": None, "heads": {}}, "prev": GENESIS,
        "hash": "b57cfa590cda17c19560110719a3ebf2221e64230935797c0941fbc46727eeaf",
    }  # fmt: skip
    old = LogEntry.model_validate(plain)
    assert content_hash(plain) == content_hash(old.model_dump(mode="json")) == old.hash
    assert verify([old]) == []


def test_the_hash_covers_the_ciphertext() -> None:
    sealed = Sealed(subject=STREAM, key="k", fields={"note": "AAAA"})
    new = NewEntry(kind=EntryKind.CASE_RESOLVED, tenant=records.ACME, at=records.AT, actor="x", ref="1")
    entry = link(STREAM, new, seq=1, prev=GENESIS, sealed=sealed)
    assert verify([entry]) == []
    for changed in (None, sealed.model_copy(update={"fields": {"note": "AAAB"}})):
        assert [found.seq for found in verify([entry.model_copy(update={"sealed": changed})])] == [1]


def test_a_break_says_where_and_why() -> None:
    entries = chain(
        [
            NewEntry(kind=EntryKind.CASE_OPENED, tenant=records.ACME, at=records.AT, actor="x", ref=str(n))
            for n in range(3)
        ]
    )
    (found,) = verify([entries[0], entries[1].model_copy(update={"actor": "y"}), entries[2]])
    assert (found.stream, found.seq) == (STREAM, 2)
    assert found.problem


@given(news, news)
def test_two_happenings_share_an_id_exactly_when_kind_and_ref_are_the_same(
    first: NewEntry, second: NewEntry
) -> None:
    same = (first.kind, first.ref) == (second.kind, second.ref)
    assert (entry_id(STREAM, first) == entry_id(STREAM, second)) == same


def test_the_stream_of_a_step_belongs_to_its_case() -> None:
    assert root_of(step_stream("case_1", "run_1", "refund")) == "case_1"
    assert root_of("case_1") == "case_1"
    assert step_stream("case_1", "run_1", "a") != step_stream("case_1", "run_2", "a")
