"""Holds a run for a wait, expires its question, takes back what it did when it failed, settles it."""

from typing import Any

from nightshift.runs.hold import hold
from nightshift.runs.parts import Settling
from nightshift.runs.settle import expire, settle
from nightshift.runs.unwind import unwind
from nightshift.telemetry import entrypoint
from nightshift.wiring.runner import RunnerSettings, wire

__all__ = ["handler"]


@entrypoint(RunnerSettings, wire)
def handler(event: dict[str, Any], parts: Settling) -> dict[str, Any]:
    """`{op: hold | expire | unwind | settle, run, generation, move?, error?}` → RunState or the run's end."""
    run, generation, error = event["run"], event["generation"], event.get("error") or ""
    match event["op"]:
        case "hold":
            return hold(parts, run, generation, event["move"]).model_dump(mode="json")
        case "expire":
            return expire(parts, run, generation, event["move"]).model_dump(mode="json")
        case "unwind":
            return unwind(parts, run, generation, error).model_dump(mode="json")
        case _:
            outcome = settle(parts, run, generation, error or None)
            return {"run": outcome.run, "status": outcome.status}
