"""Blast radius: how much one plan may reach, whatever its steps would be allowed one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nightshift.errors import BadInput
from nightshift.gate.decide import decide
from nightshift.gate.rules import check_rules
from nightshift.model.policy import Allowance, BlastRadius
from nightshift.model.verdict import Decision
from tests.core.gate.plans import (
    DEFAULT_POLICY,
    ORDER,
    QUOTE,
    STANDARD,
    TOOLS,
    cancel,
    facts,
    money,
    proposal,
    refund,
    reply,
    set_address,
    step,
)

if TYPE_CHECKING:
    from nightshift.model.plan import Step
    from nightshift.model.verdict import Verdict

ALLOW, ASK, REFUSE = Decision.ALLOW, Decision.ASK, Decision.REFUSE
FREE = tuple(
    Allowance(name=tool, tool=tool) for tool in ("inventory.set", "pricing.set", "orders.set_address")
)
ALONE: dict[str, Any] = {"case": None, "customer": None}


def radius(then: str = "REFUSE", name: str = "big", **bounds: object) -> BlastRadius:
    return BlastRadius.model_validate({"name": name, "then": then, **bounds})


def judge(bound: tuple[BlastRadius, ...], *steps: Step, **about: Any) -> Verdict:  # noqa: ANN401  # fields of a proposal
    """Everything a step could be asked for by itself is allowed, so that only the radius speaks."""
    policy = DEFAULT_POLICY.model_copy(
        update={
            "blast_radius": bound,
            "windows": (),
            "allowances": (*DEFAULT_POLICY.allowances, *FREE),
            "roles": {"support": DEFAULT_POLICY.roles["admin"]},
        }
    )
    asked = proposal(*steps, **about)
    return decide(asked, facts(asked, policy=policy))


def stock(number: int, sku: object = None, quantity: object = 3) -> Step:
    args = {"sku": f"MUG-{number}" if sku is None else sku, "quantity": quantity}
    return step(f"stock_{number}", "inventory.set", args)


def hit(verdict: Verdict) -> set[str]:
    return {f.step or "" for f in verdict.findings if f.rule == "blast-radius:big"}


@pytest.mark.guarantee("gate:blast-radius")
@pytest.mark.parametrize(("writes", "decision"), [(3, ALLOW), (4, REFUSE)])
def test_writes_are_counted_and_reads_are_not(writes: int, decision: Decision):
    steps = [ORDER, QUOTE, *(stock(number) for number in range(writes))]
    verdict = judge((radius(writes=3),), *steps)
    assert verdict.decision is decision
    assert len(hit(verdict)) == (writes if decision is REFUSE else 0)


@pytest.mark.parametrize(("then", "decision"), [("ASK", ASK), ("REFUSE", REFUSE)])
def test_beyond_it_asks_or_refuses_as_policy_says(then: str, decision: Decision):
    verdict = judge((radius(then, writes=1),), stock(1), stock(2))
    assert verdict.decision is decision
    assert all(f.fix for f in verdict.findings)


def test_a_small_radius_may_ask_and_a_larger_one_refuse():
    bounds = (radius("ASK", "some", skus=1), radius("REFUSE", "many", skus=3))
    assert judge(bounds, stock(1)).decision is ALLOW
    assert judge(bounds, stock(1), stock(2)).decision is ASK
    assert judge(bounds, *(stock(number) for number in range(4))).decision is REFUSE


def test_a_product_counts_once_over_all_channels_and_steps():
    price = step("price", "pricing.set", {"sku": "MUG-1", "price": {"amount": 900, "currency": "EUR"}})
    assert judge((radius(skus=1),), stock(1), price).decision is ALLOW
    assert judge((radius(skus=1),), stock(1), stock(2), price).decision is REFUSE


def test_a_product_that_only_the_run_can_tell_counts_as_one_more():
    inputs = {"order": "gid://shopify/Order/1", "sku": "MUG-1"}
    same = judge((radius(skus=1),), stock(1), stock(2, "${inputs.sku}"), inputs=inputs)
    assert hit(same) == set()
    other = judge((radius(skus=1),), ORDER, stock(1), stock(2, "${steps.order.lines[0].sku}"))
    assert hit(other) == {"stock_1", "stock_2"}


def test_products_in_lists_of_inputs_are_counted_each():
    inputs = {"items": [{"sku": "A"}, {"sku": "B"}, {"sku": "A"}]}
    many = step("many", "inventory.adjust", {"items": "${inputs.items}"})
    assert hit(judge((radius(skus=1),), many, inputs=inputs)) == {"many"}
    assert hit(judge((radius(skus=2),), many, inputs=inputs)) == set()
    assert hit(judge((radius(skus=1),), step("many", "inventory.adjust", {"skus": ["A", "B"]}))) == {"many"}


def address(number: int) -> Step:
    there = set_address(args={"order": f"gid://shopify/Order/{number}"})
    return there.model_copy(update={"id": f"move_{number}"})


def test_each_order_and_each_conversation_without_a_case_counts_as_a_customer():
    assert hit(judge((radius(customers=2),), address(1), address(2), **ALONE)) == set()
    assert hit(judge((radius(customers=2),), address(1), address(2), address(3), **ALONE)) == {
        "move_1", "move_2", "move_3"
    }  # fmt: skip
    assert hit(judge((radius(customers=1),), address(1), reply(), **ALONE)) == {"move_1", "reply"}


def test_a_case_is_about_one_customer_whose_order_and_conversation_are_one():
    assert hit(judge((radius(customers=1),), *STANDARD, reply(needs=("refund",)))) == set()
    second = reply("second", args={"conversation": "conv-2"})
    assert hit(judge((radius(customers=1),), *STANDARD, reply(), second)) == {"refund", "reply", "second"}


def test_money_is_the_sum_of_all_limits_whatever_the_tool():
    bound = radius(money=money(6000))
    assert hit(judge((bound,), ORDER, QUOTE, refund(1800), cancel(4200))) == set()
    assert hit(judge((bound,), ORDER, QUOTE, refund(1801), cancel(4200))) == {"refund", "cancel"}


def test_a_negative_limit_makes_no_room_for_another():
    bound = radius(money=money(6000))
    assert "cancel" in hit(judge((bound,), ORDER, QUOTE, refund(-9000), cancel(6001)))


def test_money_in_a_currency_that_no_radius_bounds_asks():
    verdict = judge((radius(money=money(6000, "USD")),), *STANDARD)
    assert verdict.decision is ASK
    assert [f.rule for f in verdict.findings] == ["currency"]
    assert judge((radius(writes=9),), *STANDARD).decision is ALLOW


def test_a_radius_that_bounds_nothing_is_refused():
    with pytest.raises(ValidationError, match="bounds nothing"):
        radius()


def test_two_radii_of_one_name_are_refused():
    both = DEFAULT_POLICY.model_copy(update={"blast_radius": (radius(writes=1), radius(skus=1))})
    with pytest.raises(BadInput, match=r"blast_radius\.1\.name"):
        check_rules(both)


def test_the_default_policy_bounds_what_one_plan_reaches():
    bounds = DEFAULT_POLICY.blast_radius
    assert {each.then for each in bounds} == {ASK, REFUSE}
    assert any(each.skus for each in bounds)
    assert any(each.customers for each in bounds)
    assert {each.money.currency for each in bounds if each.money} == {"EUR", "USD", "GBP"}


SKUS = st.sampled_from(["A", "B", "C", "${inputs.one}", "${inputs.two}", "${steps.order.name}", "x ${y}"])


@settings(max_examples=150, deadline=None)
@given(st.lists(SKUS, min_size=1, max_size=8), st.integers(0, 4), st.sampled_from([ASK, REFUSE]))
def test_no_plan_beyond_its_radius_runs_unasked(skus: list[str], most: int, then: Decision):
    inputs: dict[str, Any] = {"one": "A", "two": "D", "order": "gid://shopify/Order/1"}
    steps = [ORDER, *(stock(number, sku) for number, sku in enumerate(skus))]
    verdict = judge((radius(then, skus=most),), *steps, inputs=inputs)
    resolved = {{"${inputs.one}": "A", "${inputs.two}": "D"}.get(sku, sku) for sku in skus}
    writes = {each.id for each in steps[1:]}
    assert hit(verdict) == (writes if len(resolved) > most else set())
    if len(resolved) > most:
        assert verdict.decision in {then, REFUSE}


def test_every_write_that_names_a_product_or_an_order_is_seen_by_its_own_example():
    """A new tool that calls its product or customer something else must be told to the radius."""
    names = {"sku", "skus", "order", "orders", "conversation", "customer", "invoice"}
    blind = {
        name
        for name, spec in TOOLS.items()
        if spec.effect.value != "READ" and not names & set(_properties(spec.input_schema))
    }
    assert blind == {"inventory.adjust"}  # one of these tests' own, without arguments


def _properties(schema: dict[str, Any]) -> list[str]:
    return list(schema.get("properties", {}))


def test_a_plan_without_writes_is_within_every_radius():
    assert judge((radius(writes=0, skus=0, customers=0, money=money(0)),), ORDER, QUOTE).decision is ALLOW
