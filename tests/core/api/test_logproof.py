"""What the API hands out for a proof: pages that lose nothing, to those who may, of their own tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from nightshift.actionlog.anchor import anchor_heads
from nightshift.aws.client import client
from nightshift.ids import TenantId
from nightshift.model.anchor import Head
from tests.support.desk import ACME, OTHER, SHOP, ask, open_case
from tests.support.proof import Installed

if TYPE_CHECKING:
    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def installed(desk: Desk, tables: Tables, clock: FixedClock) -> Installed:
    signing = client("kms").describe_key(KeyId=desk.proof.key.pem()[0])["KeyMetadata"]["Arn"]
    return Installed(
        bucket=f"anchors-{tables.subjects.rsplit('-', 1)[-1]}",
        signing_key=signing,
        wrapping_key="",
        subjects=tables.subjects,
        clock=clock,
    )


def anchor(installed: Installed, count: int, tenant: TenantId = ACME) -> None:
    for seq in range(1, count + 1):
        anchor_heads(installed.anchoring, tenant, (Head(stream="case_a", seq=seq, hash=f"{seq:064}"),))


def numbers(desk: Desk, query: str, tenant: TenantId = ACME) -> tuple[list[int], int | None]:
    page = ask(desk, f"GET /v1/log/anchors?{query}", tenant=tenant).body
    return [found["number"] for found in page["anchors"]], page["after"]


def test_anchors_come_by_number_and_in_pages(desk: Desk, installed: Installed):
    anchor(installed, 5)
    anchor(installed, 1, OTHER)
    assert numbers(desk, "limit=2") == ([1, 2], 2)
    assert numbers(desk, "limit=2&after=2") == ([3, 4], 4)
    assert numbers(desk, "limit=2&after=4") == ([5], None)
    assert numbers(desk, "after=5") == ([], None)
    assert numbers(desk, "", OTHER) == ([1], None)


def test_since_begins_at_the_first_that_the_bucket_took_since(desk: Desk, installed: Installed):
    anchor(installed, 3)
    taken = installed.anchors.stored_at(ACME, 2)
    assert taken is not None
    found, _ = numbers(desk, f"since={quote(taken.isoformat())}")
    assert found in ([1, 2, 3], [2, 3])  # two may be of one second
    assert numbers(desk, "since=2099-01-01T00:00:00Z") == ([], None)


def test_the_log_is_about_cases_channels_and_the_set_up(desk: Desk, clock: FixedClock):
    cases = []
    for n in range(3):
        cases.append(open_case(desk, f"{n}").id)
        clock.advance(60)
    page = ask(desk, "GET /v1/log/roots").body
    assert page == {"roots": ["setup:acme", f"channel:acme:{SHOP}", *reversed(cases)], "before": None}
    second = quote(desk.cases.get(cases[1]).opened_at.isoformat())
    assert ask(desk, f"GET /v1/log/roots?before={second}").body["roots"] == [cases[1], cases[0]]


def test_entries_are_handed_out_unread_with_their_place(desk: Desk):
    case = open_case(desk)
    page = ask(desk, f"GET /v1/log/entries?roots={case.id},case_{'a' * 26}").body
    assert page["done"] == [case.id, f"case_{'a' * 26}"]
    assert [(entry["stream"], entry["place"]) for entry in page["entries"]] == [(case.id, "00000001")]


def test_what_nobody_can_read_is_shown_to_the_owner_of_the_rest_alone(desk: Desk, tables: Tables):
    case = open_case(desk)
    broken = {"pk": {"S": case.id}, "sk": {"S": "00000002"}, "case": {"S": case.id}, "doc": {"S": "?"}}
    client("dynamodb").put_item(TableName=tables.log, Item=broken)
    entries = ask(desk, f"GET /v1/log/entries?roots={case.id}").body["entries"]
    assert [entry["place"] for entry in entries] == ["00000001", "00000002"]
    assert ask(desk, f"GET /v1/log/entries?roots={case.id}", tenant=OTHER).body["entries"] == []


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ("GET /v1/log/anchors?since=2026-01-01T00:00:00", "since"),
        ("GET /v1/log/anchors?since=yesterday", "since"),
        ("GET /v1/log/anchors?after=-1", "after"),
        ("GET /v1/log/anchors?limit=500", "limit"),
        ("GET /v1/log/roots?before=soon", "before"),
        ("GET /v1/log/entries", "roots"),
        ("GET /v1/log/entries?roots=,", "roots"),
        (f"GET /v1/log/entries?roots={','.join('x' * 21)}", "roots"),
    ],
)
def test_a_wrong_question_names_the_field(desk: Desk, call: str, field: str):
    found = ask(desk, call)
    assert (found.status, found.body["error"]["field"]) == (400, field)


@pytest.mark.parametrize(
    "call",
    [
        "GET /v1/log/key",
        "GET /v1/log/anchors",
        "GET /v1/log/roots",
        "GET /v1/log/entries?roots=x",
    ],
)
def test_nobody_unknown_gets_any_of_it(desk: Desk, call: str):
    assert ask(desk, call, as_=None).status == 401
    assert ask(desk, call, as_="vera").status == 200


def test_personal_fields_are_for_roles_that_hold_the_permission(desk: Desk):
    case = open_case(desk)
    for person, status in (("ana", 200), ("ben", 403), ("vera", 403)):
        assert ask(desk, f"POST /v1/cases/{case.id}/personal", as_=person).status == status
    assert ask(desk, f"GET /v1/cases/{case.id}/personal").status in {404, 405}
    assert ask(desk, f"POST /v1/cases/{case.id}/personal", tenant=OTHER).status == 404
