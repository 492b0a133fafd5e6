"""Patches about time and tokens: scaled waits, tokens good for one attempt, prompt nested runs."""

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import Timeout
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackPoolManager
from typing_extensions import override

from local.statemachines.alarms import Alarms
from local.statemachines.tokens import Tokens

__all__ = ["NestedRuns", "apply"]

StateTaskServiceCallback = state_task_service_callback.StateTaskServiceCallback
StateTaskServiceSfn = state_task_service_sfn.StateTaskServiceSfn

_SLICE = 30.0  # how long a missed wake-up may go unnoticed


class NestedRuns(Protocol):
    """What the engine does for a `.sync` task."""

    def wait_for(self, child: str, parent: str, over: Callable[[], bool]) -> None:
        """Return when the child has ended, or when `over` says that the waiting task is."""

    def stop(self, execution_arn: str, error: str | None = None, cause: str | None = None) -> object:
        """Stop the child, because its parent is over."""


def apply(scale: float, tokens: Tokens, nested: NestedRuns) -> None:
    """All patches of this module."""
    wait_in_scaled_time(scale)
    wait_until_the_exact_moment()
    retry_in_scaled_time(scale)
    scale_the_deadline_of_token_tasks(scale)
    register_tokens(tokens)
    give_each_attempt_its_own_token(tokens)
    follow_nested_runs_without_polling(nested)
    wait_for_a_token_in_one_thread()


def _sleep(env: Any, seconds: float) -> None:
    """Sleep unless the program ends; moto's event is set and cleared at once, so look again at times."""
    deadline = time.monotonic() + seconds
    while env.is_running() and (left := deadline - time.monotonic()) > 0:
        env.program_state_event.wait(min(left, _SLICE))


def wait_in_scaled_time(scale: float) -> None:
    """Moto counts whole seconds waited and knows no scale. `test_time_scale_wait`."""

    def wait(self: Any, env: Any, wait_seconds: float) -> None:  # noqa: ARG001
        _sleep(env, wait_seconds * scale)

    WaitFunction._wait_interval = wait  # type: ignore[method-assign]


