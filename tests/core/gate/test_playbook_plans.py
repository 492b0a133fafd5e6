"""Every plan that a playbook's own tests bring about passes the gate: allowed, or asked as it is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from build.playbooks import common_facts, lay_over, playbook_files
from nightshift.catalog import catalog
from nightshift.expressions import Facts
from nightshift.gate.decide import decide
from nightshift.gate.facts import ChannelFacts
from nightshift.model.plan import HandOff, Proposal
from nightshift.model.verdict import Decision
from nightshift.planner.choose import next_move
from nightshift.planner.fill import fill
from tests.core.gate.plans import facts, proposal

if TYPE_CHECKING:
    from nightshift.planner.facts import FactValues
    from nightshift.planner.playbook import Playbook

CASES = [
    pytest.param(playbook, given.facts, id=f"{playbook.id}: {given.name}")
    for playbook in playbook_files().values()
    for given in playbook.tests
]
CHANNELS = {
    "shop": ChannelFacts(adapter="shopify"),
    "desk": ChannelFacts(adapter="contact"),
    "stripe": ChannelFacts(adapter="stripe"),
}
MEANT = {"tier", "taint", "idempotent-write"}


def proposed(playbook: Playbook, given: FactValues) -> Proposal | None:
    """The proposal of the playbook's next move; None when a person takes the case."""
    known = lay_over(
        lay_over(common_facts(), {"channels": {"order": "shop", "payment": "stripe", "reply": "desk"}}), given
    )
    move = next_move(playbook, known)
    if isinstance(move, HandOff):
        return None
    plan = fill("plan", move, Facts(known))
    return proposal(plan=plan, digest=plan.digest(), tainted=move.plan.tainted)


@pytest.mark.parametrize(("playbook", "given"), CASES)
def test_a_playbooks_plan_is_never_refused(playbook: Playbook, given: FactValues):
    asked = proposed(playbook, given)
    if asked is None:
        return
    verdict = decide(asked, facts(asked, tools=catalog(), channels=CHANNELS))
    assert {finding.rule for finding in verdict.findings} <= MEANT
    assert verdict.decision is not Decision.REFUSE


def test_the_playbooks_bring_about_plans_that_run_alone_and_plans_that_ask():
    found = set()
    for case in CASES:
        asked = proposed(*case.values)
        if asked is not None and asked.plan.steps:
            found |= {step.tool for step in asked.plan.steps}
    assert {
        "payments.refund",
        "payments.credit_note",
        "orders.cancel",
        "orders.set_address",
        "messaging.reply",
    } <= found
