"""The planner: proposes by playbooks."""

from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.clock import SystemClock
from nightshift.planner.choose import PlaybookPlanner
from nightshift.planner.playbook import bundled
from nightshift.planner.propose import Planning
from nightshift.settings import Settings

__all__ = ["PlannerSettings", "wire"]


class PlannerSettings(Settings):
    """Settings of the planner."""

    table_cases: str
    table_runs: str
    table_config: str
    table_log: str


def wire(settings: PlannerSettings) -> Planning:
    """Put planning together."""
    db, clock, library = client("dynamodb"), SystemClock(), bundled()
    no_deliveries = ""  # the planner accepts no events
    return Planning(
        cases=DynamoCases(settings.table_cases, no_deliveries, db, clock),
        config=DynamoConfig(settings.table_config, db),
        runs=DynamoRuns(settings.table_runs, db),
        log=DynamoActionLog(settings.table_log, db),
        clock=clock,
        library=library,
        planner=PlaybookPlanner(library),
    )
