"""The recorder function as the case's state machine calls it: commit and hand over."""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.ids import CaseId, run_id
from nightshift.model.case import CaseStatus
from nightshift.model.event import EventKind
from nightshift.model.plan import Close, Sleep
from tests.support.case_life import Life, make_life
from tests.support.matters import ACME, CUSTOMER, message

if TYPE_CHECKING:
    from types import ModuleType

    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def life(tables: Tables, clock: FixedClock) -> Life:
    return make_life(tables, clock)


@pytest.fixture
def function(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function at a cold start."""
    settings = {
        "STAGE": "test",
        "TABLE_CASES": tables.cases,
        "TABLE_RUNS": tables.runs,
        "TABLE_MEMORY": tables.memory,
        "TABLE_LOG": tables.log,
        "EPISODE_DAYS": "7",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module("functions.recorder.handler"))


def started(life: Life) -> CaseId:
    case = life.open(message("money back")).id
    life.wake(case, 1)
    life.cases.note(case, customer=CUSTOMER)
    return case


def test_commit_closes_and_keeps_the_episode_for_so_many_days(
    life: Life, function: ModuleType, tables: Tables
):
    case = started(life)
    run = life.planned(case, 1, Close())
    life.settled(run, "DONE")
    given = {"op": "commit", "case": case, "generation": 1, "wake": 1, "run": run}
    assert function.handler(given, None)["rest"] == "closed"
    closed = life.cases.get(case)
    assert (closed.status, closed.closed_at is not None) == (CaseStatus.CLOSED, True)
    (stored,) = client("dynamodb").scan(TableName=tables.memory)["Items"]
    assert closed.closed_at is not None
    assert int(stored["expires"]["N"]) == int((closed.closed_at + timedelta(days=7)).timestamp())
    assert stored["pk"]["S"] == f"customer#{ACME}#{CUSTOMER}"


def test_the_sleep_state_gets_what_it_reads(life: Life, function: ModuleType):
    case = started(life)
    run = life.planned(case, 1, Sleep(events=(EventKind.MESSAGE_RECEIVED,), seconds=60), move="ask")
    life.settled(run, "DONE")
    given = {"op": "commit", "case": case, "generation": 1, "wake": 1, "run": run}
    rest = function.handler(given, None)
    assert (rest["rest"], rest["sleep_seconds"], rest["seen_seq"]) == ("sleep", 60, 1)
    assert (rest["case"], rest["generation"], rest["wake"]) == (case, 1, 1)


def test_commit_takes_what_observe_passes_for_a_person(life: Life, function: ModuleType):
    case = started(life)
    given = {"op": "commit", "case": case, "generation": 1, "wake": 1, "woken": "opened", "person": True}
    assert function.handler(given, None)["rest"] == "person"


@pytest.mark.parametrize("at", ["Observe", "Plan", "Commit", "Sleep", "Somewhere"])
def test_a_stage_that_failed_is_handed_over(life: Life, function: ModuleType, at: str):
    case = started(life)
    given = {"op": "hand_over", "case": case, "generation": 1, "wake": 1, "at": at, "error": "States.Timeout"}
    assert function.handler(given, None)["rest"] == "person"
    stands = life.cases.get(case)
    assert stands.status is CaseStatus.WITH_PERSON
    assert "States.Timeout" in (stands.handoff_reason or "")


def test_a_run_that_broke_off_without_an_end_is_carried_on(life: Life, function: ModuleType):
    case = started(life)
    given = {"op": "commit", "case": case, "generation": 1, "wake": 1, "run": run_id(case, 1)}
    rest = function.handler({**given, "at": "Run", "error": "States.TaskFailed"}, None)
    assert (rest["rest"], rest["error"]) == ("restart", "States.TaskFailed")
    assert life.told(case) == []
