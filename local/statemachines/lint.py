"""What AWS refuses at CreateStateMachine: wrong grammar, missing transition targets."""

import json
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

__all__ = ["fault_of", "parse"]


@lru_cache(maxsize=256)
def parse(definition: str) -> Any:
    """The program of a definition. The tree keeps no run's state, so executions share it."""
    return AmazonStateLanguageParser.parse(definition)[0]


def fault_of(definition: str) -> str | None:
    """One sentence that starts with AWS's diagnostic code, or nothing."""
    try:
        parse(definition)
        document = json.loads(definition)
    except Exception as error:  # noqa: BLE001 - the parser raises whatever it meets
        return f"SCHEMA_VALIDATION_FAILED: {error}"
    return _missing_target(document, "")


def _missing_target(machine: dict[str, Any], place: str) -> str | None:
    states = machine.get("States", {})
    if machine.get("StartAt") not in states:
        start = machine.get("StartAt")
        return f"MISSING_TRANSITION_TARGET: Missing 'StartAt' target: {start} at {place}/StartAt"
    for name, state in states.items():
        here = f"{place}/States/{name}"
        for target in _targets(state):
            if target not in states:
                return f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {here}"
        inner = [*state.get("Branches", []), state.get("ItemProcessor"), state.get("Iterator")]
        for machine_inside in filter(None, inner):
            fault = _missing_target(machine_inside, here)
            if fault:
                return fault
    return None


def _targets(state: dict[str, Any]) -> list[str]:
    following = [state, *state.get("Choices", []), *state.get("Catch", [])]
    named = [step.get("Next") for step in following] + [state.get("Default")]
    return [target for target in named if target is not None]
