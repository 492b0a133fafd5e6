"""Cases live as a model of them does, whatever happens in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from nightshift.cases.dispatch import dispatch
from nightshift.errors import Conflict
from nightshift.ids import CaseId, TenantId
from nightshift.model.case import CaseInput, CaseStatus
from nightshift.model.event import EventKind
from tests.support.intake import Intake, make_intake, order_subject, wait_for_token

if TYPE_CHECKING:
    from nightshift.model.event import Event
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

OPEN, SLEEPING, PERSON, CLOSED = (
    CaseStatus.OPEN,
    CaseStatus.SLEEPING,
    CaseStatus.WITH_PERSON,
    CaseStatus.CLOSED,
)
REPLIES = (EventKind.MESSAGE_RECEIVED,)
_NUMBERS = count(1)


@dataclass
class Model:
    """What a case must be."""

    subject: str
    events: list[str] = field(default_factory=list)
    status: CaseStatus = OPEN
    locked: bool = False
    wake: int = 0
    seen: int = 0
    token: str | None = None

    def may_rest(self) -> bool:
        return self.status is OPEN and not self.locked and self.seen == len(self.events)


class Life(RuleBasedStateMachine):
    """Three orders, each with messages and echoes; every step of a case's life in any order."""

    tables: Tables
    clock: FixedClock

    def __init__(self) -> None:
        super().__init__()
        tenant = TenantId(f"tenant-{next(_NUMBERS)}")  # one set of tables serves all examples
        self.intake: Intake = make_intake(self.tables, self.clock, tenant)
        self.models: dict[CaseId, Model] = {}
        self.past: list[tuple[Event, CaseId | None]] = []
        for number in range(3):
            self.deliver(self.intake.source.order(EventKind.ORDER_PLACED, number), number)

    def deliver(self, event: Event, number: int) -> CaseId | None:
        accepted = dispatch(self.intake.stored(event), self.intake.desk)
        assert accepted.repeated is None
        self.past.append((event, accepted.case))
        had = self.of(order_subject(number))
        if accepted.case is None:
            assert had is None
            return None
        model = self.models.setdefault(accepted.case, Model(order_subject(number)))
        assert had is None or had is model
        model.events.append(event.delivery)
        model.token = None  # whoever slept was woken
        return accepted.case

    def of(self, subject: str) -> Model | None:
        found = [m for m in self.models.values() if m.subject == subject and m.status is not CLOSED]
        assert len(found) <= 1
        return found[0] if found else None

    def pick(self, index: int) -> tuple[CaseId, Model]:
        return list(self.models.items())[index % len(self.models)]

    @rule(number=st.integers(0, 2))
    def a_message_comes(self, number: int) -> None:
        case = self.deliver(
            self.intake.source.message("hello", about=f"{1000 + number}", conversation=f"c{number}"), number
        )
        assert case is not None

    @rule(number=st.integers(0, 2))
    def a_threat_comes(self, number: int) -> None:
        case = self.deliver(self.intake.source.message("my lawyer", about=f"{1000 + number}"), number)
        assert case is not None
        self.models[case].locked = True
        self.models[case].status = PERSON

    @rule(number=st.integers(0, 2))
    def an_echo_comes(self, number: int) -> None:
        self.deliver(self.intake.source.order(EventKind.REFUND_CREATED, number), number)

    @rule(index=st.integers(0, 99), new_id=st.booleans())
    def an_event_comes_again(self, index: int, *, new_id: bool) -> None:
        event, case = self.past[index % len(self.past)]
        given = event
        if new_id:
            given = self.intake.stored(self.intake.source.again(event, delivery=f"again-{next(_NUMBERS)}"))
        accepted = dispatch(given, self.intake.desk)
        assert accepted.case == case
        assert accepted.repeated == ("body" if new_id else "delivery")
        if case is not None and self.models[case].status is not CLOSED:
            self.models[case].token = None

    @precondition(lambda self: self.models)
    @rule(index=st.integers(0, 99))
    def a_wake_begins(self, index: int) -> None:
        case, model = self.pick(index)
        seen = self.intake.cases.observe(CaseInput(case=case, generation=1, wake=model.wake + 1))
        if model.status is CLOSED:
            return
        model.wake, model.seen, model.token = model.wake + 1, len(model.events), None
        model.status = PERSON if model.status is PERSON else OPEN
        assert (seen.seen_seq, seen.status) == (model.seen, model.status)

    @precondition(lambda self: self.models)
    @rule(index=st.integers(0, 99))
    def a_wake_is_observed_again(self, index: int) -> None:
        case, model = self.pick(index)
        if model.wake:
            again = self.intake.cases.observe(CaseInput(case=case, generation=1, wake=model.wake))
            assert again.seen_seq == model.seen

    @precondition(lambda self: self.models)
    @rule(index=st.integers(0, 99), stale=st.booleans())
    def it_would_sleep(self, index: int, *, stale: bool) -> None:
        case, model = self.pick(index)
        deadline = self.intake.clock.now() + timedelta(days=1)
        args = {"wake": model.wake, "seen_seq": model.seen, "events": REPLIES, "deadline": deadline}
        if stale:
            with pytest.raises(Conflict):
                self.intake.cases.sleep(case, 2, **args)
            return
        was_asleep = model.status is SLEEPING and model.seen == len(model.events)
        slept = self.intake.cases.sleep(case, 1, **args)
        assert slept is (model.may_rest() or was_asleep)
        if slept:
            model.status = SLEEPING

    @precondition(lambda self: self.models)
    @rule(index=st.integers(0, 99))
    def the_state_machine_waits(self, index: int) -> None:
        case, model = self.pick(index)
        if model.status is not SLEEPING:
            return
        token = f"token-{next(_NUMBERS)}"
        waits = wait_for_token(
            self.tables.cases, case, generation=1, wake=model.wake, seen=model.seen, token=token
        )
        assert waits is (model.seen == len(model.events))
        if waits:
            self.intake.machine.waiting.add(token)
            model.token = token

    @precondition(lambda self: self.models)
    @rule(index=st.integers(0, 99), stale=st.booleans())
    def it_would_close(self, index: int, *, stale: bool) -> None:
        case, model = self.pick(index)
        if stale:
            with pytest.raises(Conflict):
                self.intake.cases.close(case, 2, wake=model.wake, seen_seq=model.seen)
            return
        closed = self.intake.cases.close(case, 1, wake=model.wake, seen_seq=model.seen)
        assert closed is (model.status is CLOSED or model.may_rest())
        if closed:
            model.status = CLOSED

    @precondition(lambda self: self.models)
    @rule(index=st.integers(0, 99))
    def it_is_handed_over(self, index: int) -> None:
        case, model = self.pick(index)
        given = self.intake.cases.hand_over(case, 1, "a reason")
        if model.status is not CLOSED:
            model.status = PERSON
        assert given.status is model.status

    @precondition(lambda self: self.models)
    @rule(index=st.integers(0, 99), missed=st.integers(0, 1))
    def a_person_resolves_it(self, index: int, missed: int) -> None:
        case, model = self.pick(index)
        seen = len(model.events) - missed
        if model.status is not CLOSED and missed:
            with pytest.raises(Conflict):
                self.intake.cases.resolve(case, by="ana", note="done", seen_seq=seen)
            return
        assert self.intake.cases.resolve(case, by="ana", note="done", seen_seq=seen).status is CLOSED
        model.status = CLOSED

    @invariant()
    def every_case_is_as_its_model(self) -> None:
        for case, model in self.models.items():
            stands = self.intake.cases.get(case)
            assert (stands.subject, stands.status, stands.wake, stands.seen_seq, stands.token) == (
                model.subject,
                model.status,
                model.wake,
                model.seen,
                model.token,
            )
            assert (stands.lock is not None) is model.locked
            assert stands.inbox_seq == len(model.events)
            assert [event.delivery for event in self.intake.cases.events(case)] == model.events

    @invariant()
    def a_subject_has_at_most_one_case_that_is_not_closed(self) -> None:
        for number in range(3):
            had = self.intake.cases.open_case(self.intake.source.tenant, order_subject(number))
            model = self.of(order_subject(number))
            assert (had is None) is (model is None)
            assert had is None or self.models[had.id] is model

    @invariant()
    def nobody_waits_for_an_event_that_came(self) -> None:
        for model in self.models.values():
            if model.token is not None:
                assert model.seen == len(model.events)
                assert model.token in self.intake.machine.waiting


@pytest.mark.guarantee("cases:one-open-case-per-subject")
def test_no_order_of_happenings_loses_an_event_or_opens_a_second_case(tables: Tables, clock: FixedClock):
    class Here(Life):
        pass

    Here.tables, Here.clock = tables, clock
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # shrinking takes minutes over the wire; 25 steps can be read
            suppress_health_check=list(HealthCheck),
        ),
    )
