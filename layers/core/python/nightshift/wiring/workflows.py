"""Workflows: the clock's tick, and events that are offered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.dryrun import LambdaDryRuns
from nightshift.aws.launch import StepFunctionsLaunch
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.workflows import DynamoWorkflows
from nightshift.clock import SystemClock
from nightshift.errors import Misconfigured
from nightshift.model.event import Event
from nightshift.settings import Settings
from nightshift.telemetry import logger, metrics
from nightshift.workflows.desk import Clockwork
from nightshift.workflows.hear import hear
from nightshift.workflows.tick import tick

__all__ = ["Starter", "WorkflowsSettings", "wire"]


class WorkflowsSettings(Settings):
    """Settings of the function."""

    table_config: str
    table_runs: str
    table_log: str
    machine_run: str
    function_dryrun: str


@dataclass(frozen=True, kw_only=True)
class Starter:
    """Everything the function does, by what asks for it."""

    desk: Clockwork

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Do what an event asks for.

        Raises:
            Misconfigured: nobody asks so.
            WireError: a run could not be begun; the same again goes on.
        """
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "tick": lambda _: self._tick(),
            "hear": self._hear,
        }
        asked = str(event.get("op"))
        if asked not in answers:
            raise Misconfigured("workflows are asked by op: tick or hear", code="workflows.op")
        return answers[asked](event)

    def _tick(self) -> dict[str, Any]:
        ticked = tick(self.desk)
        said = logger.warning if ticked.failed or ticked.paused else logger.info
        said("schedules looked at", sent=ticked.begun, parked=ticked.paused, unsent=ticked.failed)
        return ticked.model_dump()

    def _hear(self, event: dict[str, Any]) -> dict[str, Any]:
        try:
            given = Event.model_validate(event.get("event"))
        except ValidationError as exc:
            where = ", ".join(".".join(map(str, fault["loc"])) for fault in exc.errors())
            message = f"the event that was offered does not fit: {where}"
            raise Misconfigured(message, code="workflows.event") from exc
        heard = hear(self.desk, given)
        for one in heard:
            said = logger.warning if one.became in {"paused", "unclear"} else logger.info
            said("event heard", event=given.id, of=one.workflow, became=one.became, run=one.run)
        return {"begun": sum(one.became == "begun" for one in heard)}


def wire(settings: WorkflowsSettings) -> Starter:
    """Put it together."""
    db = client("dynamodb")
    launch = StepFunctionsLaunch(
        settings.table_runs, settings.machine_run, db=db, states=client("stepfunctions")
    )
    return Starter(
        desk=Clockwork(
            workflows=DynamoWorkflows(settings.table_config, db),
            config=DynamoConfig(settings.table_config, db),
            launch=launch,
            dry_runs=LambdaDryRuns(settings.function_dryrun, client("lambda")),
            log=DynamoActionLog(settings.table_log, db),
            metrics=metrics,
            clock=SystemClock(),
        )
    )
