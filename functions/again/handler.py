"""Stops, carries on, tries again and ends runs that no case carries, as a person asks through the API."""

from typing import Any

from nightshift.model.steer import Steer
from nightshift.telemetry import entrypoint
from nightshift.wiring.again import AgainSettings, Helm, wire

__all__ = ["handler"]


@entrypoint(AgainSettings, wire)
def handler(event: dict[str, Any], helm: Helm) -> dict[str, Any]:
    """`{verb: stop | resume | retry | close, run, by, note}` → Steered."""
    return helm.steer(Steer.model_validate(event)).model_dump(mode="json")
