"""Observes a case: what one wake of it knows."""

from typing import Any

from nightshift.context.observe import Observing, observe
from nightshift.model.case import CaseInput
from nightshift.telemetry import entrypoint
from nightshift.wiring.context import ContextSettings, wire

__all__ = ["handler"]


@entrypoint(ContextSettings, wire)
def handler(event: dict[str, Any], observing: Observing) -> dict[str, Any]:
    """`{case, generation, wake, woken}` → `{case, generation, wake, woken, person}`."""
    return observe(observing, CaseInput.model_validate(event)).model_dump(mode="json")
