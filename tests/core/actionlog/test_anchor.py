"""Anchoring: whatever a stream brings, and however often, the anchors say what the log held."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.actionlog.anchor import (
    Anchoring,
    Change,
    anchor_heads,
    first_since,
    heads_of,
    last_place,
    look,
)
from nightshift.actionlog.chain import GENESIS, content_hash, link
from nightshift.actionlog.proof import check_anchors
from nightshift.actionlog.signature import checker
from nightshift.aws.client import client
from nightshift.ids import TenantId
from nightshift.model.anchor import Head, Place
from nightshift.model.log import EntryKind
from nightshift.ports.log import NewEntry
from tests.support import records
from tests.support.proof import Installed, install

if TYPE_CHECKING:
    from nightshift.model.log import LogEntry
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

ACME = records.ACME


@pytest.fixture
def installed(tables: Tables, clock: FixedClock) -> Installed:
    return install(tables, clock)


def entry(stream: str, seq: int, *, tenant: TenantId = ACME, actor: str = "test") -> LogEntry:
    new = NewEntry(kind=EntryKind.CONTEXT_READ, tenant=tenant, at=records.AT, actor=actor, ref=str(seq))
    return link(stream, new, seq=seq, prev=GENESIS)


def inserted(of: LogEntry) -> Change:
    return Change(kind="INSERT", stream=of.stream, doc=of.model_dump_json())


def head(of: LogEntry) -> Head:
    return Head(stream=of.stream, seq=of.seq, hash=of.hash)


def some(name: str, seq: int = 1) -> tuple[Head, ...]:
    return (head(entry(name, seq)),)


@given(st.permutations([entry(stream, seq) for stream in ("case_a", "case_b/run/step") for seq in (1, 2, 3)]))
def test_the_newest_entry_of_each_stream_is_its_head_in_any_order(brought: list[LogEntry]) -> None:
    seen = look([inserted(one) for one in (*brought, *brought)])
    wanted = (head(entry("case_a", 3)), head(entry("case_b/run/step", 3)))
    assert (seen.heads, seen.broken) == ({ACME: wanted}, ())


def test_each_tenant_has_heads_of_its_own() -> None:
    other = TenantId("other")
    seen = look([inserted(entry("case_a", 1)), inserted(entry("case_b", 1, tenant=other))])
    assert {tenant: [h.stream for h in heads] for tenant, heads in seen.heads.items()} == {
        ACME: ["case_a"],
        other: ["case_b"],
    }


@pytest.mark.parametrize(
    "change",
    [
        Change(kind="MODIFY", stream="case_a", doc=entry("case_a", 1).model_dump_json()),
        Change(kind="REMOVE", stream="case_a", doc=None),
        Change(kind="INSERT", stream="case_a", doc="no entry at all"),
        Change(kind="INSERT", stream="case_a", doc="[]"),
        Change(kind="INSERT", stream="case_a", doc=None),
        inserted(entry("case_a", 1).model_copy(update={"actor": "somebody"})),
        Change(kind="INSERT", stream="case_z", doc=entry("case_a", 1).model_dump_json()),
    ],
)
def test_what_must_not_happen_to_a_log_is_told_and_never_anchored(change: Change) -> None:
    seen = look([change, inserted(entry("case_b", 1))])
    assert (len(seen.broken), "case_" in seen.broken[0]) == (1, True)
    assert seen.heads == {ACME: some("case_b")}


def test_history_written_anew_is_told_and_both_are_anchored() -> None:
    first, second = entry("case_a", 2), entry("case_a", 2, actor="somebody")
    seen = look([inserted(first), inserted(second)])
    assert seen.broken == ("case_a: entry 2 was written twice",)
    assert set(seen.heads[ACME]) == {head(first), head(second)}


def test_an_entry_of_a_newer_schema_is_anchored_too() -> None:
    doc = entry("case_a", 1).model_dump(mode="json") | {"schema_version": 9, "more": 1}
    doc["hash"] = content_hash(doc)
    seen = look([Change(kind="INSERT", stream="case_a", doc=json.dumps(doc))])
    assert seen.heads[ACME] == (Head(stream="case_a", seq=1, hash=doc["hash"]),)


def test_anchors_are_numbered_and_each_names_the_one_before_it(installed: Installed) -> None:
    places = [anchor_heads(installed.anchoring, ACME, some("case_a", seq)) for seq in (1, 2, 3)]
    assert [place.number for place in places] == [1, 2, 3]
    kept = installed.anchors.kept(ACME, after=0, limit=10)
    checked = check_anchors(kept, ACME, checker(installed.public_key.pem()[1]))
    assert (checked.anchors, checked.breaks) == (3, ())
    assert checked.last is not None
    assert checked.last.digest == places[-1].digest


def test_the_same_heads_again_make_no_second_anchor(installed: Installed) -> None:
    first = anchor_heads(installed.anchoring, ACME, some("case_a"))
    # it died before it could note how far it had come
    client("dynamodb").delete_item(
        TableName=installed.subjects, Key={"pk": {"S": f"anchors#{ACME}"}, "sk": {"S": "last"}}
    )
    parts = Anchoring(
        store=installed.anchors,
        posts=_Behind(installed, Place(number=0, digest=GENESIS)),
        signer=installed.anchoring.signer,
        clock=installed.clock,
    )
    again = anchor_heads(parts, ACME, some("case_a"))
    assert (again.number, again.digest) == (first.number, first.digest)
    assert len(installed.anchors.kept(ACME, after=0, limit=10)) == 1


class _Behind:
    """Finger-posts that show an older place than there is, as to a writer that was slower."""

    def __init__(self, installed: Installed, place: Place) -> None:
        self._posts = installed.posts
        self._place = place

    def last(self, tenant: TenantId) -> Place | None:
        del tenant
        return self._place

    def post(self, tenant: TenantId, place: Place, heads: tuple[Head, ...]) -> None:
        self._posts.post(tenant, place, heads)

    def of_root(self, root: str) -> tuple[int, ...]:
        return self._posts.of_root(root)


def test_who_was_slower_takes_the_next_number(installed: Installed) -> None:
    for seq in (1, 2, 3):
        anchor_heads(installed.anchoring, ACME, some("case_a", seq))
    parts = Anchoring(
        store=installed.anchors,
        posts=_Behind(installed, Place(number=1, digest="0" * 64)),
        signer=installed.anchoring.signer,
        clock=installed.clock,
    )
    assert anchor_heads(parts, ACME, some("case_b")).number == 4
    kept = installed.anchors.kept(ACME, after=0, limit=10)
    assert check_anchors(kept, ACME, checker(installed.public_key.pem()[1])).breaks == ()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 6])
def test_without_finger_posts_the_last_anchor_is_found_by_looking(installed: Installed, count: int) -> None:
    for seq in range(1, count + 1):
        anchor_heads(installed.anchoring, ACME, some("case_a", seq))
    assert last_place(installed.anchors, ACME).number == count


def test_what_is_no_anchor_is_passed_and_named_by_the_next(installed: Installed) -> None:
    client("s3").put_object(Bucket=installed.bucket, Key=f"{ACME}/{1:012}.json", Body=b"{}")
    assert anchor_heads(installed.anchoring, ACME, some("case_a")).number == 2


def test_finger_posts_lead_from_a_case_to_the_anchors_of_its_streams(installed: Installed) -> None:
    anchor_heads(installed.anchoring, ACME, heads_of([head(entry("case_a", 1)), head(entry("case_b", 1))]))
    anchor_heads(installed.anchoring, ACME, some("case_b", 2))
    anchor_heads(installed.anchoring, ACME, some("case_a/run_1/refund"))
    assert installed.posts.of_root("case_a") == (1, 3)
    assert installed.posts.of_root("case_b") == (1, 2)
    assert installed.posts.of_root("case_c") == ()


def test_many_finger_posts_are_put_in_batches(installed: Installed) -> None:
    heads = heads_of([head(entry(f"case_{n}", 1)) for n in range(60)])
    anchor_heads(installed.anchoring, ACME, heads)
    assert all(installed.posts.of_root(f"case_{n}") == (1,) for n in range(60))


def test_an_anchor_can_neither_be_overwritten_nor_deleted(installed: Installed) -> None:
    anchor_heads(installed.anchoring, ACME, some("case_a"))
    s3, name = client("s3"), f"{ACME}/{1:012}.json"
    (version,) = s3.list_object_versions(Bucket=installed.bucket)["Versions"]
    with pytest.raises(s3.exceptions.ClientError, match=r"Access ?Denied"):
        s3.delete_object(Bucket=installed.bucket, Key=name, VersionId=version["VersionId"])


class _Times:
    """A bucket that took an anchor every minute."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.looks = 0

    def stored_at(self, tenant: TenantId, number: int) -> datetime | None:
        del tenant
        self.looks += 1
        return records.AT + timedelta(minutes=number) if number <= self.count else None


@given(st.integers(0, 300), st.integers(-3, 310))
def test_the_first_anchor_since_an_instant_is_found_in_few_looks(count: int, minute: int) -> None:
    bucket = _Times(count)
    found = first_since(bucket, ACME, records.AT + timedelta(minutes=minute))
    assert found == min(max(minute, 1), count + 1)
    assert bucket.looks <= 20
