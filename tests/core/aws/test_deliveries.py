"""Stored deliveries, at the wire; what ingress, dispatcher and sweep do with them is tested with those."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.ids import ChannelId
from nightshift.ports.deliveries import Delivery
from tests.support.intake import ACME, SHOP, Intake, make_intake

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def intake(tables: Tables, clock: FixedClock) -> Intake:
    return make_intake(tables, clock)


def delivery(intake: Intake, name: str, **changed: object) -> Delivery:
    fields = {
        "tenant": ACME,
        "channel": SHOP,
        "delivery": name,
        "topic": "orders/create",
        "body_ref": f"acme/{name}",
        "body_digest": "0" * 64,
        "received_at": intake.clock.now(),
        "event": intake.source.message(),
        "pending": intake.clock.now(),
    }
    return Delivery.model_validate(fields | changed)


def later(intake: Intake) -> tuple[str, ...]:
    due = intake.deliveries.pending(intake.clock.now() + timedelta(days=400), 50)
    return tuple(found.delivery for found in due)


def test_the_first_of_two_stands(intake: Intake):
    first = delivery(intake, "d")
    assert intake.deliveries.keep(first) == first
    assert intake.deliveries.keep(delivery(intake, "d", topic="other")) == first
    assert intake.deliveries.keep(delivery(intake, "d", channel=ChannelId("other"))).channel == "other"


def test_a_record_is_kept_for_thirty_days(intake: Intake):
    intake.deliveries.keep(delivery(intake, "d"))
    (stored,) = client("dynamodb").scan(TableName=intake.tables.ingress)["Items"]
    expires = int(stored["expires"]["N"]) - int(intake.clock.now().timestamp())
    assert expires == 30 * 86_400


def test_what_is_due_comes_oldest_first_and_only_before_the_instant(intake: Intake):
    for name in ("a", "b", "c"):
        intake.deliveries.keep(delivery(intake, name))
        intake.clock.advance(10)
    before = intake.clock.now() - timedelta(seconds=10)
    assert [found.delivery for found in intake.deliveries.pending(before, 10)] == ["a", "b"]
    assert [found.delivery for found in intake.deliveries.pending(before, 1)] == ["a"]


def test_what_was_postponed_counts_its_attempts(intake: Intake):
    kept = intake.deliveries.keep(delivery(intake, "d"))
    due = intake.clock.now() + timedelta(minutes=4)
    intake.deliveries.postpone(kept, due)
    intake.deliveries.postpone(kept, due)
    stands = intake.deliveries.keep(kept)
    assert (stands.attempts, stands.pending) == (2, due)


def test_what_nobody_acts_on_is_neither_due_nor_parked(intake: Intake):
    intake.deliveries.keep(delivery(intake, "d", event=None, pending=None))
    assert later(intake) == ()
    assert intake.deliveries.parked(ACME) == ()


def test_what_is_parked_is_shown_and_no_longer_due(intake: Intake):
    intake.deliveries.keep(delivery(intake, "d"))
    intake.deliveries.park(ACME, SHOP, "d", reason="kind: missing")
    assert later(intake) == ()
    (shown,) = intake.deliveries.parked(ACME)
    assert (shown.parked, shown.pending) == ("kind: missing", None)
    intake.deliveries.postpone(shown, intake.clock.now())
    assert later(intake) == ()


def test_a_delivery_nobody_stored_cannot_be_parked(intake: Intake):
    intake.deliveries.park(ACME, SHOP, "never-seen", reason="?")
    assert client("dynamodb").scan(TableName=intake.tables.ingress)["Count"] == 0
