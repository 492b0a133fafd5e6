"""The gate: facts from the tables, windows in the ledger, verdicts beside the plans."""

from dataclasses import dataclass

from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.windows import DynamoWindows
from nightshift.catalog import catalog
from nightshift.clock import Clock, SystemClock
from nightshift.gate.authorise import authorise
from nightshift.ids import CaseId, RunId
from nightshift.model.verdict import RunState
from nightshift.settings import Settings

__all__ = ["CaseLocks", "Gate", "GateSettings", "wire"]


class GateSettings(Settings):
    """Settings of the gate."""

    table_runs: str
    table_ledger: str
    table_cases: str
    table_config: str
    table_log: str
    table_limits: str


@dataclass(frozen=True, kw_only=True)
class CaseLocks:
    """Locks as the cases' records hold them."""

    cases: DynamoCases

    def locked(self, case: CaseId) -> bool:
        """Whether a person has to finish this case."""
        return self.cases.get(case).lock is not None


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The gate with everything it reads and writes."""

    runs: DynamoRuns
    config: DynamoConfig
    locks: CaseLocks
    windows: DynamoWindows
    limits: DynamoLimits
    log: DynamoActionLog
    clock: Clock

    def authorise(self, run: RunId, generation: int) -> RunState:
        """Judge the plan of a run, once, and say what the run does first."""
        return authorise(
            run,
            generation,
            runs=self.runs,
            config=self.config,
            locks=self.locks,
            windows=self.windows,
            limits=self.limits,
            log=self.log,
            catalog=catalog(),
            clock=self.clock,
        )


def wire(settings: GateSettings) -> Gate:
    """Put the gate together."""
    db, clock = client("dynamodb"), SystemClock()
    no_deliveries = ""  # the gate reads cases only
    return Gate(
        runs=DynamoRuns(settings.table_runs, db),
        config=DynamoConfig(settings.table_config, db),
        locks=CaseLocks(cases=DynamoCases(settings.table_cases, no_deliveries, db, clock)),
        windows=DynamoWindows(settings.table_ledger, db),
        limits=DynamoLimits(settings.table_limits, db),
        log=DynamoActionLog(settings.table_log, db),
        clock=clock,
    )
