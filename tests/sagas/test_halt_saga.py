"""Drills on the real machine: a halt takes hold within one step, and a plan nobody may run does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demo.tenant import CONTACT, SHOP, TENANT
from nightshift.aws.log import DynamoActionLog
from nightshift.clock import SystemClock
from nightshift.ids import occurrence_run_id
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.policy import Rule, Window
from nightshift.model.setup import Halted, Reason
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision

if TYPE_CHECKING:
    from nightshift.ids import RunId
    from tests.support.installation import Installation

pytestmark = pytest.mark.xdist_group("sagas")

ANA = Principal(id="ana", role="manager", kind="person")
VERA = Principal(id="vera", role="viewer", kind="person")
MESSAGES = 12


def begun(saga: Installation, name: str, who: Principal, *steps: Step, workflow: str = "") -> RunId:
    """A run without a case, as a person's plan begins one."""
    now = SystemClock().now()
    plan = Plan(name=name, steps=steps)
    run = occurrence_run_id(TENANT, f"person:{who.id}", f"{name}-{now.isoformat()}")
    saga.runs.propose(
        Proposal(
            run=run,
            tenant=TENANT,
            case=None,
            wake=0,
            generation=1,
            subject="",
            customer=None,
            requester=who,
            proposed_by=f"person:{who.id}",
            plan=plan,
            digest=plan.digest(),
            proposed_at=now,
            workflow=workflow,
        )
    )
    execution = saga.execution_of_run(run).rpartition(":")[2]
    saga.start(saga.machine("run"), execution, {"run": run, "generation": 1})
    return run


def outcome_of(saga: Installation, run: RunId) -> tuple[str, str]:
    saga.ended(saga.execution_of_run(run))
    outcome = saga.runs.outcome(run)
    assert outcome is not None
    return outcome.status, outcome.reason


def a_step(name: str, tool: str, args: dict[str, Any], **fields: object) -> Step:
    channel = CONTACT if tool.startswith("messaging.") else SHOP
    return Step.model_validate({"id": name, "tool": tool, "channel": channel, "args": args, **fields})


def message(number: int, conversation: str) -> Step:
    """One of many messages, each after the one before it."""
    fields = {"order": f"#{number}"}
    args = {"conversation": conversation, "template": "ask_for_photo@1", "fields": fields}
    needs = (f"tell_{number - 1}",) if number else ()
    return a_step(f"tell_{number}", "messaging.reply", args, needs=needs)


def switch(saga: Installation, verb: str) -> Halted:
    """What `nightshift tenant halt` and `resume` do."""
    path = f"/v1/setup/tenants/{TENANT}/{verb}"
    return saga.shop.as_("ana").call(Halted, "POST", path, body=Reason(note="a drill"))


@pytest.mark.guarantee("effects:a-halt-stops-within-one-step")
def test_a_halt_stops_a_run_without_a_case_within_one_step(saga: Installation) -> None:
    order = saga.order()
    conversation = f"conversation-{order.name[1:]}"
    saga.shop.store.message(conversation, "Hello")
    saga.shop.store.fail("slow", times=0, seconds=0.1)
    run = begun(saga, "tell-much", ANA, *(message(number, conversation) for number in range(MESSAGES)))
    try:
        saga.shop.wait_for(lambda: saga.replies(order) or None, "a first message", seen=lambda: "")
        assert switch(saga, "halt").halted
        sent = len(saga.replies(order))
        ended = saga.ended(saga.execution_of_run(run))
    finally:
        assert not switch(saga, "resume").halted
    assert ended.status == "SUCCEEDED"
    after = len(saga.replies(order))
    assert sent <= after <= sent + 1  # the step that was under way, and none that was not
    assert after < MESSAGES
    results = saga.runs.results(run)
    done = [step for step, result in results.items() if result.outcome is Outcome.DONE]
    (stopped,) = (result for result in results.values() if result.outcome is not Outcome.DONE)
    assert len(done) == after
    assert stopped.code == "tenant.halted"
    outcome = saga.runs.outcome(run)
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("FAILED", "tenant.halted")


