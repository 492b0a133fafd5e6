"""A plan as it would run now: reads carried out, writes predicted, conditions followed, nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.dryrun.foresee import Foreseeing, check, dry_run
from nightshift.gate.policies import parse_policy
from nightshift.ids import StepId, occurrence_run_id
from nightshift.model.dryrun import DryRun, Foreseen, Prospect
from nightshift.model.plan import Plan, Principal, Proposal
from nightshift.model.policy import Allowance
from nightshift.model.verdict import Decision
from tests.support import records
from tests.support.desk import ROOT
from tests.support.rehearsal import Shelf, foreseeing

if TYPE_CHECKING:
    from pydantic import JsonValue

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

SHOP = "shop-eu"
SKU = "MUG-BLUE"


def eur(amount: int) -> dict[str, JsonValue]:
    return {"amount": amount, "currency": "EUR"}


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.put(SHOP, SKU, price=1250, quantity=7)
    return shelf


@pytest.fixture
def parts(tables: Tables, clock: FixedClock, shelf: Shelf) -> Foreseeing:
    config = DynamoConfig(tables.config, client("dynamodb"))
    policy = parse_policy((ROOT / "policies" / "default.toml").read_text(encoding="utf-8"))
    # Nobody is asked about prices, so that one price may follow from what another step gave back.
    prices = Allowance(name="prices", tool="pricing.set")
    config.put_policy(records.ACME, policy.model_copy(update={"allowances": (*policy.allowances, prices)}))
    config.put_tenant(records.tenant())
    config.put_channel(records.channel(adapter="shopify"))
    return foreseeing(tables, clock, shelf)


def proposal(plan: dict[str, JsonValue], who: Principal = records.ANA) -> Proposal:
    made = Plan.model_validate({"name": "plan", **plan})
    return Proposal(
        run=occurrence_run_id(records.ACME, "person:ana", "1"), tenant=records.ACME, case=None, wake=0,
        generation=1, subject="", customer=None, requester=who, proposed_by="person:ana", plan=made,
        digest=made.digest(), proposed_at=records.AT,
    )  # fmt: skip


def read(id_: str = "product", sku: JsonValue = SKU, **more: JsonValue) -> dict[str, JsonValue]:
    return {"id": id_, "tool": "catalog.get_product", "channel": SHOP, "args": {"sku": sku}, **more}


def price(amount: JsonValue, id_: str = "reprice", **more: JsonValue) -> dict[str, JsonValue]:
    args: dict[str, JsonValue] = {"sku": SKU, "price": amount, "expected_price": "${steps.product.price}"}
    return {
        "id": id_, "tool": "pricing.set", "channel": SHOP, "args": args, "needs": ["product"], **more
    }  # fmt: skip


def steps_of(found: DryRun) -> dict[StepId, Foreseen]:
    return {step.step: step for step in found.steps}


def test_a_computed_price_is_predicted_from_what_was_read(parts: Foreseeing, shelf: Shelf) -> None:
    found = dry_run(
        parts, proposal({"steps": [read(), price("${money.scale(steps.product.price, '0.95')}")]})
    )
    write = steps_of(found)[StepId("reprice")]
    assert found.passed
    assert write.prospect is Prospect.WOULD_RUN
    assert write.before == {"price": eur(1250)}
    assert write.after["price"] == eur(1188)
    assert write.undoable
    assert shelf.reads[0] == (SHOP, "catalog.get_product")


@pytest.mark.parametrize(
    ("when", "prospect"),
    [
        ("steps.product.quantity > 5", Prospect.WOULD_RUN),
        ("steps.product.quantity > 50", Prospect.SKIPPED),
        ("inputs.on == true", Prospect.WOULD_RUN),
        ("event.drop > 5.0", Prospect.SKIPPED),
    ],
)
def test_a_condition_over_what_is_read_is_followed(parts: Foreseeing, when: str, prospect: Prospect) -> None:
    plan: dict[str, JsonValue] = {
        "inputs": {"on": True, "event": {"drop": 4.0}},
        "steps": [
            read(),
            price(eur(1190), when=when),
            price(eur(1180), "after", needs=["product", "reprice"]),
        ],
    }
    found = steps_of(dry_run(parts, proposal(plan)))
    assert found[StepId("reprice")].prospect is prospect
    after = found[StepId("after")].prospect
    assert after is (Prospect.SKIPPED if prospect is Prospect.SKIPPED else Prospect.WOULD_RUN)


def test_what_only_the_run_can_tell_is_said_to_be_open(parts: Foreseeing) -> None:
    plan: dict[str, JsonValue] = {
        "steps": [
            read(),
            price(eur(1190)),
            price("${steps.reprice.price}", "back", needs=["product", "reprice"]),
            price(eur(1), "only_if", needs=["product", "reprice"], when="steps.reprice.price.amount == 1190"),
            price(eur(2), "then", needs=["product", "only_if"]),
        ]
    }
    found = steps_of(dry_run(parts, proposal(plan)))
    assert found[StepId("back")].open == ("price",)
    assert found[StepId("back")].args["price"] == "${steps.reprice.price}"
    assert found[StepId("only_if")].prospect is Prospect.DEPENDS
    assert found[StepId("then")].prospect is Prospect.DEPENDS


def test_a_read_that_fails_keeps_the_plan_from_passing(parts: Foreseeing) -> None:
    found = dry_run(parts, proposal({"steps": [read(sku="NO-SUCH"), price(eur(1190))]}))
    assert not found.passed
    (finding,) = found.findings
    assert (finding.rule, finding.step) == ("dry-run", "product")
    assert "no such product" in finding.problem
    assert steps_of(found)[StepId("reprice")].prospect is Prospect.DEPENDS


def test_a_write_that_expects_another_price_than_there_is_would_be_refused(parts: Foreseeing) -> None:
    write = price(eur(1190))
    write["args"] = {"sku": SKU, "price": eur(1190), "expected_price": eur(1300)}
    found = dry_run(parts, proposal({"steps": [read(), write]}))
    step = steps_of(found)[StepId("reprice")]
    assert step.prospect is Prospect.WOULD_FAIL
    assert step.before == {"price": eur(1250)}
    assert not found.passed


def test_an_expression_that_gives_no_price_would_fail_and_says_where(parts: Foreseeing) -> None:
    found = dry_run(parts, proposal({"steps": [read(), price("${money.of(0, 'EUR')}")]}))
    assert not found.passed
    assert {finding.step for finding in found.findings} <= {"reprice", None}
    assert "price" in (found.findings or found.verdict.findings)[0].problem


def test_what_a_channel_has_is_looked_up_where_the_plan_expects_nothing(
    parts: Foreseeing, shelf: Shelf
) -> None:
    args: dict[str, JsonValue] = {"sku": SKU, "quantity": 40}
    step: dict[str, JsonValue] = {"id": "stock", "tool": "inventory.set", "channel": SHOP, "args": args}
    found = steps_of(dry_run(parts, proposal({"steps": [step]})))[StepId("stock")]
    assert (found.before, found.after) == ({"quantity": 7}, {"quantity": 40})
    assert len(shelf.reads) == 1


def test_waits_and_questions_are_foreseen_and_not_done(parts: Foreseeing) -> None:
    plan: dict[str, JsonValue] = {
        "steps": [
            read(),
            {"id": "pause", "tool": "wait.for", "args": {"seconds": 60}, "needs": ["product"]},
            price(eur(1190), needs=["product", "pause"]),
        ]
    }
    found = steps_of(dry_run(parts, proposal(plan)))
    assert found[StepId("pause")].prospect is Prospect.CONTROL
    assert found[StepId("reprice")].prospect is Prospect.WOULD_RUN


def test_time_that_runs_out_is_said_and_nothing_more_is_read(
    parts: Foreseeing, shelf: Shelf, clock: FixedClock
) -> None:
    slow = shelf.read

    def takes_long(*given: object) -> dict[str, JsonValue]:
        clock.advance(7)
        return slow(*given)  # type: ignore[arg-type]

    shelf.read = takes_long  # type: ignore[method-assign,assignment]
    found = dry_run(parts, proposal({"steps": [read(), read("again", needs=["product"])]}))
    assert steps_of(found)[StepId("product")].prospect is Prospect.READ
    assert steps_of(found)[StepId("again")].prospect is Prospect.WOULD_FAIL
    assert "no time" in found.findings[0].problem
    assert len(shelf.reads) == 1


def test_a_refused_plan_is_not_read_and_has_the_gates_findings(parts: Foreseeing, shelf: Shelf) -> None:
    vera = Principal(id="vera", role="viewer", kind="person")
    found = dry_run(parts, proposal({"steps": [read(), price(eur(1190))]}, vera))
    assert (found.passed, found.steps, shelf.reads) == (False, (), [])
    assert found.verdict.decision is Decision.REFUSE


def test_the_money_at_risk_is_what_all_steps_could_move(parts: Foreseeing) -> None:
    refund = records.refund_step(1500).model_dump(mode="json")
    refund["needs"] = []
    refund["args"] = {
        "order": "order-1", "amount": eur(1500), "expected_refunded": eur(0), "restock": "no_restock",
        "lines": [{"line": "line-1", "quantity": 1}],
        "transactions": [{"parent": "t-1", "gateway": "card", "amount": eur(1500)}],
    }  # fmt: skip
    found = dry_run(parts, proposal({"steps": [refund]}))
    assert found.verdict.decision is not Decision.REFUSE, found.verdict.findings
    assert [str(money) for money in found.at_risk] == ["15.00 EUR"]
    (step,) = found.steps
    assert step.after == {"refunded": eur(1500)}
    assert not step.undoable


@pytest.mark.guarantee("plans:a-dry-run-changes-nothing")
def test_a_check_and_a_dry_run_leave_no_trace(parts: Foreseeing, tables: Tables) -> None:
    def everything() -> list[object]:
        names = (tables.runs, tables.ledger, tables.log, tables.approvals, tables.limits, tables.config)
        return [client("dynamodb").scan(TableName=name)["Items"] for name in names]

    before = everything()
    plan = proposal({"steps": [read(), price(eur(1190))]})
    assert check(parts, plan) == check(parts, plan)
    assert dry_run(parts, plan).passed
    assert everything() == before


def test_a_write_to_what_the_channel_does_not_have_would_fail_unless_it_makes_it(parts: Foreseeing) -> None:
    args: dict[str, JsonValue] = {"sku": "NO-SUCH", "quantity": 40}
    step: dict[str, JsonValue] = {"id": "stock", "tool": "inventory.set", "channel": SHOP, "args": args}
    found = dry_run(parts, proposal({"steps": [step]}))
    assert (found.passed, steps_of(found)[StepId("stock")].prospect) == (False, Prospect.WOULD_FAIL)
    assert "no such product" in found.findings[0].problem


def test_a_test_of_a_step_that_would_be_skipped_says_nothing_about_the_run(parts: Foreseeing) -> None:
    tests: list[JsonValue] = [
        {"name": "cheap", "that": "steps.reprice.after.price.amount < 1200"},
        {"name": "there", "that": "steps.product.quantity < 5"},
    ]
    plan: dict[str, JsonValue] = {"steps": [read(), price(eur(1190), when="1 > 2")], "tests": tests}
    found = dry_run(parts, proposal(plan))
    assert [test.holds for test in found.tests] == [None, False]
    assert "reprice would be skipped" in found.tests[0].why
    assert [finding.problem for finding in found.findings] == [
        "the test 'there' does not hold: steps.product.quantity < 5"
    ]
