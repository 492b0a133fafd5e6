"""An adapter's tools Lambda: lanes of the run saga, and single reads for the context."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.samples import S3Samples
from nightshift.aws.secrets import ManagedSecrets
from nightshift.clock import SystemClock
from nightshift.model.trace import ToolTrace
from nightshift.runs.lane import LaneCall, run_lane
from nightshift.settings import Settings
from nightshift.telemetry import entrypoint, logger, metrics
from nightshift.tools.binding import Adapter
from nightshift.tools.door import Door
from nightshift.tools.oauth import Tokens
from nightshift.tools.read import ReadCall, read

__all__ = ["AdapterSettings", "tools_handler"]

_NO_CONTEXT: Final = 60.0  # seconds, where no runtime says how much time there is


class AdapterSettings(Settings):
    """Settings of an adapter's tools function."""

    table_runs: str
    table_ledger: str
    table_cases: str
    table_config: str
    table_approvals: str
    table_log: str
    table_limits: str
    bucket_bodies: str
    lease_seconds: float


class Traced:
    """The `Traces` port: one log line per call, of ids, counts and shapes."""

    def called(self, trace: ToolTrace) -> None:
        """Write the line."""
        logger.info("tool called", **trace.model_dump(mode="json"))


class Until:
    """A `Deadline`: so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left."""
        return self._end - time.monotonic()


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
        secrets = ManagedSecrets(client("secretsmanager"), clock)
        limits = DynamoLimits(settings.table_limits, db)
        return Door(
            adapter=adapter,
            runs=DynamoRuns(settings.table_runs, db),
            ledger=DynamoLedger(ledger_tables, db),
            approvals=DynamoApprovals(settings.table_approvals, db),
            config=DynamoConfig(settings.table_config, db),
            secrets=secrets,
            log=DynamoActionLog(settings.table_log, db),
            clock=clock,
            lease_seconds=settings.lease_seconds,
            limits=limits,
            tokens=Tokens(secrets, limits, clock),
            metrics=metrics,
            traces=Traced(),
            samples=S3Samples(settings.bucket_bodies),
            pause=time.sleep,  # noqa: TID251  # a wait of at most three seconds costs less than another attempt
            deadline=Until(_NO_CONTEXT),
        )

    @entrypoint(AdapterSettings, wire)
    def answered(given: dict[str, Any], door: Door) -> dict[str, Any]:
        event, door = given["event"], replace(door, deadline=given["deadline"])
        if "read" in event:
            return read(door, ReadCall.model_validate(event["read"]))
        if "onboard" in event:
            return _onboarded(door, event["onboard"])
        return run_lane(door, LaneCall.model_validate(event)).model_dump(mode="json")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401  # the runtime's own
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        seconds = remaining() / 1000 if remaining is not None else _NO_CONTEXT
        return answered({"event": event, "deadline": Until(seconds)}, context)

    return handler


def _onboarded(door: Door, asked: Any) -> dict[str, Any]:  # noqa: ANN401  # the event's own
    """Rare, so that nothing of it is imported at a cold start."""
    from nightshift.tools.onboard import OnboardCall  # noqa: PLC0415
    from nightshift.tools.onboard_run import onboarded  # noqa: PLC0415

    secrets = ManagedSecrets(client("secretsmanager"), door.clock)
    return onboarded(door.adapter, secrets, OnboardCall.model_validate(asked)).model_dump(mode="json")
