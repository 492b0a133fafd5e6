from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.log import DynamoActionLog
from nightshift.cases.dispatch import dispatch
from nightshift.errors import NotFound, Retryable
from nightshift.ids import TenantId, execution_name
from nightshift.model.case import CaseInput, CaseStatus, SignalKind
from nightshift.model.event import EventKind
from tests.support.intake import Machine, Source, order_subject, wait_for_token

if TYPE_CHECKING:
    from pydantic import JsonValue

    from nightshift.ids import CaseId
    from nightshift.model.event import Event
    from tests.support.intake import Intake


def accept(intake: Intake, event: Event) -> CaseId:
    accepted = dispatch(intake.stored(event), intake.desk)
    assert accepted.case is not None
    return accepted.case


def asleep(intake: Intake, case: CaseId) -> None:
    """Lead a case through one wake into its sleep."""
    seen = intake.cases.observe(CaseInput(case=case, generation=1, wake=1)).seen_seq
    deadline = intake.clock.now() + timedelta(days=3)
    replies = (EventKind.MESSAGE_RECEIVED,)
    assert intake.cases.sleep(case, 1, wake=1, seen_seq=seen, events=replies, deadline=deadline)
    assert wait_for_token(intake.tables.cases, case, generation=1, wake=1, seen=seen, token="t1")
    intake.machine.waiting.add("t1")


def test_a_message_opens_a_case_and_starts_it(intake: Intake):
    event = intake.source.message()
    case = intake.cases.get(accept(intake, event))
    assert (case.status, case.inbox_seq, case.subject) == (CaseStatus.OPEN, 1, "conversation:contact-eu:c1")
    assert intake.cases.events(case.id) == (event,)
    assert set(intake.machine.started) == {execution_name(case.id, 1)}
    assert intake.told(case.id) == ["event.received", "case.opened"]
    stored = intake.delivery(event)
    assert (stored.case, stored.pending) == (case.id, None)


def test_a_second_message_joins_and_the_case_at_work_is_left_alone(intake: Intake):
    case = accept(intake, intake.source.message("first"))
    intake.cases.observe(CaseInput(case=case, generation=1, wake=1))
    assert accept(intake, intake.source.message("second")) == case
    stands = intake.cases.get(case)
    assert (stands.inbox_seq, stands.seen_seq) == (2, 1)
    assert intake.machine.starts == 1
    assert intake.told(case) == ["event.received", "case.opened", "event.received", "case.joined"]


def test_a_repeated_delivery_changes_nothing_and_is_logged(intake: Intake):
    event = intake.source.message()
    case = accept(intake, event)
    before = intake.cases.get(case)
    for _ in range(3):
        accepted = dispatch(event, intake.desk)
        assert (accepted.case, accepted.repeated) == (case, "delivery")
    assert intake.cases.get(case) == before
    assert intake.told(case) == ["event.received", "case.opened", "delivery.repeated"]


@pytest.mark.guarantee("ingress:replayed-webhook")
def test_a_body_replayed_under_a_new_id_opens_no_second_case(intake: Intake):
    event = intake.source.message()
    case = accept(intake, event)
    replay = intake.stored(intake.source.again(event, delivery="d-new"))
    accepted = dispatch(replay, intake.desk)
    assert (accepted.case, accepted.repeated) == (case, "body")
    assert intake.cases.events(case) == (event,)
    assert intake.told(case) == ["event.received", "case.opened", "delivery.repeated"]
    assert intake.delivery(replay).pending is None


def test_a_body_may_come_again_after_thirty_days(intake: Intake):
    event = intake.source.message()
    case = accept(intake, event)
    intake.clock.advance(timedelta(days=30, seconds=1).total_seconds())
    later = intake.source.again(event, delivery="d-later")
    assert dispatch(intake.stored(later), intake.desk).repeated is None
    assert intake.cases.get(case).inbox_seq == 2


def test_a_crash_between_accepting_and_starting_is_made_good_by_the_next_delivery(intake: Intake):
    event = intake.stored(intake.source.message())
    intake.machine.down = True
    with pytest.raises(Retryable):
        dispatch(event, intake.desk)
    assert intake.machine.started == {}
    intake.machine.down = False
    accepted = dispatch(event, intake.desk)
    assert accepted.repeated == "delivery"
    assert accepted.case is not None
    assert set(intake.machine.started) == {execution_name(accepted.case, 1)}
    assert intake.cases.get(accepted.case).inbox_seq == 1


