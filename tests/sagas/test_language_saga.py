"""Expressions, conditions and what they leave out, by the real machine and its real Lambdas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demo.tenant import SHOP, TENANT
from nightshift.actionlog.chain import step_stream
from nightshift.ids import StepId
from nightshift.model.plan import Step
from nightshift.model.tool import Outcome
from tests.sagas.test_plan_runs import again, carried_out, outcome_of, price_of, product, proposed

if TYPE_CHECKING:
    from tests.support.installation import Installation

pytestmark = pytest.mark.xdist_group("sagas")

CHEAPER = "${money.max(money.scale(steps.product.price, '0.95'), money.of(900, 'EUR'))}"


def step(name: str, tool: str, args: dict[str, Any], *needs: str, when: str | None = None) -> Step:
    plain = {"id": name, "tool": tool, "channel": SHOP, "args": args, "needs": needs, "when": when}
    return Step.model_validate(plain)


def read(sku: str) -> Step:
    return step("product", "catalog.get_product", {"sku": sku})


def reprice(sku: str, *, when: str) -> Step:
    return step("reprice", "pricing.set", {"sku": sku, "price": CHEAPER}, "product", when=when)


def test_a_price_is_computed_from_what_was_read_when_its_condition_holds(saga: Installation) -> None:
    sku = product(saga)
    run, _ = carried_out(saga, read(sku), reprice(sku, when="steps.product.price.amount > 1000"))
    assert outcome_of(saga, run).status == "DONE"
    assert price_of(saga, sku) == "11.88"  # 95 % of 12.50, rounded half up


def test_a_step_that_is_left_out_and_what_needs_it_change_nothing_and_the_run_is_done(
    saga: Installation,
) -> None:
    sku, other = product(saga), product(saga)
    after = step("after", "pricing.set", {"sku": other, "price": CHEAPER}, "reprice", "product")
    run, execution = carried_out(
        saga, read(sku), reprice(sku, when="steps.product.price.amount > 5000"), after
    )
    assert (outcome_of(saga, run).status, execution.status) == ("DONE", "SUCCEEDED")
    assert (price_of(saga, sku), price_of(saga, other)) == ("12.50", "12.50")
    results = saga.runs.results(run)
    assert [results[StepId(name)].skipped for name in ("product", "reprice", "after")] == [False, True, True]
    log = again(saga).log
    kinds = [entry.kind.value for entry in log.read(step_stream(run, run, StepId("reprice")))]
    assert kinds == ["step.skipped"]


def test_nobody_is_asked_about_what_is_left_out(saga: Installation) -> None:
    """Without a rule that allows it a price asks; its condition is false, so the run goes on alone."""
    sku = product(saga)
    proposal = proposed(read(sku), reprice(sku, when="steps.product.price.amount > 5000"))
    with saga.policy(blast_radius=(), rules=()):
        again(saga).launch.launch(proposal)
        execution = saga.ended(saga.execution_of_run(proposal.run))
    assert "Ask" in execution.states
    assert outcome_of(saga, proposal.run).status == "DONE"
    assert [a for a in saga.approvals.waiting(TENANT) if a.run == proposal.run] == []
    assert price_of(saga, sku) == "12.50"


def test_a_condition_that_cannot_be_told_when_it_comes_to_it_fails_the_run(saga: Installation) -> None:
    sku = product(saga)
    run, _ = carried_out(saga, read(sku), reprice(sku, when="1 / (steps.product.price.amount - 1250) > 0"))
    outcome = outcome_of(saga, run)
    assert (outcome.status, outcome.reason) == ("FAILED", "condition.invalid")
    assert saga.runs.results(run)[StepId("reprice")].outcome is Outcome.REJECTED
    assert price_of(saga, sku) == "12.50"
