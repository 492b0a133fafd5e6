"""The notifier's function: messages of the approval queue become durable questions."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest

import functions.approvals.notifier.handler as module
from nightshift.errors import Misconfigured
from nightshift.ids import RunId
from nightshift.model.approval import ApprovalStatus
from nightshift.telemetry import Crashed
from tests.support import records
from tests.support.records import ANA, QUOTE, READ, REFUND
from tests.support.scene import Scene, make_scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

NAMES = ("runs", "approvals", "log")
GONE = RunId("run_gone")


@pytest.fixture
def handler(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any], object], Any]:
    """The handler after a cold start with this test's tables."""
    monkeypatch.setenv("STAGE", "test")
    for name in NAMES:
        monkeypatch.setenv(f"TABLE_{name.upper()}", getattr(tables, name))
    importlib.reload(module)
    return module.handler


@pytest.fixture
def scene(tables: Tables, clock: FixedClock) -> Scene:
    """A run that has read everything and comes to its question."""
    made = make_scene(tables, clock)
    made.propose(asks=frozenset({REFUND}))
    made.steps(READ, QUOTE)
    return made


def message(number: int, run: str = records.RUN, body: str | None = None) -> dict[str, Any]:
    """One record of an SQS batch, as the Ask state sends it: its group is the run."""
    question = {"run": run, "generation": 1, "move": 1, "token": f"token-{number}"}
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "r",
        "body": json.dumps(question) if body is None else body,
        "attributes": {"MessageGroupId": run, "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:approvals.fifo",
        "awsRegion": "us-east-1",
    }


def failed(answer: dict[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def token(scene: Scene) -> str | None:
    (asked,) = scene.door.approvals.waiting(records.ACME)
    return scene.door.approvals.token(asked.id)


def test_a_question_becomes_a_record_that_waits(handler: Callable[..., Any], scene: Scene) -> None:
    assert failed(handler({"Records": [message(1)]}, None)) == []
    (asked,) = scene.door.approvals.waiting(records.ACME)
    assert (asked.status, asked.run, asked.at_risk) == (
        ApprovalStatus.PENDING,
        records.RUN,
        records.eur(1250),
    )
    assert scene.door.approvals.token(asked.id) == "token-1"


def test_a_message_that_comes_again_changes_nothing(handler: Callable[..., Any], scene: Scene) -> None:
    for _ in range(2):
        assert failed(handler({"Records": [message(1)]}, None)) == []
    assert len(scene.door.approvals.waiting(records.ACME)) == 1
    assert len(scene.log(records.CASE)) == 1


def test_of_two_questions_of_a_run_the_later_token_wins(handler: Callable[..., Any], scene: Scene) -> None:
    assert failed(handler({"Records": [message(1), message(2)]}, None)) == []
    assert token(scene) == "token-2"


def test_a_message_of_another_run_is_not_held_up_by_a_failure(
    handler: Callable[..., Any], scene: Scene
) -> None:
    assert failed(handler({"Records": [message(1, GONE), message(2)]}, None)) == ["message-1"]
    assert token(scene) == "token-2"


def test_a_later_question_is_not_stored_before_an_earlier_one_of_its_run(
    handler: Callable[..., Any], scene: Scene
) -> None:
    broken = message(1, body="{}")
    other = message(3, GONE)
    assert failed(handler({"Records": [message(0), broken, message(2), other]}, None)) == [
        "message-1",
        "message-2",
        "message-3",
    ]
    assert token(scene) == "token-0"


@pytest.mark.parametrize(
    "body", ["", "{}", "not json", '{"run": "r", "generation": 1, "move": 1, "token": ""}']
)
def test_a_poison_message_stays_in_the_queue(handler: Callable[..., Any], scene: Scene, body: str) -> None:
    assert failed(handler({"Records": [message(1, "group", body), message(2)]}, None)) == ["message-1"]
    assert token(scene) == "token-2"


def test_a_batch_that_fails_whole_fails_the_invocation(handler: Callable[..., Any], scene: Scene) -> None:
    with pytest.raises(Crashed):
        handler({"Records": [message(1, GONE)]}, None)
    assert scene.door.approvals.waiting(records.ACME) == ()


def test_a_question_that_was_answered_meanwhile_stays_answered(
    handler: Callable[..., Any], scene: Scene
) -> None:
    asked = scene.ask("token-0")
    scene.door.approvals.decide(asked.id, ApprovalStatus.APPROVED, by=ANA, at=scene.clock.now(), note="")
    assert failed(handler({"Records": [message(1)]}, None)) == []
    assert scene.door.approvals.get(asked.id).status is ApprovalStatus.APPROVED
    assert scene.door.approvals.token(asked.id) == "token-1"


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_table_is_named(
    handler: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(f"TABLE_{name.upper()}")
    with pytest.raises(Misconfigured) as caught:
        handler({"Records": [message(1)]}, None)
    assert f"TABLE_{name.upper()}" in str(caught.value)
