"""An adapter's tools Lambda: lanes of the run saga, and single reads for the context."""

from collections.abc import Callable
from typing import Any

from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.secrets import ManagedSecrets
from nightshift.clock import SystemClock
from nightshift.runs.lane import LaneCall, run_lane
from nightshift.settings import Settings
from nightshift.telemetry import entrypoint
from nightshift.tools.binding import Adapter
from nightshift.tools.door import Door
from nightshift.tools.read import ReadCall, read

__all__ = ["AdapterSettings", "tools_handler"]


class AdapterSettings(Settings):
    """Settings of an adapter's tools function."""

    table_runs: str
    table_ledger: str
    table_cases: str
    table_config: str
    table_approvals: str
    table_log: str
    lease_seconds: float


def tools_handler(adapter: Adapter) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The Lambda handler of one adapter's tools."""

    def wire(settings: AdapterSettings) -> Door:
        db, clock = client("dynamodb"), SystemClock()
        ledger_tables = LedgerTables(
            ledger=settings.table_ledger,
            runs=settings.table_runs,
            cases=settings.table_cases,
            config=settings.table_config,
        )
        return Door(
            adapter=adapter,
            runs=DynamoRuns(settings.table_runs, db),
            ledger=DynamoLedger(ledger_tables, db),
            approvals=DynamoApprovals(settings.table_approvals, db),
            config=DynamoConfig(settings.table_config, db),
            secrets=ManagedSecrets(client("secretsmanager"), clock),
            log=DynamoActionLog(settings.table_log, db),
            clock=clock,
            lease_seconds=settings.lease_seconds,
        )

    @entrypoint(AdapterSettings, wire)
    def handler(event: dict[str, Any], door: Door) -> dict[str, Any]:
        if "read" in event:
            return read(door, ReadCall.model_validate(event["read"]))
        return run_lane(door, LaneCall.model_validate(event)).model_dump(mode="json")

    return handler
