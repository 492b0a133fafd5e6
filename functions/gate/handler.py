"""Judges the plan of a run, once, and says what the run does first."""

from typing import Any

from nightshift.telemetry import entrypoint
from nightshift.wiring.gate import Gate, GateSettings, wire

__all__ = ["handler"]


@entrypoint(GateSettings, wire)
def handler(event: dict[str, Any], gate: Gate) -> dict[str, Any]:
    """`{run, generation}` → RunState."""
    return gate.authorise(event["run"], event["generation"]).model_dump(mode="json")
