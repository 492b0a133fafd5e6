"""Each change to moto's interpreter: one function, its reason, and the probe that needs it."""

import base64
import functools
import json
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import boto3
import moto.stepfunctions.parser.models  # noqa: F401 - imports every state and service module
from botocore.response import StreamingBody
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped, ProgramTimedOut
from moto.stepfunctions.parser.asl.jsonata import jsonata as jsonata_hook
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.utils import TMP_THREADS

from local.statemachines.clients import ClientFactory
from local.statemachines.expressions import ExpressionError, evaluate

__all__ = ["apply"]


def apply(clients: ClientFactory) -> None:
    """All patches of this module; those about time and tokens are in `waiting`."""
    evaluate_jsonata_with_bindings()
    evaluate_variables_in_jsonpath_states()
    quote_strings_in_variable_declarations()
    keep_a_stopped_execution_stopped()
    translate_parameter_names_by_the_service_model()
    read_streams_of_sdk_responses()
    call_services_through(clients)
    forget_finished_threads()


def evaluate_jsonata_with_bindings() -> None:
    """Moto ships no JSONata engine (a None) and pastes values into the source. `jsonata_string_vars_quotes`."""

    def evaluate_body(self: Any, env: Any) -> None:  # noqa: ANN401
        string_expression.extract_jsonata_variable_references(self.expression)  # refuses `$` and `$$`
        data = env.states._states_data
        states = {"input": data.get("input"), "result": data.get("result"), "errorOutput": data.get("errorOutput")}
        if "context" in self.expression:
            states["context"] = json.loads(json.dumps(data.get("context"), default=str))
        variables = env.variable_store
        bindings = {**variables._outer_scope, **variables._inner_scope, "states": states}
        try:
            env.stack.append(evaluate(self.expression, {name.lstrip("$"): v for name, v in bindings.items()}))
        except ExpressionError as error:
            raise _query_evaluation_error(env, str(error)) from error

    string_expression.StringJSONata._eval_body = evaluate_body


def _query_evaluation_error(env: Any, cause: str) -> Exception:  # noqa: ANN401
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details = EvaluationFailedEventDetails(error=name.error_name, cause=cause)
    event = FailureEvent(
        env=env,
        error_name=name,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=EventDetails(evaluationFailedEventDetails=details),
    )
    return FailureEventException(event)


def evaluate_variables_in_jsonpath_states() -> None:
    """`$var` in a JSONPath state goes to the same missing engine. `vars_assign_jsonpath`."""

    def pointer(expression: str) -> Any:  # noqa: ANN401
        try:
            return evaluate(expression, {})
        except ExpressionError as error:
            raise jsonata_hook.JSONataException("States.Runtime", str(error)) from error

    jsonata_hook._eval_jsonata = pointer


def quote_strings_in_variable_declarations() -> None:
    """Moto writes `$v:="` + value + `"`: a quote breaks or injects. `vars_quotes_jsonpath`."""

    def declare(bindings: dict[str, Any]) -> str:
        return "".join(
            f"{name}:={json.dumps(value, default=str, ensure_ascii=False)};" for name, value in bindings.items()
        )

    _replace_everywhere("encode_jsonata_variable_declarations", declare)


