"""The functions `workflows` and `intake` as the clock and the dispatcher call them."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.errors import Misconfigured
from tests.support.workshop import ACME, Workshop, make_workshop

if TYPE_CHECKING:
    from types import ModuleType

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


@pytest.fixture
def shop(tables: Tables, clock: FixedClock) -> Workshop:
    return make_workshop(tables, clock)


@pytest.fixture
def machine(tables: Tables) -> str:
    made = client("stepfunctions").create_state_machine(
        name=f"run-{tables.runs.rsplit('-', 1)[-1]}",
        definition=json.dumps(WAITS),
        roleArn="arn:aws:iam::000000000000:role/test",
    )
    return made["stateMachineArn"]


@pytest.fixture
def function(tables: Tables, machine: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function at a cold start."""
    for name, value in {
        "STAGE": "test",
        "TABLE_CONFIG": tables.config,
        "TABLE_RUNS": tables.runs,
        "TABLE_LOG": tables.log,
        "MACHINE_RUN": machine,
        "FUNCTION_DRYRUN": "nightshift-test-dryrun",
    }.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module("functions.workflows.handler"))


def executions(machine: str) -> int:
    return len(client("stepfunctions").list_executions(stateMachineArn=machine)["executions"])


def test_a_tick_begins_what_is_due_once(shop: Workshop, function: ModuleType, machine: str):
    shop.clock.at = shop.clock.at.replace(year=2020)  # the function reads the machine's own clock
    shop.saved({"kind": "schedule", "cron": "0 9 * * *"})
    assert function.handler({"op": "tick"}, None) == {"begun": 1, "paused": 0, "held": 0, "failed": 0}
    assert function.handler({"op": "tick"}, None) == {"begun": 0, "paused": 0, "held": 0, "failed": 0}
    assert executions(machine) == 1


def test_an_event_that_is_offered_begins_who_wants_it_once(
    shop: Workshop, function: ModuleType, machine: str
):
    shop.saved({"kind": "event", "event": "CompetitorPriceChanged", "when": "event.drop_percent > 5.0"})
    four, six = (shop.price(drop).model_dump(mode="json") for drop in (4.0, 6.0))
    assert function.handler({"op": "hear", "event": four}, None) == {"begun": 0}
    assert [function.handler({"op": "hear", "event": six}, None) for _ in range(2)] == [{"begun": 1}] * 2
    assert executions(machine) == 1


@pytest.mark.parametrize("asked", [{}, {"op": "run"}, {"op": "hear"}, {"op": "hear", "event": {"id": 1}}])
def test_whoever_asks_otherwise_is_told_so(function: ModuleType, asked: dict[str, object]):
    with pytest.raises(Misconfigured):
        function.handler(asked, None)


def test_intake_says_what_it_found(shop: Workshop, tables: Tables, monkeypatch: pytest.MonkeyPatch):
    for name, value in {
        "STAGE": "test",
        "TABLE_CONFIG": tables.config,
        "TABLE_INGRESS": tables.ingress,
        "BUCKET_BODIES": "bodies",
        "QUEUE_EVENTS": "http://127.0.0.1:9/events.fifo",
        "ADAPTER_PREFIX": "nightshift-test-adapter-",
    }.items():
        monkeypatch.setenv(name, value)
    intake = importlib.reload(importlib.import_module("functions.intake.handler"))
    assert intake.handler({}, None) == {"feeds": 0, "events": 0, "failed": 0}
    watch = {"channel": "feed", "skus": ["MUG"], "currency": "EUR"}
    shop.saved({"kind": "event", "event": "CompetitorPriceChanged", "watch": watch})
    # there is no function of that adapter here: it is counted, and looked at again later
    assert intake.handler({}, None) == {"feeds": 0, "events": 0, "failed": 1}
    assert intake.handler({}, None) == {"feeds": 0, "events": 0, "failed": 0}
    assert shop.desk.workflows.head(ACME, "reprice").runs_by_itself
