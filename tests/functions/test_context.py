"""The context function as the case's state machine calls it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.errors import Misconfigured
from tests.support.case_life import Life, make_life
from tests.support.matters import ORDER, message, order
from tests.support.tools_lambda import ToolsLambda

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def life(tables: Tables, clock: FixedClock) -> Life:
    return make_life(tables, clock)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToolsLambda]:
    with ToolsLambda(orders={ORDER: order()}) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", running.url)
        client.cache_clear()
        yield running
    client.cache_clear()


@pytest.fixture
def function(tables: Tables, tools: ToolsLambda, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function at a cold start."""
    settings = {
        "STAGE": "test",
        "TABLE_CASES": tables.cases,
        "TABLE_CONFIG": tables.config,
        "TABLE_MEMORY": tables.memory,
        "TABLE_LOG": tables.log,
        "TABLE_SUBJECTS": tables.subjects,
        "ADAPTER_PREFIX": tools.prefix,
        "DEFINITION": "now",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module("functions.context.handler"))


def test_observe_passes_ids_and_whether_a_person_takes_it(life: Life, function: ModuleType):
    case = life.open(message("my mug is broken")).id
    given = {"case": case, "generation": 1, "wake": 1, "woken": "opened"}
    resting = {"seen_seq": 0, "sleep_seconds": 0}
    assert function.handler(given, None) == {**given, "person": False, "next": "plan", **resting}
    assert life.cases.context(case, 1).order == order()


def test_a_locked_case_is_routed_to_a_person(life: Life, function: ModuleType):
    case = life.open(message("my lawyer")).id
    life.cases.lock(case, "triage: legal")
    given = {"case": case, "generation": 1, "wake": 1, "woken": "opened"}
    observed = function.handler(given, None)
    assert (observed["person"], observed["next"]) == (True, "person")


def test_an_execution_of_another_definition_is_told_to_be_followed(life: Life, function: ModuleType):
    case = life.open(message("my mug is broken")).id
    given = {"case": case, "generation": 1, "wake": 2, "woken": "event"}
    says = {"began": "2026-11-21T09:00:00.000Z", "first": 1, "definition": "then"}
    assert function.handler({**given, **says}, None)["next"] == "roll_over"
    assert life.cases.get(case).wake == 0


def test_a_missing_setting_is_named(function: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ADAPTER_PREFIX")
    with pytest.raises(Misconfigured, match="ADAPTER_PREFIX"):
        function.handler({"case": "case_1", "generation": 1, "wake": 1, "woken": "opened"}, None)
