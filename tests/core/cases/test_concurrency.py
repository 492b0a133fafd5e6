from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from nightshift.cases.dispatch import dispatch
from nightshift.errors import Conflict

if TYPE_CHECKING:
    from nightshift.model.event import Event
    from nightshift.ports.cases import Accepted
    from tests.support.intake import Intake

REDELIVERIES = 50  # the queue brings a message again that met others too often


def taken(intake: Intake, event: Event) -> Accepted:
    for _ in range(REDELIVERIES):
        try:
            return dispatch(event, intake.desk)
        except Conflict:
            continue
    message = f"{event.delivery} was never accepted"
    raise AssertionError(message)


@pytest.mark.guarantee("cases:one-open-case-per-subject")
def test_forty_events_from_eight_threads_are_one_case_with_forty_entries(intake: Intake):
    events = [intake.stored(intake.source.message(f"line {n}")) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(lambda event: taken(intake, event), events))
    (case,) = {one.case for one in accepted}
    assert case is not None
    assert [one.repeated for one in accepted if one.repeated not in {None, "delivery"}] == []
    assert intake.cases.get(case).inbox_seq == 40
    assert sorted(e.delivery for e in intake.cases.events(case)) == sorted(e.delivery for e in events)
    assert len(intake.machine.started) == 1
    assert len(intake.cases.of_tenant(intake.source.tenant, 50)) == 1


def test_the_same_delivery_from_eight_threads_is_in_the_inbox_once(intake: Intake):
    event = intake.stored(intake.source.message())
    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(lambda _: taken(intake, event), range(16)))
    (case,) = {one.case for one in accepted}
    assert case is not None
    assert [one.repeated for one in accepted].count(None) == 1
    assert intake.cases.events(case) == (event,)