def test_a_crash_before_the_log_leaves_no_line_out(intake: Intake):
    event = intake.stored(intake.source.message())
    opened = dispatch(event, intake.desk)
    assert opened.case is not None
    # the same acceptance, whose lines never were written: another log, empty
    bare = DynamoActionLog(intake.tables.memory, client("dynamodb"))
    dispatch(event, replace(intake.desk, log=bare))
    kinds = [entry.kind.value for entry in bare.read(opened.case)]
    assert kinds == ["event.received", "case.opened", "delivery.repeated"]


def test_an_event_wakes_a_sleeping_case_once(intake: Intake):
    case = accept(intake, intake.source.message())
    asleep(intake, case)
    accept(intake, intake.source.message("here is the photo"))
    assert intake.machine.resumed == ["t1"]
    assert intake.cases.get(case).token is None
    assert intake.told(case)[-1] == "case.woken"


def test_a_crash_between_joining_and_waking_is_made_good(intake: Intake):
    case = accept(intake, intake.source.message())
    asleep(intake, case)
    reply = intake.stored(intake.source.message("here is the photo"))
    intake.machine.down = True
    with pytest.raises(Retryable):
        dispatch(reply, intake.desk)
    intake.machine.down = False
    dispatch(reply, intake.desk)
    assert intake.machine.resumed == ["t1"]
    assert intake.cases.get(case).inbox_seq == 2


def test_a_token_that_no_longer_waits_is_forgotten(intake: Intake):
    case = accept(intake, intake.source.message())
    asleep(intake, case)
    intake.machine.waiting.clear()  # its deadline was faster
    accept(intake, intake.source.message("late"))
    stands = intake.cases.get(case)
    assert (stands.token, stands.inbox_seq) == (None, 2)


def test_a_case_that_fell_asleep_again_meanwhile_is_woken_by_its_new_token(intake: Intake):
    case = accept(intake, intake.source.message())
    asleep(intake, case)

    class Overtaken(Machine):
        """Its deadline passes between the dispatcher's read of the token and its use."""

        def succeed(self, token: str, output: dict[str, JsonValue]) -> bool:
            if token == "t1":
                seen = intake.cases.observe(CaseInput(case=case, generation=1, wake=2)).seen_seq
                deadline = intake.clock.now() + timedelta(days=3)
                replies = (EventKind.MESSAGE_RECEIVED,)
                assert intake.cases.sleep(case, 1, wake=2, seen_seq=seen, events=replies, deadline=deadline)
                assert wait_for_token(intake.tables.cases, case, generation=1, wake=2, seen=seen, token="t2")
                self.waiting.add("t2")
                return False
            return super().succeed(token, output)

    machine = Overtaken()
    dispatch(intake.stored(intake.source.message("late")), replace(intake.desk, executions=machine))
    assert machine.resumed == ["t2"]
    stands = intake.cases.get(case)
    assert (stands.token, stands.inbox_seq) == (None, 2)


def test_a_state_that_would_sleep_after_an_event_came_does_not(intake: Intake):
    case = accept(intake, intake.source.message())
    seen = intake.cases.observe(CaseInput(case=case, generation=1, wake=1)).seen_seq
    accept(intake, intake.source.message("second"))
    deadline = intake.clock.now() + timedelta(days=3)
    replies = (EventKind.MESSAGE_RECEIVED,)
    assert not intake.cases.sleep(case, 1, wake=1, seen_seq=seen, events=replies, deadline=deadline)
    assert not wait_for_token(intake.tables.cases, case, generation=1, wake=1, seen=seen, token="t1")


def test_a_case_with_a_person_takes_events_and_wakes_nobody(intake: Intake):
    case = accept(intake, intake.source.message())
    intake.cases.observe(CaseInput(case=case, generation=1, wake=1))
    intake.cases.hand_over(case, 1, "too large")
    accept(intake, intake.source.message("hello?"))
    stands = intake.cases.get(case)
    assert (stands.status, stands.inbox_seq) == (CaseStatus.WITH_PERSON, 2)
    assert intake.machine.resumed == []
    assert intake.machine.starts == 1


def test_a_legal_threat_locks_a_new_case_and_its_execution_still_starts(intake: Intake):
    case = intake.cases.get(accept(intake, intake.source.message("My lawyer will call you")))
    assert case.lock is not None
    assert (case.status, case.handoff_reason) == (CaseStatus.WITH_PERSON, "triage: legal")
    assert [signal.kind for signal in case.signals] == [SignalKind.LEGAL]
    assert intake.machine.starts == 1
    assert intake.told(case.id) == ["event.received", "case.opened", "case.locked"]
    locked = intake.log.read(case.id)[-1].model_dump_json()
    assert "will call" not in locked