def wait_until_the_exact_moment() -> None:
    """Moto cuts a Timestamp to whole local seconds. `test_wait_timestamp_exact`."""
    theirs = Timestamp._get_wait_seconds

    def seconds(self: Any, env: Any) -> float:
        self.string.eval(env=env)
        text = env.stack[-1]
        if not (isinstance(text, str) and re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", text)):
            env.stack.pop()
            return float(theirs(self, env))
        env.stack.pop()
        return (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()

    Timestamp._get_wait_seconds = seconds  # type: ignore[method-assign, assignment]


def retry_in_scaled_time(scale: float) -> None:
    """Moto sleeps between attempts, deaf to a stop and to the scale. `test_stop_while_retrying`."""

    def evaluate(self: Any, env: Any) -> None:
        self.error_equals.eval(env)
        if not env.stack.pop():
            env.stack.append(RetrierOutcome.Skipped)
            return
        self.max_attempts.eval(env=env)
        if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
            env.stack.append(RetrierOutcome.Failed)
            return
        for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds, self.jitter_strategy):
            part.eval(env=env)
        _sleep(env, env.stack.pop() * scale)
        env.stack.append(RetrierOutcome.Executed)

    RetrierDecl._eval_body = evaluate  # type: ignore[method-assign]


class _Scaled(Timeout):
    """A timeout or heartbeat, times the scale."""

    def __init__(self, inner: Any, scale: float) -> None:
        self._inner = inner
        self._scale = scale

    @override
    def is_default_value(self) -> bool:
        return bool(self._inner.is_default_value())

    @override
    def _eval_seconds(self, env: Any) -> float:  # type: ignore[override]
        return float(self._inner._eval_seconds(env)) * self._scale


def scale_the_deadline_of_token_tasks(scale: float) -> None:
    """So that a wait of days for a person takes seconds in a demo. `test_time_scale_token_timeout`."""
    if scale == 1:
        return
    theirs = StateTaskServiceCallback.from_state_props

    def then_scale(self: Any, state_props: Any) -> None:
        theirs(self, state_props)
        if self.resource.condition == ResourceCondition.WaitForTaskToken:
            if not self.timeout.is_default_value():
                self.timeout = _Scaled(self.timeout, scale)
            if self.heartbeat:
                self.heartbeat = _Scaled(self.heartbeat, scale)

    StateTaskServiceCallback.from_state_props = then_scale  # type: ignore[method-assign]


def register_tokens(tokens: Tokens) -> None:
    """One registry instead of a search through all executions. `test_cb_garbage_token_rejected`."""
    add, add_activity = CallbackPoolManager.add, CallbackPoolManager.add_activity_task

    def add_and_register(self: Any, callback_id: str) -> Any:
        endpoint = add(self, callback_id)
        tokens.open(callback_id, endpoint, self.machine_arn)
        return endpoint

    def add_activity_and_register(self: Any, callback_id: str, activity_arn: str, activity_input: str) -> Any:
        endpoint = add_activity(self, callback_id, activity_arn, activity_input)
        tokens.open(callback_id, endpoint, activity_arn)
        return endpoint

    CallbackPoolManager.add = add_and_register  # type: ignore[method-assign]
    CallbackPoolManager.add_activity_task = add_activity_and_register  # type: ignore[method-assign]


def give_each_attempt_its_own_token(tokens: Tokens) -> None:
    """Moto reuses a token over retries and takes answers after a timeout.

    `test_cb_retry_gets_a_new_token`,
    `test_cb_late_answer_after_timeout_is_refused_while_the_execution_goes_on`.
    """
    theirs = StateTaskServiceCallback._evaluate_with_timeout

    def attempt(self: Any, env: Any) -> None:
        if self.resource.condition != ResourceCondition.WaitForTaskToken:
            theirs(self, env)
            return
        context = env.states.context_object
        token = context.context_object_data["Task"]["Token"]
        if not tokens.is_open(token):
            token = context.update_task_token()
            env.callback_pool_manager.add(token)
        try:
            theirs(self, env)
        finally:
            tokens.close(token)

    StateTaskServiceCallback._evaluate_with_timeout = attempt  # type: ignore[method-assign]


def follow_nested_runs_without_polling(nested: NestedRuns) -> None:
    """Moto asks every half second, in two threads, and leaves the child running when the parent stops.

    `test_nested_sync_is_prompt`, `test_stopping_the_parent_stops_the_child`.
    """
    sync, sync2 = StateTaskServiceSfn._build_sync_resolver, StateTaskServiceSfn._build_sync2_resolver

    def waiting(build: Callable[..., Any]) -> Callable[..., Any]:
        def build_waiting(self: Any, env: Any, **parts: Any) -> Callable[[], Any]:
            child = env.stack[-1]["ExecutionArn"]
            parent = env.states.context_object.context_object_data["Execution"]["Id"]
            ask = build(self, env=env, **parts)

            def resolve() -> Any:
                nested.wait_for(child, parent, lambda: not env.is_running())
                if env.is_running():
                    return ask()
                nested.stop(child)
                return None

            return resolve

        return build_waiting

    def evaluate_sync(
        self: Any,  # noqa: ARG001
        env: Any,
        sync_resolver: Callable[[], Any],
        **_: Any,
    ) -> Any:
        result = None
        while result is None and env.is_running():
            result = sync_resolver()
        return result

    StateTaskServiceSfn._build_sync_resolver = waiting(sync)  # type: ignore[method-assign]
    StateTaskServiceSfn._build_sync2_resolver = waiting(sync2)  # type: ignore[method-assign]
    StateTaskServiceSfn._eval_sync = evaluate_sync  # type: ignore[method-assign, assignment]


class _Inline:
    """Stands for a thread, and runs what it is given where it is started."""

    def __init__(self, target: Callable[[], None]) -> None:
        self.start = target


def wait_for_a_token_in_one_thread() -> None:
    """Moto takes three threads for each waiting execution. `test_sleepers_cost_a_thread_each`.

    The wait itself ends at its deadline and at a stop, so that nobody has to watch it; the machine's own
    deadline is watched for all executions by one thread.
    """
    here = threading.local()
    attempt = StateTaskServiceCallback._evaluate_with_timeout
    alarms = Alarms()

    def evaluate(self: Any, env: Any) -> None:
        here.waits = self.resource.condition == ResourceCondition.WaitForTaskToken
        attempt(self, env)

    def thread(target: Callable[[], None], **options: Any) -> Any:
        waits, here.waits = getattr(here, "waits", False), False
        return _Inline(target) if waits else threading.Thread(target=target, **options)

    def run_program(self: Any, env: Any) -> None:
        env.next_state_name = self.start_at.start_at_name
        with alarms.after(self.timeout_seconds and self.timeout_seconds.timeout_seconds, env):
            EvalComponent.eval(self, env)

    StateTaskServiceCallback._evaluate_with_timeout = evaluate  # type: ignore[method-assign]
    execute_state.Thread = thread  # type: ignore[assignment, attr-defined]
    Program.eval = run_program  # type: ignore[method-assign]
