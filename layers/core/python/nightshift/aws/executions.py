"""Executions and task tokens on Step Functions."""

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from nightshift.ids import CaseId, RunId, execution_name, run_execution_name
from nightshift.model.case import CaseInput, ExecutionState

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

__all__ = ["StepFunctions"]

_WHY: Final = "a newer generation has the case"


class StepFunctions:
    """The ports `Executions` and `Drivers`; `machine` and `runs` are the ARNs of the two state machines."""

    def __init__(self, machine: str, client: "SFNClient", runs: str = "") -> None:
        self._machine = machine
        self._runs = runs
        self._client = client

    def start_case(self, given: CaseInput) -> None:
        """Start the execution of a case's generation; one that runs or ran already is left alone."""
        try:
            self._client.start_execution(
                stateMachineArn=self._machine,
                name=execution_name(given.case, given.generation),
                input=given.model_dump_json(),
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return

    def succeed(self, token: str, output: dict[str, JsonValue]) -> bool:
        """Resume the state that waits on a token; False when it does not wait any more."""
        gone = (
            self._client.exceptions.TaskTimedOut,
            self._client.exceptions.TaskDoesNotExist,
            self._client.exceptions.InvalidToken,
        )
        try:
            self._client.send_task_success(taskToken=token, output=json.dumps(output))
        except gone:
            return False
        return True

    def state(self, case: CaseId, generation: int) -> ExecutionState:
        """How the execution of a generation stands."""
        try:
            found = self._client.describe_execution(
                executionArn=_execution(self._machine, execution_name(case, generation))
            )
        except self._client.exceptions.ExecutionDoesNotExist:
            return ExecutionState(status="NONE")
        status = "RUNNING" if found["status"] == "PENDING_REDRIVE" else found["status"]
        return ExecutionState(status=status, started_at=found["startDate"], error=found.get("error", ""))

    def stop(self, case: CaseId, generation: int, run: RunId | None) -> None:
        """Stop what a generation runs: the case's execution first, so that it starts nothing more."""
        self._stop(_execution(self._machine, execution_name(case, generation)))
        if run is not None:
            self._stop(_execution(self._runs, run_execution_name(run, generation)))

    def _stop(self, arn: str) -> None:
        never_was_or_ended = (
            self._client.exceptions.ExecutionDoesNotExist,
            self._client.exceptions.ValidationException,
        )
        with suppress(*never_was_or_ended):
            self._client.stop_execution(executionArn=arn, error="Outdated", cause=_WHY)


def _execution(machine: str, name: str) -> str:
    return f"{machine.replace(':stateMachine:', ':execution:', 1)}:{name}"
