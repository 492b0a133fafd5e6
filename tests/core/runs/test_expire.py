"""Nobody answered in time: the record decides, also when an answer was faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from nightshift.approvals.decide import decide_approval
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.errors import Conflict
from nightshift.model.approval import ApprovalStatus
from nightshift.model.log import EntryKind
from nightshift.runs.settle import expire
from tests.support import records
from tests.support.records import ANA, QUOTE, READ, REFUND
from tests.support.scene import Scene

if TYPE_CHECKING:
    from nightshift.ids import ApprovalId
    from nightshift.model.approval import Approval
    from nightshift.model.verdict import RunState


@pytest.fixture
def asked(scene: Scene) -> Approval:
    scene.propose(asks=frozenset({REFUND}))
    scene.steps(READ, QUOTE)
    return scene.ask("token-1")


def expired(scene: Scene) -> RunState:
    return expire(scene.settling, records.RUN, 3, 1)


def decisions(scene: Scene) -> list[object]:
    return [e.detail["status"] for e in scene.log(records.CASE) if e.kind is EntryKind.APPROVAL_DECIDED]


def test_a_question_nobody_answered_expires_and_the_run_ends(scene: Scene, asked: Approval) -> None:
    state = expired(scene)
    assert (state.move.next, state.generation, state.run) == ("settle", 3, records.RUN)
    record = scene.door.approvals.get(asked.id)
    assert (record.status, record.decided_by) == (ApprovalStatus.EXPIRED, None)
    assert decisions(scene) == [ApprovalStatus.EXPIRED]


def test_a_faster_yes_is_obeyed(scene: Scene, asked: Approval) -> None:
    decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    state = expired(scene)
    assert (state.move.index, state.move.next, state.generation) == (2, "one", 3)
    assert scene.door.approvals.get(asked.id).status is ApprovalStatus.APPROVED


@pytest.mark.parametrize("status", [ApprovalStatus.REJECTED, ApprovalStatus.VOIDED, ApprovalStatus.EXPIRED])
def test_any_other_answer_leads_to_the_end(scene: Scene, asked: Approval, status: ApprovalStatus) -> None:
    scene.door.approvals.decide(asked.id, status, by=None, at=scene.clock.now(), note="")
    assert expired(scene).move.next == "settle"
    assert scene.door.approvals.get(asked.id).status is status


def test_expiring_again_changes_nothing_and_logs_what_was_missed(scene: Scene, asked: Approval) -> None:
    at = scene.clock.now()
    scene.door.approvals.decide(asked.id, ApprovalStatus.EXPIRED, by=None, at=at, note="")
    scene.clock.advance(60)
    assert expired(scene) == expired(scene)
    assert decisions(scene) == [ApprovalStatus.EXPIRED]
    assert scene.log(records.CASE)[-1].at == at


def test_a_run_without_plan_verdict_or_question_goes_to_its_end(scene: Scene) -> None:
    assert expired(scene).move.next == "settle"
    scene.propose(asks=frozenset({REFUND}))
    assert expired(scene).move.next == "settle"  # its reads are missing, so nothing could be asked
    scene.steps(READ, QUOTE)
    assert expired(scene).move.next == "settle"
    assert scene.door.approvals.waiting(records.ACME) == ()


def test_expiry_and_answer_at_once_agree(scene: Scene, asked: Approval) -> None:
    def answer() -> ApprovalStatus | None:
        try:
            return decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="").status
        except Conflict:
            return None

    with ThreadPoolExecutor(2) as pool:
        answered, state = pool.submit(answer), pool.submit(expired, scene)
        approved, after = answered.result(), state.result()
    record = scene.door.approvals.get(asked.id)
    assert decisions(scene) == [record.status]
    assert (approved is not None) == (record.status is ApprovalStatus.APPROVED)
    assert (after.move.next == "one") == (record.status is ApprovalStatus.APPROVED)


class Late(DynamoApprovals):
    """Between the runner's look and its write, a person answers."""

    person: DynamoApprovals

    @override
    def find(self, approval: ApprovalId) -> Approval | None:
        seen = super().find(approval)
        if seen is not None and seen.status is ApprovalStatus.PENDING:
            self.person.decide(approval, ApprovalStatus.APPROVED, by=ANA, at=records.AT, note="")
        return seen


def test_an_answer_between_look_and_write_is_obeyed(scene: Scene, asked: Approval) -> None:
    approvals = Late(scene.tables.approvals, client("dynamodb"))
    approvals.person = DynamoApprovals(scene.tables.approvals, client("dynamodb"))
    parts = replace(scene.settling, approvals=approvals)
    state = expire(parts, records.RUN, 3, 1)
    assert state.move.next == "one"
    assert scene.door.approvals.get(asked.id).status is ApprovalStatus.APPROVED
    assert decisions(scene) == [ApprovalStatus.APPROVED]
