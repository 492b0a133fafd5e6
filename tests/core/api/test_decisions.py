"""Deciding through the API: once, by one who may, and never by looking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.model.approval import ApprovalStatus
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind
from tests.support.desk import OTHER, another_event, ask, ask_for_refund, open_case

if TYPE_CHECKING:
    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock


def test_a_manager_approves(desk: Desk):
    case = open_case(desk)
    approval = ask_for_refund(desk, case)
    decided = ask(desk, f"POST /v1/approvals/{approval.id}/approve", body={"note": "photo shows it"})
    assert (decided.status, decided.body["status"]) == (200, "APPROVED")
    stored = desk.approvals.get(approval.id)
    assert (stored.decided_by.id if stored.decided_by else None, stored.note) == ("ana", "photo shows it")
    assert EntryKind.APPROVAL_DECIDED in {entry.kind for entry in desk.log.read(case.id)}


def test_a_manager_rejects(desk: Desk):
    approval = ask_for_refund(desk, open_case(desk))
    assert ask(desk, f"POST /v1/approvals/{approval.id}/reject", body={}).body["status"] == "REJECTED"


def test_the_second_decision_is_a_conflict_and_changes_nothing(desk: Desk):
    approval = ask_for_refund(desk, open_case(desk))
    ask(desk, f"POST /v1/approvals/{approval.id}/reject", body={})
    second = ask(desk, f"POST /v1/approvals/{approval.id}/approve", as_="ben", body={})
    assert second.status == 409
    assert desk.approvals.get(approval.id).status is ApprovalStatus.REJECTED


def test_a_viewer_may_not_decide(desk: Desk):
    approval = ask_for_refund(desk, open_case(desk))
    refused = ask(desk, f"POST /v1/approvals/{approval.id}/approve", as_="vera", body={})
    assert (refused.status, "approvals:decide" in refused.body["error"]["problem"]) == (403, True)
    assert desk.approvals.get(approval.id).status is ApprovalStatus.PENDING


@pytest.mark.guarantee("approvals:requester-is-not-approver")
def test_the_requester_may_not_decide(desk: Desk):
    approval = ask_for_refund(desk, open_case(desk), requester="ana")
    assert ask(desk, f"POST /v1/approvals/{approval.id}/approve", body={}).status == 400
    assert desk.approvals.get(approval.id).status is ApprovalStatus.PENDING


def test_nobody_decides_for_another_tenant(desk: Desk):
    approval = ask_for_refund(desk, open_case(desk))
    assert ask(desk, f"POST /v1/approvals/{approval.id}/approve", tenant=OTHER, body={}).status == 404
    assert desk.approvals.get(approval.id).status is ApprovalStatus.PENDING


def test_nobody_decides_without_a_token(desk: Desk):
    approval = ask_for_refund(desk, open_case(desk))
    assert ask(desk, f"POST /v1/approvals/{approval.id}/approve", as_=None, body={}).status == 401
    assert desk.approvals.get(approval.id).status is ApprovalStatus.PENDING


@pytest.mark.guarantee("approvals:get-does-nothing")
@pytest.mark.parametrize("verb", ["", "/approve", "/reject"])
def test_looking_at_an_approval_decides_nothing(desk: Desk, verb: str):
    approval = ask_for_refund(desk, open_case(desk))
    ask(desk, f"GET /v1/approvals/{approval.id}{verb}")
    ask(desk, f"GET /v1/approvals/{approval.id}{verb}", body={"note": "yes"})
    assert desk.approvals.get(approval.id) == approval


def test_an_expired_question_cannot_be_approved(desk: Desk, clock: FixedClock):
    approval = ask_for_refund(desk, open_case(desk))
    clock.advance(3600)
    assert ask(desk, f"POST /v1/approvals/{approval.id}/approve", body={}).status == 409
    assert desk.approvals.get(approval.id).status is ApprovalStatus.EXPIRED


@pytest.mark.guarantee("input:bad-input-names-the-field")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"note": 7}, "note"),
        ({"note": "x" * 1001}, "note"),
        ({"notes": "typo"}, "notes"),
        ([], "body"),
        ("{", "body"),
        (None, "body"),
    ],
    ids=str,
)
def test_a_wrong_body_names_the_field_and_decides_nothing(desk: Desk, body: object, field: str):
    approval = ask_for_refund(desk, open_case(desk))
    refused = ask(desk, f"POST /v1/approvals/{approval.id}/approve", body=body)
    assert (refused.status, refused.body["error"]["field"]) == (400, field)
    assert desk.approvals.get(approval.id).status is ApprovalStatus.PENDING


def test_a_person_resolves_a_case(desk: Desk):
    case = open_case(desk)
    desk.cases.hand_over(case.id, 1, "the amount is large")
    closed = ask(desk, f"POST /v1/cases/{case.id}/resolve", body={"note": "refunded by bank", "events": 1})
    assert (closed.status, closed.body["status"]) == (200, "CLOSED")
    assert desk.cases.open_case(case.tenant, case.subject) is None
    resolved = [e for e in desk.log.read(case.id) if e.kind is EntryKind.CASE_RESOLVED]
    assert [entry.actor for entry in resolved] == ["person:ana"]


def test_resolving_once_more_adds_no_line(desk: Desk):
    case = open_case(desk)
    for _ in range(2):
        ask(desk, f"POST /v1/cases/{case.id}/resolve", body={"note": "done", "events": 1})
    assert [e.kind for e in desk.log.read(case.id)].count(EntryKind.CASE_RESOLVED) == 1


def test_a_case_with_an_unseen_event_is_not_resolved(desk: Desk):
    case = open_case(desk)
    another_event(desk, case)
    refused = ask(desk, f"POST /v1/cases/{case.id}/resolve", body={"note": "done", "events": 1})
    assert refused.status == 409
    assert desk.cases.get(case.id).status is CaseStatus.OPEN
    assert EntryKind.CASE_RESOLVED not in {entry.kind for entry in desk.log.read(case.id)}


@pytest.mark.parametrize(
    "body", [{"events": 1}, {"note": "", "events": 1}, {"note": "x"}, {"note": "x", "events": 0}]
)
def test_resolving_needs_a_note_and_what_was_seen(desk: Desk, body: dict[str, object]):
    case = open_case(desk)
    assert ask(desk, f"POST /v1/cases/{case.id}/resolve", body=body).status == 400
    assert desk.cases.get(case.id).status is CaseStatus.OPEN


def test_a_viewer_may_not_resolve(desk: Desk):
    case = open_case(desk)
    refused = ask(desk, f"POST /v1/cases/{case.id}/resolve", as_="vera", body={"note": "x", "events": 1})
    assert refused.status == 403
