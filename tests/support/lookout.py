"""Recovery on one test's tables, with the state machines in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.restore import LambdaReplays, S3Bodies
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.watch import DynamoWatch
from nightshift.cases.recover import Recovering
from nightshift.cases.restore import Restoring
from nightshift.errors import BadInput
from nightshift.model.recovery import Progress, RecoveryRequest
from nightshift.wiring.recovery import Lookout
from tests.support.heard import Heard
from tests.support.machines import Machine

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


def make_recovering(
    tables: Tables, clock: FixedClock, machine: Machine, heard: Heard | None = None
) -> Recovering:
    db = client("dynamodb")
    return Recovering(
        cases=DynamoCases(tables.cases, tables.ingress, db, clock),
        watch=DynamoWatch(tables.cases, db, clock),
        drivers=machine,
        config=DynamoConfig(tables.config, db),
        log=DynamoActionLog(tables.log, db),
        metrics=heard or Heard(),
        clock=clock,
    )


def make_lookout(tables: Tables, clock: FixedClock, machine: Machine) -> Lookout:
    db = client("dynamodb")
    return Lookout(
        restoring=Restoring(
            recovering=make_recovering(tables, clock, machine),
            bodies=S3Bodies(f"bodies-{tables.cases.rsplit('-', 1)[-1]}", client("s3")),
            replays=LambdaReplays("no-such-function-", client("lambda")),
        ),
        runs=DynamoRuns(tables.runs, db),
        approvals=DynamoApprovals(tables.approvals, db),
        executions=machine,
    )


class Asked:
    """The `Recoveries` port without a function in between."""

    def __init__(self, lookout: Lookout) -> None:
        self._lookout = lookout

    def ask(self, request: RecoveryRequest) -> Progress:
        said = self._lookout.answer({"op": "recover", **request.model_dump(mode="json")})
        if "refused" in said:
            raise BadInput(**said["refused"])
        return Progress.model_validate(said)
