"""A step whose condition is false is skipped, and so is what needs it: no effect, said once, no failure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nightshift.approvals.ask import Question, ask
from nightshift.approvals.decide import decide_approval
from nightshift.aws.client import client
from nightshift.aws.runs import DynamoRuns
from nightshift.errors import Rejected
from nightshift.ids import StepId
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Step
from nightshift.model.tool import Outcome
from nightshift.tools.asked import asked_steps
from nightshift.tools.resolve import Values, skipped
from tests.support import records
from tests.support.records import ANA, QUOTE, READ, REFUND, REPLY

if TYPE_CHECKING:
    from pydantic import JsonValue

    from nightshift.model.effect import StepResult
    from tests.support.scene import Scene

FALSE = "steps.order.captured.amount > 5000"  # exactly 5000 was captured
TRUE = "steps.order.captured.amount >= 5000"


def plan(*, when: str, on: StepId = REFUND, **changes: object) -> Plan:
    """The standard plan with a condition on one step, which needs what was read."""
    given = records.refund_plan()
    steps = [
        step.model_copy(update={"when": when, "needs": (*step.needs, READ), **changes})
        if step.id == on
        else step
        for step in given.steps
    ]
    return given.model_copy(update={"steps": tuple(steps)})


@pytest.mark.guarantee("effects:none-of-a-skipped-step")
def test_a_step_whose_condition_is_false_and_what_needs_it_are_skipped(scene: Scene) -> None:
    assert scene.propose(plan(when=FALSE))
    read, quote, refund, reply = scene.steps(READ, QUOTE, REFUND, REPLY)
    assert (read.outcome, quote.outcome) == (Outcome.DONE, Outcome.DONE)
    for result in (refund, reply):
        assert (result.outcome, result.skipped, result.code) == (Outcome.NOT_DONE, True, "skipped")
        assert result.went_well
    assert (scene.book.refunds, scene.book.messages) == ([], [])
    assert scene.door.ledger.find(records.RUN, REFUND, 0) is None
    assert scene.kinds(REFUND) == [EntryKind.STEP_SKIPPED]
    assert scene.kinds(REPLY) == [EntryKind.STEP_SKIPPED]


def test_a_skipped_step_stays_skipped_and_is_said_once(scene: Scene) -> None:
    scene.propose(plan(when=FALSE))
    scene.steps(READ, QUOTE)
    first = scene.step(REFUND)
    scene.clock.advance(60)
    assert scene.step(REFUND) == first
    assert scene.kinds(REFUND) == [EntryKind.STEP_SKIPPED]


class Killed(Exception):
    """The worker is gone."""


class DyingRuns(DynamoRuns):
    """Records of a worker that dies right before it keeps a result."""

    def keep(self, result: StepResult) -> StepResult:
        raise Killed(result.step)


def test_a_worker_that_dies_while_it_skips_leaves_one_line_and_one_result(scene: Scene) -> None:
    scene.propose(plan(when=FALSE))
    scene.steps(READ, QUOTE)
    whole = scene.door
    scene.door = replace(whole, runs=DyingRuns(scene.tables.runs, client("dynamodb")))
    with pytest.raises(Killed):
        scene.step(REFUND)
    scene.door = whole
    scene.clock.advance(300)
    assert scene.step(REFUND).skipped
    assert scene.kinds(REFUND) == [EntryKind.STEP_SKIPPED]
    assert scene.book.refunds == []


def test_a_step_whose_condition_is_true_runs(scene: Scene) -> None:
    scene.propose(plan(when=TRUE))
    scene.steps(READ, QUOTE, REFUND, REPLY)
    assert [refund.amount for refund in scene.book.refunds] == [1250]


@pytest.mark.parametrize(
    "when",
    [
        "steps.order.nothing > 1",
        "steps.order.captured > 1",
        "inputs.order",
        "1 +",
        "money.percent_drop(steps.order.captured, inputs.order) > 1.0",
    ],
)
def test_a_condition_that_cannot_be_told_refuses_the_step(scene: Scene, when: str) -> None:
    scene.propose(plan(when=when))
    scene.steps(READ, QUOTE)
    result = scene.step(REFUND)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "condition.invalid")
    assert scene.book.refunds == []
    assert "5000" not in result.message


def test_a_condition_does_not_run_what_was_not_authorised(scene: Scene) -> None:
    """The condition is looked at after the verdict: a changed plan is refused, not skipped."""
    proposal, _ = scene.propose(plan(when=TRUE))
    scene.steps(READ, QUOTE)
    other = proposal.model_copy(update={"plan": plan(when=FALSE)})
    scene.overwrite(f"plan#{records.RUN}", "plan", other)
    assert scene.step(REFUND).code == "plan.not_authorised"


def test_an_amount_is_computed_and_held_to_the_limit(scene: Scene) -> None:
    computed: dict[str, JsonValue] = {"amount": "${money.scale(steps.quote.amount, '0.5')}"}
    args = records.refund_step().args | computed
    scene.propose(plan(when=TRUE, args=args))
    scene.steps(READ, QUOTE, REFUND)
    assert [refund.amount for refund in scene.book.refunds] == [625]


def test_an_amount_computed_above_the_limit_is_refused(scene: Scene) -> None:
    args = records.refund_step().args | {"amount": "${money.scale(steps.quote.amount, '1.7')}"}
    scene.propose(plan(when=TRUE, args=args))
    scene.steps(READ, QUOTE)
    assert scene.step(REFUND).code == "bounds.exceeded"
    assert scene.book.refunds == []


# -- asking


def asks(scene: Scene, when: str) -> None:
    scene.propose(plan(when=when), asks=frozenset({REFUND, REPLY}))
    scene.steps(READ, QUOTE)


def test_a_step_that_is_left_out_for_sure_is_not_asked_about(scene: Scene) -> None:
    scene.propose(plan(when=FALSE, on=REPLY), asks=frozenset({REFUND, REPLY}))
    scene.steps(READ, QUOTE)
    asked = scene.ask("token-1")
    assert [step.step for step in asked.steps] == [REFUND]
    decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    refund, reply = scene.steps(REFUND, REPLY)
    assert (refund.outcome, reply.skipped) == (Outcome.DONE, True)
    assert scene.book.messages == []


def test_a_question_of_which_nothing_is_left_asks_nobody_and_the_run_goes_on(scene: Scene) -> None:
    asks(scene, FALSE)
    scene.waiting.waits.add("token-1")
    assert ask(scene.asking, Question(run=records.RUN, generation=1, move=1, token="token-1")) is None
    assert scene.waiting.answers["token-1"]["move"]["next"] == "one"
    assert scene.door.approvals.waiting(records.ACME) == ()
    assert [result.skipped for result in scene.steps(REFUND, REPLY)] == [True, True]


def test_what_was_asked_stays_the_same_once_later_steps_have_results(scene: Scene) -> None:
    """A condition on a write is not known when people are asked: it is asked about, then skipped."""
    proposal, verdict = scene.propose(
        plan(when="steps.refund.refund == 'another'", on=REPLY), asks=frozenset({REFUND, REPLY})
    )
    scene.steps(READ, QUOTE)
    asked = scene.ask("token-1")
    assert [step.step for step in asked.steps] == [REFUND, REPLY]
    decide_approval(scene.deciding, asked.id, verb="approve", by=ANA, note="")
    assert [result.outcome for result in scene.steps(REFUND, REPLY)] == [Outcome.DONE, Outcome.NOT_DONE]
    assert asked_steps(proposal, verdict, scene.door.runs.results(records.RUN)) == asked.steps


def result(step: str, **fields: object) -> StepResult:
    return records.result(step=StepId(step)).model_copy(update=fields)


def steps(*given: tuple[str, str, tuple[str, ...], str | None]) -> Plan:
    made = tuple(
        Step.model_validate(
            {"id": name, "tool": tool, "channel": "" if "." in tool[:5] else records.SHOP, "needs": needs,
             "when": when, "args": {"question": "?"} if tool == "ask.person" else {"order": "o"}}
        )
        for name, tool, needs, when in given
    )  # fmt: skip
    return Plan(name="p", steps=made)


def test_a_question_that_is_left_out_leaves_out_what_needs_it() -> None:
    made = steps(
        ("ask", "ask.person", (), "1 > 2"),
        ("second", "ask.person", ("ask",), None),
        ("read", "orders.get", ("second",), None),
        ("free", "orders.get", (), None),
    )
    assert skipped(made, made.step(StepId("read")), {})
    assert not skipped(made, made.step(StepId("free")), {})


def test_a_hundred_questions_that_need_one_another_are_told_at_once() -> None:
    names = [f"q{n}" for n in range(99)]
    made = steps(
        *((name, "ask.person", tuple(names[:index]), None) for index, name in enumerate(names)),
        ("read", "orders.get", tuple(names), None),
    )
    assert not skipped(made, made.step(StepId("read")), {})


# -- values foretold


def test_tests_of_a_plan_see_what_a_dry_run_foretells() -> None:
    made = Plan(name="p", inputs={"floor": 5, "event": {"drop": 6.0}})
    values = Values(made, {StepId("price"): {"args": {}, "before": {"price": 9}, "after": {"price": 7}}})
    assert values.holds("steps.price.after.price >= inputs.floor && event.drop > 5.0")
    assert not values.holds("steps.price.before.price < inputs.floor")
    assert values.argument({"a": ["${steps.price.after}", "${event.drop}", "${event.drop * 2.0}"]}) == {
        "a": [{"price": 7}, 6.0, 12.0]
    }
    with pytest.raises(Rejected):
        values.holds("steps.other.after.price > 1")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("${money.sub(inputs.a, inputs.b)}", "below zero"),
        ("${money.add(inputs.a, inputs.usd)}", "money.add"),
        ("${money.scale(inputs.a, inputs.secret)}", "money.scale"),
        ("${money.scale(inputs.a, '99999999999999999')}", "money.scale"),
        ("${money.percent_drop(inputs.zero, inputs.b)}", "money.percent_drop"),
        ("${inputs.a.amount / 0}", "cannot be evaluated"),
        (
            "${[inputs.many]" + ".map(x, x + x)" * 20 + "}",
            "too long",
        ),
    ],
)
def test_what_cannot_be_computed_says_why_and_quotes_no_value(source: str, says: str) -> None:
    inputs: dict[str, JsonValue] = {
        "a": {"amount": 4711, "currency": "EUR"}, "b": {"amount": 4712, "currency": "EUR"},
        "usd": {"amount": 1, "currency": "USD"}, "zero": {"amount": 0, "currency": "EUR"},
        "secret": "kim@example.com", "many": list(range(3000)),
    }  # fmt: skip
    with pytest.raises(Rejected) as caught:
        Values(Plan(name="p", inputs=inputs), {}).argument(source)
    assert caught.value.code == "expression.invalid"
    assert says in str(caught.value)
    assert "kim" not in str(caught.value)
    assert "4711" not in str(caught.value)
