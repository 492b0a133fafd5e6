"""Each change to moto's interpreter: one function, its reason, and the probe that needs it."""

import base64
import functools
import json
import sys
import threading
from collections.abc import Callable
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
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped, ProgramTimedOut
from moto.stepfunctions.parser.asl.jsonata import jsonata as jsonata_hook
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.utils import TMP_THREADS
from typing_extensions import override

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
    call_services_through(clients)
    forget_finished_threads()


def evaluate_jsonata_with_bindings() -> None:
    """Moto ships no JSONata engine and pastes values into the source. `test_jsonata_query_error`."""

    def evaluate_body(self: Any, env: Any) -> None:
        jsonata_hook.extract_jsonata_variable_references(self.expression)  # refuses `$` and `$$`
        data = env.states._states_data
        states = {name: data.get(name) for name in ("input", "result", "errorOutput")}
        if "context" in self.expression:
            states["context"] = json.loads(json.dumps(data.get("context"), default=str))
        variables = env.variable_store
        bindings = {**variables._outer_scope, **variables._inner_scope, "states": states}
        try:
            env.stack.append(evaluate(self.expression, bindings))
        except ExpressionError as error:
            raise _query_evaluation_error(env, str(error)) from error

    string_expression.StringJSONata._eval_body = evaluate_body  # type: ignore[method-assign]


def _query_evaluation_error(env: Any, cause: str) -> Exception:
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    partial_details: Any = EventDetails  # its type demands every kind of event at once
    details = EvaluationFailedEventDetails(error=name.error_name, cause=cause)
    event = FailureEvent(
        env=env,
        error_name=name,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=partial_details(evaluationFailedEventDetails=details),
    )
    return FailureEventException(event)


def evaluate_variables_in_jsonpath_states() -> None:
    """`$var` in a JSONPath state goes to the same missing engine. `test_vars_assign_jsonpath`."""

    def pointer(expression: str) -> Any:
        try:
            return evaluate(expression, {})
        except ExpressionError as error:
            raise jsonata_hook.JSONataException("States.Runtime", str(error)) from error

    jsonata_hook._eval_jsonata = pointer


def quote_strings_in_variable_declarations() -> None:
    """Moto writes `$v:="` + value + `"`: a quote breaks or injects. `test_vars_quotes_jsonpath`."""

    def declare(bindings: dict[str, Any]) -> str:
        texts = {name: json.dumps(bound, default=str, ensure_ascii=False) for name, bound in bindings.items()}
        return "".join(f"{name}:={text};" for name, text in texts.items())

    theirs = jsonata_hook.encode_jsonata_variable_declarations
    _replace_everywhere("encode_jsonata_variable_declarations", theirs, declare)


def keep_a_stopped_execution_stopped() -> None:
    """A token wait woken by a stop would turn ABORTED into FAILED. `test_api_stop_while_token`."""

    def guarded(theirs: Callable[..., None]) -> Callable[..., None]:
        def unless_over(self: Any, *args: Any, **options: Any) -> None:
            if not isinstance(self._program_state, ProgramStopped | ProgramTimedOut):
                theirs(self, *args, **options)

        return unless_over

    Environment.set_error = guarded(Environment.set_error)  # type: ignore[method-assign]
    Environment.set_timed_out = guarded(Environment.set_timed_out)  # type: ignore[method-assign]


def translate_parameter_names_by_the_service_model() -> None:
    """Moto dropped the renaming between `StateMachineArn` and `stateMachineArn`. `test_int_nested_sync2`."""

    def parameters_to_wire(
        self: Any,
        parameters: dict[str, Any],
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        operation = _operation(self, boto_service_name, service_action_name)
        _in_place(parameters, _to_wire(parameters, operation.input_shape))

    def response_from_wire(
        self: Any,
        response: Any,
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        if isinstance(response, dict):
            operation = _operation(self, boto_service_name, service_action_name)
            _in_place(response, _from_wire(response, operation.output_shape))

    StateTaskService._normalise_parameters = parameters_to_wire  # type: ignore[method-assign]
    StateTaskService._normalise_response = response_from_wire  # type: ignore[method-assign]


def _in_place(target: dict[str, Any], content: dict[str, Any]) -> None:
    target.clear()
    target.update(content)


def _operation(task: Any, service: str | None, action: str | None) -> Any:
    return _operation_model(
        service or task._get_boto_service_name(),
        action or task._get_boto_service_action(),
    )


@functools.lru_cache(maxsize=512)
def _operation_model(service: str, action: str) -> Any:
    make_client: Any = boto3.client  # its types know services by literal names only
    client = make_client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[action])


def _to_wire(value: Any, shape: Any) -> Any:
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


def _from_wire(value: Any, shape: Any) -> Any:
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


def _text(blob: Any) -> Any:
    if isinstance(blob, StreamingBody):
        blob = blob.read()
    if not isinstance(blob, bytes):
        return blob
    try:
        return blob.decode()
    except UnicodeDecodeError:
        return base64.b64encode(blob).decode()


def call_services_through(clients: ClientFactory) -> None:
    """Moto builds a client per task, 20 to 40 ms each, and knows no role. `test_sfn_lambda_invoke`."""
    _replace_everywhere("boto_client_for", boto_client.boto_client_for, clients.client_for)


def forget_finished_threads() -> None:
    """Moto keeps every thread it ever started in a list. (No probe: memory.)"""

    class Forgetful(list[threading.Thread]):
        @override
        def append(self, thread: threading.Thread, /) -> None:
            """Keep nothing."""

    _replace_everywhere("TMP_THREADS", TMP_THREADS, Forgetful())


def _replace_everywhere(name: str, theirs: object, ours: object) -> None:
    """Rebind a name in each parser module that imported it."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("moto.stepfunctions.parser") and getattr(module, name, None) is theirs:
            setattr(module, name, ours)
