"""The life of a case, state by state: where it fails it ends with a person, and nothing is done twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind
from tests.support.installation import Installation

if TYPE_CHECKING:
    from fakes.shopify_books import OrderRecord
    from nightshift.model.case import Case

pytestmark = pytest.mark.xdist_group("sagas")

CLOSED, PERSON, SLEEPING = CaseStatus.CLOSED, CaseStatus.WITH_PERSON, CaseStatus.SLEEPING
BROKEN = "My teapot arrived broken."
NEVER_CAME = "It never arrived, I want my money back."


def asleep(saga: Installation, order: OrderRecord) -> Case:
    """The case about an order, asleep and with its token stored."""

    def look() -> Case | None:
        found = [saga.cases.get(line.id) for line in saga.shop.cases_about(order)]
        return next((case for case in found if case.status is SLEEPING and case.token), None)

    return saga.shop.wait_for(look, f"the case about {order.name} to sleep", seen=lambda: "")


def rest_of_the_saga(saga: Installation, start_at: str) -> str:
    """The ARN of the deployed case machine once more, but for the state it starts at."""
    states: Any = saga.shop.stack.client("stepfunctions")
    deployed = states.describe_state_machine(stateMachineArn=saga.machine("case"))
    definition = json.loads(deployed["definition"]) | {"StartAt": start_at}
    made = states.create_state_machine(
        name=f"case-from-{start_at}", definition=json.dumps(definition), roleArn=deployed["roleArn"]
    )
    return str(made["stateMachineArn"])


@pytest.mark.guarantee("cases:no-lost-wake-up")
def test_an_event_between_commit_and_sleep_is_observed_instead_of_slept_over(saga: Installation) -> None:
    order = saga.order()
    saga.shop.message(order, BROKEN)
    # while nobody looks after cases: the one that is stopped here would be started anew
    with saga.changed("recovery", TABLE_CASES="gone"):
        # as if it had not come to Sleep yet: no state holds the token, and then an event arrives
        execution = saga.execution_of(asleep(saga, order).id)
        saga.shop.stack.client("stepfunctions").stop_execution(executionArn=execution)
        case = asleep(saga, order)
        saga.shop.message(order, "Here is a photo of it.", photo=True)
        saga.shop.wait_for_log(case.id, EntryKind.CASE_JOINED)
        between = saga.cases.get(case.id)
        assert (between.status, between.wake) == (SLEEPING, case.wake)
        assert between.inbox_seq == case.seen_seq + 1
        given = {
            "case": case.id,
            "generation": 1,
            "wake": case.wake,
            "rest": "sleep",
            "seen_seq": case.seen_seq,
            "sleep_seconds": 172_800,
            "deadline": "",
        }
        going_on = saga.ended(saga.start(rest_of_the_saga(saga, "Sleep"), f"{case.id}-from-sleep", given))
    assert going_on.states == ["Sleep", "Observe", "Route", "Plan", "Run", "Commit", "Rest", "Closed"]
    woken = [e.detail["woken"] for e in saga.entries(order) if e.kind is EntryKind.CONTEXT_READ]
    assert woken[-1] == "event"  # and not by the deadline of a sleep
    assert saga.cases.get(case.id).status is CLOSED
    assert saga.refunds(order) == ["12.50"]
    assert saga.at_rest(order) == []


@pytest.mark.guarantee("cases:no-lost-wake-up")
def test_an_event_that_comes_while_the_case_is_at_work_is_seen_by_it(saga: Installation) -> None:
    order = saga.order()
    saga.shop.message(order, BROKEN)
    saga.shop.message(order, "Here is a photo of it.", photo=True)
    case = saga.shop.wait_for_case(order, CLOSED, PERSON)
    assert case.status is CLOSED
    assert case.events == 2
    assert saga.refunds(order) == ["12.50"]
    assert [line.id for line in saga.shop.cases_about(order)] == [case.id]
    assert saga.at_rest(order) == []


def test_a_customer_who_never_answers_is_reminded_once_then_a_person_takes_the_case(
    saga: Installation, silent: OrderRecord
) -> None:
    case = saga.shop.wait_for_case(silent, PERSON, CLOSED)
    assert (case.status, case.handoff_reason) == (PERSON, "the customer sent no photo after a reminder")
    assert saga.replies(silent) == ["ask_for_photo@1", "photo_reminder@1"]
    assert saga.refunds(silent) == []
    woken = [e.detail["woken"] for e in saga.entries(silent) if e.kind is EntryKind.CONTEXT_READ]
    assert woken == ["opened", "deadline", "deadline"]
    assert saga.ended(saga.execution_of(case.id)).status == "SUCCEEDED"
    assert saga.at_rest(silent) == []


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
def test_a_vendor_that_stays_down_is_asked_seven_times_then_a_person_takes_the_case(
    saga: Installation,
) -> None:
    order = saga.order()
    saga.shop.vendor.fail("503", times=0)
    before = saga.invocations("context")
    saga.shop.message(order, NEVER_CAME)
    case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    # whether the last of them met the breaker, which the ones before had opened, is a matter of seconds
    reasons = {f"what the case is about could not be read ({name})" for name in ("Retryable", "Throttled")}
    assert case.status is PERSON
    assert case.handoff_reason in reasons
    ended = saga.ended(saga.execution_of(case.id))
    assert (ended.status, ended.states) == ("SUCCEEDED", ["Observe", "HandOver", "WithPerson"])
    assert saga.invocations("context") - before == 7
    assert saga.shop.kinds(case.id)[-1] is EntryKind.CASE_HANDED_OVER
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
def test_a_planner_that_crashes_leaves_the_case_to_a_person(saga: Installation) -> None:
    order = saga.order()
    with saga.changed("planner", TABLE_RUNS="gone"):
        saga.shop.message(order, NEVER_CAME)
        case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert case.status is PERSON
    assert (case.handoff_reason or "").startswith("no plan could be made (")
    ended = saga.ended(saga.execution_of(case.id))
    assert (ended.status, ended.states[-3:]) == ("SUCCEEDED", ["Plan", "HandOver", "WithPerson"])
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
def test_a_run_that_fails_leaves_the_case_to_a_person_who_is_told_why(saga: Installation) -> None:
    order = saga.order()
    saga.shop.vendor.fail("access_denied", "refundCreate", times=0)
    saga.shop.message(order, NEVER_CAME)
    case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert (case.status, case.handoff_reason) == (PERSON, "refund failed: vendor.unauthorised")
    assert saga.ended(saga.execution_of(case.id)).states[-2:] == ["Rest", "WithPerson"]
    assert saga.made(order) == set()
    assert saga.at_rest(order) == []


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
def test_an_end_that_cannot_be_recorded_leaves_the_case_to_a_person(saga: Installation) -> None:
    order = saga.order()
    with saga.changed("recorder", TABLE_RUNS="gone"):  # handing over needs the case's own record alone
        saga.shop.message(order, NEVER_CAME)
        case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert case.status is PERSON
    assert (case.handoff_reason or "").startswith("the end of the run could not be recorded (")
    assert saga.ended(saga.execution_of(case.id)).states[-3:] == ["Commit", "HandOver", "WithPerson"]
    assert saga.refunds(order) == ["12.50"]
    assert saga.at_rest(order) == []


def test_a_case_that_cannot_even_be_handed_over_fails_its_execution_for_the_alarm_to_see(
    saga: Installation,
) -> None:
    order = saga.order()
    with saga.changed("recorder", TABLE_CASES="gone"):
        saga.shop.message(order, NEVER_CAME)
        case = saga.shop.wait_for_case(order, CaseStatus.OPEN)
        ended = saga.ended(saga.execution_of(case.id))
    assert (ended.status, ended.error) == ("FAILED", "Stranded")
    assert ended.states[-3:] == ["Commit", "HandOver", "Stranded"]
    assert saga.refunds(order) == ["12.50"]
    assert saga.made(order) == saga.told(order)
    alarms = saga.shop.stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    watched = [a for a in alarms if a.get("MetricName") == "ExecutionsFailed" and a["AlarmActions"]]
    of = {d["Value"] for alarm in watched for d in alarm["Dimensions"] if d["Name"] == "StateMachineArn"}
    assert saga.machine("case") in of
