"""Expressions, conditions, tests and control steps: everything wrong with them at once, where it stands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from nightshift.gate.decide import decide
from nightshift.model.plan import Plan, PlanTest, Principal, Step
from nightshift.model.policy import Allowance
from nightshift.model.verdict import Decision
from tests.core.gate.plans import DEFAULT_POLICY, ORDER, QUOTE, SHOP, facts, proposal, refund, reply, step

if TYPE_CHECKING:
    from nightshift.model.verdict import Finding, Verdict

ALLOW, ASK, REFUSE = Decision.ALLOW, Decision.ASK, Decision.REFUSE
OPERATIONS = Principal(id="ops", role="operations", kind="specialist")
FREE = DEFAULT_POLICY.model_copy(
    update={
        "rules": (),
        "allowances": (
            *DEFAULT_POLICY.allowances,
            Allowance(name="prices", tool="pricing.set"),
            Allowance(name="stock", tool="inventory.set"),
        ),
    }
)
EVENT = {"sku": "MUG-1", "drop_percent": 6.5, "note": None, "tags": ["a"]}
INPUTS: dict[str, Any] = {
    "sku": "MUG-1", "floor": {"amount": 900, "currency": "EUR"}, "factor": "0.95", "count": 3, "event": EVENT,
}  # fmt: skip
PRODUCT = step("product", "catalog.get_product", {"sku": "${inputs.sku}"})


def reprice(price: object, *, id_: str = "reprice", **fields: object) -> Step:
    return step(
        id_, "pricing.set", {"sku": "${inputs.sku}", "price": price}, **({"needs": ("product",)} | fields)
    )


LOWER = reprice("${money.scale(steps.product.price, '0.95')}")


def judge(*steps: Step, tests: tuple[PlanTest, ...] = (), **plan: object) -> Verdict:
    made = Plan(name="reprice", inputs=plan.pop("inputs", INPUTS), steps=steps, tests=tests)
    given = proposal(*steps, **({"requester": OPERATIONS} | plan))
    given = given.model_copy(update={"plan": made, "digest": made.digest()})
    return decide(given, facts(given, policy=FREE))


def found(verdict: Verdict, rule: str) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.rule == rule]


SOUND = {
    "a scaled price": "${money.scale(steps.product.price, '0.95')}",
    "a factor from an input": "${money.scale(steps.product.price, inputs.factor)}",
    "never below a floor": "${money.max(inputs.floor, money.scale(steps.product.price, '0.95'))}",
    "money made of numbers": "${money.of(inputs.count * 100, 'EUR')}",
    "money written out": "${{'amount': steps.product.price.amount - 1, 'currency': 'EUR'}}",
    "a choice": "${event.drop_percent > 5.0 ? inputs.floor : steps.product.price}",
    "a guarded field": "${has(event.price) ? event.price : inputs.floor}",
    "a sum": "${money.add(steps.product.price, money.of(1, 'EUR'))}",
    "a difference": "${money.sub(steps.product.price, money.of(1, 'EUR'))}",
}


@pytest.mark.parametrize("price", SOUND.values(), ids=SOUND)
def test_an_expression_that_is_sound_is_allowed(price: str) -> None:
    verdict = judge(PRODUCT, reprice(price))
    assert verdict.findings == ()
    assert verdict.decision is ALLOW


class Wrong(NamedTuple):
    """An expression and a word that its finding has to say."""

    source: str
    says: str


BROKEN = {
    "unreadable": Wrong("${money.scale(steps.product.price, }", "cannot be used"),
    "empty brackets": Wrong("${}", "no whole reference"),
    "half an expression": Wrong("at ${steps.product.price}", "no whole reference"),
    "two at once": Wrong("${inputs.sku} and ${inputs.sku}", "cannot be used"),
    "too long": Wrong("${" + "1 + " * 300 + "1}", "characters"),
    "too many words": Wrong("${" + "1+" * 200 + "1}", "words"),
    "too deep": Wrong("${" + "(" * 30 + "1" + ")" * 30 + "}", "too deep"),
    "loops in loops": Wrong("${[1].map(a, [1].map(b, [1].map(c, c)))}", "too deep"),
    "an unknown function": Wrong("${money.double(steps.product.price)}", "no function money.double"),
    "an unknown name": Wrong("${money.scale(product.price, '0.95')}", "nothing is called product"),
    "an unknown step": Wrong("${money.scale(steps.prduct.price, '0.95')}", "no step prduct"),
    "an unknown field": Wrong("${money.scale(steps.product.cost, '0.95')}", "has no cost"),
    "an unknown input": Wrong("${money.max(inputs.flor, inputs.floor)}", "no input flor"),
    "nothing there in an input": Wrong("${money.max(event.price, inputs.floor)}", "has nothing there"),
    "a step that only a run can tell": Wrong("${steps[inputs.sku].price}", "names no step"),
    "itself": Wrong("${money.scale(steps.reprice.price, '0.95')}", "of itself"),
    "text for money": Wrong("${inputs.sku + '-x'}", "gives text"),
    "a number for money": Wrong("${steps.product.price.amount - 1}", "gives a whole number"),
    "a truth for money": Wrong("${steps.product.price.amount > 1}", "gives true or false"),
    "money times a number": Wrong("${steps.product.price * 2}", "Money * a whole number"),
    "money plus money by sign": Wrong("${steps.product.price + inputs.floor}", "Money + Money"),
    "a factor that is not exact": Wrong("${money.scale(steps.product.price, 0.95)}", "a number"),
    "a factor that is no number": Wrong("${money.scale(steps.product.price, 'half')}", "no decimal number"),
    "text scaled": Wrong("${money.scale(inputs.sku, '0.95')}", "is given"),
    "whole numbers and decimals mixed": Wrong("${money.of(inputs.count * 1.5, 'EUR')}", "* a number"),
    "money compared": Wrong(
        "${steps.product.price < inputs.floor ? inputs.floor : inputs.floor}", "Money < Money"
    ),
    "unlike compared": Wrong("${inputs.sku == 3 ? inputs.floor : inputs.floor}", "never are the same"),
    "a condition that is none": Wrong("${inputs.count ? inputs.floor : inputs.floor}", "not true or false"),
    "a constant below nothing": Wrong("${money.of(1250, 'euro')}", "is no money"),
    "an amount that overflows": Wrong("${money.of(9000000000000000000, 'EUR')}", "larger than any"),
    "a loop over a number": Wrong("${inputs.count.map(x, x)[0]}", "goes over"),
    "a loop that hides the steps": Wrong("${[1].map(steps, inputs.floor)[0]}", "calls its entry steps"),
    "a clock": Wrong("${now()}", "no function now"),
}  # fmt: skip


@pytest.mark.guarantee("gate:language")
@pytest.mark.parametrize(
    "wrong",
    BROKEN.values(),
    ids=BROKEN,
)
def test_an_expression_that_is_broken_refuses_the_plan_and_says_where(wrong: Wrong) -> None:
    verdict = judge(PRODUCT, reprice(wrong.source))
    assert verdict.decision is REFUSE
    told = found(verdict, "argument")
    assert told
    assert {(finding.step, finding.field) for finding in told} == {("reprice", "args.price")}
    assert any(wrong.says in finding.problem for finding in told)
    assert all(finding.fix for finding in told)


def test_a_step_must_be_needed_to_be_named_at_any_remove() -> None:
    unneeded = judge(PRODUCT, reprice(SOUND["a scaled price"], needs=()))
    assert "without needing it" in found(unneeded, "argument")[0].problem
    stock = step("stock", "inventory.set", {"sku": "MUG-1", "quantity": 1}, needs=("product",))
    far = judge(PRODUCT, stock, reprice(SOUND["a scaled price"], needs=("stock",)))
    assert far.decision is ALLOW


def test_all_that_is_wrong_is_said_at_once() -> None:
    verdict = judge(
        PRODUCT,
        reprice("${money.scale(steps.product.cost, 0.5)}", when="inputs.nothing", needs=("product",)),
        reprice("${nowhere}", id_="other", when="1 +"),
        tests=(PlanTest(name="t", that="steps.x.y"),),
    )
    assert {(f.rule, f.step, f.field) for f in verdict.findings} == {
        ("argument", "reprice", "args.price"), ("condition", "reprice", "when"),
        ("argument", "other", "args.price"), ("condition", "other", "when"), ("test", None, "tests[0].that"),
    }  # fmt: skip
    assert len(found(verdict, "argument")) == 3


@pytest.mark.parametrize("amount", [-1, -(10**9), 10**15 + 1, 2**53 - 1])
def test_a_literal_amount_is_never_below_nothing_or_beyond_any_price(amount: int) -> None:
    wanted = {"amount": amount, "currency": "EUR"}
    for price, inputs in ((wanted, INPUTS), ("${inputs.floor}", INPUTS | {"floor": wanted})):
        verdict = judge(PRODUCT, reprice(price), inputs=inputs)
        assert verdict.decision is REFUSE
        assert found(verdict, "argument")[0].field.startswith("args.price")


# -- conditions


@pytest.mark.parametrize(
    "when",
    [
        "event.drop_percent > 5.0",
        "event.drop_percent > 5",
        "money.percent_drop(inputs.floor, steps.product.price) > 5.0",
        "steps.product.price.amount >= inputs.floor.amount && 'a' in event.tags",
        "has(event.price) && event.price.amount > 1",
        "event.note == null",
        "event.tags.exists(t, t == 'a')",
        "true",
    ],
)
def test_a_condition_that_gives_true_or_false_is_allowed(when: str) -> None:
    verdict = judge(PRODUCT, LOWER.model_copy(update={"when": when}))
    assert (verdict.decision, verdict.findings) == (ALLOW, ())


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("event.drop_percent", "not true or false"),
        ("event.drop_percent >", "too early"),
        ("event.fall > 5.0", "nothing there"),
        ("steps.product.price > inputs.floor", "Money > Money"),
        ("steps.nobody.price.amount > 1", "no step nobody"),
        ("'x'.repeat(5) == 'x'", "no function repeat"),
        ("money.percent_drop(event, inputs.floor) > 5.0", "is given"),
    ],
)
def test_a_condition_that_cannot_be_told_refuses_the_plan(when: str, says: str) -> None:
    verdict = judge(PRODUCT, LOWER.model_copy(update={"when": when}))
    told = found(verdict, "condition")
    assert verdict.decision is REFUSE
    assert {finding.field for finding in told} == {"when"}
    assert any(says in finding.problem for finding in told)


def test_a_condition_on_text_of_a_customer_is_noted_and_stops_nothing() -> None:
    conditional = reprice("${inputs.floor}", when="event.drop_percent > 5.0")
    verdict = judge(PRODUCT, conditional, tainted=("event",))
    (noted,) = verdict.findings
    assert (noted.rule, noted.field, noted.decision) == ("taint-condition", "when", ALLOW)
    assert verdict.decision is ALLOW
    assert verdict.of(conditional.id).rule == "allowance:prices"


@pytest.mark.guarantee("gate:computed-taint")
@pytest.mark.parametrize(
    "price",
    [
        "${money.of(event.amount, 'EUR')}",
        "${money.of(inputs.event.amount, 'EUR')}",
        "${money.of(inputs['event']['amount'], 'EUR')}",
        "${inputs[inputs.sku]}",
        "${event.amount > 5 ? inputs.floor : steps.product.price}",
        "${[event.amount].map(a, money.of(a, 'EUR'))[0]}",
        "${inputs.floor.amount > 1 ? inputs.floor : money.of(event.amount, 'EUR')}",
    ],
)
def test_an_expression_that_uses_text_of_a_customer_asks_a_person(price: str) -> None:
    inputs = INPUTS | {"event": {"amount": 700}}
    clean = judge(PRODUCT, reprice(price), inputs=inputs)
    tainted = judge(PRODUCT, reprice(price), inputs=inputs, tainted=("event",))
    assert clean.decision is ALLOW
    assert [finding.rule for finding in tainted.findings] == ["taint"]
    assert tainted.decision is ASK


# -- tests of a plan


def test_a_test_may_look_at_every_step_and_at_what_a_write_would_do() -> None:
    tests = (
        PlanTest(name="reads", that="steps.product.price.amount > 0"),
        PlanTest(name="writes", that="steps.reprice.after.price.amount >= inputs.floor.amount"),
    )
    assert judge(PRODUCT, LOWER, tests=tests).findings == ()


def test_a_test_that_cannot_be_told_is_named_by_its_place() -> None:
    tests = (PlanTest(name="fine", that="true"), PlanTest(name="not", that="steps.product.cost > 1"))
    (told,) = judge(PRODUCT, LOWER, tests=tests).findings
    assert (told.rule, told.field, told.decision) == ("test", "tests[1].that", REFUSE)


# -- control steps


def control(tool: str, args: dict[str, Any], **fields: object) -> Step:
    return Step.model_validate({"id": "pause", "tool": tool, "args": args} | fields)


@pytest.mark.parametrize(
    "pause",
    [
        control("wait.for", {"seconds": 60}),
        control("wait.for", {"seconds": "${inputs.count * 60}"}),
        control("wait.until", {"at": "2026-12-24T08:00:00+01:00"}),
        control("wait.for", {"seconds": 60}, needs=("product",), when="steps.product.price.amount > 100"),
    ],
)
def test_a_wait_is_allowed_and_has_no_channel(pause: Step) -> None:
    verdict = judge(PRODUCT, pause, reprice("${inputs.floor}", needs=("pause",)))
    assert (verdict.decision, verdict.findings) == (ALLOW, ())
    assert verdict.of(pause.id).rule == "control"


@pytest.mark.parametrize(
    ("pause", "field"),
    [
        (control("wait.for", {}), "args.seconds"),
        (control("wait.for", {"seconds": 0}), "args.seconds"),
        (control("wait.for", {"seconds": 31 * 86_400}), "args.seconds"),
        (control("wait.for", {"seconds": "soon"}), "args.seconds"),
        (control("wait.for", {"seconds": "${inputs.sku}"}), "args.seconds"),
        (control("wait.for", {"seconds": 5, "minutes": 1}), "args.minutes"),
        (control("wait.until", {"at": "tomorrow"}), "args.at"),
        (control("wait.until", {"at": "2026-12-24T08:00:00"}), "args.at"),
        (control("ask.person", {}), "args.question"),
        (control("ask.person", {"question": ""}), "args.question"),
        (control("wait.for", {"seconds": 5}, channel=SHOP), "channel"),
        (control("wait.for", {"seconds": 5}, limit={"amount": 1, "currency": "EUR"}), "limit"),
        (control("wait.patiently", {}), "tool"),
        (control("ask.everybody", {}), "tool"),
    ],
)
def test_a_control_step_that_is_wrong_says_where(pause: Step, field: str) -> None:
    verdict = judge(PRODUCT, pause, LOWER)
    assert verdict.decision is REFUSE
    assert {f.field for f in found(verdict, "control") if f.decision is REFUSE} == {field}


def test_a_step_of_a_tool_names_a_channel() -> None:
    verdict = judge(PRODUCT.model_copy(update={"channel": ""}))
    (told,) = found(verdict, "channel")
    assert (told.step, told.field) == ("product", "channel")


def test_a_question_asks_about_itself_and_every_write_after_it() -> None:
    asks = control("ask.person", {"question": "Lower it?"}, needs=("product",))
    stock = step("stock", "inventory.set", {"sku": "MUG-1", "quantity": 1})
    wait = Step.model_validate({"id": "wait", "tool": "wait.for", "args": {"seconds": 1}, "needs": ["pause"]})
    verdict = judge(PRODUCT, asks, stock, wait, reprice("${inputs.floor}", needs=("wait",)))
    assert verdict.decision is ASK
    decisions = {found.step: found.decision for found in verdict.steps}
    assert decisions == {"product": ALLOW, "pause": ASK, "stock": ALLOW, "wait": ALLOW, "reprice": ASK}


def test_what_a_person_approves_may_be_computed_from_reads_only() -> None:
    later = reply(
        needs=("refund",),
        template="insult@1",
        args={"fields": {"sum": "${string(steps.refund.refund.size())}"}},
    )
    given = proposal(ORDER, QUOTE, refund(), later)
    verdict = decide(given, facts(given))
    assert [f.step for f in found(verdict, "unshowable")] == ["reply"]


@pytest.mark.parametrize(
    "growing",
    [
        "[inputs.floor]" + ".map(e, true ? e : e)" * 22 + "[0]",
        "[inputs.floor]" + ".map(e, [e, e])" * 25 + "[0]",
        "[inputs.floor]" + ".map(e, [e, [e]])" * 20 + "[0]",
        "true ? 'a' : " * 22 + "'z'",
        " + ".join(["steps.product.price"] * 70),
    ],
)
def test_judging_an_expression_takes_milliseconds_whatever_it_says(growing: str) -> None:
    began = time.process_time()
    judge(PRODUCT, reprice(f"${{{growing}}}"))
    assert time.process_time() - began < 0.5
