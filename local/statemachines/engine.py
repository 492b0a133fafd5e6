"""Executions: started, found, stopped, waited for. Each one is moto's, with an end that can be awaited."""

import contextvars
import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack.services import stepfunctions as control_plane
from moto.stepfunctions.parser.api import ExecutionStatus, SyncExecutionStatus
from moto.stepfunctions.parser.asl.eval.evaluation_details import EvaluationDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.backend.activity import Activity
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.backend.execution import Execution as MotoExecution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from typing_extensions import override

from local.statemachines.lint import parse
from local.statemachines.tokens import Tokens

__all__ = ["Activities", "Engine", "Execution", "Machine"]

_LOG = logging.getLogger("local.states")
_GRACE = 0.5  # how long a stop waits for the interpreter to wind down by itself


@dataclass(frozen=True)
class Machine:
    """A state machine as it was when the execution started; the names are those moto reads."""

    arn: str
    name: str
    definition: str
    sm_type: str
    roleArn: str  # noqa: N815


class Activities(dict[str, Any]):
    """Moto's activities, made on demand for those of the control plane."""

    @override
    def get(self, arn: str, default: Any = None) -> Any:
        if arn not in self and control_plane._activities.get(arn):
            self[arn] = Activity(arn=arn, name=arn.rsplit(":", 1)[-1])
        return dict.get(self, arn, default)


class _Worker(ExecutionWorker):
    """Runs the shared, already parsed program."""

    @override
    def _get_evaluation_entrypoint(self) -> Any:
        return parse(self._evaluation_details.state_machine_details.definition)

    @override
    def _get_evaluation_environment(self) -> Any:
        environment: Any = super()._get_evaluation_environment()
        environment.callback_pool_manager.machine_arn = self._evaluation_details.state_machine_details.arn
        environment.when_timed_out = self._execution_communication.terminated
        began: Any = (
            self._evaluation_details.execution_details.start_time
        )  # moto says text, and gives an instant
        environment.states.context_object.context_object_data["Execution"]["StartTime"] = began.isoformat()
        return environment

    @override
    def _execution_logic(self) -> None:
        try:
            super()._execution_logic()  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - whatever it is, the execution must end
            _LOG.exception("the interpreter gave up")
            self._execution_communication.execution.fail("States.Runtime", str(error))  # type: ignore[attr-defined]


class _Ending(BaseExecutionWorkerCommunication):
    """Tells the execution that its program has ended."""

    @override
    def terminated(self) -> None:
        execution: Any = self.execution
        worker = execution.exec_worker
        if execution.finished.is_set():  # a stop did not wait for it
            return
        self._reflect_execution_status()  # type: ignore[no-untyped-call]
        state = worker.env.program_state()
        if isinstance(state, ProgramStopped):
            execution.error, execution.cause = state.error, state.cause
        execution.finish()


class Execution(MotoExecution):
    """Moto's execution, which can be awaited, stopped at once and counted."""

    sync = False

    def __init__(self, on_end: Callable[["Execution"], None], **details: Any) -> None:
        super().__init__(**details)
        self.finished = threading.Event()
        self.nudges: list[threading.Event] = []
        self.counted_from = 0
        self._on_end = on_end
        self._end_lock = threading.Lock()
        self._context = contextvars.copy_context()

    @override
    def _get_start_execution_worker(self) -> ExecutionWorker:
        details = EvaluationDetails(
            aws_execution_details=self._get_start_aws_execution_details(),
            execution_details=self.get_start_execution_details(),
            state_machine_details=self.get_start_state_machine_details(),
        )
        return _Worker(
            evaluation_details=details,
            exec_comm=_Ending(self),
            cloud_watch_logging_session=None,
            activity_store=self._activity_store,
        )

    @property
    def environment(self) -> Any:
        """The interpreter's environment, if it exists already."""
        return self.exec_worker and self.exec_worker.env

    @property
    def history(self) -> list[Any]:
        """The events so far, not copied."""
        environment = self.environment
        return list(environment.event_manager._history_event_list) if environment else []

    @property
    def output_text(self) -> str | None:
        """The output as JSON text, once succeeded."""
        if self.status != "SUCCEEDED":
            return None
        return json.dumps(self.output, separators=(",", ":"), default=str, ensure_ascii=False)

    def fail(self, error: str, cause: str) -> None:
        """End as FAILED, from outside the program."""
        self.exec_status, self.error, self.cause = ExecutionStatus.FAILED, error, cause
        self.finish()

    def abort(self, error: str | None, cause: str | None) -> None:
        """Stop the program; if a Lambda call holds it up, say ABORTED without waiting for it."""
        deadline = time.monotonic() + 2
        while self.environment is None and time.monotonic() < deadline:
            time.sleep(0.002)
        now = datetime.now(UTC)
        if self.environment is not None:
            self.environment.set_stop(stop_date=now, cause=cause, error=error)
        self.nudge()
        self.close_tokens()
        if not self.finished.wait(_GRACE):
            self.exec_status, self.stop_date = ExecutionStatus.ABORTED, now
            self.error, self.cause = error, cause
            self.finish()

    def finish(self) -> None:
        """The end, once: wake who waits, close the tokens, publish the status."""
        with self._end_lock:
            if self.finished.is_set():
                return
            self.stop_date = self.stop_date or datetime.now(UTC)
            self.finished.set()
        self.nudge()
        self.close_tokens()
        self._context.copy().run(self._on_end, self)

    def nudge(self) -> None:
        """Let everyone who waits for this execution look again."""
        for event in list(self.nudges):
            event.set()

    tokens: Tokens

    def close_tokens(self) -> None:
        """No answer to any of its tasks counts any more."""
        environment = self.environment
        if environment is not None:
            for token in list(environment.callback_pool_manager._pool):
                self.tokens.close(token)


