"""What the run saga's own stage works with."""

from dataclasses import dataclass

from nightshift.clock import Clock
from nightshift.ports.approvals import Approvals
from nightshift.ports.ledger import Ledger
from nightshift.ports.log import ActionLog
from nightshift.ports.metrics import Metrics
from nightshift.ports.runs import Runs
from nightshift.ports.windows import Windows

__all__ = ["Settling"]


@dataclass(frozen=True, kw_only=True)
class Settling:
    """What expiring, holding, taking back and settling need."""

    runs: Runs
    ledger: Ledger
    approvals: Approvals
    windows: Windows
    log: ActionLog
    clock: Clock
    metrics: Metrics
