"""Runs stopped, carried on, tried again and ended: everything `runs.again` works with."""

from dataclasses import dataclass

from nightshift.aws.again import DynamoReruns
from nightshift.aws.client import client
from nightshift.aws.launch import StepFunctionsLaunch
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.sealing import KmsSealing
from nightshift.clock import SystemClock
from nightshift.errors import Conflict
from nightshift.model.steer import Steer, Steered
from nightshift.runs.again import Again, close, resume, retry, stop
from nightshift.runs.parts import Settling
from nightshift.wiring.runner import RunnerSettings, settling

__all__ = ["AgainSettings", "Helm", "wire"]


class AgainSettings(RunnerSettings):
    """Settings of `again`: those of settling, and what starts runs and seals a person's words."""

    table_subjects: str
    key_subjects: str
    machine_run: str


@dataclass(frozen=True, kw_only=True)
class Helm:
    """What steers runs."""

    again: Again
    settling: Settling

    def steer(self, asked: Steer) -> Steered:
        """Do what a person asks of a run; what cannot be done now is said in `refused`.

        Raises:
            NotFound: there is no such run.
            Retryable: the same call again goes on.
        """
        try:
            return self._done(asked)
        except Conflict as exc:
            return Steered(run=asked.run, refused=str(exc))

    def _done(self, asked: Steer) -> Steered:
        if asked.verb == "close":
            return Steered(run=asked.run, status=close(self.settling, self.again, asked.run).status)
        verb = {"stop": stop, "resume": resume, "retry": retry}[asked.verb]
        stands = verb(self.again, asked.run, by=asked.by, note=asked.note)
        return Steered(run=asked.run, generation=stands.generation, stopped=stands.stopped)


def wire(settings: AgainSettings) -> Helm:
    """Put the helm together."""
    db, clock = client("dynamodb"), SystemClock()
    sealing = KmsSealing(
        settings.table_subjects, settings.key_subjects, db=db, kms=lambda: client("kms"), clock=clock
    )
    log = DynamoActionLog(settings.table_log, db, sealing)  # a person's words are kept sealed
    settles = settling(settings, log)
    return Helm(
        again=Again(
            runs=settles.runs,
            ledger=settles.ledger,
            reruns=DynamoReruns(ledger=settings.table_ledger, runs=settings.table_runs, client=db),
            launch=StepFunctionsLaunch(
                settings.table_runs, settings.machine_run, db=db, states=client("stepfunctions")
            ),
            log=log,
            clock=clock,
        ),
        settling=settles,
    )
