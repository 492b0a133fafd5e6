"""Begins runs of workflows: by the clock, and for events that are offered."""

from typing import Any

from nightshift.telemetry import entrypoint
from nightshift.wiring.workflows import Starter, WorkflowsSettings, wire

__all__ = ["handler"]


@entrypoint(WorkflowsSettings, wire)
def handler(event: dict[str, Any], starter: Starter) -> dict[str, Any]:
    """`{op: tick}` or `{op: hear, event}` → what was begun."""
    return starter.answer(event)
