"""The runner's function: what the run saga sends it, on real tables."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

import functions.runner.handler as module
from nightshift.errors import Misconfigured, NotFound, Outdated
from nightshift.model.approval import ApprovalStatus
from tests.support import records
from tests.support.records import QUOTE, READ, REFUND, REPLY
from tests.support.scene import Scene, make_scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

NAMES = ("runs", "ledger", "cases", "config", "approvals", "log")


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
    return make_scene(tables, clock)


def test_a_run_is_settled_from_its_last_state(handler: Callable[..., Any], scene: Scene) -> None:
    scene.propose()
    scene.steps(READ, QUOTE, REFUND, REPLY)
    state = {
        "run": records.RUN,
        "generation": 1,
        "move": {"index": 2, "next": "settle", "lanes": []},
        "ask_seconds": 1,
        "op": "settle",
    }
    assert handler(state, None) == {"run": records.RUN, "status": "DONE"}
    assert handler(state, None) == {"run": records.RUN, "status": "DONE"}


def test_a_run_that_broke_off_is_settled_with_its_error(handler: Callable[..., Any], scene: Scene) -> None:
    scene.propose()
    event = {"op": "settle", "run": records.RUN, "generation": 1, "at": "Step", "error": "Misconfigured"}
    assert handler(event, None)["status"] == "FAILED"
    outcome = scene.door.runs.outcome(records.RUN)
    assert outcome is not None
    assert outcome.reason == "Misconfigured"


def test_a_question_nobody_answered_expires_and_leads_to_the_end(
    handler: Callable[..., Any], scene: Scene
) -> None:
    scene.propose(asks=frozenset({REFUND}))
    scene.steps(READ, QUOTE)
    asked = scene.ask("token-1")
    state = handler({"op": "expire", "run": records.RUN, "generation": 2, "move": 1}, None)
    assert (state["move"]["next"], state["generation"]) == ("settle", 2)
    assert scene.door.approvals.get(asked.id).status is ApprovalStatus.EXPIRED
    assert handler(state | {"op": "settle", "generation": 1}, None)["status"] == "EXPIRED"


def test_an_older_generation_settles_nothing(handler: Callable[..., Any], scene: Scene) -> None:
    scene.propose()
    with pytest.raises(Outdated):
        handler({"op": "settle", "run": records.RUN, "generation": 2}, None)
    assert scene.door.runs.outcome(records.RUN) is None


def test_a_run_nobody_knows_is_an_error_that_says_so(handler: Callable[..., Any], scene: Scene) -> None:
    with pytest.raises(NotFound):
        handler({"op": "settle", "run": "run_none", "generation": 1}, None)
    assert scene.log() == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_table_is_named(
    handler: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(f"TABLE_{name.upper()}")
    with pytest.raises(Misconfigured) as caught:
        handler({"op": "settle", "run": records.RUN, "generation": 1}, None)
    assert f"TABLE_{name.upper()}" in str(caught.value)
