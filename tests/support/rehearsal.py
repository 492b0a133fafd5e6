"""Dry runs on one test's tables, without a function in between, over a shelf that READ tools look at."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightshift.aws.again import DynamoReruns
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.launch import StepFunctionsLaunch
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.windows import DynamoWindows
from nightshift.catalog import catalog
from nightshift.dryrun.foresee import Foreseeing, check, dry_run
from nightshift.errors import Conflict, Rejected
from nightshift.runs.again import Again
from nightshift.runs.parts import Settling
from nightshift.wiring.again import Helm
from nightshift.wiring.dryrun import NoCases
from tests.support.heard import Heard
from tests.support.proof import install

if TYPE_CHECKING:
    from pydantic import JsonValue

    from nightshift.ids import ChannelId, TenantId
    from nightshift.model.dryrun import DryRun
    from nightshift.model.plan import Proposal
    from nightshift.model.steer import Steer, Steered
    from nightshift.model.verdict import Verdict
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


@dataclass
class Shelf:
    """The `ReadTools` port over what a test put on it, by channel and SKU; it counts what is read."""

    goods: dict[tuple[str, str], dict[str, JsonValue]] = field(default_factory=dict)
    reads: list[tuple[str, str]] = field(default_factory=list)

    def put(self, channel: str, sku: str, *, price: int, quantity: int = 10) -> None:
        self.goods[channel, sku] = {
            "sku": sku,
            "product": "p-1",
            "title": "A mug",
            "active": True,
            "price": {"amount": price, "currency": "EUR"},
            "quantity": quantity,
        }

    def read(
        self, tenant: TenantId, channel: ChannelId, tool: str, args: dict[str, JsonValue]
    ) -> dict[str, JsonValue]:
        del tenant
        self.reads.append((channel, tool))
        found = self.goods.get((channel, str(args.get("sku"))))
        if found is None:
            message = f"{channel} has no such product"
            raise Rejected(message, code="product.not_found")
        return found


def foreseeing(tables: Tables, clock: FixedClock, shelf: Shelf | None = None) -> Foreseeing:
    db = client("dynamodb")
    return Foreseeing(
        config=DynamoConfig(tables.config, db),
        locks=NoCases(),
        windows=DynamoWindows(tables.ledger, db),
        limits=DynamoLimits(tables.limits, db),
        reads=shelf or Shelf(),
        catalog=catalog(),
        clock=clock,
    )


@dataclass(frozen=True)
class Rehearsing:
    """The `DryRuns` port without a function in between."""

    parts: Foreseeing

    def check(self, proposal: Proposal) -> Verdict:
        return check(self.parts, proposal)

    def dry_run(self, proposal: Proposal) -> DryRun:
        return dry_run(self.parts, proposal)


class Steering:
    """The `Steering` port without a function in between."""

    def __init__(self, tables: Tables, clock: FixedClock, suffix: str) -> None:
        db = client("dynamodb")
        sealing = install(tables, clock).proof().sealing
        runs, log = DynamoRuns(tables.runs, db), DynamoActionLog(tables.log, db, sealing)
        named = LedgerTables(ledger=tables.ledger, runs=tables.runs, cases=tables.cases, config=tables.config)
        ledger = DynamoLedger(named, db)
        self._helm = Helm(
            again=Again(
                runs=runs,
                ledger=ledger,
                reruns=DynamoReruns(ledger=tables.ledger, runs=tables.runs, client=db),
                launch=make_launch(tables, suffix),
                log=log,
                clock=clock,
            ),
            settling=Settling(
                runs=runs,
                ledger=ledger,
                approvals=DynamoApprovals(tables.approvals, db),
                windows=DynamoWindows(tables.ledger, db),
                log=log,
                clock=clock,
                metrics=Heard(),
            ),
        )

    def steer(self, asked: Steer) -> Steered:
        done = self._helm.steer(asked)
        if done.refused:
            raise Conflict(done.refused)
        return done


def run_machine(suffix: str) -> str:
    """A machine of this test whose executions only wait; its ARN."""
    made = client("stepfunctions").create_state_machine(
        name=f"run-{suffix}", definition=json.dumps(WAITS), roleArn="arn:aws:iam::000000000000:role/test"
    )
    return made["stateMachineArn"]


def make_launch(tables: Tables, suffix: str) -> StepFunctionsLaunch:
    return StepFunctionsLaunch(
        tables.runs, run_machine(suffix), db=client("dynamodb"), states=client("stepfunctions")
    )
