"""The execution half of the Step Functions API; ministack keeps the other half."""

import asyncio
import base64
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import stepfunctions as control_plane

from local.statemachines.engine import Engine, Execution, Machine
from local.statemachines.lint import fault_of
from local.statemachines.tokens import TokenClosed, TokenUnknown

__all__ = ["StatesApi"]

Request = dict[str, Any]
Response = dict[str, Any]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]

_INPUT_LIMIT = 262_144
_ACTIVITY_POLL_SECONDS = 60
_LEGAL_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")


class ApiError(Exception):
    """An error answer: AWS's code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StatesApi:
    """Answers what concerns executions and hands the rest on."""

    def __init__(self, engine: Engine, theirs: Handler) -> None:
        self._engine = engine
        self._theirs = theirs
        self._actions: dict[str, Callable[[Request], Response]] = {
            "StartExecution": self._start,
            "StartSyncExecution": self._start_sync,
            "StopExecution": self._stop,
            "DescribeExecution": self._describe,
            "ListExecutions": self._list,
            "GetExecutionHistory": self._history,
            "DescribeStateMachineForExecution": self._machine_of,
            "DescribeMapRun": self._map_run,
            "ListMapRuns": self._map_runs,
            "SendTaskSuccess": self._succeed,
            "SendTaskFailure": self._fail,
            "SendTaskHeartbeat": self._beat,
            "GetActivityTask": self._activity_task,
        }

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: Request
    ) -> Any:
        """The handler that stands in ministack's table for `states`."""
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if action in {"CreateStateMachine", "UpdateStateMachine", "ValidateStateMachineDefinition"}:
            definition = json.loads(body or b"{}").get("definition")
            fault = await asyncio.to_thread(fault_of, definition) if definition else None
            if action == "ValidateStateMachineDefinition":
                return json_response(_diagnosis(fault))
            if fault:
                return error_response_json(
                    "InvalidDefinition", f"Invalid State Machine Definition: '{fault}'", 400
                )
        if action not in self._actions:
            return await self._theirs(method, path, headers, body, query)
        request = json.loads(body or b"{}")
        if action in {"StartSyncExecution", "GetActivityTask"}:  # long, so not in the shared pool
            return await run_reentrant(self.call, action, request)
        return await asyncio.to_thread(self.call, action, request)

    def call(self, action: str, request: Request) -> Any:
        """Run one action; also the entry of rules, schedules and HTTP integrations."""
        try:
            return json_response(self._actions[action](request))
        except ApiError as error:
            return error_response_json(error.code, str(error), 400)
        except TokenUnknown:
            return error_response_json("InvalidToken", "Invalid token", 400)
        except TokenClosed:
            said = "Task Timed Out: 'Provided task does not exist anymore'"
            return error_response_json("TaskTimedOut", said, 400)

    def _found(self, arn: str) -> Execution:
        execution = self._engine.find(arn)
        if execution is None:
            raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution

    def _begin(self, request: Request, *, sync: bool = False) -> Execution:
        arn = str(request.get("stateMachineArn", "")).split("#", maxsplit=1)[0]
        machine = _machine(arn)
        name, text = request.get("name") or str(uuid.uuid4()), request.get("input", "{}")
        _check_start(name, text)
        kind = "express" if sync else "execution"
        execution_arn = f"arn:aws:states:{get_region()}:{get_account_id()}:{kind}:{machine.name}:{name}"
        execution, is_new = self._engine.start(execution_arn, name, text, machine, sync=sync)
        same_and_running = execution.status == "RUNNING" and execution.execution_input == text
        if not is_new and not same_and_running:
            raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{execution_arn}'")
        return execution

    def _start(self, request: Request) -> Response:
        execution = self._begin(request)
        return {"executionArn": execution.exec_arn, "startDate": _stamp(execution.start_date)}

    def _start_sync(self, request: Request) -> Response:
        execution = self._begin(request, sync=True)
        execution.finished.wait()
        answer = _description(execution)
        answer["status"] = self._engine.sync_status(execution)
        answer["billingDetails"] = {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100}
        return answer

    def _describe(self, request: Request) -> Response:
        redrive = {"redriveCount": 0, "redriveStatus": "NOT_REDRIVABLE"}
        return {**_description(self._found(request["executionArn"])), **redrive}

    def _list(self, request: Request) -> Response:
        arn = control_plane._resolve_state_machine_arn(request.get("stateMachineArn", ""))
        if arn is None:
            raise ApiError("StateMachineDoesNotExist", "State Machine Does Not Exist")
        wanted = request.get("statusFilter")
        found = [each for each in self._engine.of_machine(arn) if wanted in {None, each.status}]
        return _page(found, request, "executions", _listed)

    def _history(self, request: Request) -> Response:
        events = self._found(request["executionArn"]).history
        if request.get("reverseOrder"):
            events.reverse()
        return _page(
            events, request, "events", lambda event: {**event, "timestamp": _stamp(event["timestamp"])}
        )

    def _stop(self, request: Request) -> Response:
        execution = self._found(request["executionArn"])
        self._engine.stop(execution.exec_arn, request.get("error"), request.get("cause"))
        return {"stopDate": _stamp(execution.stop_date) or time.time()}

    def _machine_of(self, request: Request) -> Response:
        execution = self._found(request["executionArn"])
        return {
            "stateMachineArn": execution.state_machine_arn,
            "name": execution.state_machine.name,
            "definition": execution.state_machine.definition,
            "roleArn": execution.role_arn,
            "updateDate": _stamp(execution.start_date),
        }

    def _map_run(self, request: Request) -> Response:
        for execution in self._engine.all():
            runs = execution.environment and execution.environment.map_run_record_pool_manager
            run = runs and runs.get(request["mapRunArn"])
            if run:
                return _dates_as_numbers(run.describe())
        raise ApiError("ResourceNotFound", "Map Run not found")

    def _map_runs(self, request: Request) -> Response:
        runs = self._found(request["executionArn"]).environment.map_run_record_pool_manager.get_all()
        return {"mapRuns": [_dates_as_numbers(run.list_item()) for run in runs]}

    def _succeed(self, request: Request) -> Response:
        try:
            json.loads(request["output"])
        except ValueError:
            raise ApiError("InvalidOutput", "Invalid output") from None
        self._engine.tokens.succeed(request["taskToken"], request["output"])
        return {}

    def _fail(self, request: Request) -> Response:
        self._engine.tokens.fail(request["taskToken"], request.get("error"), request.get("cause"))
        return {}

    def _beat(self, request: Request) -> Response:
        self._engine.tokens.beat(request["taskToken"])
        return {}

    def _activity_task(self, request: Request) -> Response:
        activity = self._engine.activities.get(request["activityArn"])
        if activity is None:
            raise ApiError("ActivityDoesNotExist", "Activity Does Not Exist")
        end = time.monotonic() + _ACTIVITY_POLL_SECONDS
        while time.monotonic() < end:
            try:
                task = activity.get_task()
            except IndexError:
                time.sleep(0.05)
                continue
            self._engine.tokens.endpoint(task.task_token).notify_activity_task_start(
                request.get("workerName")
            )
            return {"taskToken": task.task_token, "input": task.task_input}
        return {}


