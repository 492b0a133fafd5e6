"""Asking: what a person is shown is exactly what will run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nightshift.approvals.ask import Question, ask
from nightshift.approvals.decide import decide_approval
from nightshift.errors import NotFound
from nightshift.ids import StepId
from nightshift.model.approval import ApprovalStatus, asked_digest
from nightshift.model.log import EntryKind
from nightshift.model.verdict import Decision, Finding
from tests.support import records
from tests.support.book import EMAIL, STREET
from tests.support.records import ANA, QUOTE, READ, REFUND, REPLY
from tests.support.scene import Scene

ASKS = frozenset({REFUND})
QUESTION = Question(run=records.RUN, generation=1, move=1, token="token-1")  # a task token


@pytest.fixture
def reading(scene: Scene) -> Scene:
    """A run that has read everything and comes to its question."""
    scene.propose(asks=ASKS)
    scene.steps(READ, QUOTE)
    return scene


def requote(scene: Scene, amount: int) -> None:
    quote = scene.door.runs.results(records.RUN)[QUOTE]
    money = {"amount": amount, "currency": "EUR"}
    changed = quote.model_copy(update={"output": quote.output | {"amount": money}})
    scene.overwrite(f"result#{records.RUN}", f"{QUOTE}#0", changed)


def test_a_question_shows_everything_it_takes_to_decide(reading: Scene) -> None:
    asked = reading.ask("token-1")
    (step,) = asked.steps
    assert asked.status is ApprovalStatus.PENDING
    assert (step.tool, step.channel, step.rule) == ("payments.refund", records.SHOP, "tier.approve")
    assert step.args["amount"] == {"amount": 1250, "currency": "EUR"}
    assert step.args["transactions"] == [
        {"parent": "txn-1", "gateway": "card", "amount": {"amount": 1250, "currency": "EUR"}}
    ]
    assert (asked.at_risk, asked.requester, asked.subject) == (
        records.eur(1250),
        records.SPECIALIST,
        records.SUBJECT,
    )
    assert asked.digest == asked_digest(asked.steps, 1)
    assert asked.expires_at - asked.asked_at == timedelta(seconds=3600)
    assert asked.evidence[0] == "proposed by playbook:refund@1"
    assert reading.door.approvals.waiting(records.ACME) == (asked,)


def test_the_reasons_of_the_asking_steps_are_shown_and_no_others(scene: Scene) -> None:
    proposal = scene.door.runs.propose(records.proposal())
    found = [
        Finding(rule="tier", step=step, problem=f"why {step}", fix="ask", decision=Decision.ASK)
        for step in (REFUND, REPLY)
    ]
    verdict = records.verdict(proposal, asks=ASKS).model_copy(update={"findings": tuple(found)})
    scene.door.runs.give(verdict)
    scene.steps(READ, QUOTE)
    assert scene.ask("token-1").evidence[1:] == ("why refund",)


def test_asked_again_the_newest_token_wins_and_nothing_else_changes(reading: Scene) -> None:
    first = reading.ask("token-1")
    reading.clock.advance(60)
    assert reading.ask("token-2") == first
    assert reading.door.approvals.token(first.id) == "token-2"
    asked = [entry for entry in reading.log(records.CASE) if entry.kind is EntryKind.APPROVAL_ASKED]
    assert len(asked) == 1
    decide_approval(reading.deciding, first.id, verb="approve", by=ANA, note="")
    assert set(reading.waiting.answers) == {"token-2"}


def test_asked_again_after_the_answer_the_new_token_gets_it_at_once(reading: Scene) -> None:
    first = reading.ask("token-1")
    decide_approval(reading.deciding, first.id, verb="approve", by=ANA, note="")
    again = reading.ask("token-2")
    assert again.status is ApprovalStatus.APPROVED
    assert reading.waiting.answers["token-2"] == reading.waiting.answers["token-1"]


def test_a_changed_world_is_another_question(reading: Scene) -> None:
    first = reading.ask("token-1")
    requote(reading, 1300)
    second = reading.ask("token-2")
    assert second.id != first.id
    assert second.at_risk == records.eur(1300)
    assert reading.door.approvals.get(first.id) == first


def test_what_was_asked_is_logged_by_digest_and_without_personal_data(scene: Scene) -> None:
    private = records.reply_step(name="${steps.order.customer.name}", mail=EMAIL, street=STREET)
    steps = (records.read_step(), records.quote_step(), records.refund_step(), private)
    scene.propose(records.refund_plan(*steps), asks=frozenset({REFUND, REPLY}))
    scene.steps(READ, QUOTE)
    asked = scene.ask("token-1")
    (entry,) = scene.log(records.CASE)
    assert entry.detail["digest"] == asked.digest
    assert entry.detail["tools"] == ["payments.refund", "messaging.reply"]
    assert entry.detail["at_risk"] == "12.50 EUR"
    for word in (EMAIL, STREET, "Maria", "token-1"):
        assert word not in entry.model_dump_json()


def test_a_question_without_money_risks_none(scene: Scene) -> None:
    scene.propose(asks=frozenset({REPLY}))
    scene.steps(READ, QUOTE)
    assert scene.ask("token-1").at_risk is None


def test_money_at_risk_is_the_sum_over_all_asking_steps(scene: Scene) -> None:
    lines = [{"line": "line-2", "quantity": 1}]
    second = records.refund_step(300).model_copy(update={"id": StepId("second")})
    second = second.model_copy(update={"args": second.args | {"lines": lines}})
    plan = records.refund_plan(records.quote_step(), records.refund_step(), second)
    scene.propose(plan, asks=frozenset({REFUND, StepId("second")}))
    scene.step(QUOTE)
    assert scene.ask("token-1").at_risk == records.eur(1550)


def test_what_cannot_be_resolved_is_asked_of_nobody_and_the_run_goes_to_its_end(scene: Scene) -> None:
    scene.propose(asks=ASKS)
    scene.waiting.waits.add("token-1")
    assert ask(scene.asking, QUESTION) is None
    assert scene.door.approvals.waiting(records.ACME) == ()
    state = scene.waiting.answers["token-1"]
    assert isinstance(state["move"], dict)
    assert state["move"]["next"] == "settle"
    assert ask(scene.asking, QUESTION) is None  # the message comes again: nothing waits any more


def test_what_does_not_fit_its_tool_is_asked_of_nobody(scene: Scene) -> None:
    plan = records.refund_plan(records.quote_step(), records.refund_step(restock="maybe"))
    scene.propose(plan, asks=ASKS)
    scene.step(QUOTE)
    scene.waiting.waits.add("token-1")
    assert ask(scene.asking, QUESTION) is None
    assert set(scene.waiting.answers) == {"token-1"}


def test_a_run_without_plan_or_verdict_asks_nothing(scene: Scene) -> None:
    with pytest.raises(NotFound):
        ask(scene.asking, QUESTION)
    scene.door.runs.propose(records.proposal())
    with pytest.raises(NotFound):
        ask(scene.asking, QUESTION)
    assert scene.door.approvals.waiting(records.ACME) == ()
