"""The function that steers runs as it is deployed; the API reaches it, and hears why it would not."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

import functions.again.handler as module
from nightshift.aws.client import client
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.steer import LambdaSteering
from nightshift.errors import Conflict, Misconfigured
from nightshift.model.steer import Steer, Verb
from nightshift.wiring.again import AgainSettings
from tests.support import records
from tests.support.desk import suffix_of
from tests.support.functions import Functions
from tests.support.proof import install
from tests.support.rehearsal import make_launch, run_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

FUNCTION = "nightshift-test-again"
TABLES = ("runs", "ledger", "cases", "config", "approvals", "log")


@pytest.fixture
def steering(tables: Tables, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[LambdaSteering]:
    """The API's port, with the handler after a cold start behind it."""
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("MACHINE_RUN", run_machine(suffix_of(tables)))
    for name in TABLES:
        monkeypatch.setenv(f"TABLE_{name.upper()}", getattr(tables, name))
    installed = install(tables, clock)
    monkeypatch.setenv("TABLE_SUBJECTS", tables.subjects)
    monkeypatch.setenv("KEY_SUBJECTS", installed.wrapping_key)
    handler = importlib.reload(module).handler
    with Functions() as functions:
        functions.handlers[FUNCTION] = lambda call: handler(call, None)
        yield LambdaSteering(FUNCTION, functions.client())


def steer(verb: Verb) -> Steer:
    return Steer(verb=verb, run=records.RUN, by=records.ANA, note="wait")


def test_a_run_is_stopped_carried_on_and_ended_through_the_function(
    steering: LambdaSteering, tables: Tables
) -> None:
    make_launch(tables, suffix_of(tables)).launch(records.proposal(case=None))
    assert steering.steer(steer("stop")).stopped
    assert steering.steer(steer("resume")).generation == 2
    assert steering.steer(steer("stop")).generation == 3
    assert steering.steer(steer("close")).status == "STOPPED"
    outcome = DynamoRuns(tables.runs, client("dynamodb")).outcome(records.RUN)
    assert outcome is not None
    assert outcome.status == "STOPPED"


def test_what_cannot_be_done_comes_back_as_a_conflict_with_the_reason(
    steering: LambdaSteering, tables: Tables
) -> None:
    make_launch(tables, suffix_of(tables)).launch(records.proposal(case=None))
    with pytest.raises(Conflict, match="not stopped"):
        steering.steer(steer("resume"))
    with pytest.raises(Conflict, match="not ended"):
        steering.steer(steer("retry"))


def test_a_missing_setting_is_named() -> None:
    given = {f"TABLE_{name.upper()}": name for name in (*TABLES, "subjects")}
    with pytest.raises(Misconfigured, match="MACHINE_RUN"):
        AgainSettings.load({"STAGE": "test", "KEY_SUBJECTS": "key", **given})


def test_what_is_asked_is_read_strictly(steering: LambdaSteering) -> None:
    del steering
    with pytest.raises(ValueError, match="verb"):
        Steer.model_validate(steer("stop").model_dump() | {"verb": "delete"})


def test_nothing_personal_is_in_what_crosses(steering: LambdaSteering) -> None:
    del steering
    given: dict[str, Any] = steer("stop").model_dump(mode="json")
    assert set(given) == {"verb", "run", "by", "note"}
