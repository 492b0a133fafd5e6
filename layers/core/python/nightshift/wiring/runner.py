"""The runner: expires questions and settles runs."""

from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.windows import DynamoWindows
from nightshift.clock import SystemClock
from nightshift.runs.parts import Settling
from nightshift.settings import Settings
from nightshift.telemetry import metrics

__all__ = ["RunnerSettings", "settling", "wire"]


class RunnerSettings(Settings):
    """Settings of the runner."""

    table_runs: str
    table_ledger: str
    table_cases: str
    table_config: str
    table_approvals: str
    table_log: str


def wire(settings: RunnerSettings) -> Settling:
    """Put settling together."""
    return settling(settings, DynamoActionLog(settings.table_log, client("dynamodb")))


def settling(settings: RunnerSettings, log: DynamoActionLog) -> Settling:
    """Settling that writes into this log."""
    db = client("dynamodb")
    tables = LedgerTables(
        ledger=settings.table_ledger,
        runs=settings.table_runs,
        cases=settings.table_cases,
        config=settings.table_config,
    )
    return Settling(
        runs=DynamoRuns(settings.table_runs, db),
        ledger=DynamoLedger(tables, db),
        approvals=DynamoApprovals(settings.table_approvals, db),
        windows=DynamoWindows(settings.table_ledger, db),
        log=log,
        clock=SystemClock(),
        metrics=metrics,
    )
