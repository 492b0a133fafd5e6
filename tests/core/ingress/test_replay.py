"""Stored bodies are taken in again after a restore: with the same ids, part by part, however often."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.queue import SqsEventQueue
from nightshift.aws.restore import S3Bodies
from nightshift.cases.restore import Restoring, go_on
from nightshift.errors import BadInput, NotFound
from nightshift.ids import TenantId
from nightshift.ingress.receive import replay
from nightshift.model.recovery import Progress, RecoveryRequest
from nightshift.model.tenant import Tenant
from tests.core.ingress.conftest import ACME, SHOP, Ingress
from tests.support import tables as table_support
from tests.support.lookout import make_recovering
from tests.support.machines import Machine
from tests.support.vendor import order_body, signed

if TYPE_CHECKING:
    from nightshift.model.event import Event
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


class Again:
    """The `Replays` port, without a function in between."""

    def __init__(self, ingress: Ingress) -> None:
        self.ingress = ingress

    def replay(self, vendor: str, tenant: TenantId, key: str) -> bool:
        assert vendor in {"vendor", "another"}
        return replay(tenant, key, gate=self.ingress.gate).done in {"sent", "kept", "parked", "stored"}


@pytest.fixture
def now(clock: FixedClock) -> datetime:
    """S3 stamps objects by the machine's own clock, so here the test's clock agrees with it."""
    clock.at = datetime.now(UTC)  # see above
    return clock.at


def restored(ingress: Ingress, clock: FixedClock) -> Ingress:
    """The same bucket beside tables that know nothing of what came, and a queue that has forgotten it too."""
    suffix = f"{ingress.table.rsplit('-', 1)[-1]}r"
    fresh = table_support.create(client("dynamodb"), suffix)
    queue = client("sqs").create_queue(QueueName=f"events-{suffix}.fifo", Attributes={"FifoQueue": "true"})
    gate = replace(
        ingress.gate,
        deliveries=DynamoDeliveries(fresh.ingress, client("dynamodb"), clock),
        queue=SqsEventQueue(queue["QueueUrl"], client("sqs")),
    )
    return replace(ingress, table=fresh.ingress, queue=queue["QueueUrl"], gate=gate)


def restoring(tables: Tables, clock: FixedClock, ingress: Ingress) -> Restoring:
    return Restoring(
        recovering=make_recovering(tables, clock, Machine()),
        bodies=S3Bodies(ingress.bucket, client("s3")),
        replays=Again(ingress),
    )


def whole_pass(parts: Restoring, restored_at: datetime) -> tuple[Progress, int]:
    """All parts of a pass together, and how many there were."""
    total, cursor = Progress(done=False), ""
    for count in range(1, 50):
        given = RecoveryRequest(tenant=ACME, restored_at=restored_at, cursor=cursor)
        part = go_on(parts, given)
        total, cursor = total.plus(part), part.cursor
        if part.done:
            return total, count
    raise AssertionError("the pass never ends")


def known(tables: Tables) -> DynamoConfig:
    config = DynamoConfig(tables.config, client("dynamodb"))
    config.put_tenant(Tenant(id=ACME, name="Acme", policy_version=1))
    return config


def taken(ingress: Ingress, count: int) -> list[Event]:
    """So many orders were placed; the events that are queued of them."""
    for number in range(1, count + 1):
        body = order_body(number)
        assert ingress.post(body, signed(body, delivery=f"d-{number}")).done == "sent"
    queued = ingress.queued()
    assert len(queued) == count
    return queued


@pytest.mark.guarantee("recovery:a-restore-loses-nothing")
def test_every_event_since_the_restore_point_comes_again_with_the_same_id(
    tables: Tables, clock: FixedClock, ingress: Ingress, now: datetime
) -> None:
    config = known(tables)
    first = taken(ingress, 45)
    after = restored(ingress, clock)
    clock.advance(5)
    progress, parts = whole_pass(restoring(tables, clock, after), now)
    again = after.queued()
    assert {event.id: event for event in again} == {event.id: event for event in first}
    assert (progress.replayed, progress.unreadable) == (45, 0)
    assert parts > 2
    assert config.tenant(ACME).in_doubt_before == clock.now()


def test_the_restore_point_may_be_told_in_any_zone(
    tables: Tables, clock: FixedClock, ingress: Ingress, now: datetime
) -> None:
    known(tables)
    taken(ingress, 2)
    tomorrow_there = timezone(timedelta(hours=23, minutes=59))  # bodies are stored by the day of UTC
    parts = restoring(tables, clock, restored(ingress, clock))
    assert whole_pass(parts, now.astimezone(tomorrow_there))[0].replayed == 2


def test_a_pass_that_is_run_again_takes_nothing_in_twice(
    tables: Tables, clock: FixedClock, ingress: Ingress, now: datetime
) -> None:
    known(tables)
    first = taken(ingress, 3)
    after = restored(ingress, clock)
    parts = restoring(tables, clock, after)
    whole_pass(parts, now)
    whole_pass(parts, now)
    assert after.deliveries() == 3
    assert {event.id for event in after.queued()} == {event.id for event in first}


def test_what_was_stored_long_before_the_restore_point_is_left_alone(
    tables: Tables, clock: FixedClock, ingress: Ingress, now: datetime
) -> None:
    known(tables)
    taken(ingress, 2)
    after = restored(ingress, clock)
    clock.advance(7200)
    progress, _ = whole_pass(restoring(tables, clock, after), now + timedelta(hours=1))
    assert progress.replayed == 0


def test_a_body_from_before_its_topic_was_kept_is_counted_and_stops_nothing(
    tables: Tables, clock: FixedClock, ingress: Ingress, now: datetime
) -> None:
    known(tables)
    taken(ingress, 1)
    client("s3").put_object(
        Bucket=ingress.bucket, Key=f"{ACME}/{SHOP}/{now:%Y/%m/%d}/d-old-0123456789abcdef", Body=b"{}"
    )
    progress, _ = whole_pass(restoring(tables, clock, restored(ingress, clock)), now)
    assert (progress.replayed, progress.unreadable) == (1, 1)


@pytest.mark.parametrize("ref", ["", "acme", "other/shop-eu/2026/11/21/d-1", "acme/shop-eu/2026/11/21/none"])
def test_a_reference_of_nothing_is_not_found(ingress: Ingress, ref: str) -> None:
    with pytest.raises(NotFound):
        replay(ACME, ref, gate=ingress.gate)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"restored_at": "2026-11-21T09:00:00Z"}, "tenant"),
        ({"tenant": ACME, "restored_at": "2026-11-21T09:00:00"}, "restored_at"),
        ({"tenant": ACME, "restored_at": "2031-01-01T00:00:00Z"}, "restored_at"),
        ({"tenant": ACME, "restored_at": "2020-01-01T00:00:00Z"}, "restored_at"),
        ({"tenant": ACME, "cursor": "somewhere"}, "cursor"),
        ({"tenant": ACME, "cursor": '{"began": "2026-11-21T09:00:00", "doing": "cases"}'}, "cursor"),
        ({"tenant": ACME, "cursor": '{"began": "2026-11-21T09:00:00Z", "doing": "nothing"}'}, "cursor"),
        (
            {"tenant": ACME, "cursor": '{"began": "2026-11-21T09:00:00Z", "doing": "events", "day": "no"}'},
            "cursor",
        ),
        (
            {"tenant": ACME, "cursor": '{"began": "2026-11-21T09:00:00Z", "doing": "cases", "after": "x|y"}'},
            "cursor",
        ),
    ],
)
def test_what_cannot_be_recovered_names_the_field_and_changes_nothing(
    tables: Tables, clock: FixedClock, ingress: Ingress, given: dict[str, str], field: str
) -> None:
    config = known(tables)
    with pytest.raises(BadInput) as caught:
        go_on(restoring(tables, clock, ingress), RecoveryRequest.model_validate(given))
    assert caught.value.field == field
    assert config.tenant(ACME).in_doubt_before is None