def _machine(arn: str) -> Machine:
    base = control_plane._resolve_state_machine_arn(arn)
    if base is None:
        raise ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    current = control_plane._state_machines[base]
    version = control_plane._state_machine_versions.get(control_plane._execution_version_arn(arn) or "")
    definition = (version or current)["definition"]
    return Machine(base, current["name"], definition, current.get("type", "STANDARD"), current["roleArn"])


def _check_start(name: str, text: str) -> None:
    if not _LEGAL_NAME.fullmatch(name):
        raise ApiError("InvalidName", f"Invalid Name: '{name}'")
    if len(text.encode()) > _INPUT_LIMIT:
        raise ApiError("InvalidExecutionInput", f"Input exceeds {_INPUT_LIMIT} bytes")
    try:
        json.loads(text)
    except ValueError as error:
        said = f"Invalid State Machine Execution Input: '{error}'"
        raise ApiError("InvalidExecutionInput", said) from error


def _description(execution: Execution) -> Response:
    output = execution.output_text
    return _without_nulls(
        {
            "executionArn": execution.exec_arn,
            "stateMachineArn": execution.state_machine_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": _stamp(execution.start_date),
            "stopDate": _stamp(execution.stop_date),
            "input": execution.execution_input,
            "inputDetails": {"included": True},
            "output": output,
            "outputDetails": None if output is None else {"included": True},
            "error": execution.error,
            "cause": execution.cause,
        }
    )


def _listed(execution: Execution) -> Response:
    return _without_nulls(
        {
            "executionArn": execution.exec_arn,
            "stateMachineArn": execution.state_machine_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": _stamp(execution.start_date),
            "stopDate": _stamp(execution.stop_date),
        }
    )


def _page(items: list[Any], request: Request, key: str, convert: Callable[[Any], Response]) -> Response:
    size = int(request.get("maxResults") or 100)
    start = int(base64.b64decode(request["nextToken"])) if request.get("nextToken") else 0
    end = start + size
    following = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return _without_nulls({key: [convert(item) for item in items[start:end]], "nextToken": following})


def _diagnosis(fault: str | None) -> Response:
    if fault is None:
        return {"result": "OK", "diagnostics": []}
    code = fault.split(":", maxsplit=1)[0]
    return {"result": "FAIL", "diagnostics": [{"severity": "ERROR", "code": code, "message": fault}]}


def _stamp(moment: Any) -> Any:
    return moment.timestamp() if isinstance(moment, datetime) else moment


def _dates_as_numbers(record: Response) -> Response:
    return _without_nulls({key: _stamp(value) for key, value in record.items()})


def _without_nulls(record: Response) -> Response:
    return {key: value for key, value in record.items() if value is not None}
