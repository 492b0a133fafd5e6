"""Generated plans with expressions, sound and broken, against an oracle that reads them by pattern alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.errors import Rejected
from nightshift.gate.decide import decide
from nightshift.ids import StepId
from nightshift.model.plan import Plan, Principal, Step
from nightshift.model.verdict import Decision, Verdict
from nightshift.tools.asked import arguments
from nightshift.tools.contracts import ALL
from nightshift.tools.resolve import Values
from tests.core.gate.plans import SHOP, facts, proposal
from tests.core.gate.test_language import FREE

if TYPE_CHECKING:
    from pydantic import JsonValue

COMMON = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
OPS = Principal(id="ops", role="operations", kind="specialist")
IDS = ["a", "b", "c", "d"]
INPUTS: dict[str, Any] = {
    "sku": "MUG-1", "said": {"amount": 700, "currency": "EUR"}, "floor": {"amount": 900, "currency": "EUR"},
    "event": {"price": {"amount": 800, "currency": "EUR"}, "drop": 6.5}, "n": 3,
}  # fmt: skip

# Values in each place, mostly of its type, and now and then of another or of nothing.
MONEYS = ["inputs.floor", "inputs.said", "event.price", "steps.a.price", "steps.b.price",
          "steps.c.price", "money.of(inputs.n, 'EUR')", "money.of(1250, 'EUR')",
          "{'amount': 5, 'currency': 'EUR'}"]  # fmt: skip
OTHERS = ["inputs.n", "inputs.nothing", "steps.a.cost", "steps.z.price", "'text'", "1.5", "true", "nowhere.x",
          "inputs[inputs.sku]", "steps[inputs.sku].price", "money.of(-5, 'EUR')"]  # fmt: skip
ATOMS = st.one_of(*[st.sampled_from(MONEYS)] * 6, st.sampled_from(OTHERS))
NUMBERS = st.sampled_from(
    ["inputs.n", "event.drop", "steps.a.price.amount", "steps.b.quantity", "inputs.floor.amount", "5", "2.5",
     "'x'", "inputs.said.amount"]
)  # fmt: skip


def _moneys(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(st.sampled_from(["add", "min", "max", "sub"]), inner, inner).map(
            lambda t: f"money.{t[0]}({t[1]}, {t[2]})"
        ),
        st.tuples(inner, st.sampled_from(["'0.95'", "'1.1'", "0.95", "2", "'x'"])).map(
            lambda t: f"money.scale({t[0]}, {t[1]})"
        ),
        st.tuples(NUMBERS, NUMBERS, inner, inner).map(lambda t: f"{t[0]} > {t[1]} ? {t[2]} : {t[3]}"),
        inner.map(lambda s: f"[{s}].map(x, x)[0]"),
    )


EXPRESSIONS = st.recursive(ATOMS, _moneys, max_leaves=4)
CONDITIONS = st.none() | st.tuples(NUMBERS, st.sampled_from([">", "==", "<="]), NUMBERS).map(" ".join)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Reads and new prices that take what they like from one another."""
    steps: list[Step] = []
    for index, name in enumerate(IDS[: draw(st.integers(1, 4))]):
        reads = draw(st.booleans()) if index else True
        args: dict[str, Any] = {"sku": "${inputs.sku}"}
        if not reads:
            args["price"] = f"${{{draw(EXPRESSIONS)}}}"
        earlier = st.lists(st.sampled_from(IDS[:index]), unique=True) if index else st.just([])
        steps.append(
            Step.model_validate(
                {"id": name, "tool": "catalog.get_product" if reads else "pricing.set", "channel": SHOP,
                 "args": args, "when": draw(CONDITIONS),
                 "needs": IDS[:index] if draw(st.integers(0, 3)) else draw(earlier)}
            )
        )  # fmt: skip
    return Plan(name="p", inputs=INPUTS, steps=tuple(steps))