def keep_a_stopped_execution_stopped() -> None:
    """A token wait woken by a stop or a timeout would turn ABORTED into FAILED. `api_stop_while_token`."""

    def guarded(theirs: Callable[..., None]) -> Callable[..., None]:
        def unless_over(self: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401
            if not isinstance(self._program_state, ProgramStopped | ProgramTimedOut):
                theirs(self, *args, **options)

        return unless_over

    Environment.set_error = guarded(Environment.set_error)  # type: ignore[method-assign]
    Environment.set_timed_out = guarded(Environment.set_timed_out)  # type: ignore[method-assign]


def translate_parameter_names_by_the_service_model() -> None:
    """Moto dropped the renaming between `StateMachineArn` and `stateMachineArn`. `int_nested_sync2`."""

    def of_parameters(self: Any, parameters: dict[str, Any], service: str = "", action: str = "") -> None:  # noqa: ANN401
        _in_place(parameters, _to_wire(parameters, _operation(self, service, action).input_shape))

    def of_response(self: Any, response: Any, service: str = "", action: str = "") -> None:  # noqa: ANN401
        if isinstance(response, dict):
            _in_place(response, _from_wire(response, _operation(self, service, action).output_shape))

    def renamed(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def call(self: Any, value: Any = None, **names: Any) -> None:  # noqa: ANN401
            value = names.get("parameters", names.get("response", value))
            function(self, value, names.get("boto_service_name") or "", names.get("service_action_name") or "")

        return call

    StateTaskService._normalise_parameters = renamed(of_parameters)  # type: ignore[method-assign]
    StateTaskService._normalise_response = renamed(of_response)  # type: ignore[method-assign]


def _in_place(target: dict[str, Any], content: dict[str, Any]) -> None:
    target.clear()
    target.update(content)


def _operation(task: Any, service: str, action: str) -> Any:  # noqa: ANN401
    return _operation_model(
        service or task._get_boto_service_name(),
        action or task._get_boto_service_action(),
    )


@functools.lru_cache(maxsize=512)
def _operation_model(service: str, action: str) -> Any:  # noqa: ANN401
    client = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # type: ignore[call-overload]  # noqa: S106
    return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[action])


def _to_wire(value: Any, shape: Any) -> Any:  # noqa: ANN401
    kind = shape.type_name if shape else None
    if kind == "structure" and isinstance(value, dict):
        wire = {name.lower(): name for name in shape.members}
        names = {key: wire.get(key.lower(), key) for key in value}
        return {names[key]: _to_wire(member, shape.members.get(names[key])) for key, member in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_to_wire(member, shape.member) for member in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _to_wire(member, shape.value) for key, member in value.items()}
    if kind == "blob" and not isinstance(value, bytes | str):
        return json.dumps(value, separators=(",", ":")).encode()
    return value


def _from_wire(value: Any, shape: Any) -> Any:  # noqa: ANN401
    kind = shape.type_name if shape else None
    if kind == "structure" and isinstance(value, dict):
        wire = {name.lower(): name for name in shape.members}
        return {
            key[0].upper() + key[1:]: _from_wire(member, shape.members.get(wire.get(key.lower(), key)))
            for key, member in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [_from_wire(member, shape.member) for member in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _from_wire(member, shape.value) for key, member in value.items()}
    return _text(value) if kind == "blob" else value


def _text(blob: Any) -> Any:  # noqa: ANN401
    if isinstance(blob, StreamingBody):
        blob = blob.read()
    if not isinstance(blob, bytes):
        return blob
    try:
        return blob.decode()
    except UnicodeDecodeError:
        return base64.b64encode(blob).decode()


def read_streams_of_sdk_responses() -> None:
    """A body must be text before the interpreter copies the response. `int_sdk_s3_put_get`."""
    theirs = StateTaskServiceAwsSdk._eval_service_task

    def then_read(self: Any, env: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401
        theirs(self, env, *args, **options)
        self._normalise_response(env.stack[-1])

    StateTaskServiceAwsSdk._eval_service_task = then_read  # type: ignore[method-assign]


def call_services_through(clients: ClientFactory) -> None:
    """Moto builds a client per task, 20 to 40 ms each, for `localhost` and no role. `run_machine_is_quick`."""
    _replace_everywhere("boto_client_for", clients.client_for, original=boto_client.boto_client_for)


def forget_finished_threads() -> None:
    """Moto keeps every thread it ever started in a list. `threads_are_not_kept`."""

    class Forgetful(list[threading.Thread]):
        def append(self, _: threading.Thread) -> None:  # type: ignore[override]
            """Keep nothing."""

    _replace_everywhere("TMP_THREADS", Forgetful(), original=TMP_THREADS)


def _replace_everywhere(name: str, replacement: object, original: object = None) -> None:
    """Rebind a name in each parser module that imported it."""
    first = original
    for module in _parser_modules():
        found = getattr(module, name, None)
        first = first if first is not None else found
        if found is not None and found is first:
            setattr(module, name, replacement)


def _parser_modules() -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions.parser"):
            yield module
