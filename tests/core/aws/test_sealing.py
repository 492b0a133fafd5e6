"""Sealed fields of the log: readable while their data key is there, gone with it, bound to their entry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from nightshift.actionlog.chain import verify
from nightshift.actionlog.personal import erase, first_line, opened
from nightshift.aws.client import METER, client
from nightshift.aws.log import DynamoActionLog
from nightshift.errors import BadInput
from nightshift.ids import TenantId
from nightshift.model.log import EntryKind
from nightshift.ports.log import NewEntry
from tests.support import records
from tests.support.proof import Installed, install

if TYPE_CHECKING:
    from nightshift.model.log import LogEntry
    from nightshift.model.personal import PersonalLine
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

ACME = records.ACME
CASE = "case_1"
NOTE = "Frau Weber called from +49 30 1234"


@dataclass
class Sealed:
    installed: Installed
    log: DynamoActionLog
    table: str

    def write(self, ref: str = "1", stream: str = CASE, note: str = NOTE) -> None:
        new = NewEntry(
            kind=EntryKind.CASE_RESOLVED, tenant=ACME, at=records.AT, actor="person:ana", ref=ref,
            personal={"note": note},
        )  # fmt: skip
        self.log.append(stream, new)

    def open(self, entries: tuple[LogEntry, ...]) -> tuple[PersonalLine, ...]:
        """As another process does."""
        return opened(entries, self.installed.sealing())


@pytest.fixture
def sealed(tables: Tables, clock: FixedClock) -> Sealed:
    installed = install(tables, clock)
    log = DynamoActionLog(tables.log, client("dynamodb"), installed.sealing())
    return Sealed(installed, log, tables.log)


def test_personal_fields_are_stored_sealed_and_read_back(sealed: Sealed) -> None:
    sealed.write()
    stored = json.dumps(client("dynamodb").scan(TableName=sealed.table)["Items"])
    assert "Weber" not in stored
    (line,) = sealed.open(sealed.log.read(CASE))
    assert (line.fields, line.forgotten) == ({"note": NOTE}, False)
    assert verify(sealed.log.read(CASE)) == []


def test_a_log_that_seals_nothing_leaves_personal_fields_out(tables: Tables) -> None:
    log = DynamoActionLog(tables.log, client("dynamodb"))
    new = NewEntry(
        kind=EntryKind.CASE_RESOLVED, tenant=ACME, at=records.AT, actor="x", ref="1", personal={"note": NOTE}
    )
    log.append(CASE, new)
    (entry,) = log.read(CASE)
    assert entry.sealed is None
    assert "Weber" not in entry.model_dump_json()


@pytest.mark.guarantee("log:forgotten-fields-are-gone")
def test_what_is_forgotten_cannot_be_read_and_the_chain_still_holds(
    sealed: Sealed, clock: FixedClock
) -> None:
    keys = sealed.installed.subject_keys
    sealed.write("1")
    sealed.write("2", stream="case_2")
    sealed.write("3", stream="case_3")
    keys.adopt(ACME, "customer-1", CASE)
    keys.adopt(ACME, "customer-1", "case_2")
    keys.adopt(ACME, "customer-2", "case_3")
    before = sealed.log.read(CASE)
    assert erase(keys, ACME, "customer-1") == (CASE, "case_2")
    for stream in (CASE, "case_2"):
        (line,) = sealed.open(sealed.log.read(stream))
        assert (line.forgotten, line.fields) == (True, {})
    assert sealed.log.read(CASE) == before
    assert verify(before) == []
    (kept,) = sealed.open(sealed.log.read("case_3"))
    assert kept.fields == {"note": NOTE}
    assert erase(keys, ACME, "customer-1") == ()
    # what comes later has a key of its own, and brings nothing back
    clock.advance(3600)
    sealed.write("4", note="new")
    assert [line.forgotten for line in sealed.open(sealed.log.read(CASE))] == [True, False]


def test_another_tenants_customer_of_the_same_name_is_not_forgotten(sealed: Sealed) -> None:
    sealed.write()
    sealed.installed.subject_keys.adopt(ACME, "customer-1", CASE)
    assert erase(sealed.installed.subject_keys, TenantId("other"), "customer-1") == ()
    assert sealed.open(sealed.log.read(CASE))[0].fields == {"note": NOTE}


def test_a_customers_own_id_stands_nowhere_in_the_table(sealed: Sealed) -> None:
    sealed.installed.subject_keys.adopt(ACME, "gid://shopify/Customer/7", CASE)
    stored = json.dumps(client("dynamodb").scan(TableName=sealed.installed.subjects)["Items"])
    assert "Customer/7" not in stored


def test_a_case_without_a_known_customer_is_forgotten_by_itself(sealed: Sealed) -> None:
    sealed.write()
    assert sealed.installed.subject_keys.forget(ACME, CASE)
    assert not sealed.installed.subject_keys.forget(ACME, CASE)
    assert sealed.open(sealed.log.read(CASE))[0].forgotten


def test_fields_put_into_another_entry_do_not_open(sealed: Sealed) -> None:
    sealed.write("1")
    sealed.write("2", note="another")
    first, second = sealed.log.read(CASE)
    moved = second.model_copy(update={"sealed": first.sealed})
    with pytest.raises(BadInput, match=r"sealed\.note"):
        sealed.open((moved,))


@pytest.mark.parametrize("cut", ["", "AAAA", "not base64!", "é"])
def test_a_field_that_was_cut_or_is_no_ciphertext_is_told_and_no_crash(sealed: Sealed, cut: str) -> None:
    sealed.write()
    (entry,) = sealed.log.read(CASE)
    assert entry.sealed is not None
    spoilt = entry.model_copy(update={"sealed": entry.sealed.model_copy(update={"fields": {"note": cut}})})
    with pytest.raises(BadInput, match=r"sealed\.note"):
        sealed.open((spoilt,))


def test_a_stream_of_the_same_case_shares_its_key(sealed: Sealed) -> None:
    sealed.write("1")
    sealed.write("2", stream=f"{CASE}/run_1/refund")
    sealed.installed.subject_keys.forget(ACME, CASE)
    entries = (*sealed.log.read(CASE), *sealed.log.read(f"{CASE}/run_1/refund"))
    assert [line.forgotten for line in sealed.open(entries)] == [True, True]


def test_only_entries_with_personal_fields_pay_and_once_in_a_while(sealed: Sealed) -> None:
    METER.take()
    plain = NewEntry(kind=EntryKind.CASE_SLEPT, tenant=ACME, at=records.AT, actor="x", ref="0")
    sealed.log.append(CASE, plain)
    assert not any(name.startswith("kms.") for name in METER.take())
    for ref in "123":
        sealed.write(ref)
    assert sum(n for name, n in METER.take().items() if name in {"kms.GenerateDataKey", "kms.Decrypt"}) == 1


def test_a_retry_seals_nothing_again(sealed: Sealed) -> None:
    sealed.write()
    sealed.write()
    assert len(sealed.log.read(CASE)) == 1
    METER.take()
    DynamoActionLog(sealed.table, client("dynamodb"), sealed.installed.sealing()).append(
        CASE,
        NewEntry(
            kind=EntryKind.CASE_RESOLVED, tenant=ACME, at=records.AT, actor="x", ref="1", personal={"a": "b"}
        ),
    )
    assert not any(name.startswith("kms.") for name in METER.take())


def test_a_key_made_by_two_at_once_is_one(sealed: Sealed) -> None:
    first, second = sealed.installed.sealing(), sealed.installed.sealing()
    one = first.seal(ACME, CASE, entry="e1", fields={"a": "1"})
    two = second.seal(ACME, CASE, entry="e2", fields={"a": "2"})
    assert one.key == two.key
    assert second.unseal(ACME, one, entry="e1") == {"a": "1"}
    assert first.unseal(ACME, two, entry="e2") == {"a": "2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("\n \n", ""),
        ("\n  Where is it?  \nI wait.", "Where is it?"),
        ("x" * 300, "x" * 200),
    ],
)
def test_the_first_line_is_the_first_that_says_something(text: str, said: str) -> None:
    assert first_line(text) == said
