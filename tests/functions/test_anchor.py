"""The anchor function as the log table's stream calls it."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.actionlog.proof import audit, check_anchors
from nightshift.actionlog.signature import checker
from nightshift.aws.client import client
from nightshift.aws.log import DynamoActionLog
from nightshift.ids import TenantId
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.ports.log import NewEntry
from nightshift.wiring.anchor import Anchorer
from tests.support import records
from tests.support.proof import Counted, Installed, changes_of, install

if TYPE_CHECKING:
    from types import ModuleType

    from nightshift.model.anchor import Kept
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

ACME, OTHER = records.ACME, TenantId("other")
NO_TIME = timedelta(0)


@pytest.fixture
def installed(tables: Tables, clock: FixedClock) -> Installed:
    return install(tables, clock)


@pytest.fixture
def log(tables: Tables) -> DynamoActionLog:
    return DynamoActionLog(tables.log, client("dynamodb"))


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def anchorer(installed: Installed, counted: Counted) -> Anchorer:
    return Anchorer(parts=installed.anchoring, metrics=counted)


def write(log: DynamoActionLog, stream: str, *refs: str, tenant: TenantId = ACME) -> None:
    at = datetime.now(UTC)
    for ref in refs:
        log.append(
            stream,
            NewEntry(kind=EntryKind.CONTEXT_READ, tenant=tenant, at=at, actor="test", ref=ref),
        )


def kept(installed: Installed, tenant: TenantId = ACME) -> tuple[Kept, ...]:
    return installed.anchors.kept(tenant, after=0, limit=100)


def test_a_batch_becomes_one_signed_object_for_each_tenant(
    tables: Tables, installed: Installed, log: DynamoActionLog, monkeypatch: pytest.MonkeyPatch
):
    settings = {
        "STAGE": "test",
        "TABLE_SUBJECTS": tables.subjects,
        "BUCKET_ANCHORS": installed.bucket,
        "KEY_ANCHORS": installed.signing_key,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    function: ModuleType = importlib.reload(importlib.import_module("functions.anchor.handler"))
    write(log, "case_a", "1", "2")
    write(log, "case_b", "1", tenant=OTHER)
    assert function.handler({"Records": changes_of(tables.log)}, None) == {"batchItemFailures": []}
    pem = installed.public_key.pem()[1]
    for tenant, stream, count in ((ACME, "case_a", 2), (OTHER, "case_b", 1)):
        checked = check_anchors(kept(installed, tenant), tenant, checker(pem))
        found = audit(log.stored(stream), checked, now=datetime.now(UTC), lag=NO_TIME)
        assert (found.breaks, found.proven, found.anchors) == ((), count, 1)
    again = function.handler({"Records": changes_of(tables.log)}, None)
    assert again == {"batchItemFailures": []}


def test_records_that_come_twice_or_out_of_order_prove_the_same(
    tables: Tables, installed: Installed, log: DynamoActionLog, anchorer: Anchorer
):
    write(log, "case_a", "1", "2", "3")
    one, two, three = changes_of(tables.log)
    for batch in ([three], [two, one], [one, two, three], [three, two, two]):
        assert anchorer.batch({"Records": batch}) == {"batchItemFailures": []}
    checked = check_anchors(kept(installed), ACME, checker(installed.public_key.pem()[1]))
    found = audit(log.stored("case_a"), checked, now=datetime.now(UTC), lag=NO_TIME)
    assert (found.breaks, found.proven) == ((), 3)


def test_a_change_to_the_log_is_counted_at_once_and_blocks_nothing(
    tables: Tables, installed: Installed, log: DynamoActionLog, anchorer: Anchorer, counted: Counted
):
    write(log, "case_a", "1")
    write(log, "case_b", "1")
    a, b = changes_of(tables.log)
    edited = {**a, "eventName": "MODIFY"}
    removed: dict[str, Any] = {**a, "eventName": "REMOVE", "dynamodb": {**a["dynamodb"]}}
    del removed["dynamodb"]["NewImage"]
    assert anchorer.batch({"Records": [edited, removed, b]}) == {"batchItemFailures": []}
    assert counted.counts == {Metric.LOG_BROKEN: 2, Metric.ANCHORED: 1}
    (found,) = kept(installed)
    assert found.anchor is not None
    assert [head.stream for head in found.anchor.heads] == ["case_b"]


def test_what_cannot_be_stored_comes_again_from_its_first_record(
    tables: Tables, installed: Installed, log: DynamoActionLog, counted: Counted
):
    write(log, "case_a", "1", tenant=OTHER)
    write(log, "case_b", "1", "2")
    records_ = changes_of(tables.log)
    gone = Installed(**{**vars(installed), "bucket": f"{installed.bucket}-gone"})
    failing = Anchorer(parts=gone.anchoring, metrics=counted)
    first = records_[0]["dynamodb"]["SequenceNumber"]
    assert failing.batch({"Records": records_}) == {"batchItemFailures": [{"itemIdentifier": first}]}
    second = records_[1]["dynamodb"]["SequenceNumber"]
    assert failing.batch({"Records": records_[1:]}) == {"batchItemFailures": [{"itemIdentifier": second}]}
    assert counted.counts == {}


def test_what_comes_again_is_anchored_once(
    tables: Tables, installed: Installed, log: DynamoActionLog, anchorer: Anchorer
):
    write(log, "case_a", "1")
    batch = {"Records": changes_of(tables.log)}
    anchorer.batch(batch)
    # it died after the object was stored and before the finger-posts were
    db = client("dynamodb")
    for item in db.scan(TableName=tables.subjects)["Items"]:
        db.delete_item(TableName=tables.subjects, Key={"pk": item["pk"], "sk": item["sk"]})
    anchorer.batch(batch)
    assert installed.posts.of_root("case_a")
    checked = check_anchors(kept(installed), ACME, checker(installed.public_key.pem()[1]))
    assert (checked.breaks, checked.anchors) == ((), 1)


def test_a_batch_that_was_done_and_comes_again_is_known(
    tables: Tables, installed: Installed, log: DynamoActionLog, anchorer: Anchorer
):
    write(log, "case_a", "1")
    for _ in range(3):
        anchorer.batch({"Records": changes_of(tables.log)})
    assert len(kept(installed)) == 1
