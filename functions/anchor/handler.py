"""One batch of the log table's stream: its heads, anchored."""

from typing import Any

from nightshift.telemetry import entrypoint
from nightshift.wiring.anchor import Anchorer, AnchorSettings, wire

__all__ = ["handler"]


@entrypoint(AnchorSettings, wire)
def handler(event: dict[str, Any], anchorer: Anchorer) -> dict[str, Any]:
    """A batch of stream records → the first that must come again, if any."""
    return anchorer.batch(event)
