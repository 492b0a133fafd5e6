"""The sweep function as its schedule calls it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.model.event import Event
from tests.support.intake import Intake, make_intake

if TYPE_CHECKING:
    from types import ModuleType

    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def intake(tables: Tables, clock: FixedClock) -> Intake:
    return make_intake(tables, clock)


@pytest.fixture
def queue(tables: Tables) -> str:
    name = f"events-{tables.ingress.rsplit('-', 1)[-1]}.fifo"
    return client("sqs").create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]


@pytest.fixture
def function(tables: Tables, queue: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function at a cold start."""
    for name, value in {"STAGE": "test", "TABLE_INGRESS": tables.ingress, "QUEUE_EVENTS": queue}.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module("functions.sweep.handler"))


def test_a_stored_delivery_that_reached_no_inbox_is_sent_again(
    intake: Intake, function: ModuleType, queue: str
):
    # the function reads the machine's own clock
    intake.clock.at = intake.clock.at.replace(year=2020)
    event = intake.stored(intake.source.message())
    assert function.handler({}, None) == {"sent": 1, "unsent": 0, "parked": 0}
    (message,) = client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert Event.model_validate_json(message["Body"]) == event
    assert function.handler({}, None) == {"sent": 0, "unsent": 0, "parked": 0}


def test_a_fresh_delivery_is_left_alone(intake: Intake, function: ModuleType):
    intake.clock.at = intake.clock.at.replace(year=2090)
    intake.stored(intake.source.message())
    assert function.handler({}, None) == {"sent": 0, "unsent": 0, "parked": 0}
