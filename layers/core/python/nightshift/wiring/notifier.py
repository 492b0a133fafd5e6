"""The notifier: messages of the approval queue become durable questions."""

from nightshift.approvals.ask import Asking
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.aws.executions import StepFunctions
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.clock import SystemClock
from nightshift.settings import Settings

__all__ = ["NotifierSettings", "wire"]


class NotifierSettings(Settings):
    """Settings of the notifier."""

    table_runs: str
    table_approvals: str
    table_log: str


def wire(settings: NotifierSettings) -> Asking:
    """Put asking together."""
    db = client("dynamodb")
    return Asking(
        runs=DynamoRuns(settings.table_runs, db),
        approvals=DynamoApprovals(settings.table_approvals, db),
        executions=StepFunctions("", client("stepfunctions")),
        log=DynamoActionLog(settings.table_log, db),
        clock=SystemClock(),
    )
