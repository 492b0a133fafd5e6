"""Deciding: one person, once, and the run goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import pytest

from nightshift.approvals.decide import decide_approval
from nightshift.errors import BadInput, Conflict, NotFound
from nightshift.ids import ApprovalId
from nightshift.model.approval import ApprovalStatus
from nightshift.model.log import EntryKind
from nightshift.model.plan import Principal
from nightshift.model.verdict import Tier
from tests.support import records
from tests.support.records import ANA, BEN, QUOTE, READ, REFUND
from tests.support.scene import Scene

if TYPE_CHECKING:
    from nightshift.model.approval import Approval

Verb = Literal["approve", "reject"]


@pytest.fixture
def asked(scene: Scene) -> Approval:
    scene.propose(asks=frozenset({REFUND}))
    scene.steps(READ, QUOTE)
    return scene.ask("token-1")


def decide(
    scene: Scene, asked: Approval, verb: Verb = "approve", by: Principal = ANA, note: str = ""
) -> Approval:
    return decide_approval(scene.deciding, asked.id, verb=verb, by=by, note=note)


def next_move(scene: Scene, token: str = "token-1") -> tuple[object, object]:  # noqa: S107  # a task token
    move = scene.waiting.answers[token]["move"]
    assert isinstance(move, dict)
    return move["index"], move["next"]


def decisions(scene: Scene) -> list[object]:
    return [e.detail["status"] for e in scene.log(records.CASE) if e.kind is EntryKind.APPROVAL_DECIDED]


@pytest.mark.parametrize(
    ("verb", "status", "then"),
    [
        ("approve", ApprovalStatus.APPROVED, (2, "one")),
        ("reject", ApprovalStatus.REJECTED, (1, "settle")),
    ],
)
def test_an_answer_is_kept_and_the_run_goes_on(
    scene: Scene, asked: Approval, verb: Verb, status: ApprovalStatus, then: tuple[int, str]
) -> None:
    scene.clock.advance(60)
    decided = decide(scene, asked, verb, note="seen")
    assert decided == scene.door.approvals.get(asked.id)
    assert (decided.status, decided.decided_by, decided.note) == (status, ANA, "seen")
    assert decided.decided_at == scene.clock.now()
    assert decided.digest == asked.digest
    assert next_move(scene) == then
    assert decisions(scene) == [status]
    assert scene.door.approvals.waiting(records.ACME) == ()


def test_who_asks_may_not_decide(scene: Scene) -> None:
    proposal = records.proposal().model_copy(update={"requester": ANA})
    scene.door.runs.propose(proposal)
    scene.door.runs.give(records.verdict(proposal, asks=frozenset({REFUND})))
    scene.steps(READ, QUOTE)
    asked = scene.ask("token-1")
    renamed = Principal(id="ana", role="owner", kind="person")
    for by in (ANA, renamed):
        with pytest.raises(BadInput) as caught:
            decide(scene, asked, by=by)
        assert caught.value.field == "by"
    assert scene.door.approvals.get(asked.id) == asked
    assert scene.waiting.answers == {}
    assert decide(scene, asked, by=BEN).status is ApprovalStatus.APPROVED


def test_nobody_but_a_person_decides(scene: Scene, asked: Approval) -> None:
    with pytest.raises(BadInput):
        decide(scene, asked, by=Principal(id="sales", role="manager", kind="specialist"))
    assert scene.door.approvals.get(asked.id) == asked


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_an_answer_after_the_deadline_is_none(scene: Scene, asked: Approval, verb: Verb) -> None:
    scene.clock.advance(3600)
    with pytest.raises(Conflict):
        decide(scene, asked, verb, note="too late")
    expired = scene.door.approvals.get(asked.id)
    assert (expired.status, expired.decided_by, expired.note) == (ApprovalStatus.EXPIRED, None, "")
    assert next_move(scene) == (1, "settle")
    assert decisions(scene) == [ApprovalStatus.EXPIRED]


def test_an_answer_in_the_last_second_counts(scene: Scene, asked: Approval) -> None:
    scene.clock.advance(3599.999)
    assert decide(scene, asked).status is ApprovalStatus.APPROVED


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_the_same_answer_again_resumes_again_and_changes_nothing(
    scene: Scene, asked: Approval, verb: Verb
) -> None:
    first = decide(scene, asked, verb, note="first")
    scene.waiting.answers.clear()
    scene.waiting.waits.add("token-1")  # the first answer did not reach the run
    scene.clock.advance(7200)
    assert decide(scene, asked, verb, note="second") == first
    assert next_move(scene)[1] == ("one" if verb == "approve" else "settle")
    assert len(decisions(scene)) == 1


def test_an_answer_that_died_before_it_was_logged_is_logged_by_its_repetition(
    scene: Scene, asked: Approval
) -> None:
    at = scene.clock.now()
    scene.door.approvals.decide(asked.id, ApprovalStatus.APPROVED, by=ANA, at=at, note="")
    assert decisions(scene) == []
    scene.clock.advance(60)
    for _ in range(2):
        decide(scene, asked)
    entry = scene.log(records.CASE)[-1]
    assert decisions(scene) == [ApprovalStatus.APPROVED]
    assert (entry.at, entry.actor) == (at, "person:ana")
    assert next_move(scene) == (2, "one")


@pytest.mark.parametrize(
    ("verb", "by"), [("reject", ANA), ("approve", BEN), ("reject", BEN)], ids=["verb", "person", "both"]
)
def test_another_answer_after_the_first_loses(
    scene: Scene, asked: Approval, verb: Verb, by: Principal
) -> None:
    decided = decide(scene, asked)
    scene.waiting.waits.add("token-1")
    with pytest.raises(Conflict):
        decide(scene, asked, verb, by=by)
    assert scene.door.approvals.get(asked.id) == decided
    assert "token-1" in scene.waiting.waits


@pytest.mark.parametrize("status", [ApprovalStatus.VOIDED, ApprovalStatus.EXPIRED])
def test_a_question_that_is_withdrawn_or_expired_cannot_be_decided(
    scene: Scene, asked: Approval, status: ApprovalStatus
) -> None:
    scene.door.approvals.decide(asked.id, status, by=None, at=scene.clock.now(), note="")
    with pytest.raises(Conflict):
        decide(scene, asked)
    assert scene.door.approvals.get(asked.id).status is status


def test_of_many_answers_at_once_one_decides_and_the_run_hears_that_one(
    scene: Scene, asked: Approval
) -> None:
    def answer(n: int) -> ApprovalStatus | None:
        by = Principal(id=f"person-{n}", role="manager", kind="person")
        try:
            return decide(scene, asked, "approve" if n % 2 else "reject", by=by).status
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        heard = [status for status in pool.map(answer, range(8)) if status is not None]
    record = scene.door.approvals.get(asked.id)
    assert heard == [record.status]
    assert decisions(scene) == [record.status]
    assert next_move(scene)[1] == ("one" if record.status is ApprovalStatus.APPROVED else "settle")


def test_an_answer_to_a_run_that_does_not_wait_any_more_is_kept(scene: Scene, asked: Approval) -> None:
    scene.waiting.waits.clear()
    assert decide(scene, asked).status is ApprovalStatus.APPROVED
    assert scene.waiting.answers == {}


def test_the_note_of_a_person_is_kept_and_not_logged(scene: Scene, asked: Approval) -> None:
    decide(scene, asked, note="Maria called me")
    assert scene.door.approvals.get(asked.id).note == "Maria called me"
    assert "Maria" not in "".join(entry.model_dump_json() for entry in scene.log())


def test_a_question_that_was_never_asked_cannot_be_decided(scene: Scene) -> None:
    with pytest.raises(NotFound):
        decide_approval(scene.deciding, ApprovalId("apr_none"), verb="approve", by=ANA, note="")


def test_one_factor_does_not_decide_what_needs_two(scene: Scene, asked: Approval) -> None:
    graver = tuple(step.model_copy(update={"tier": Tier.TWO_FACTOR}) for step in asked.steps)
    other = asked.model_copy(update={"id": ApprovalId("apr_two"), "steps": graver})
    scene.deciding.approvals.ask(other, "token-2", 1)
    with pytest.raises(BadInput, match="two factors"):
        decide(scene, other)
    assert scene.deciding.approvals.get(other.id).status is ApprovalStatus.PENDING
