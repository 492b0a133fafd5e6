"""Says what the gate would say of a plan and how it would run now; changes nothing."""

from typing import Any

from nightshift.dryrun.foresee import Foreseeing
from nightshift.telemetry import entrypoint
from nightshift.wiring.dryrun import DryRunSettings, answer, wire

__all__ = ["handler"]


@entrypoint(DryRunSettings, wire)
def handler(event: dict[str, Any], parts: Foreseeing) -> dict[str, Any]:
    """`{op: check | dry_run, proposal}` → Verdict / DryRun."""
    return answer(parts, event)
