"""What workflows work with."""

from dataclasses import dataclass

from nightshift.clock import Clock
from nightshift.ports.config import Config
from nightshift.ports.dryrun import DryRuns
from nightshift.ports.launch import Launch
from nightshift.ports.log import ActionLog
from nightshift.ports.metrics import Metrics
from nightshift.ports.workflows import Workflows

__all__ = ["RUN", "Clockwork", "Desk"]

RUN = "plans:run"
"""The permission that an owner's role must hold while a workflow runs by itself."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Records, the way to rehearse and begin a run, and where what happened is said."""

    workflows: Workflows
    config: Config
    launch: Launch
    dry_runs: DryRuns
    log: ActionLog
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Clockwork(Desk):
    """The same where workflows run by themselves: nobody looks on, so it is counted what needs a person."""

    metrics: Metrics
