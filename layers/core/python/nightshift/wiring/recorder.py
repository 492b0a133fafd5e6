"""The recorder: commits the end of a wake, and hands over."""

from datetime import timedelta

from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.memory import DynamoEpisodes
from nightshift.aws.runs import DynamoRuns
from nightshift.clock import SystemClock
from nightshift.recorder.commit import Recording
from nightshift.settings import Settings
from nightshift.telemetry import metrics

__all__ = ["RecorderSettings", "wire"]


class RecorderSettings(Settings):
    """Settings of the recorder; `episode_days` is how long a closed case is remembered."""

    table_cases: str
    table_runs: str
    table_memory: str
    table_log: str
    episode_days: int


def wire(settings: RecorderSettings) -> Recording:
    """Put recording together."""
    db, clock = client("dynamodb"), SystemClock()
    no_deliveries = ""  # the recorder accepts no events
    return Recording(
        cases=DynamoCases(settings.table_cases, no_deliveries, db, clock),
        runs=DynamoRuns(settings.table_runs, db),
        episodes=DynamoEpisodes(settings.table_memory, db),
        log=DynamoActionLog(settings.table_log, db),
        clock=clock,
        metrics=metrics,
        episodes_kept=timedelta(days=settings.episode_days),
    )
