from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from nightshift.cases.dispatch import dispatch
from nightshift.cases.sweep import Swept, sweep
from nightshift.errors import Retryable
from tests.support.intake import ACME

if TYPE_CHECKING:
    from nightshift.model.event import Event
    from tests.support.intake import Intake


@dataclass
class Line:
    """The `EventQueue` port in memory; it can be down."""

    sent: list[Event] = field(default_factory=list)
    down: bool = False

    def send(self, event: Event) -> None:
        if self.down:
            message = "the queue is down"
            raise Retryable(message)
        self.sent.append(event)


def swept(intake: Intake, line: Line) -> Swept:
    return sweep(intake.deliveries, line, intake.clock)


@pytest.mark.guarantee("ingress:nothing-accepted-is-lost")
def test_a_delivery_that_reached_no_inbox_is_sent_again(intake: Intake):
    event, line = intake.stored(intake.source.message()), Line()
    intake.clock.advance(59)
    assert swept(intake, line) == Swept()
    intake.clock.advance(2)
    assert swept(intake, line) == Swept(sent=1)
    assert line.sent == [event]
    dispatch(line.sent[0], intake.desk)
    intake.clock.advance(86_400)
    assert swept(intake, line) == Swept()


def test_it_waits_longer_after_each_try(intake: Intake):
    intake.stored(intake.source.message())
    line, minutes = Line(), []
    for minute in range(40):
        intake.clock.advance(60)
        if swept(intake, line).sent:
            minutes.append(minute)
    pauses = [later - earlier for earlier, later in pairwise(minutes)]
    assert len(minutes) >= 4
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 8


def test_what_was_sent_in_vain_for_hours_is_parked_for_a_person(intake: Intake):
    event, line, parked = intake.stored(intake.source.message()), Line(), 0
    for _ in range(60 * 10):
        intake.clock.advance(60 * 2)
        parked += swept(intake, line).parked
        if parked:
            break
    assert (parked, len(line.sent)) == (1, 8)
    (shown,) = intake.deliveries.parked(ACME)
    assert shown.event == event
    intake.clock.advance(86_400)
    assert swept(intake, line) == Swept()


def test_a_queue_that_is_down_costs_no_try(intake: Intake):
    intake.stored(intake.source.message())
    line = Line(down=True)
    for _ in range(20):
        intake.clock.advance(120)
        assert swept(intake, line) == Swept(unsent=1)
    line.down = False
    assert swept(intake, line) == Swept(sent=1)
