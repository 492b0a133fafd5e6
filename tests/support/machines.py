"""The two state machines in memory: executions by name, and the tokens their states wait on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from nightshift.errors import Retryable
from nightshift.ids import CaseId, RunId, execution_name, run_execution_name
from nightshift.model.case import CaseInput, ExecutionState

if TYPE_CHECKING:
    from pydantic import JsonValue

Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Machine:
    """The ports `Executions` and `Drivers`; it can be down."""

    started: dict[str, CaseInput] = field(default_factory=dict)
    states: dict[str, ExecutionState] = field(default_factory=dict)
    starts: int = 0
    stopped: list[str] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    resumed: list[str] = field(default_factory=list)
    outputs: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    at: datetime = LONG_AGO
    down: bool = False

    def start_case(self, given: CaseInput) -> None:
        self._up()
        self.starts += 1
        name = execution_name(given.case, given.generation)
        if name not in self.states:
            self.started[name] = given
            self.states[name] = ExecutionState(status="RUNNING", started_at=self.at)

    def state(self, case: CaseId, generation: int) -> ExecutionState:
        self._up()
        return self.states.get(execution_name(case, generation), ExecutionState(status="NONE"))

    def stop(self, case: CaseId, generation: int, run: RunId | None) -> None:
        self._up()
        names = [execution_name(case, generation)]
        names += [run_execution_name(run, generation)] if run is not None else []
        for name in names:
            self.stopped.append(name)
            if name in self.states and self.states[name].status == "RUNNING":
                self.end(name, "ABORTED")

    def succeed(self, token: str, output: dict[str, JsonValue]) -> bool:
        self._up()
        if token not in self.waiting:
            return False
        self.waiting.remove(token)
        self.resumed.append(token)
        self.outputs[token] = output
        return True

    def end(self, name: str, status: Status = "FAILED", error: str = "") -> None:
        """An execution ends."""
        self.states[name] = self.states[name].model_copy(update={"status": status, "error": error})

    def lose(self, case: CaseId, generation: int) -> None:
        """An execution is gone, and with it whatever waited in it."""
        self.states.pop(execution_name(case, generation), None)
        self.waiting.clear()

    def running(self, case: CaseId) -> list[str]:
        """The names of the executions of a case that run."""
        return [
            name
            for name, state in self.states.items()
            if name.startswith(f"{case}-g") and state.status == "RUNNING"
        ]

    def _up(self) -> None:
        if self.down:
            message = "the state machine service is down"
            raise Retryable(message)
