"""Runs that no case carries: plan and list line on DynamoDB, execution on Step Functions."""

import json
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.aws.client import is_transient
from nightshift.aws.items import key, text
from nightshift.aws.runs import DynamoRuns
from nightshift.errors import Retryable
from nightshift.ids import RunId, TenantId, run_execution_name
from nightshift.model.plan import Proposal
from nightshift.ports.launch import RunLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient

__all__ = ["StepFunctionsLaunch"]

_LONGEST_CAUSE = 32_768  # what Step Functions takes


class StepFunctionsLaunch:
    """The `Launch` port; `table` is the table of runs, `machine` the ARN of the run's state machine.

    The plan is stored first, then its line, then the execution started: what a crash in between leaves
    behind does nothing, and the same call again goes on.
    """

    def __init__(self, table: str, machine: str, *, db: "DynamoDBClient", states: "SFNClient") -> None:
        self._table = table
        self._machine = machine
        self._db = db
        self._states = states
        self._runs = DynamoRuns(table, db)

    def launch(self, proposal: Proposal) -> Proposal:
        """Store the plan, list the run and start its execution; the plan that stands is returned."""
        with _passing():
            stands = self._runs.propose(proposal)
            self._list(stands)
            self._start(stands.run, stands.generation)
        return stands

    def again(self, proposal: Proposal, generation: int) -> None:
        """Start a run's execution anew in a later generation; one that runs or ran already is left alone."""
        with _passing():
            self._start(proposal.run, generation)

    def stop(self, run: RunId, generation: int, why: str) -> None:
        """Stop a run's execution; one that never was or that ended is left alone."""
        gone = (self._states.exceptions.ExecutionDoesNotExist, self._states.exceptions.ValidationException)
        arn = self._machine.replace(":stateMachine:", ":execution:", 1)
        name = run_execution_name(run, generation)
        with _passing(), suppress(*gone):
            self._states.stop_execution(
                executionArn=f"{arn}:{name}", error="Stopped", cause=why[:_LONGEST_CAUSE]
            )

    def listed(self, tenant: TenantId, limit: int, cursor: str) -> tuple[tuple[RunLine, ...], str]:
        """A tenant's runs without a case, the newest first, and the cursor of the next page."""
        condition, values = "pk = :runs", {":runs": text(f"runs#{tenant}")}
        if cursor:
            condition, values = f"{condition} AND sk < :before", values | {":before": text(cursor)}
        with _passing():
            page = self._db.query(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=limit,
            )
        lines = tuple(RunLine.model_validate_json(stored["doc"]["S"]) for stored in page["Items"])
        more = "LastEvaluatedKey" in page and bool(lines)
        return lines, page["Items"][-1]["sk"]["S"] if more else ""

    def _list(self, proposal: Proposal) -> None:
        # One spelling of an instant, so that lines sort by time; the plan that stands gives it, so that
        # a repeated launch writes the same line.
        at = proposal.proposed_at.astimezone(UTC).isoformat(timespec="microseconds")
        line = RunLine(
            run=proposal.run, name=proposal.plan.name, proposed_by=proposal.proposed_by, proposed_at=at
        )
        keys = key(f"runs#{proposal.tenant}", f"{at}#{proposal.run}")
        self._db.put_item(TableName=self._table, Item={**keys, "doc": text(line.model_dump_json())})

    def _start(self, run: RunId, generation: int) -> None:
        with suppress(self._states.exceptions.ExecutionAlreadyExists):
            self._states.start_execution(
                stateMachineArn=self._machine,
                name=run_execution_name(run, generation),
                input=json.dumps({"run": run, "generation": generation}),
            )


@contextmanager
def _passing() -> "Iterator[None]":
    """What passes at AWS is `Retryable` to whoever launches; all else is a fault of ours and stays one."""
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        if not is_transient(exc):
            raise
        message = "AWS did not take the run for now; the same call again goes on"
        raise Retryable(message, code="launch.unavailable") from exc
