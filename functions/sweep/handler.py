"""Sends stored deliveries again that reached no inbox; runs every minute."""

from dataclasses import asdict
from typing import Any

from nightshift.telemetry import entrypoint
from nightshift.wiring.sweep import Sweeper, SweepSettings, wire

__all__ = ["handler"]


@entrypoint(SweepSettings, wire)
def handler(event: dict[str, Any], sweeper: Sweeper) -> dict[str, int]:  # noqa: ARG001  # the schedule says nothing
    """Any scheduled event → how many were sent, unsent and parked."""
    return asdict(sweeper.sweep())
