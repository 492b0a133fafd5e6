"""Approvals on DynamoDB: one conditional write decides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.errors import Conflict, NotFound
from nightshift.ids import ApprovalId, CaseId, RunId, TenantId
from nightshift.model.approval import Approval, ApprovalStatus
from tests.support import records

if TYPE_CHECKING:
    from tests.support.tables import Tables


@pytest.fixture
def approvals(tables: Tables) -> DynamoApprovals:
    return DynamoApprovals(tables.approvals, client("dynamodb"))


def decide(approvals: DynamoApprovals, status: ApprovalStatus, note: str = "") -> Approval:
    return approvals.decide(records.approval().id, status, by=records.ANA, at=records.AT, note=note)


def test_a_question_is_stored_as_pending_with_its_token(approvals: DynamoApprovals) -> None:
    asked = records.approval()
    assert approvals.ask(asked, "token-1", 1) == asked
    assert approvals.get(asked.id) == approvals.find(asked.id) == asked
    assert approvals.token(asked.id) == "token-1"
    assert approvals.waiting(records.ACME) == (asked,)
    assert approvals.of_case(records.CASE) == (asked,)


def test_asked_again_the_newer_token_wins_and_nothing_else_changes(approvals: DynamoApprovals) -> None:
    asked = records.approval()
    approvals.ask(asked, "token-1", 1)
    later = records.approval(asked_at=records.AT + timedelta(minutes=5))
    assert approvals.ask(later, "token-2", 1) == asked
    assert approvals.token(asked.id) == "token-2"
    assert approvals.get(asked.id).expires_at == asked.expires_at


def test_asked_again_after_the_answer_the_record_says_it(approvals: DynamoApprovals) -> None:
    asked = records.approval()
    approvals.ask(asked, "token-1", 1)
    decide(approvals, ApprovalStatus.APPROVED, "fine")
    again = approvals.ask(asked, "token-2", 1)
    assert (again.status, again.note) == (ApprovalStatus.APPROVED, "fine")
    assert approvals.token(asked.id) == "token-2"
    assert approvals.waiting(records.ACME) == ()


@pytest.mark.parametrize("first", [s for s in ApprovalStatus if s is not ApprovalStatus.PENDING])
@pytest.mark.parametrize("second", [s for s in ApprovalStatus if s is not ApprovalStatus.PENDING])
def test_a_question_is_decided_once(
    approvals: DynamoApprovals, first: ApprovalStatus, second: ApprovalStatus
) -> None:
    approvals.ask(records.approval(), "token-1", 1)
    decided = decide(approvals, first, "first")
    with pytest.raises(Conflict):
        decide(approvals, second, "second")
    assert approvals.get(decided.id) == decided
    assert (decided.status, decided.note, decided.decided_by) == (first, "first", records.ANA)
    assert decided.decided_at == records.AT


def test_of_many_answers_at_once_exactly_one_decides(approvals: DynamoApprovals) -> None:
    approvals.ask(records.approval(), "token-1", 1)

    def answer(n: int) -> str | None:
        status = (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED)[n % 3]
        try:
            return decide(approvals, status, f"answer {n}").note
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        heard = [note for note in pool.map(answer, range(12)) if note is not None]
    assert heard == [approvals.get(records.approval().id).note]


def test_what_waits_is_that_tenants_alone_oldest_first(approvals: DynamoApprovals) -> None:
    young = records.approval(RunId("run_b"), asked_at=records.AT + timedelta(minutes=1))
    old = records.approval(RunId("run_a"))
    other = records.approval(RunId("run_c"), tenant=TenantId("other"), case=CaseId("case_other"))
    for asked in (young, old, other):
        approvals.ask(asked, "token", 1)
    assert approvals.waiting(records.ACME) == (old, young)
    assert approvals.waiting(TenantId("other")) == (other,)
    assert approvals.of_case(records.CASE) == (old, young)


def test_a_question_without_a_case_waits_as_well(approvals: DynamoApprovals) -> None:
    asked = records.approval(case=None)
    approvals.ask(asked, "token-1", 1)
    assert approvals.waiting(records.ACME) == (asked,)


def test_a_question_that_was_never_asked_is_not_there(approvals: DynamoApprovals) -> None:
    nowhere = ApprovalId("apr_none")
    assert approvals.find(nowhere) is None
    assert approvals.token(nowhere) is None
    with pytest.raises(NotFound):
        approvals.get(nowhere)
    with pytest.raises(NotFound):
        approvals.decide(nowhere, ApprovalStatus.APPROVED, by=records.ANA, at=records.AT, note="")
