"""client < Lambda < Task < lease, for every tool of every adapter, derived from where each of them stands.

The client's part stands in `adapter.toml` and in the bindings, the Lambda's and the lease's in
`stacks/limits.py` and the synthesised templates, the Task's in the state machine.
"""

from __future__ import annotations

import importlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.tools.breaker import open_for
from nightshift.tools.line import RECORDS_SECONDS, SHORT_WAIT, WAITS
from stacks import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightshift.tools.binding import Adapter, Binding
    from tests.stacks.assembly import Assembly

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "functions" / "adapters").glob("*/adapter.toml"))
COLD_START = 10.0  # seconds that Lambda gives the code before its own timeout begins


def adapter(file: Path) -> Adapter:
    found: Adapter = importlib.import_module(f"functions.adapters.{file.parent.name}.tools").ADAPTER
    return found


def bindings() -> Iterator[Any]:
    for file in FILES:
        for binding in adapter(file).bindings:
            yield pytest.param(file, binding, id=f"{file.parent.name}:{binding.contract.name}")


def tasks() -> list[dict[str, Any]]:
    """The two states that invoke an adapter's tools."""
    run = json.loads((ROOT / "statemachines" / "run.asl.json").read_text(encoding="utf-8"))["States"]
    found = [run["Step"], run["Steps"]["ItemProcessor"]["States"]["Lane"]]
    assert all("${AdapterPrefix}" in json.dumps(task) for task in found)
    return found


def longest(binding: Binding) -> float:
    """Seconds of the longest one invocation of a tool, once it was let through."""
    asks = binding.probe is not None or binding.room is not None
    return binding.timeout + (binding.ask_timeout if asks else 0.0) + RECORDS_SECONDS


@pytest.mark.parametrize(("file", "binding"), list(bindings()))
def test_a_request_ends_before_its_tool_and_a_tool_before_its_lambda(file: Path, binding: Binding) -> None:
    timeouts = tomllib.loads(file.read_text(encoding="utf-8"))["timeouts"]
    assert 0 < timeouts["connect"] <= timeouts["request"] < binding.timeout
    assert timeouts["request"] < binding.ask_timeout or (binding.probe is None and binding.room is None)
    assert longest(binding) < limits.TOOLS_TIMEOUT


@pytest.mark.parametrize("task", tasks(), ids=["Step", "Lane"])
def test_a_lambda_ends_before_its_task_and_a_task_before_the_lease(task: dict[str, Any]) -> None:
    assert limits.TOOLS_TIMEOUT < task["TimeoutSeconds"] < limits.LEASE
    assert task["TimeoutSeconds"] >= limits.TOOLS_TIMEOUT + COLD_START


@pytest.mark.parametrize("task", tasks(), ids=["Step", "Lane"])
def test_what_may_have_happened_is_looked_at_after_the_lease(task: dict[str, Any]) -> None:
    (retry,) = (each for each in task["Retry"] if "OutcomeUnknown" in each["ErrorEquals"])
    assert retry["IntervalSeconds"] >= limits.LEASE
    assert retry["JitterStrategy"] == "NONE"


@pytest.mark.parametrize("task", tasks(), ids=["Step", "Lane"])
def test_attempts_outlast_the_first_open_periods_of_every_breaker(task: dict[str, Any]) -> None:
    (retry,) = (each for each in task["Retry"] if "Throttled" in each["ErrorEquals"])
    waits, wait = 0.0, float(retry["IntervalSeconds"])
    for _ in range(retry["MaxAttempts"]):
        waits += min(wait, retry["MaxDelaySeconds"])
        wait *= retry["BackoffRate"]
    on_average = waits / 2 if retry["JitterStrategy"] == "FULL" else waits
    for file in FILES:
        breaker = adapter(file).breaker
        assert sum(open_for(breaker, times) for times in (1, 2, 3)) < on_average


def test_the_lambdas_have_these_timeouts(dev: Assembly) -> None:
    for file in FILES:
        function = dev.functions()[f"adapter-{file.parent.name}"]
        assert function["Timeout"] == limits.TOOLS_TIMEOUT
        assert float(function["Environment"]["Variables"]["LEASE_SECONDS"]) == limits.LEASE


def test_waiting_in_a_lambda_is_short_beside_its_life() -> None:
    assert WAITS * SHORT_WAIT < limits.TOOLS_TIMEOUT
