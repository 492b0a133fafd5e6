"""Takes events from the queue: each opens a case, joins one, wakes one, or is noted."""

from typing import Any

from nightshift.telemetry import entrypoint
from nightshift.wiring.dispatcher import Dispatcher, DispatcherSettings, wire

__all__ = ["handler"]


@entrypoint(DispatcherSettings, wire)
def handler(event: dict[str, Any], dispatcher: Dispatcher) -> dict[str, Any]:
    """An SQS FIFO batch → the messages that must come again."""
    return dispatcher.batch(event)
