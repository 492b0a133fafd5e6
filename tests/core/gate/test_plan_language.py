"""Every example of docs/plan-language.md is read, judged and computed; the schema is that of the code."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from build import plan_schema
from nightshift.catalog import catalog
from nightshift.expressions import Facts
from nightshift.gate.decide import decide
from nightshift.gate.facts import ChannelFacts
from nightshift.gate.inference import infer
from nightshift.gate.outline import Outline
from nightshift.model.plan import CONTROL, Plan, Principal
from nightshift.model.verdict import Decision
from nightshift.syntax import FUNCTIONS
from tests.core.gate.plans import ROOT, facts, proposal

TEXT = (ROOT / "docs/plan-language.md").read_text(encoding="utf-8")
CHANNELS = {
    name: ChannelFacts(adapter=name.partition("-")[0], live_tools=frozenset(catalog()))
    for name in ("shopify-eu", "amazon-de", "ebay-de")
}
EUR: dict[str, Any] = {"currency": "EUR"}
INPUTS: dict[str, Any] = {
    "price": {"amount": 1999} | EUR, "floor": {"amount": 900} | EUR, "tags": ["new", "sale"], "sku": "MUG-1",
    "event": {"drop_percent": 6.5},
}  # fmt: skip


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def lines(kind: str, between: str) -> list[tuple[str, str]]:
    found = [line for block in blocks(kind) for line in block.splitlines()]
    return [(a.strip(), b.strip()) for a, b in (re.split(between, line, maxsplit=1) for line in found)]


PLANS = [json.loads(block) for block in blocks("json")]
COMPUTED = lines("cel", " => ")
REFUSED = lines("refused", r"  +: | : ")


def test_there_is_something_to_test() -> None:
    assert (len(PLANS), len(COMPUTED), len(REFUSED)) == (2, 10, 7)


@pytest.mark.parametrize("document", PLANS, ids=[plan["name"] for plan in PLANS])
def test_a_plan_of_the_page_is_accepted_by_schema_and_gate(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(plan_schema.schema()).validate(document)
    plan = Plan.model_validate(document)
    given = proposal(requester=Principal(id="ana", role="manager", kind="person")).model_copy(
        update={"plan": plan, "digest": plan.digest()}
    )
    verdict = decide(given, facts(given, tools=catalog(), channels=CHANNELS))
    assert [f for f in verdict.findings if f.decision is Decision.REFUSE] == []
    assert verdict.decision is Decision.ASK


@pytest.mark.parametrize(("source", "value"), COMPUTED)
def test_an_expression_of_the_page_gives_what_the_page_says(source: str, value: str) -> None:
    seen = Facts({"inputs": INPUTS, "steps": {}, "event": INPUTS["event"]})
    assert seen.evaluate(source) == json.loads(value)
    outline = Outline(plan=Plan(name="p", inputs=INPUTS), tools=catalog())
    assert infer(source, outline, step=None)[1] == ()


@pytest.mark.parametrize(("source", "says"), REFUSED)
def test_what_the_page_says_is_refused_is(source: str, says: str) -> None:
    document = json.loads(json.dumps(PLANS[0]))
    document["steps"][2]["args"]["price"] = f"${{{source}}}"
    plan = Plan.model_validate(document)
    given = proposal(requester=Principal(id="ana", role="manager", kind="person")).model_copy(
        update={"plan": plan, "digest": plan.digest()}
    )
    verdict = decide(given, facts(given, tools=catalog(), channels=CHANNELS))
    assert verdict.decision is Decision.REFUSE
    told = [found for found in verdict.findings if found.field == "args.price"]
    assert any(says in found.problem for found in told), told


def test_the_page_names_every_function_and_every_control_step() -> None:
    for name in {*FUNCTIONS, *CONTROL}:
        assert f"`{name}" in TEXT or f"{name}(" in TEXT, name


def test_the_published_schema_is_that_of_the_code() -> None:
    assert plan_schema.main(["--check"]) == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(plan_schema.PATH.read_text(encoding="utf-8")))


BROKEN: list[dict[str, Any]] = [
    {"name": "Not A Name", "steps": []},
    {"name": "p", "more": 1},
    {"name": "p", "steps": [{"id": "a"}]},
    {"name": "p", "steps": [{"id": "A", "tool": "orders.get", "channel": "c"}]},
    {"name": "p", "steps": [{"id": "a", "tool": "orders", "channel": "c"}]},
    {"name": "p", "steps": [{"id": "a", "tool": "orders.get", "channel": "c", "when": ""}]},
    {"name": "p", "steps": [{"id": "a", "tool": "a.b", "channel": "c", "limit": {"amount": 1.5} | EUR}]},
    {"name": "p", "tests": [{"name": "t"}]},
]  # fmt: skip


@pytest.mark.parametrize("document", BROKEN)
def test_what_the_model_refuses_the_schema_refuses(document: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(plan_schema.schema()).is_valid(document)
    with pytest.raises(ValueError, match="validation error"):
        Plan.model_validate(document)


@pytest.mark.parametrize(
    ("step", "fine"),
    [
        ({"tool": "wait.for", "args": {"seconds": 5}}, True),
        ({"tool": "wait.for", "args": {"seconds": "${inputs.n}"}}, True),
        ({"tool": "wait.for", "args": {"seconds": "5"}}, False),
        ({"tool": "wait.for", "args": {"seconds": 5}, "channel": "c"}, False),
        ({"tool": "wait.for"}, False),
        ({"tool": "wait.until", "args": {"at": "2026-12-24T08:00:00+01:00"}}, True),
        ({"tool": "wait.until", "args": {"at": "2026-12-24T08:00:00"}}, False),
        ({"tool": "ask.person", "args": {"question": ""}}, False),
        ({"tool": "ask.person", "args": {"question": "?", "more": 1}}, False),
    ],
)
def test_the_schema_knows_control_steps(step: dict[str, Any], *, fine: bool) -> None:
    document = {"name": "p", "steps": [{"id": "a"} | step]}
    assert jsonschema.Draft202012Validator(plan_schema.schema()).is_valid(document) is fine
