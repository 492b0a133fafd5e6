"""Recovery: the watch over cases, the two state machines, and what a restore takes in again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nightshift.approvals.resume import resume_decided
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.executions import StepFunctions
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.restore import LambdaReplays, S3Bodies
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.watch import DynamoWatch
from nightshift.cases.lookout import StatusChange, look_after, on_status, recover_one
from nightshift.cases.recover import Became, Recovering, RollOver, roll_over
from nightshift.cases.restore import Restoring, go_on
from nightshift.clock import SystemClock
from nightshift.errors import BadInput, Misconfigured
from nightshift.model.recovery import Progress, RecoveryRequest
from nightshift.ports.approvals import Approvals
from nightshift.ports.flow import Executions
from nightshift.ports.runs import Runs
from nightshift.settings import Settings
from nightshift.telemetry import logger, metrics

__all__ = ["Lookout", "RecoverySettings", "wire"]


class RecoverySettings(Settings):
    """Settings of recovery; a vendor's webhook function is named `webhook_prefix` + vendor."""

    table_cases: str
    table_runs: str
    table_approvals: str
    table_config: str
    table_log: str
    machine_case: str
    machine_run: str
    bucket_bodies: str
    webhook_prefix: str


@dataclass(frozen=True, kw_only=True)
class Lookout:
    """Everything recovery does, by what asks for it."""

    restoring: Restoring
    runs: Runs
    approvals: Approvals
    executions: Executions

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Do what an event asks for.

        Raises:
            Misconfigured: nobody asks so.
        """
        asked = str(event.get("op") or ("status" if "detail" in event else ""))
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "sweep": lambda _: self._sweep(),
            "status": self._status,
            "roll_over": self._roll_over,
            "recover": self._recover,
        }
        if asked not in answers:
            message = "recovery is asked for by op: sweep, roll_over or recover, or by a status change"
            raise Misconfigured(message, code="recovery.op")
        try:
            return answers[asked](event)
        except ValidationError as exc:
            where = ", ".join(".".join(map(str, fault["loc"])) for fault in exc.errors())
            message = f"what recovery was given does not fit: {where}"
            raise Misconfigured(message, code="recovery.input") from exc

    def _sweep(self) -> dict[str, Any]:
        try:
            found = look_after(self.restoring.recovering).model_dump()
        finally:  # a case that cannot be looked after keeps no answer from its run
            given = resume_decided(self.approvals, self.runs, self.executions)
        said = logger.warning if found["recovered"] or found["handed_over"] else logger.info
        said("cases looked after", answers_given=given, **found)
        return {"answers_given": given, **found}

    def _status(self, event: dict[str, Any]) -> dict[str, Any]:
        change = StatusChange.model_validate(event["detail"])
        return self._said(change.name, on_status(self.restoring.recovering, self.runs, change))

    def _roll_over(self, event: dict[str, Any]) -> dict[str, Any]:
        given = RollOver.model_validate({name: value for name, value in event.items() if name != "op"})
        return self._said(given.case, roll_over(self.restoring.recovering, given))

    def _recover(self, event: dict[str, Any]) -> dict[str, Any]:
        asked = RecoveryRequest.model_validate({name: value for name, value in event.items() if name != "op"})
        try:
            return self._recovered(asked).model_dump(mode="json")
        except BadInput as exc:  # the function's callers are told as data: the runtime keeps messages
            return {"refused": {"field": exc.field, "problem": exc.problem, "fix": exc.fix}}

    def _recovered(self, asked: RecoveryRequest) -> Progress:
        if asked.case is None:
            return go_on(self.restoring, asked)
        if asked.tenant is None:
            raise BadInput("tenant", "a case is of a tenant", "Name it.")
        became = recover_one(self.restoring.recovering, asked.tenant, asked.case, by=asked.by)
        return Progress(
            done=True,
            seen=1,
            recovered=int(became is Became.RECOVERED),
            handed_over=int(became is Became.HANDED_OVER),
        )

    @staticmethod
    def _said(what: str, became: Became) -> dict[str, Any]:
        logger.info("case looked after", of=what, became=became.value)
        return {"became": became.value}


def wire(settings: RecoverySettings) -> Lookout:
    """Put recovery together."""
    db, clock = client("dynamodb"), SystemClock()
    no_deliveries = ""  # recovery accepts no events
    machines = StepFunctions(settings.machine_case, client("stepfunctions"), settings.machine_run)
    recovering = Recovering(
        cases=DynamoCases(settings.table_cases, no_deliveries, db, clock),
        watch=DynamoWatch(settings.table_cases, db, clock),
        drivers=machines,
        config=DynamoConfig(settings.table_config, db),
        log=DynamoActionLog(settings.table_log, db),
        metrics=metrics,
        clock=clock,
    )
    return Lookout(
        restoring=Restoring(
            recovering=recovering,
            bodies=S3Bodies(settings.bucket_bodies, client("s3")),
            replays=LambdaReplays(settings.webhook_prefix, client("lambda")),
        ),
        runs=DynamoRuns(settings.table_runs, db),
        approvals=DynamoApprovals(settings.table_approvals, db),
        executions=machines,
    )
