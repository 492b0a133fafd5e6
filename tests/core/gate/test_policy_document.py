"""docs/policy.md: every example is a policy that can be saved, and does what the document says."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.gate.decide import decide
from nightshift.gate.facts import day_began
from nightshift.gate.policies import parse_policy
from nightshift.gate.rules import FIELDS, NAMES
from nightshift.ids import StepId
from nightshift.model.policy import Policy
from nightshift.model.verdict import Decision
from nightshift.tools.contracts import ALL
from tests.core.gate.plans import NOW, ORDER, QUOTE, ROOT, STANDARD, facts, proposal, refund, reply, step

if TYPE_CHECKING:
    from nightshift.model.plan import Step

DOCUMENT = (ROOT / "docs/policy.md").read_text(encoding="utf-8")
DEFAULT = (ROOT / "policies/default.toml").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
SAID = parse_policy("\n".join([DEFAULT, *BLOCKS]))
ALLOW, ASK, REFUSE = Decision.ALLOW, Decision.ASK, Decision.REFUSE


@pytest.mark.parametrize("block", BLOCKS)
def test_each_example_can_be_added_to_the_default_policy(block: str):
    added = parse_policy(DEFAULT + block)
    assert added != parse_policy(DEFAULT)


def test_the_examples_name_tools_that_exist():
    named = {tool for rule in SAID.rules for tool in rule.tools} | {window.tool for window in SAID.windows}
    assert named - {"*"} <= set(ALL)


def test_the_table_of_names_is_what_a_rule_sees():
    table = DOCUMENT.split("| name | is |")[1].split("**A rule")[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE))
    rows.pop("---", None)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(NAMES)
    for name, fields in FIELDS.items():
        assert fields <= set(re.findall(r"`(\w+)`", rows[f"`{name}`"]))


def test_the_table_of_sections_names_sections_of_a_policy():
    table = DOCUMENT.split("| section | says |")[1].split("## Roles")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) < set(Policy.model_fields)


def rules_of(*steps: Step, hour: int = 12, weekday: int = 6, **about: Any) -> dict[str, Decision]:  # noqa: ANN401
    """The rules of the document that speak against a plan."""
    now = NOW.replace(hour=hour, day=NOW.day - 6 + weekday)
    asked = proposal(*steps, **about)
    verdict = decide(asked, facts(asked, policy=SAID, now=now, day_began=day_began(now, "UTC")))
    return {f.rule.removeprefix("rule:"): f.decision for f in verdict.findings if f.rule.startswith("rule:")}


def price(amount: object) -> Step:
    return step("price", "pricing.set", {"sku": "MUG", "price": amount})


def test_the_rules_of_the_document_do_what_it_says():
    assert rules_of(step("end", "listings.end", {"sku": "MUG"})) == {"no-listing-ends-unseen": ASK}
    assert rules_of(price({"amount": 99, "currency": "EUR"})) == {"never-free": REFUSE}
    assert rules_of(price({"amount": 100, "currency": "EUR"})) == {}
    assert rules_of(ORDER, price("${steps.order.captured}")) == {}
    assert rules_of(reply()) == {}
    for at in ({"hour": 7}, {"hour": 20}, {"weekday": 7}):
        assert rules_of(reply(), **at) == {"quiet-hours": ASK}
    assert rules_of(*STANDARD, proposed_by="model:opus") == {"big-refunds-by-models": ASK}
    assert rules_of(ORDER, QUOTE, refund(1000), proposed_by="model:opus") == {}
    assert rules_of(*STANDARD, proposed_by="person:ana") == {}


def test_the_budgets_and_radii_of_the_document_bound_what_it_says():
    windows = {window.name: window for window in SAID.windows}
    assert windows["all-money-a-day"].tool == "*"
    moved = [refund(1, f"refund_{number}") for number in range(3)]
    asked = proposal(ORDER, QUOTE, *moved, workflow="x@1")
    keys = {(c.key.tool, c.key.workflow) for c in facts(asked, policy=SAID).counters}
    assert ("*", None) in keys
    stock = [step(f"s_{n}", "inventory.set", {"sku": f"M{n}", "quantity": 1}) for n in range(61)]
    asked = proposal(*stock[:21])
    rules = {f.rule for f in decide(asked, facts(asked, policy=SAID)).findings}
    assert {rule for rule in rules if rule.startswith("blast")} == {"blast-radius:few-products"}
    asked = proposal(*stock)
    assert "blast-radius:far-too-much" in {f.rule for f in decide(asked, facts(asked, policy=SAID)).findings}


def test_a_role_of_its_own_holds_what_it_says_and_no_more():
    asked = proposal(
        step("stock", "inventory.set", {"sku": "MUG", "quantity": 1}),
        requester={"id": "kim", "role": "stock-keeper", "kind": "person"},
    )
    assert decide(asked, facts(asked, policy=SAID)).decision is ASK
    asked = proposal(*STANDARD, requester={"id": "kim", "role": "stock-keeper", "kind": "person"})
    verdict = decide(asked, facts(asked, policy=SAID))
    assert verdict.decision is REFUSE
    assert verdict.of(StepId("refund")).rule == "permission"
    assert isinstance(verdict.decided_at, datetime)
