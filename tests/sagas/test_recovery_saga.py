"""Executions that are stopped, lost or outdated, with the real state machines: the case goes on.

Nothing happens twice, and nobody is asked twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nightshift.ids import run_id
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind
from nightshift.model.recovery import Progress
from tests.support.installation import Execution, Installation

if TYPE_CHECKING:
    from fakes.shopify_books import OrderRecord
    from nightshift.ids import CaseId
    from nightshift.model.case import Case

pytestmark = pytest.mark.xdist_group("sagas")

CLOSED, PERSON, SLEEPING = CaseStatus.CLOSED, CaseStatus.WITH_PERSON, CaseStatus.SLEEPING
BROKEN = "My teapot arrived broken."
NEVER_CAME = "It never arrived, I want my money back."


def asked(saga: Installation) -> tuple[OrderRecord, CaseId]:
    """A case whose run waits for a person."""
    order = saga.order("80.00")
    saga.shop.message(order, NEVER_CAME)
    case = saga.shop.wait_for_approval(order).case
    assert case is not None
    return order, case


def asleep(saga: Installation, order: OrderRecord, *, generation: int) -> Case:
    """The case about an order, asleep in a generation and with its token stored."""

    def look() -> Case | None:
        found = [saga.cases.get(line.id) for line in saga.shop.cases_about(order)]
        return next(
            (c for c in found if c.status is SLEEPING and c.token and c.generation == generation), None
        )

    return saga.shop.wait_for(look, f"{order.name} to sleep in g{generation}", seen=lambda: "")


def begun(saga: Installation, case: CaseId, generation: int) -> None:
    """Wait until a generation of a case has an execution."""

    def look() -> bool | None:
        name = saga.execution_of(case, generation).rpartition(":")[2]
        return name in saga.running() or None

    saga.shop.wait_for(look, f"{case} in g{generation}", seen=lambda: str(saga.cases.get(case)))


def stop(saga: Installation, execution: str) -> None:
    states: Any = saga.shop.stack.client("stepfunctions")
    states.stop_execution(executionArn=execution)


@pytest.mark.guarantee("recovery:no-case-stays-stranded")
def test_a_case_that_is_stopped_while_a_person_is_asked_asks_once_and_goes_on(saga: Installation) -> None:
    order, case = asked(saga)
    question = saga.shop.wait_for_approval(order)
    stop(saga, saga.execution_of(case))
    begun(saga, case, 2)
    again = saga.execution_of_run(run_id(case, 1), 2)
    saga.shop.wait_for(
        lambda: (again.rpartition(":")[2] in saga.running() and "Ask" in saga.look_at(again).states) or None,
        "the question to be asked again",
        seen=lambda: "",
    )
    assert [one.id for one in saga.approvals.of_case(case)] == [question.id]
    saga.shop.as_("ana").decide(question.id, "approve", "")
    assert saga.shop.wait_for_case(order, CLOSED, PERSON).status is CLOSED
    assert saga.refunds(order) == ["80.00"]
    kinds = saga.shop.kinds(case)
    assert (kinds.count(EntryKind.CASE_RECOVERED), kinds.count(EntryKind.APPROVAL_ASKED)) == (1, 1)
    assert kinds.count(EntryKind.PLAN_PROPOSED) == 1
    assert saga.at_rest(order) == []


def test_an_answer_that_came_while_nothing_ran_is_taken_at_once(saga: Installation) -> None:
    order, case = asked(saga)
    question = saga.shop.wait_for_approval(order)
    with saga.changed("recovery", TABLE_CASES="gone"):
        stop(saga, saga.execution_of(case))
        saga.ended(saga.execution_of_run(run_id(case, 1)))
        saga.shop.as_("ana").decide(question.id, "approve", "")
    done = saga.shop.as_("ana").call(Progress, "POST", f"/v1/cases/{case}/recover")
    assert (done.done, done.recovered) == (True, 1)
    assert saga.shop.wait_for_case(order, CLOSED, PERSON).status is CLOSED
    assert saga.refunds(order) == ["80.00"]
    assert saga.at_rest(order) == []


def test_a_run_that_is_stopped_is_carried_on_by_the_next_generation(saga: Installation) -> None:
    order, case = asked(saga)
    question = saga.shop.wait_for_approval(order)
    stop(saga, saga.execution_of_run(run_id(case, 1)))
    begun(saga, case, 2)
    first = saga.ended(saga.execution_of(case))
    assert first.states[-4:] == ["Run", "Commit", "Rest", "RollOver"]
    saga.shop.as_("ana").decide(question.id, "approve", "")
    assert saga.shop.wait_for_case(order, CLOSED, PERSON).status is CLOSED
    assert saga.refunds(order) == ["80.00"]
    assert saga.at_rest(order) == []


@pytest.mark.guarantee("recovery:sleepers-keep-their-deadline")
def test_a_sleeper_that_is_stopped_sleeps_on_and_wakes_by_the_next_event(saga: Installation) -> None:
    order = saga.order()
    saga.shop.message(order, BROKEN)
    first = asleep(saga, order, generation=1)
    stop(saga, saga.execution_of(first.id))
    again = asleep(saga, order, generation=2)
    assert (again.wake, again.deadline, again.seen_seq) == (first.wake, first.deadline, first.seen_seq)
    saga.shop.message(order, "Here is a photo of it.", photo=True)
    assert saga.shop.wait_for_case(order, CLOSED, PERSON).status is CLOSED
    ended = saga.ended(saga.execution_of(first.id, 2))
    assert ended.states[:4] == ["Observe", "Route", "Sleep", "Observe"]
    assert saga.refunds(order) == ["12.50"]
    assert saga.replies(order).count("ask_for_photo@1") == 1
    assert saga.at_rest(order) == []


def test_a_sleeper_of_an_outdated_definition_is_followed_by_a_new_execution(saga: Installation) -> None:
    order = saga.order()
    saga.shop.message(order, BROKEN)
    case = asleep(saga, order, generation=1)
    with saga.changed("context", DEFINITION="the next one"):
        saga.shop.message(order, "Here is a photo of it.", photo=True)
        assert saga.shop.wait_for_case(order, CLOSED, PERSON).status is CLOSED
    before = saga.ended(saga.execution_of(case.id))
    assert (before.status, before.states[-4:]) == (
        "SUCCEEDED",
        ["Observe", "Route", "RollOver", "RolledOver"],
    )
    after: Execution = saga.ended(saga.execution_of(case.id, 2))
    assert after.states == ["Observe", "Route", "Plan", "Run", "Commit", "Rest", "Closed"]
    woken = [e.detail["woken"] for e in saga.entries(order) if e.kind is EntryKind.CONTEXT_READ]
    assert woken == ["opened", "event"]
    assert saga.refunds(order) == ["12.50"]
    assert saga.at_rest(order) == []


def test_a_case_that_nobody_could_hand_over_is_handed_over_when_its_end_is_heard(saga: Installation) -> None:
    order = saga.order()
    with saga.changed("recorder", TABLE_CASES="gone"):
        saga.shop.message(order, NEVER_CAME)
        case = saga.shop.wait_for_case(order, PERSON)
    assert saga.ended(saga.execution_of(case.id)).error == "Stranded"
    assert "could not be handed over" in (case.handoff_reason or "")
    assert saga.refunds(order) == ["12.50"]
    assert saga.at_rest(order) == []
