"""Looks after cases that nothing drives, and starts them anew."""

from typing import Any

from nightshift.telemetry import entrypoint
from nightshift.wiring.recovery import Lookout, RecoverySettings, wire

__all__ = ["handler"]


@entrypoint(RecoverySettings, wire)
def handler(event: dict[str, Any], lookout: Lookout) -> dict[str, Any]:
    """`{op: sweep}`, a status change, `{op: roll_over, …}` or `{op: recover, …}` → what was done."""
    return lookout.answer(event)
