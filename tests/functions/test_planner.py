"""The planner function as the case's state machine calls it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nightshift.ids import run_id
from tests.support.case_life import Life, make_life
from tests.support.matters import message, package

if TYPE_CHECKING:
    from types import ModuleType

    from tests.conftest import FixedClock
    from tests.support.tables import Tables


ROOT = Path(__file__).parents[2]


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
        "TABLE_CONFIG": tables.config,
        "TABLE_LOG": tables.log,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module("functions.planner.handler"))


def test_plan_takes_what_observe_gives_and_passes_the_run(life: Life, function: ModuleType):
    said = message("where is my order")
    case = life.open(said).id
    life.wake(case, 1)
    life.cases.keep_context(package(said, intent="order_status", case=case))
    given = {"case": case, "generation": 1, "wake": 1, "woken": "opened", "person": False}
    run = run_id(case, 1)
    wanted = {"case": case, "generation": 1, "wake": 1, "run": run}
    assert function.handler(given, None) == wanted
    assert function.handler(given, None) == wanted
    assert [s.tool for s in life.runs.proposal(run).plan.steps] == ["orders.get", "messaging.reply"]


@pytest.mark.guarantee("planner:has-no-hands")
def test_the_planner_loads_no_tool_no_gate_and_no_command_line():
    script = (
        "import sys, functions.planner.handler, nightshift.expressions as e; e.check('1 == 1');"
        "bad = [m for m in sys.modules if m.startswith(('nightshift.tools', 'nightshift.gate', "
        "'nightshift.approvals', 'httpx', 'prompt_toolkit', 'rich'))];"
        "sys.exit(str(bad) if bad else 0)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # ours
    assert (done.returncode, done.stderr) == (0, "")
