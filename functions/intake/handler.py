"""Pulls what vendors do not send; runs every minute."""

from typing import Any

from nightshift.telemetry import entrypoint
from nightshift.wiring.intake import Intake, IntakeSettings, wire

__all__ = ["handler"]


@entrypoint(IntakeSettings, wire)
def handler(event: dict[str, Any], intake: Intake) -> dict[str, Any]:  # noqa: ARG001  # the schedule says nothing
    """Any scheduled event → how many feeds were read, events made, feeds that failed."""
    return intake.pull().model_dump()
