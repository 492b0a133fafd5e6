"""One plan's run, state by state: people who do not answer, workers that die, vendors that do not tell."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from demo.tenant import CONTACT, SHOP, TENANT
from nightshift.clock import SystemClock
from nightshift.ids import StepId, run_id
from nightshift.model.approval import ApprovalStatus
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Lane, Move, StepVerdict, Tier, Verdict
from tests.support.installation import Installation

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pydantic import JsonValue

    from fakes.shopify_books import OrderRecord
    from nightshift.ids import CaseId, RunId
    from nightshift.model.case import RunOutcome

pytestmark = pytest.mark.xdist_group("sagas")

CLOSED, PERSON = CaseStatus.CLOSED, CaseStatus.WITH_PERSON
NEVER_CAME = "It never arrived, I want my money back."
AT_ONCE, SOON = timedelta(hours=20), timedelta(hours=72)  # for an answer: 0.7 s and 2.6 s


def complaint(saga: Installation, price: str = "80.00") -> OrderRecord:
    """An order whose customer wants the money back; 80.00 asks a person, 12.50 does not."""
    order = saga.order(price)
    saga.shop.message(order, NEVER_CAME)
    return order


def answer_within(saga: Installation, time: timedelta) -> AbstractContextManager[None]:
    """How long people have for an answer."""
    rules = saga.policy_in_force().approvals
    return saga.policy(approvals=rules.model_copy(update={"expires_seconds": int(time.total_seconds())}))


def outcome_of(saga: Installation, case: CaseId, wake: int = 1) -> RunOutcome:
    found = saga.runs.outcome(run_id(case, wake))
    assert found is not None
    return found


def states_of(saga: Installation, case: CaseId, wake: int = 1) -> list[str]:
    return saga.ended(saga.execution_of_run(run_id(case, wake))).states


# -- people


@pytest.mark.guarantee("approvals:expiry-refuses")
def test_a_question_nobody_answers_expires_and_a_person_takes_the_case(saga: Installation) -> None:
    with answer_within(saga, AT_ONCE):
        order = complaint(saga)
        case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    reason = "nobody answered the question for approval in time"
    assert (case.status, case.handoff_reason) == (PERSON, reason)
    assert [asked.status for asked in saga.approvals.of_case(case.id)] == [ApprovalStatus.EXPIRED]
    assert states_of(saga, case.id)[-4:] == ["Ask", "Expire", "Next", "Settle"]
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


def test_a_question_answered_with_no_moves_no_money_and_a_person_takes_the_case(saga: Installation) -> None:
    order = complaint(saga)
    saga.shop.as_("ben").decide(saga.shop.wait_for_approval(order).id, "reject", "she has it already")
    case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert (case.status, case.handoff_reason) == (PERSON, "a person rejected the plan")
    assert outcome_of(saga, case.id).status == "REJECTED"
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


def test_a_yes_that_reached_the_record_but_not_the_run_is_obeyed_when_the_question_expires(
    saga: Installation,
) -> None:
    with answer_within(saga, SOON):
        order = complaint(saga)
        asked = saga.shop.wait_for_approval(order)
        # what the API writes first; then it dies, and the run is never told
        ana = Principal(id="ana", role="manager", kind="person")
        now = SystemClock().now()
        saga.approvals.decide(asked.id, ApprovalStatus.APPROVED, by=ana, at=now, note="")
        case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert case.status is CLOSED
    assert "Ask Expire Next Step Next Step Next Settle" in " ".join(states_of(saga, case.id))
    assert saga.refunds(order) == ["80.00"]
    decided = [e for e in saga.entries(order) if e.kind is EntryKind.APPROVAL_DECIDED]
    assert [(e.actor, e.detail["status"]) for e in decided] == [("person:ana", "APPROVED")]
    assert saga.at_rest(order) == []


@pytest.mark.guarantee("approvals:digest-binds-the-step")
def test_a_yes_to_a_world_that_has_changed_moves_no_money_and_the_case_is_observed_again(
    saga: Installation,
) -> None:
    order = complaint(saga)
    asked = saga.shop.wait_for_approval(order)
    saga.refund_by_hand(order, "80.00")
    saga.shop.as_("ana").decide(asked.id, "approve", "")
    case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert outcome_of(saga, case.id).status == "CHANGED"
    reason = "there is nothing left to refund: already refunded"
    assert (case.status, case.handoff_reason) == (PERSON, reason)
    assert [e.detail["woken"] for e in saga.entries(order) if e.kind is EntryKind.CONTEXT_READ] == [
        "opened",
        "again",
    ]
    assert saga.refunds(order) == ["80.00"]
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


def test_a_world_that_changes_under_plan_after_plan_is_left_to_a_person(saga: Installation) -> None:
    order = complaint(saga)
    for _ in range(4):
        asked = saga.shop.wait_for_approval(order)
        saga.refund_by_hand(order, "1.00")
        saga.shop.as_("ana").decide(asked.id, "approve", "")
    case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    reason = "the world changed under 4 plans, one after the other"
    assert (case.status, case.handoff_reason) == (PERSON, reason)
    assert saga.refunds(order) == ["1.00"] * 4
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


def test_a_yes_to_a_case_that_was_locked_meanwhile_makes_no_effect(saga: Installation) -> None:
    order = complaint(saga)
    asked = saga.shop.wait_for_approval(order)
    saga.shop.message(order, "I am furious. This is a joke!")
    locked = saga.shop.wait_for_case(order, PERSON)
    saga.shop.wait_for_log(locked.id, EntryKind.CASE_LOCKED)
    saga.shop.as_("ana").decide(asked.id, "approve", "")
    case = saga.shop.wait_for_case(order, PERSON)
    assert saga.ended(saga.execution_of(case.id)).states[-1] == "WithPerson"
    assert case.handoff_reason == "triage: angry"
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


# -- workers and vendors


@pytest.mark.guarantee("effects:at-most-once")
def test_a_worker_killed_after_the_vendor_booked_is_followed_by_one_that_finds_the_refund(
    saga: Installation,
) -> None:
    saga.shop.vendor.fail("hang_after", "refundCreate", seconds=5)
    order = complaint(saga, "12.50")
    booked = saga.shop.wait_for(lambda: saga.refunds(order) or None, "the refund", seen=lambda: "")
    assert booked == ["12.50"]
    assert saga.shop.stack.kill_lambda(saga.function("adapter-shopify")) >= 1
    case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert (case.status, case.handoff_reason) == (CLOSED, None)
    intents = [e for e in saga.entries(order) if e.kind is EntryKind.EFFECT_INTENDED]
    assert [(e.detail["tool"], e.detail["attempt"]) for e in intents] == [
        ("payments.refund", 1),
        ("payments.refund", 2),
        ("messaging.reply", 1),
    ]
    assert saga.refunds(order) == ["12.50"]
    assert saga.replies(order) == ["refund_done@1"]
    assert saga.at_rest(order) == []


@pytest.mark.guarantee("effects:unknown-is-reconciled")
def test_a_vendor_that_never_tells_leaves_the_run_unknown_and_writes_nothing_more(saga: Installation) -> None:
    saga.shop.vendor.fail("drop_before", "refundCreate", times=0)
    order = complaint(saga, "12.50")
    case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert case.status is PERSON
    assert (case.handoff_reason or "").startswith("it is not known whether refund happened")
    ended = outcome_of(saga, case.id)
    assert (ended.status, ended.failed_step) == ("UNKNOWN", "refund")
    intents = [e for e in saga.entries(order) if e.kind is EntryKind.EFFECT_INTENDED]
    assert {e.detail["tool"] for e in intents} == {"payments.refund"}
    assert len(intents) == 6  # each attempt asks the vendor; only the first may call it
    assert saga.replies(order) == []
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


# -- lanes side by side


def side_by_side(saga: Installation, order: OrderRecord, conversation: str) -> RunId:
    """A run of two lanes of two adapters, judged beforehand: no tool set reads over two adapters yet."""
    now = SystemClock().now()
    run = run_id(order.id, 1)  # type: ignore[arg-type]  # of no case
    fields: dict[str, JsonValue] = {"order": order.name}
    plan = Plan(
        name="side-by-side",
        steps=(
            Step(id=StepId("read"), tool="orders.get", channel=SHOP, args={"order": order.id}),
            Step(
                id=StepId("tell"),
                tool="messaging.reply",
                channel=CONTACT,
                args={"conversation": conversation, "template": "ask_for_photo@1", "fields": fields},
            ),
        ),
    )
    saga.runs.propose(
        Proposal(
            run=run,
            tenant=TENANT,
            case=None,
            wake=0,
            generation=1,
            subject=f"order:{SHOP}:{order.id}",
            customer=None,
            requester=Principal(id="ana", role="manager", kind="person"),
            proposed_by="person:ana",
            plan=plan,
            digest=plan.digest(),
            proposed_at=now,
        )
    )
    lanes = (
        Lane(adapter="shopify", steps=(StepId("read"),)),
        Lane(adapter="contact", steps=(StepId("tell"),)),
    )
    saga.runs.give(
        Verdict(
            run=run,
            tenant=TENANT,
            plan_digest=plan.digest(),
            policy_version=saga.policy_in_force().version,
            decision=Decision.ALLOW,
            tier=Tier.AUTO,
            steps=tuple(
                StepVerdict(step=step.id, decision=Decision.ALLOW, tier=Tier.AUTO, rule="test")
                for step in plan.steps
            ),
            moves=(Move(index=0, next="many", lanes=lanes), Move(index=1, next="settle")),
            decided_at=now,
        )
    )
    return run


def carried_out(saga: Installation, run: RunId) -> list[str]:
    name = saga.execution_of_run(run).rpartition(":")[2]
    ended = saga.ended(saga.start(saga.machine("run"), name, {"run": run, "generation": 1}))
    assert ended.status == "SUCCEEDED"
    return ended.states


def test_two_lanes_run_side_by_side_and_both_count(saga: Installation) -> None:
    order = saga.order()
    conversation = f"conversation-{order.name[1:]}"
    saga.shop.store.message(conversation, "Hello")
    run = side_by_side(saga, order, conversation)
    states = carried_out(saga, run)
    assert states[:3] == ["Gate", "Next", "Steps"]
    assert states[-2:] == ["Next", "Settle"]
    assert states.count("Lane") == 2
    results = saga.runs.results(run)
    assert {step: result.outcome for step, result in results.items()} == {
        "read": Outcome.DONE,
        "tell": Outcome.DONE,
    }
    settled = saga.runs.outcome(run)
    assert settled is not None
    assert settled.status == "DONE"
    assert saga.replies(order) == ["ask_for_photo@1"]


def test_a_lane_that_the_vendor_refuses_ends_the_run_while_the_other_lane_counts(saga: Installation) -> None:
    order = saga.order()
    run = side_by_side(saga, order, "a conversation nobody opened")
    assert carried_out(saga, run)[-2:] == ["Next", "Settle"]
    settled = saga.runs.outcome(run)
    assert settled is not None
    assert (settled.status, settled.failed_step) == ("FAILED", "tell")
    assert settled.reason == "conversation.not_found"
    assert saga.runs.results(run)[StepId("read")].outcome is Outcome.DONE
    assert saga.replies(order) == []


def test_a_lane_that_breaks_settles_the_run_with_its_error(saga: Installation) -> None:
    order = saga.order()
    run = side_by_side(saga, order, f"conversation-{order.name[1:]}")
    saga.shop.vendor.fail("401", times=0)
    states = carried_out(saga, run)
    assert "LaneFailed" in states
    assert states[-1] == "Settle"
    settled = saga.runs.outcome(run)
    assert settled is not None
    assert settled.status == "FAILED"


# -- the run's own workers


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
def test_a_gate_that_crashes_lets_nothing_run_and_a_person_takes_the_case(saga: Installation) -> None:
    with saga.changed("gate", TABLE_CONFIG="gone"):
        order = complaint(saga, "12.50")
        case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert case.status is PERSON
    assert states_of(saga, case.id) == ["Gate", "Settle"]
    assert outcome_of(saga, case.id).status == "FAILED"
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
def test_a_run_that_cannot_be_settled_fails_and_its_case_goes_to_a_person(saga: Installation) -> None:
    with saga.changed("runner", TABLE_RUNS="gone"):
        order = complaint(saga, "12.50")
        case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert case.status is PERSON
    told = "it was restarted 3 times and got no further: its run broke off (States.TaskFailed)"
    assert case.handoff_reason == told
    run = saga.ended(saga.execution_of_run(run_id(case.id, 1)))
    assert (run.status, run.error, run.states[-2:]) == ("FAILED", "Unsettled", ["Settle", "Unsettled"])
    assert saga.refunds(order) == ["12.50"]
    assert saga.at_rest(order) == []
