"""Dry runs: the gate's facts and the adapters' READ tools, and nothing that writes."""

from typing import Any

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.readtools import LambdaReadTools
from nightshift.aws.windows import DynamoWindows
from nightshift.catalog import catalog
from nightshift.clock import SystemClock
from nightshift.dryrun.foresee import Foreseeing, check, dry_run
from nightshift.ids import CaseId
from nightshift.model.plan import Proposal
from nightshift.settings import Settings

__all__ = ["DryRunSettings", "NoCases", "answer", "wire"]


class DryRunSettings(Settings):
    """Settings of dry runs."""

    table_ledger: str
    table_config: str
    table_limits: str
    adapter_prefix: str


class NoCases:
    """Plans of people are of no case: nothing locks them out."""

    def locked(self, case: CaseId) -> bool:
        """A case's own plan is not rehearsed: fail closed."""
        del case
        return True


def wire(settings: DryRunSettings) -> Foreseeing:
    """Put dry runs together."""
    db = client("dynamodb")
    config = DynamoConfig(settings.table_config, db)
    return Foreseeing(
        config=config,
        locks=NoCases(),
        windows=DynamoWindows(settings.table_ledger, db),
        limits=DynamoLimits(settings.table_limits, db),
        reads=LambdaReadTools(settings.adapter_prefix, config, client("lambda")),
        catalog=catalog(),
        clock=SystemClock(),
    )


def answer(parts: Foreseeing, event: dict[str, Any]) -> dict[str, Any]:
    """What was asked: `check`, or else a dry run."""
    proposal = Proposal.model_validate(event["proposal"])
    told = check(parts, proposal) if event["op"] == "check" else dry_run(parts, proposal)
    return told.model_dump(mode="json")
