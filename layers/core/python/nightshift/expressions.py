"""CEL over plain facts: the one language of guards and computed values.

Only JSON data goes in and only JSON data comes out: an expression reaches no Python object, no
attribute and no clock. Length, nesting of comprehensions, the size of the result and, before anything is
computed, the effort at worst (`nightshift.effort`) are bounded, so that a playbook's, a model's or a
person's expression cannot hold a Lambda. The functions of `nightshift.sums` are there under their names.

The Rust extension of `common-expression-language` is loaded without its package: the package's
`__init__` imports its command line (prompt_toolkit, rich), 300 ms where the extension itself takes
15 ms (measured, Python 3.11). It is registered as `cel.cel`, because a process may load it once only.
"""

import importlib.util
import logging
import math
import re
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from pydantic import JsonValue

from nightshift.errors import BadInput, Misconfigured
from nightshift.sums import SUMS

__all__ = ["MAX_LENGTH", "Facts", "check"]

MAX_LENGTH = 1_000
MAX_NODES = 20_000
MAX_COMPREHENSIONS = 2  # nested in one another
_INTEGERS = 2**63
_FEW_PLUSES = 8  # without a comprehension, so many sums come to little over any facts

_EXTENSION = "cel.cel"
_TEXT = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_COMPREHENSION = re.compile(r"\.(?:map|filter|all|exists|exists_one)\s*\(|[()]")
# What the extension raises for an expression that cannot be read or evaluated.
_FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError)


@cache
def _cel() -> ModuleType:
    loaded = sys.modules.get(_EXTENSION)
    if loaded is not None:
        return loaded
    package = importlib.util.find_spec("cel")
    folders = (package.submodule_search_locations if package else None) or []
    files = [file for folder in folders for file in Path(folder).glob("cel.*.so")]
    spec = importlib.util.spec_from_file_location(_EXTENSION, files[0]) if files else None
    if spec is None or spec.loader is None:
        raise Misconfigured("the layer `expressions` is missing: CEL cannot be evaluated", code="cel")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[_EXTENSION] = module
    logging.getLogger("cel").disabled = True  # it warns of every fault of a function, which we tell ourselves
    return module


def _nesting(source: str) -> int:
    """How deep comprehensions stand in one another."""
    open_brackets: list[bool] = []
    deepest = 0
    for found in _COMPREHENSION.finditer(_TEXT.sub("''", source)):
        if found[0] == ")":
            if open_brackets:
                open_brackets.pop()
            continue
        open_brackets.append(found[0] != "(")
        deepest = max(deepest, sum(open_brackets))
    return deepest


@lru_cache(maxsize=1_024)
def _compile(source: str) -> Any:  # noqa: ANN401  # the extension's Program
    if len(source) > MAX_LENGTH:
        fix = f"Write at most {MAX_LENGTH}."
        raise BadInput("expression", f"it has {len(source)} characters", fix)
    if _nesting(source) > MAX_COMPREHENSIONS:
        fix = f"Nest map, filter, all and exists at most {MAX_COMPREHENSIONS} deep."
        raise BadInput("expression", f"{source!r} nests comprehensions too deep", fix)
    try:
        return _cel().compile(source)
    except _FAULTS as exc:
        # The parser quotes the expression, which is ours, never a fact.
        problem = " ".join(str(exc).split())[:300]
        raise BadInput("expression", problem, "Write it in CEL, e.g. order.refundable > 0.") from exc


def check(source: str) -> frozenset[str]:
    """Compile an expression without facts; returns the names it refers to.

    Raises:
        BadInput: it is too long, nests too deep or is not CEL.
    """
    return frozenset(cast("list[str]", _compile(source).variables()))


def _plain(value: object, where: str) -> int:
    """How many nodes a value has; refuses anything that is not JSON data."""
    match value:
        case int() if not -_INTEGERS <= value < _INTEGERS:
            raise BadInput(where, "an integer is beyond 64 bits", "Give smaller numbers.")
        case float() if not math.isfinite(value):
            raise BadInput(where, "a number is not finite", "Divide by nothing that may be 0.")
        case None | bool() | int() | float() | str():
            return 1
        case list():
            return 1 + sum(_plain(entry, where) for entry in value)
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise BadInput(where, "a key is not a string", "Give JSON data.")
            return 1 + sum(_plain(entry, where) for entry in value.values())
        case _:
            raise BadInput(where, f"{type(value).__name__} is not JSON data", "Give JSON data.")


def _may_grow(source: str) -> bool:
    """Whether an expression may come to more than a walk over its facts."""
    return source.count("+") > _FEW_PLUSES or "matches" in source or _nesting(source) > 0


class Facts:
    """Facts as expressions see them: converted once, read only.

    Raises:
        BadInput: something in it is not JSON data, or there is too much of it.
    """

    def __init__(self, values: dict[str, JsonValue]) -> None:
        if _plain(values, "facts") > MAX_NODES:
            raise BadInput("facts", f"more than {MAX_NODES} values", "Give fewer facts.")
        self._values = values
        self._fault: BadInput | None = None
        functions = {name: self._told(name) for name in SUMS}
        try:
            self._context = _cel().Context(variables=values, functions=functions)
        except _FAULTS as exc:
            raise BadInput("facts", "a value does not fit CEL", "Keep integers within 64 bits.") from exc

    def _told(self, name: str) -> Callable[..., JsonValue]:
        """A function whose fault is kept: the library would only say that there was one."""

        def function(*values: JsonValue) -> JsonValue:
            try:
                return SUMS[name](*values)
            except TypeError:
                self._fault = BadInput(name, "is given too few or too many values", "Give it two.")
            except BadInput as exc:
                self._fault = exc
            raise ValueError(name)

        return function

    def evaluate(self, source: str) -> JsonValue:
        """The value of an expression over these facts.

        Raises:
            BadInput: it is not CEL, names something that is not there, may take too long, or gives no
                JSON data. The message holds the expression and the kind of fault, never a fact's value.
        """
        program = _compile(source)
        if _may_grow(source):
            from nightshift.effort import afford  # noqa: PLC0415  # most cold starts need none of it
            from nightshift.syntax import parse  # noqa: PLC0415

            afford(parse(source), self._values)
        self._fault = None
        try:
            value = program.execute(self._context)
        except _FAULTS as exc:
            if self._fault is not None:
                raise self._fault from exc
            problem = f"{source!r} cannot be evaluated ({type(exc).__name__})"
            fix = "Name facts that are there, and guard what may be absent with has()."
            raise BadInput("expression", problem, fix) from exc
        if _plain(value, "expression") > MAX_NODES:
            raise BadInput("expression", f"{source!r} gives too much", "Compute less.")
        return cast("JsonValue", value)

    def holds(self, source: str) -> bool:
        """Whether a guard is true.

        Raises:
            BadInput: as `evaluate`, or the value is neither true nor false.
        """
        value = self.evaluate(source)
        if not isinstance(value, bool):
            problem = f"{source!r} gives a {type(value).__name__}, not true or false"
            raise BadInput("expression", problem, "Write a comparison.")
        return value
