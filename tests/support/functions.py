"""Lambda's Invoke API with our own functions behind it, in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from nightshift.errors import NightshiftError
from tests.support.tools_lambda import ToolsLambda

Function = Callable[[dict[str, Any]], Any]


@dataclass
class Functions(ToolsLambda):
    """Functions by their names; an error travels as the runtime would write it."""

    handlers: dict[str, Function] = field(default_factory=dict)

    @override
    def invoke(self, function: str, call: dict[str, Any]) -> tuple[bool, object]:
        self.calls.append({"function": function, **call})
        if function not in self.handlers:
            return True, {"errorType": "Runtime.NoSuchFunction", "errorMessage": function}
        try:
            return False, self.handlers[function](call)
        except NightshiftError as exc:
            return True, {"errorType": type(exc).__name__, "errorMessage": str(exc), "stackTrace": []}
