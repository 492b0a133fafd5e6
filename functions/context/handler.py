"""Observes a case: what one wake of it knows."""

from typing import Any

from nightshift.context.observe import Observing, observe
from nightshift.context.outlived import Wake
from nightshift.telemetry import entrypoint
from nightshift.wiring.context import ContextSettings, wire

__all__ = ["handler"]


@entrypoint(ContextSettings, wire)
def handler(event: dict[str, Any], observing: Observing) -> dict[str, Any]:
    """`{case, generation, wake, woken, began, first, definition}` → Observed."""
    return observe(observing, Wake.model_validate(event)).model_dump(mode="json")
