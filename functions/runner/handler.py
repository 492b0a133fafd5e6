"""Expires questions nobody answered and settles runs."""

from typing import Any

from nightshift.runs.settle import Settling, expire, settle
from nightshift.telemetry import entrypoint
from nightshift.wiring.runner import RunnerSettings, counted, wire

__all__ = ["handler"]


@entrypoint(RunnerSettings, wire)
def handler(event: dict[str, Any], settling: Settling) -> dict[str, Any]:
    """`{op: expire | settle, run, generation, move?, error?}` → RunState or the run's end."""
    if event["op"] == "expire":
        return expire(settling, event["run"], event["generation"], event["move"]).model_dump(mode="json")
    outcome = counted(settle(settling, event["run"], event["generation"], event.get("error")))
    return {"run": outcome.run, "status": outcome.status}
