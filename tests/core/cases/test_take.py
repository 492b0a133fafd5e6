from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.cases.take import Message, Origin, take
from nightshift.errors import Retryable
from nightshift.ids import TenantId
from tests.support.intake import ACME

if TYPE_CHECKING:
    from nightshift.model.event import Event
    from tests.support.intake import Intake


def message(event: Event, body: str | None = None) -> Message:
    origin = Origin(tenant=event.tenant, channel=event.channel, delivery=event.delivery)
    return Message(id="m-1", body=event.model_dump_json() if body is None else body, origin=origin)


def test_an_event_is_accepted_then_repeated(intake: Intake):
    event = intake.stored(intake.source.message())
    outcomes = [take(message(event), intake.desk, intake.deliveries).outcome for _ in range(2)]
    assert outcomes == ["accepted", "repeated"]


@pytest.mark.parametrize("body", ["", "not JSON", "[]", '{"id": "evt_1"}', '{"schema_version": 7}'])
def test_a_message_nobody_can_read_parks_its_delivery(intake: Intake, body: str):
    event = intake.stored(intake.source.message("my secret text"))
    taken = take(message(event, body), intake.desk, intake.deliveries)
    assert taken.outcome == "parked"
    (parked,) = intake.deliveries.parked(ACME)
    assert (parked.delivery, parked.event, parked.parked) == (event.delivery, event, taken.reason)
    assert intake.deliveries.pending(intake.clock.now().replace(year=2030), 10) == ()


def test_why_it_was_parked_names_the_field_and_quotes_nothing(intake: Intake):
    event = intake.stored(intake.source.message("my secret text"))
    body = event.model_dump_json().replace('"MessageReceived"', '"my secret text"')
    taken = take(message(event, body), intake.desk, intake.deliveries)
    assert taken.reason.startswith("kind: ")
    assert "secret" not in taken.reason


def test_an_event_of_a_tenant_that_is_gone_is_parked(intake: Intake):
    gone = intake.source.__class__(intake.clock, TenantId("gone"))
    event = intake.stored(gone.message())
    assert take(message(event), intake.desk, intake.deliveries).outcome == "parked"
    assert [parked.delivery for parked in intake.deliveries.parked(gone.tenant)] == [event.delivery]


def test_a_message_from_nowhere_is_kept_under_unknown(intake: Intake):
    taken = take(Message(id="m-9", body="junk", origin=None), intake.desk, intake.deliveries)
    assert taken.outcome == "parked"
    (stray,) = intake.deliveries.parked(TenantId("unknown"))
    assert (stray.delivery, stray.parked) == ("m-9", taken.reason)


def test_a_service_that_is_down_parks_nothing(intake: Intake):
    event = intake.stored(intake.source.message())
    intake.machine.down = True
    with pytest.raises(Retryable):
        take(message(event), intake.desk, intake.deliveries)
    assert intake.deliveries.parked(ACME) == ()


def test_what_reached_an_inbox_cannot_be_parked_any_more(intake: Intake):
    event = intake.stored(intake.source.message())
    take(message(event), intake.desk, intake.deliveries)
    take(message(event, "garbled on the way"), intake.desk, intake.deliveries)
    assert intake.deliveries.parked(ACME) == ()


def test_a_parked_delivery_that_is_accepted_after_all_is_parked_no_more(intake: Intake):
    event = intake.stored(intake.source.message())
    take(message(event, "garbled"), intake.desk, intake.deliveries)
    assert take(message(event), intake.desk, intake.deliveries).outcome == "accepted"
    assert intake.deliveries.parked(ACME) == ()