def test_a_threat_while_the_case_runs_locks_it_at_once(intake: Intake):
    case = accept(intake, intake.source.message())
    intake.cases.observe(CaseInput(case=case, generation=1, wake=1))
    accept(intake, intake.source.message("Ich nehme einen Anwalt"))
    stands = intake.cases.get(case)
    assert stands.status is CaseStatus.WITH_PERSON
    assert stands.lock is not None
    assert not intake.cases.close(case, 1, wake=1, seen_seq=2)


def test_a_threat_wakes_a_sleeping_case_so_that_it_goes_to_a_person(intake: Intake):
    case = accept(intake, intake.source.message())
    asleep(intake, case)
    accept(intake, intake.source.message("I will kill myself"))
    assert intake.machine.resumed == ["t1"]
    woken = intake.cases.observe(CaseInput(case=case, generation=1, wake=2))
    assert woken.status is CaseStatus.WITH_PERSON


def test_a_message_finds_its_order_by_the_name_a_placed_order_taught(intake: Intake):
    placed = dispatch(intake.stored(intake.source.order(EventKind.ORDER_PLACED, 1)), intake.desk)
    assert placed.case is None
    case = intake.cases.get(accept(intake, intake.source.message(about="1001")))
    assert case.subject == order_subject(1)


def test_a_message_about_an_order_nobody_knows_takes_its_name(intake: Intake):
    case = intake.cases.get(accept(intake, intake.source.message(about="#1009")))
    assert case.subject == "order:shopify-eu:#1009"
    # the order's own events find that case, too
    assert accept(intake, intake.source.order(EventKind.ORDER_EDITED, 9)) == case.id
    dispatch(intake.stored(intake.source.order(EventKind.ORDER_PLACED, 9)), intake.desk)
    assert accept(intake, intake.source.message("again", about="1009", conversation="c2")) == case.id


def test_a_later_message_of_a_conversation_joins_the_case_of_its_order(intake: Intake):
    case = accept(intake, intake.source.message(about="#1001", conversation="c7"))
    assert accept(intake, intake.source.message("and another thing", conversation="c7")) == case
    assert accept(intake, intake.source.message("someone else", conversation="c8")) != case


def test_a_conversation_whose_case_is_closed_opens_one_of_its_own(intake: Intake):
    case = accept(intake, intake.source.message(about="#1001", conversation="c7"))
    intake.cases.observe(CaseInput(case=case, generation=1, wake=1))
    assert intake.cases.close(case, 1, wake=1, seen_seq=1)
    later = intake.cases.get(accept(intake, intake.source.message("hello again", conversation="c7")))
    assert later.subject == "conversation:contact-eu:c7"


@pytest.mark.parametrize(
    "kind",
    [
        EventKind.ORDER_PLACED,
        EventKind.ORDER_UPDATED,
        EventKind.ORDER_EDITED,
        EventKind.ORDER_CANCELLED,
        EventKind.REFUND_CREATED,
        EventKind.CUSTOMERS_MERGED,
    ],
)
def test_an_echo_opens_no_case_and_is_noted_once(intake: Intake, kind: EventKind):
    event = intake.stored(intake.source.order(kind, 1))
    assert dispatch(event, intake.desk).case is None
    again = dispatch(event, intake.desk)
    assert (again.case, again.repeated) == (None, "delivery")
    assert intake.cases.open_case(event.tenant, order_subject(1)) is None
    assert (intake.delivery(event).pending, intake.delivery(event).case) == (None, "none")
    assert intake.machine.started == {}


def test_an_echo_joins_the_open_case_of_its_order(intake: Intake):
    dispatch(intake.stored(intake.source.order(EventKind.ORDER_PLACED, 1)), intake.desk)
    case = accept(intake, intake.source.message(about="#1001"))
    assert accept(intake, intake.source.order(EventKind.REFUND_CREATED, 1)) == case
    assert intake.cases.get(case).inbox_seq == 2


def test_two_tenants_with_the_same_order_share_nothing(intake: Intake):
    mine = accept(intake, intake.source.message(about="#1001"))
    other = Source(intake.clock, TenantId("other"))
    with pytest.raises(NotFound):
        dispatch(other.message(about="#1001"), intake.desk)
    intake.desk.config.put_policy(other.tenant, intake.desk.config.policy(intake.source.tenant))
    tenant = intake.desk.config.tenant(intake.source.tenant)
    intake.desk.config.put_tenant(tenant.model_copy(update={"id": other.tenant}))
    theirs = accept(intake, other.message(about="#1001"))
    assert theirs != mine
    assert [case.id for case in intake.cases.of_tenant(other.tenant, 10)] == [theirs]
