"""Runtime and time limits: one constant, and the order that keeps an effect from happening twice."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks import limits
from tests.stacks.assembly import Assembly

ROOT = Path(__file__).parents[2]


def _tasks(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("Type") == "Task":
            yield node
        for child in node.values():
            yield from _tasks(child)
    elif isinstance(node, list):
        for child in node:
            yield from _tasks(child)


def _machine(name: str) -> dict[str, Any]:
    text = (ROOT / "statemachines" / f"{name}.asl.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _tools_tasks() -> list[dict[str, Any]]:
    found = [task for task in _tasks(_machine("run")) if "${AdapterPrefix}" in json.dumps(task)]
    assert len(found) == 2
    return found


def test_a_lambda_is_killed_before_its_task_gives_up(dev: Assembly) -> None:
    functions = dev.functions()
    by_placeholder = {
        "${ContextFunction}": "context",
        "${PlannerFunction}": "planner",
        "${RecorderFunction}": "recorder",
        "${GateFunction}": "gate",
        "${RunnerFunction}": "runner",
        "${RecoveryFunction}": "recovery",
    }
    invoked = [
        t
        for name in ("case", "run")
        for t in _tasks(_machine(name))
        if t["Resource"].endswith("lambda:invoke")
    ]
    assert len(invoked) == 12
    for task in invoked:
        name = by_placeholder.get(task["Arguments"]["FunctionName"], "adapter-shopify")
        assert functions[name]["Timeout"] < task["TimeoutSeconds"], name


def test_a_lease_outlives_its_lambda_and_ends_before_the_next_attempt(dev: Assembly) -> None:
    for name, function in dev.functions().items():
        if name.startswith("adapter-"):
            lease = float(function["Environment"]["Variables"]["LEASE_SECONDS"])
            assert function["Timeout"] == limits.TOOLS_TIMEOUT < lease
    for task in _tools_tasks():
        (after_unknown,) = (r for r in task["Retry"] if "OutcomeUnknown" in r["ErrorEquals"])
        assert after_unknown["IntervalSeconds"] >= limits.LEASE
        assert after_unknown["JitterStrategy"] == "NONE"  # jitter would start within the lease


@pytest.mark.parametrize(
    "file", sorted((ROOT / "functions" / "adapters").glob("*/adapter.toml")), ids=lambda f: f.parent.name
)
def test_a_vendors_client_gives_up_before_its_lambda_is_killed(file: Path) -> None:
    timeouts = tomllib.loads(file.read_text(encoding="utf-8"))["timeouts"]
    assert timeouts["connect"] + timeouts["request"] < limits.TOOLS_TIMEOUT


def test_what_the_http_api_calls_answers_before_it_gives_up(dev: Assembly) -> None:
    for name, function in dev.functions().items():
        if name in {"api", "onboarding"} or name.startswith("webhook-"):
            assert function["Timeout"] < 30


def test_a_run_ends_before_the_case_that_waits_for_it() -> None:
    (waiting,) = (t for t in _tasks(_machine("case")) if t["Resource"].endswith("startExecution.sync:2"))
    assert _machine("run")["TimeoutSeconds"] < waiting["TimeoutSeconds"] < _machine("case")["TimeoutSeconds"]


def test_the_runtime_the_project_names_is_the_one_it_deploys() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    classifiers = project["project"]["classifiers"]
    oldest = project["tool"]["mypy"]["python_version"]
    assert f"Programming Language :: Python :: {limits.PYTHON}" in classifiers
    assert f"Programming Language :: Python :: {oldest}" in classifiers
    assert project["project"]["requires-python"] == f">={oldest}"
    target = project["tool"]["ruff"].get("target-version", f"py{oldest.replace('.', '')}")
    assert target == f"py{oldest.replace('.', '')}"
