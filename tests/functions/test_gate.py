"""The gate's function: from `{run, generation}` to the first move, on real tables."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

import functions.gate.handler as module
from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.clock import SystemClock
from nightshift.errors import Misconfigured, NotFound
from nightshift.ids import CaseId, ChannelId, EventId, RunId
from nightshift.model.case import Case, CaseStatus
from nightshift.model.event import Event, EventKind, OrderDetail, Subject, SubjectKind
from nightshift.model.tenant import Channel, Tenant
from nightshift.wiring.gate import GateSettings
from tests.core.gate.plans import DEFAULT_POLICY, NOW, ORDER, TENANT, proposal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.tables import Tables

RUN, CASE = RunId("run_1"), CaseId("case_1")


@pytest.fixture
def handler(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any], object], Any]:
    """The handler after a cold start with this test's tables."""
    monkeypatch.setenv("STAGE", "test")
    for name in ("runs", "ledger", "cases", "config", "log", "limits"):
        monkeypatch.setenv(f"TABLE_{name.upper()}", getattr(tables, name))
    return importlib.reload(module).handler


@pytest.fixture
def cases(tables: Tables) -> DynamoCases:
    db = client("dynamodb")
    config = DynamoConfig(tables.config, db)
    config.put_policy(TENANT, DEFAULT_POLICY)
    config.put_tenant(Tenant(id=TENANT, name="Acme", policy_version=1))
    shop = Channel(
        id=ChannelId("shopify-eu"),
        tenant=TENANT,
        adapter="shopify",
        account="acme",
        base_url="x",
        secret_ref="x",
    )
    config.put_channel(shop)
    DynamoRuns(tables.runs, db).propose(proposal(ORDER))
    found = DynamoCases(tables.cases, tables.ingress, db, SystemClock())
    subject = Subject(kind=SubjectKind.ORDER, channel=shop.id, ref="1")
    event = Event(
        id=EventId("evt_1"), tenant=TENANT, channel=shop.id, kind=EventKind.ORDER_PLACED, subject=subject,
        delivery="d1", body_digest="x", body_ref="x", received_at=NOW, detail=OrderDetail(order_ref="1"),
    )  # fmt: skip
    case = Case(
        id=CASE, tenant=TENANT, subject=subject.key(), status=CaseStatus.OPEN, specialist="support",
        generation=1, wake=1, inbox_seq=1, seen_seq=0, opened_at=NOW, updated_at=NOW,
    )  # fmt: skip
    found.open(case, event, ())
    return found


@pytest.mark.usefixtures("cases")
def test_a_run_gets_its_first_move(handler: Callable[[dict[str, Any], object], Any], tables: Tables):
    answer = handler({"run": RUN, "generation": 2}, None)
    assert answer == {
        "run": "run_1",
        "generation": 2,
        "move": {
            "index": 0,
            "next": "one",
            "lanes": [{"adapter": "shopify", "steps": ["order"]}],
            "step": None,
        },
        "ask_seconds": 86_400,
        "wait_seconds": 0,
        "error": "",
    }
    log = DynamoActionLog(tables.log, client("dynamodb")).read(CASE)
    assert [entry.detail["decision"] for entry in log] == ["ALLOW"]


def test_a_locked_case_gets_none(handler: Callable[[dict[str, Any], object], Any], cases: DynamoCases):
    cases.lock(CASE, "legal")
    assert handler({"run": RUN, "generation": 1}, None)["move"]["next"] == "settle"


@pytest.mark.usefixtures("cases")
def test_a_run_nobody_planned_is_not_found(handler: Callable[[dict[str, Any], object], Any]):
    with pytest.raises(NotFound):
        handler({"run": "run_none", "generation": 1}, None)


def test_a_missing_setting_is_named():
    with pytest.raises(Misconfigured, match=r"TABLE_CASES.*TABLE_LOG"):
        GateSettings.load({"STAGE": "test", "TABLE_RUNS": "x", "TABLE_LEDGER": "x", "TABLE_CONFIG": "x"})
