"""JSONata as Step Functions evaluates it: real bindings, its own six functions, its error name."""

import threading
from typing import Any

import jsonata
from ministack.services import stepfunctions as ministack_states

__all__ = ["ExpressionError", "evaluate"]

# AWS stops an expression after one second of its own time; ours is wall-clock time on a busy machine.
_LIMIT_MILLISECONDS = 20_000
_EXACT_INTEGERS = 2**53


class ExpressionError(Exception):
    """Becomes `States.QueryEvaluationError`."""


_parsed: dict[str, list[Any]] = {}
_parsed_lock = threading.Lock()


def evaluate(expression: str, bindings: dict[str, Any]) -> Any:
    """The value of the text inside `{% %}`; undefined is an error, null is a value.

    Raises:
        ExpressionError: it does not parse, fails, or has no result.
    """
    value = _run(expression, {name: _null_is_a_value(bound) for name, bound in bindings.items()})
    if value is None:
        raise ExpressionError(f"JSONata expression did not return a result: {expression}")
    return _plain(jsonata.utils.Utils.convert_nulls(value))


def _run(expression: str, bindings: dict[str, Any]) -> Any:
    # A parsed expression holds the state of its evaluation, so each is used by one thread at a time.
    with _parsed_lock:
        idle = _parsed.setdefault(expression, [])
        parsed = idle.pop() if idle else None
    try:
        if parsed is None:
            parsed = jsonata.Jsonata.jsonata(expression)
            parsed.set_output_convert_nulls(False)  # so that None means undefined only
            ministack_states._register_sfn_jsonata_functions(parsed)
        jsonata.Jsonata.CURRENT.jsonata = parsed
        frame = parsed.create_frame()
        for name, value in bindings.items():
            frame.bind(name, value)
        frame.set_runtime_bounds(_LIMIT_MILLISECONDS, None)
        value = parsed.evaluate(None, frame)
    except Exception as error:
        code = getattr(error, "error", None)
        raise ExpressionError(f"{code}: {error}" if isinstance(code, str) and code else str(error)) from error
    with _parsed_lock:
        if len(_parsed) > 4096:
            _parsed.clear()
        _parsed.setdefault(expression, []).append(parsed)
    return value


def _null_is_a_value(value: Any) -> Any:
    return jsonata.utils.Utils.NULL_VALUE if value is None else value


def _plain(value: Any) -> Any:
    """The engine's own list type and whole floats, as JSON writes them."""
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INTEGERS:
        return int(value)
    return value
