"""Plans a wake of a case: one proposal, which stands."""

from typing import Any

from nightshift.planner.propose import PlanInput, Planning, plan
from nightshift.telemetry import entrypoint
from nightshift.wiring.planner import PlannerSettings, wire

__all__ = ["handler"]


@entrypoint(PlannerSettings, wire)
def handler(event: dict[str, Any], planning: Planning) -> dict[str, Any]:
    """`{case, generation, wake, woken, person}` → `{case, generation, wake, run}`."""
    return plan(planning, PlanInput.model_validate(event)).model_dump(mode="json")