def judge(plan: Plan, tainted: tuple[str, ...] = ()) -> Verdict:
    asked = proposal(requester=OPS, tainted=tainted).model_copy(
        update={"plan": plan, "digest": plan.digest()}
    )
    return decide(asked, facts(asked, policy=FREE))


# --- the oracle: patterns over the text, none of the gate's reading ----------------------------------


def texts(step: Step) -> list[str]:
    return [str(step.args.get("price", "")), step.when or ""]


def closure(plan: Plan, name: StepId) -> set[str]:
    found: set[str] = set()
    to_see = [name]
    while to_see:
        for need in plan.step(to_see.pop()).needs:
            if need not in found:
                found.add(need)
                to_see.append(need)
    return found


def must_refuse(plan: Plan) -> bool:
    for step in plan.steps:
        said = " ".join(texts(step))
        if {*re.findall(r"steps\.([a-z]+)", said)} - closure(plan, step.id):
            return True
        if re.search(r"nowhere|inputs\.nothing|steps\[|\.cost|steps\.z", said):
            return True
        gives = {s.id: s.tool for s in plan.steps}
        if any(
            gives.get(StepId(s), "") == "pricing.set" for s in re.findall(r"steps\.([a-z]+)\.quantity", said)
        ):
            return True
    return False


def reads_tainted(step: Step, tainted: tuple[str, ...]) -> bool:
    price = str(step.args.get("price", ""))
    names = {"event" if word == "event" else word for word in re.findall(r"inputs\.(\w+)", price)}
    names |= {"event"} if re.search(r"\bevent\.", price) else set()
    return bool(names & set(tainted)) or ("inputs[" in price and bool(tainted))


@COMMON
@given(plans())
def test_no_plan_passes_that_names_what_is_not_there_or_not_needed(plan: Plan) -> None:
    if must_refuse(plan):
        assert judge(plan).decision is Decision.REFUSE


@COMMON
@given(plans(), st.sampled_from([("said",), ("event",), ("said", "event"), ()]))
def test_no_price_of_a_strangers_text_passes_without_a_person(plan: Plan, tainted: tuple[str, ...]) -> None:
    verdict = judge(plan, tainted)
    for step in plan.steps:
        if reads_tainted(step, tainted):
            assert verdict.of(step.id).decision is not Decision.ALLOW


PRICES = st.builds(lambda n: {"amount": n, "currency": "EUR"}, st.integers(0, 10**6))


@COMMON
@given(plans(), PRICES, st.integers(0, 50))
def test_what_passes_can_be_computed_or_is_refused_in_words(
    plan: Plan, price: dict[str, JsonValue], quantity: int
) -> None:
    """With any outputs that keep the contracts: an argument of the right type, or a refusal of its step."""
    verdict = judge(plan)
    if verdict.decision is Decision.REFUSE:
        assert all(found.problem and found.fix for found in verdict.findings)
        return
    outputs: dict[StepId, dict[str, JsonValue]] = {}
    code = ""
    for step in plan.steps:
        values = Values(plan, outputs)
        try:
            if step.when is not None:
                assert values.holds(step.when) in {True, False}
            given_args = {name: values.argument(value) for name, value in step.args.items()}
        except Rejected as exc:
            code = exc.code
            break
        made = given_args.get("price")
        if not isinstance(made, dict) or made["amount"] != 0:  # which no price may be: the tool says so
            assert isinstance(arguments(ALL[step.tool], given_args), ALL[step.tool].input)
        outputs[step.id] = {"price": price, "quantity": quantity}
    assert code in {"", "expression.invalid", "condition.invalid"}


@COMMON
@given(plans(), st.randoms())
def test_the_order_of_steps_changes_no_decision(plan: Plan, shuffled: Any) -> None:  # noqa: ANN401  # a Random
    steps = list(plan.steps)
    shuffled.shuffle(steps)
    other = plan.model_copy(update={"steps": tuple(steps)})
    assert judge(other).decision is judge(plan).decision
