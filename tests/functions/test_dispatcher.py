"""The dispatcher function as its queue calls it."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.aws.client import client
from nightshift.ids import TenantId, opaque
from tests.support.intake import ACME, Intake, make_intake

if TYPE_CHECKING:
    from types import ModuleType

    from nightshift.model.event import Event
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


@pytest.fixture
def intake(tables: Tables, clock: FixedClock) -> Intake:
    return make_intake(tables, clock)


@pytest.fixture
def machine(tables: Tables) -> str:
    made = client("stepfunctions").create_state_machine(
        name=f"case-{tables.cases.rsplit('-', 1)[-1]}",
        definition=json.dumps(WAITS),
        roleArn="arn:aws:iam::000000000000:role/test",
    )
    return made["stateMachineArn"]


@pytest.fixture
def function(tables: Tables, machine: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function at a cold start."""
    for name, value in {
        "STAGE": "test",
        "TABLE_INGRESS": tables.ingress,
        "TABLE_CASES": tables.cases,
        "TABLE_CONFIG": tables.config,
        "TABLE_LOG": tables.log,
        "TABLE_SUBJECTS": tables.subjects,
        "KEY_SUBJECTS": client("kms").create_key()["KeyMetadata"]["Arn"],
        "MACHINE_CASE": machine,
        "FUNCTION_WORKFLOWS": "nightshift-test-workflows",
    }.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module("functions.dispatcher.handler"))


def record(number: int, event: Event, body: str | None = None) -> dict[str, Any]:
    named = {"tenant": event.tenant, "channel": event.channel, "delivery": event.delivery}
    return {
        "messageId": f"m-{number}",
        "receiptHandle": "r",
        "body": event.model_dump_json() if body is None else body,
        "attributes": {"MessageGroupId": opaque("grp", event.tenant, event.subject.key())},
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"} for name, value in named.items()
        },
        "eventSource": "aws:sqs",
    }


def again(function: ModuleType, *records: dict[str, Any]) -> list[str]:
    """Which messages of a batch must come again."""
    answer = function.handler({"Records": list(records)}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_batch_of_events_becomes_cases_with_executions(intake: Intake, function: ModuleType, machine: str):
    events = [intake.stored(intake.source.message(conversation=f"c{n % 2}")) for n in range(4)]
    assert again(function, *(record(n, event) for n, event in enumerate(events))) == []
    cases = intake.cases.of_tenant(ACME, 10)
    assert sorted(case.inbox_seq for case in cases) == [2, 2]
    started = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert {one["name"] for one in started} == {f"{case.id}-g1" for case in cases}


def test_a_poison_message_is_parked_and_blocks_nobody(intake: Intake, function: ModuleType):
    poison, same_group = (intake.stored(intake.source.message()) for _ in range(2))
    assert again(function, record(0, poison, "{broken"), record(1, same_group)) == []
    assert [parked.delivery for parked in intake.deliveries.parked(ACME)] == [poison.delivery]
    (case,) = intake.cases.of_tenant(ACME, 10)
    assert intake.cases.events(case.id) == (same_group,)


def test_a_message_that_names_no_delivery_is_parked_too(intake: Intake, function: ModuleType):
    stray = record(0, intake.source.message(), "{broken") | {"messageAttributes": {}}
    assert again(function, stray) == []
    assert len(intake.deliveries.parked(TenantId("unknown"))) == 1


def test_a_failure_stops_its_own_group_only_and_keeps_its_order(
    intake: Intake, function: ModuleType, machine: str
):
    first, second, other = (
        intake.stored(intake.source.message(conversation=name)) for name in ("a", "a", "b")
    )
    # the first case's name is taken by nothing, but the machine is gone while `a` is dispatched
    client("stepfunctions").delete_state_machine(stateMachineArn=machine)
    assert again(function, record(0, first), record(1, second)) == ["m-0", "m-1"]
    assert [case.inbox_seq for case in intake.cases.of_tenant(ACME, 10)] == [1]
    assert again(function, record(0, first), record(1, second), record(2, other)) == ["m-0", "m-1", "m-2"]
    # `b` was tried although `a` failed before it
    assert len(intake.cases.of_tenant(ACME, 10)) == 2


def test_what_failed_for_now_is_made_good_when_it_comes_again(
    intake: Intake, function: ModuleType, machine: str
):
    event = intake.stored(intake.source.message())
    client("stepfunctions").delete_state_machine(stateMachineArn=machine)
    assert again(function, record(0, event)) == ["m-0"]
    made = client("stepfunctions").create_state_machine(
        name=machine.rsplit(":", 1)[-1],
        definition=json.dumps(WAITS),
        roleArn="arn:aws:iam::000000000000:role/test",
    )
    assert made["stateMachineArn"] == machine
    assert again(function, record(0, event)) == []
    (case,) = intake.cases.of_tenant(ACME, 10)
    started = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [one["name"] for one in started] == [f"{case.id}-g1"]
    assert case.inbox_seq == 1
