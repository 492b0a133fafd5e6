"""Executions and task tokens on Step Functions."""

import json
from typing import TYPE_CHECKING

from pydantic import JsonValue

from nightshift.ids import execution_name
from nightshift.model.case import CaseInput

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

__all__ = ["StepFunctions"]


class StepFunctions:
    """The `Executions` port; `machine` is the ARN of the case's state machine."""

    def __init__(self, machine: str, client: "SFNClient") -> None:
        self._machine = machine
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