def test_nothing_goes_on_by_itself_when_the_halt_is_lifted_and_a_new_plan_runs(saga: Installation) -> None:
    order = saga.order()
    conversation = f"conversation-{order.name[1:]}"
    saga.shop.store.message(conversation, "Hello")
    switch(saga, "halt")
    try:
        refused = begun(saga, "while-halted", ANA, message(0, conversation))
        saga.ended(saga.execution_of_run(refused))
    finally:
        switch(saga, "resume")
    outcome = saga.runs.outcome(refused)
    assert outcome is not None
    assert outcome.status == "REFUSED"
    assert saga.replies(order) == []
    anew = begun(saga, "after-it", ANA, message(0, conversation))
    saga.ended(saga.execution_of_run(anew))
    assert saga.replies(order) == ["ask_for_photo@1"]


def test_a_rule_and_a_budget_of_the_tenants_own_hold_in_the_deployed_gate(saga: Installation) -> None:
    order = saga.order()
    conversation = f"conversation-{order.name[1:]}"
    saga.shop.store.message(conversation, "Hello")
    never = Rule(
        name="not-these",
        when="tool == 'messaging.reply' && args.fields.order == '#1'",
        then=Decision.REFUSE,
        reason="no number one",
    )
    once = Window(name="once", tool="*", per="workflow", days=1, count=1, then=Decision.REFUSE)
    with saga.policy(rules=(never,), windows=(once,)):
        first, second = (message(number, conversation).model_copy(update={"needs": ()}) for number in (0, 1))
        third = message(2, conversation).model_copy(update={"needs": ()})
        assert outcome_of(saga, begun(saga, "by-rule", ANA, second)) == (
            "REFUSED",
            "rule:not-these: no number one",
        )
        assert outcome_of(saga, begun(saga, "once", ANA, first, workflow="sync@1"))[0] == "DONE"
        assert outcome_of(saga, begun(saga, "twice", ANA, third, workflow="sync@2"))[0] == "REFUSED"
        assert outcome_of(saga, begun(saga, "other", ANA, third, workflow="other@1"))[0] == "DONE"
    assert len(saga.replies(order)) == 2


@pytest.mark.guarantee("gate:whole-plan-or-nothing")
def test_a_viewers_delete_everything_plan_is_refused_whole_and_nothing_is_executed(
    saga: Installation,
) -> None:
    order = saga.order("80.00")
    conversation = f"conversation-{order.name[1:]}"
    saga.shop.store.message(conversation, "Hello")
    adapters = ("adapter-shopify", "adapter-contact")
    before = {name: saga.invocations(name) for name in adapters}
    money = {"amount": 8000, "currency": "EUR"}
    nothing = {"amount": 0, "currency": "EUR"}
    cancel = {"order": order.id, "reason": "customer", "amount": money, "expected_refunded": nothing}
    run = begun(
        saga,
        "delete-everything",
        VERA,
        a_step("look", "orders.get", {"order": order.id}),
        *(a_step(f"empty_{n}", "inventory.set", {"sku": f"TEAPOT-{n}", "quantity": 0}) for n in range(20)),
        a_step("cancel", "orders.cancel", {**cancel, "restock": True}, limit=money),
        message(0, conversation),
    )
    assert saga.ended(saga.execution_of_run(run)).states == ["Gate", "Next", "Settle"]
    outcome = saga.runs.outcome(run)
    assert outcome is not None
    assert outcome.status == "REFUSED"
    verdict = saga.runs.verdict(run)
    assert {step.decision for step in verdict.steps} == {Decision.REFUSE}
    assert len({found.step for found in verdict.findings if found.rule == "permission"}) >= 22
    assert saga.runs.results(run) == {}
    assert saga.made(order) == set()
    assert {name: saga.invocations(name) for name in adapters} == before
    log = DynamoActionLog(saga.settings["TABLE_LOG"], saga.shop.stack.client("dynamodb"))
    assert [entry.kind for entry in log.read(run)] == [EntryKind.VERDICT_GIVEN, EntryKind.RUN_SETTLED]
