"""What people see through the API, and what they do not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from functions.api.routes import answer
from nightshift.actionlog.chain import verify
from nightshift.aws.client import client
from nightshift.model.log import EntryKind
from nightshift.model.view import LogPage
from nightshift.ports.deliveries import Delivery
from nightshift.ports.log import NewEntry
from tests.support.desk import (
    ACME,
    OTHER,
    SHOP,
    another_event,
    ask,
    ask_for_refund,
    make_queue,
    open_case,
    request,
    suffix_of,
    token_of,
)

if TYPE_CHECKING:
    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

UNKNOWN_CASE = f"case_{'a' * 26}"
UNKNOWN_APPROVAL = f"apr_{'a' * 26}"
READS = [
    "GET /v1/cases",
    "GET /v1/approvals",
    "GET /v1/catalog",
    "GET /v1/deliveries/parked",
    "GET /v1/doctor",
]


def test_cases_are_listed_newest_first(desk: Desk, clock: FixedClock):
    first = open_case(desk, "1")
    clock.advance(60)
    second = open_case(desk, "2")
    listed = ask(desk, "GET /v1/cases", as_="vera")
    assert listed.status == 200
    assert [line["id"] for line in listed.body["cases"]] == [second.id, first.id]
    assert [line["id"] for line in ask(desk, "GET /v1/cases?limit=1").body["cases"]] == [second.id]


def test_cases_of_one_status_are_listed(desk: Desk):
    case = open_case(desk)
    desk.cases.hand_over(case.id, 1, "the amount is large")
    assert [c["id"] for c in ask(desk, "GET /v1/cases?status=WITH_PERSON").body["cases"]] == [case.id]
    assert ask(desk, "GET /v1/cases?status=SLEEPING").body["cases"] == []


def test_a_case_shows_its_run_and_what_it_asks(desk: Desk):
    case = open_case(desk)
    approval = ask_for_refund(desk, case)
    shown = ask(desk, f"GET /v1/cases/{case.id}").body
    assert shown["case"]["id"] == case.id
    assert [run["proposal"]["plan"]["name"] for run in shown["runs"]] == ["refund"]
    assert [one["id"] for one in shown["approvals"]] == [approval.id]
    assert [event["kind"] for event in shown["events"]] == ["OrderUpdated"]


def test_no_answer_shows_a_task_token(desk: Desk):
    case = open_case(desk)
    approval = ask_for_refund(desk, case)
    for path in (f"cases/{case.id}", f"approvals/{approval.id}", "approvals", "cases"):
        assert "a-token-nobody-waits-on" not in str(ask(desk, f"GET /v1/{path}").body)


def test_the_log_of_a_case_verifies_as_it_is_shown(desk: Desk, clock: FixedClock):
    case = open_case(desk)
    clock.advance(1)
    step = NewEntry(kind=EntryKind.EFFECT_INTENDED, tenant=ACME, at=clock.now(), actor="tools", ref="1")
    desk.log.append(f"{case.id}/run_1/refund", step)
    page = LogPage.model_validate(ask(desk, f"GET /v1/cases/{case.id}/log").body)
    assert [entry.kind for entry in page.entries] == [EntryKind.CASE_OPENED, EntryKind.EFFECT_INTENDED]
    assert [verify([entry]) for entry in page.entries] == [[], []]


def test_a_chain_keeps_its_order_where_clocks_do_not(desk: Desk, clock: FixedClock):
    case = open_case(desk)
    for seconds, kind in ((5, EntryKind.CASE_CLOSED), (3, EntryKind.MEMORY_KEPT)):
        at = clock.now() + timedelta(seconds=seconds)
        desk.log.append(case.id, NewEntry(kind=kind, tenant=ACME, at=at, actor="recorder", ref="1"))
    page = LogPage.model_validate(ask(desk, f"GET /v1/cases/{case.id}/log").body)
    assert [entry.seq for entry in page.entries] == [1, 2, 3]
    assert verify(page.entries) == []


def test_approvals_that_wait_are_listed_oldest_first(desk: Desk, clock: FixedClock):
    first = ask_for_refund(desk, open_case(desk, "1"))
    clock.advance(60)
    second = ask_for_refund(desk, open_case(desk, "2"))
    listed = [one["id"] for one in ask(desk, "GET /v1/approvals").body["approvals"]]
    assert listed == [first.id, second.id]


def test_the_catalog_lists_tools_with_their_effect(desk: Desk):
    tools = ask(desk, "GET /v1/catalog", as_="vera").body["tools"]
    assert {tool["name"]: tool["effect"] for tool in tools} == {
        "payments.quote_refund": "READ",
        "payments.refund": "DESTRUCTIVE",
    }


def test_parked_deliveries_are_shown_without_their_content(desk: Desk, clock: FixedClock):
    delivery = Delivery(
        tenant=ACME,
        channel=SHOP,
        delivery="d-1",
        topic="orders/create",
        body_ref="acme/x",
        body_digest="0" * 64,
        received_at=clock.now(),
        parked="orders.0.id: field required",
    )
    desk.deliveries.keep(delivery)
    shown = ask(desk, "GET /v1/deliveries/parked").body["parked"]
    assert [(one["delivery"], one["reason"]) for one in shown] == [("d-1", "orders.0.id: field required")]
    assert set(shown[0]) == {"channel", "delivery", "received_at", "reason"}
    assert ask(desk, "GET /v1/deliveries/parked", tenant=OTHER).body["parked"] == []


@pytest.mark.guarantee("tenants:no-tenant-sees-another")
def test_a_record_of_another_tenant_is_as_absent_as_one_that_never_was(desk: Desk):
    case = open_case(desk)
    approval = ask_for_refund(desk, case)
    for theirs, nobodys in (
        (f"GET /v1/cases/{case.id}", f"GET /v1/cases/{UNKNOWN_CASE}"),
        (f"GET /v1/cases/{case.id}/log", f"GET /v1/cases/{UNKNOWN_CASE}/log"),
        (f"GET /v1/approvals/{approval.id}", f"GET /v1/approvals/{UNKNOWN_APPROVAL}"),
    ):
        seen, absent = ask(desk, theirs, tenant=OTHER), ask(desk, nobodys, tenant=OTHER)
        assert seen.status == absent.status == 404
        assert str(seen.body).replace(case.id, UNKNOWN_CASE).replace(approval.id, UNKNOWN_APPROVAL) == str(
            absent.body
        )
    assert ask(desk, "GET /v1/cases", tenant=OTHER).body["cases"] == []
    assert ask(desk, "GET /v1/approvals", tenant=OTHER).body["approvals"] == []


@pytest.mark.parametrize("call", [*READS, f"GET /v1/cases/{UNKNOWN_CASE}", "GET /v1/nowhere"])
def test_nobody_reads_without_a_token(desk: Desk, call: str):
    refused = ask(desk, call, as_=None)
    assert (refused.status, refused.body["error"]["field"]) == (401, "authorization")


def test_a_token_of_yesterday_opens_nothing(desk: Desk, clock: FixedClock):
    old = token_of("ana", clock.now() - timedelta(days=1))
    assert answer(request("GET", "/v1/cases", token=old), desk)["statusCode"] == 401


def test_a_viewer_is_told_which_permission_the_doctor_needs(desk: Desk):
    refused = ask(desk, "GET /v1/doctor", as_="vera")
    assert refused.status == 403
    assert "config:read" in refused.body["error"]["fix"]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ("GET /v1/cases?limit=0", "limit"),
        ("GET /v1/cases?limit=201", "limit"),
        ("GET /v1/cases?limit=many", "limit"),
        ("GET /v1/cases?status=LOST", "status"),
        ("GET /v1/cases/not-an-id", "case"),
        ("GET /v1/approvals/not-an-id", "approval"),
    ],
)
def test_bad_input_names_the_field(desk: Desk, call: str, field: str):
    refused = ask(desk, call)
    assert (refused.status, refused.body["error"]["field"]) == (400, field)
    assert refused.body["error"]["fix"]


def test_an_unknown_path_is_not_found(desk: Desk):
    assert ask(desk, "GET /v1/nowhere").status == 404


def test_the_api_describes_itself_to_anyone(desk: Desk):
    described = ask(desk, "GET /v1/openapi.json", as_=None)
    assert described.status == 200
    assert set(described.body["paths"]) >= {
        "/v1/cases",
        "/v1/cases/{case}",
        "/v1/cases/{case}/log",
        "/v1/cases/{case}/resolve",
        "/v1/approvals",
        "/v1/approvals/{approval}",
        "/v1/approvals/{approval}/approve",
        "/v1/approvals/{approval}/reject",
        "/v1/catalog",
        "/v1/deliveries/parked",
        "/v1/doctor",
    }
    assert described.body["components"]["securitySchemes"]["identity"]["scheme"] == "bearer"


def test_the_doctor_finds_a_missing_secret_and_a_parked_delivery(desk: Desk):
    another_event(desk, open_case(desk))
    report = ask(desk, "GET /v1/doctor").body
    assert [(c["channel"], c["secret"], c["live"]) for c in report["channels"]] == [
        (SHOP, False, ["payments.refund"])
    ]
    assert any("secret" in problem for problem in report["problems"])


def test_the_doctor_finds_nothing_wrong_when_all_is_well(desk: Desk):
    ref = desk.config.channel(ACME, SHOP).secret_ref
    client("secretsmanager").create_secret(Name=ref, SecretString='{"token": "t"}')
    report = ask(desk, "GET /v1/doctor").body
    assert report["problems"] == []
    assert {queue["queue"] for queue in report["queues"]} == {"events", "approvals", "mail"}


def test_the_doctor_names_a_queue_that_gave_up(desk: Desk, tables: Tables):
    sqs, dead = client("sqs"), make_queue("events-dead", suffix_of(tables))
    sqs.send_message(QueueUrl=dead, MessageBody="{}", MessageGroupId="g", MessageDeduplicationId="d")
    report = ask(desk, "GET /v1/doctor").body
    assert any("events" in problem for problem in report["problems"])