class Engine:
    """All executions of this server."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.activities = Activities()
        self._lock = threading.Lock()
        self._executions: dict[str, Execution] = {}
        self._by_machine: defaultdict[str, list[Execution]] = defaultdict(list)

    def find(self, arn: str) -> Execution | None:
        """The execution, if it ever was."""
        return self._executions.get(arn)

    def all(self) -> list[Execution]:
        """Every execution, oldest first."""
        return list(self._executions.values())

    def of_machine(self, arn: str) -> list[Execution]:
        """Executions of one state machine, newest first."""
        return list(reversed(self._by_machine[arn]))

    def start(
        self, arn: str, name: str, text: str, machine: Machine, *, sync: bool = False
    ) -> tuple[Execution, bool]:
        """Begin, or return the one that has this name; the flag says whether it is new."""
        _, _, _, region, account, *_ = arn.split(":")
        with self._lock:
            existing = self._executions.get(arn)
            if existing is not None:
                return existing, False
            execution = Execution(
                self._announce,
                name=name,
                sm_type=machine.sm_type,
                role_arn=machine.roleArn,
                exec_arn=arn,
                account_id=account,
                region_name=region,
                state_machine=machine,
                start_date=datetime.now(UTC),
                cloud_watch_logging_session=None,
                activity_store=self.activities,
                input_data=text,
            )
            execution.tokens, execution.sync = self.tokens, sync
            self._executions[arn] = execution
            self._by_machine[machine.arn].append(execution)
            execution.start()
        if not execution.finished.is_set():
            self._announce(execution)
        return execution, True

    def stop(
        self, execution_arn: str, error: str | None = None, cause: str | None = None
    ) -> Execution | None:
        """Stop it unless it has ended."""
        execution = self.find(execution_arn)
        if execution and not execution.finished.is_set():
            execution.abort(error, cause)
        return execution

    def wait_for(self, child: str, parent: str, over: Callable[[], bool]) -> None:
        """Block a `.sync` task until its child has ended, or the task is over."""
        waited, waiting = self.find(child), self.find(parent)
        if waited is None:
            return
        nudge = threading.Event()
        watched = [execution for execution in (waited, waiting) if execution]
        for execution in watched:
            execution.nudges.append(nudge)
        try:
            while not waited.finished.is_set() and not over():
                nudge.wait(5)  # a Task timeout has no one to nudge
                nudge.clear()
        finally:
            for execution in watched:
                execution.nudges.remove(nudge)

    def clear(self) -> None:
        """Stop and forget everything (ministack's reset)."""
        for execution in self.all():
            if not execution.finished.is_set():
                execution.abort(None, "reset")
        with self._lock:
            self._executions.clear()
            self._by_machine.clear()
        self.tokens.clear()

    @staticmethod
    def sync_status(execution: Execution) -> str:
        """The status words of StartSyncExecution."""
        ended_well = {"SUCCEEDED": SyncExecutionStatus.SUCCEEDED, "TIMED_OUT": SyncExecutionStatus.TIMED_OUT}
        return str(ended_well.get(execution.status, SyncExecutionStatus.FAILED).value)

    @staticmethod
    def _announce(execution: Execution) -> None:
        """Publish "Step Functions Execution Status Change", as ministack's own engine does."""
        control_plane._emit_execution_status_event(
            {
                "executionArn": execution.exec_arn,
                "stateMachineArn": execution.state_machine_arn,
                "name": execution.name,
                "status": execution.status,
                "startDate": execution.start_date.isoformat(),
                "stopDate": execution.stop_date.isoformat() if execution.stop_date else None,
                "input": execution.execution_input,
                "output": execution.output_text,
                "error": execution.error,
                "cause": execution.cause,
                "sync": execution.sync,
            }
        )
