"""Nothing runs but what a person saw and agreed to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.approvals.decide import decide_approval
from nightshift.aws.client import client
from nightshift.aws.items import item
from nightshift.errors import Conflict
from nightshift.ids import RunId
from nightshift.model.approval import ApprovalStatus
from nightshift.model.tool import Outcome
from tests.support import records
from tests.support.records import ANA, QUOTE, READ, REFUND, REPLY
from tests.support.scene import Scene

if TYPE_CHECKING:
    from nightshift.model.approval import Approval
    from nightshift.model.effect import StepResult

ASKS = frozenset({REFUND})


@pytest.fixture
def asked(scene: Scene) -> Approval:
    """A run that has read everything and asks for its refund."""
    scene.propose(asks=ASKS)
    scene.steps(READ, QUOTE)
    return scene.ask("token-1")


def refused(scene: Scene, result: StepResult) -> bool:
    nothing = (scene.book.requests, scene.book.refunds, scene.door.ledger.of_run(records.RUN)) == (0, [], ())
    return nothing and (result.outcome, result.code) == (Outcome.REJECTED, "approval.missing")


def requote(scene: Scene, amount: int) -> None:
    """What the refund resolves to changes after it was shown."""
    quote = scene.door.runs.results(records.RUN)[QUOTE]
    money = {"amount": amount, "currency": "EUR"}
    changed = quote.model_copy(update={"output": quote.output | {"amount": money}})
    scene.overwrite(f"result#{records.RUN}", f"{QUOTE}#0", changed)


def test_what_was_approved_runs_exactly_so(scene: Scene, asked: Approval) -> None:
    decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    result = scene.step(REFUND)
    assert result.outcome is Outcome.DONE
    shown = asked.steps[0]
    assert [(refund.order, refund.amount) for refund in scene.book.refunds] == [(records.ORDER, 1250)]
    assert shown.money == records.eur(1250)
    assert shown.args["amount"] == {"amount": 1250, "currency": "EUR"}
    assert "${" not in asked.model_dump_json()


def test_what_nobody_was_asked_about_does_not_run(scene: Scene) -> None:
    scene.propose(asks=ASKS)
    scene.step(QUOTE)
    assert refused(scene, scene.step(REFUND))


@pytest.mark.parametrize("status", [s for s in ApprovalStatus if s is not ApprovalStatus.APPROVED])
def test_anything_but_a_yes_does_not_run(scene: Scene, asked: Approval, status: ApprovalStatus) -> None:
    if status is not ApprovalStatus.PENDING:
        scene.door.approvals.decide(asked.id, status, by=ANA, at=scene.clock.now(), note="")
    assert refused(scene, scene.step(REFUND))


def test_a_yes_that_came_too_late_does_not_run(scene: Scene, asked: Approval) -> None:
    scene.clock.advance(3600)
    with pytest.raises(Conflict):
        decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    assert refused(scene, scene.step(REFUND))


@pytest.mark.guarantee("approvals:digest-binds-the-step")
@pytest.mark.parametrize("amount", [1249, 1251])
def test_arguments_swapped_after_the_yes_do_not_run(scene: Scene, asked: Approval, amount: int) -> None:
    decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    requote(scene, amount)
    assert refused(scene, scene.step(REFUND))


def test_another_policy_version_after_the_yes_does_not_run(scene: Scene, asked: Approval) -> None:
    decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    verdict = scene.door.runs.verdict(records.RUN).model_copy(update={"policy_version": 2})
    scene.overwrite(f"verdict#{records.RUN}", "verdict", verdict)
    assert refused(scene, scene.step(REFUND))


def test_the_yes_for_one_run_does_not_let_another_run(scene: Scene, asked: Approval) -> None:
    decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    second = RunId("run_second")
    scene.propose(run=second, asks=ASKS)
    result = scene.steps(QUOTE, REFUND, run=second)[1]
    assert result.code == "approval.missing"
    assert scene.book.requests == 0


def test_a_yes_that_was_stored_under_the_wrong_question_does_not_run(scene: Scene) -> None:
    """The record's own digest counts, not the id it is found by."""
    scene.propose(asks=ASKS)
    scene.steps(READ, QUOTE)
    real = scene.ask("token-1")
    scene.door.approvals.decide(real.id, ApprovalStatus.REJECTED, by=ANA, at=scene.clock.now(), note="")
    forged = records.approval(status=ApprovalStatus.APPROVED, amount=1).model_copy(update={"id": real.id})
    client("dynamodb").put_item(
        TableName=scene.tables.approvals, Item=item(f"approval#{real.id}", "approval", forged)
    )
    assert refused(scene, scene.step(REFUND))


def test_a_yes_covers_all_asking_steps_and_only_together(scene: Scene) -> None:
    scene.propose(asks=frozenset({REFUND, REPLY}))
    scene.steps(READ, QUOTE)
    asked = scene.ask("token-1")
    assert {step.step for step in asked.steps} == {REFUND, REPLY}
    decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    assert [result.outcome for result in scene.steps(REFUND, REPLY)] == [Outcome.DONE, Outcome.DONE]


def test_an_approved_run_still_stops_when_the_case_is_taken(scene: Scene, asked: Approval) -> None:
    decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    scene.clock.advance(timedelta(minutes=1).total_seconds())
    scene.cases.lock(records.CASE, "legal")
    assert scene.step(REFUND).code == "case.taken"
    assert scene.book.requests == 0
