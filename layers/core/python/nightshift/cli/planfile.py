"""A plan or a workflow from a file: read, or refused with the line or the field that cannot be used."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from nightshift.errors import BadInput
from nightshift.model.base import Noun
from nightshift.model.plan import Plan
from nightshift.model.workflow import NewWorkflow

__all__ = ["read_plan", "read_workflow"]

N = TypeVar("N", bound=Noun)

_MOST_BYTES = 1_000_000
_FIX = "docs/plan-language.md says how a plan is written."


def read_plan(file: Path) -> Plan:
    """The plan in a file.

    Raises:
        BadInput: names the line and column where it is no JSON, else the step and the field that is wrong.
    """
    return _read(file, Plan)


def read_workflow(file: Path) -> NewWorkflow:
    """The workflow in a file: its plan, trigger, note, and whether it is switched on.

    Raises:
        BadInput: as `read_plan`.
    """
    return _read(file, NewWorkflow)


def _read(file: Path, model: type[N]) -> N:
    try:
        raw = file.read_bytes()
    except OSError as exc:
        raise BadInput("FILE", f"{file} cannot be read", "Name a JSON file.") from exc
    if len(raw) > _MOST_BYTES:
        raise BadInput("FILE", f"it has {len(raw)} bytes", f"At most {_MOST_BYTES} are read.")
    try:
        given: JsonValue = json.loads(raw, object_pairs_hook=_no_name_twice)
    except json.JSONDecodeError as exc:
        where = f"FILE, line {exc.lineno}, column {exc.colno}"
        raise BadInput(where, exc.msg[:1].lower() + exc.msg[1:], _FIX) from exc
    except (UnicodeDecodeError, RecursionError) as exc:
        raise BadInput("FILE", f"{file} is not JSON", _FIX) from exc
    try:
        return model.model_validate(given)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        raise BadInput(_where(first["loc"], given), str(first["msg"]).lower(), _FIX) from None


def _no_name_twice(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """JSON that says one name twice means two things: most readers would drop the first without a word."""
    found: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name in found:
            raise BadInput(name, "it stands twice in one object", "Leave one of them.")
        found[name] = value
    return found


def _where(place: tuple[int | str, ...], given: JsonValue) -> str:
    """A place in the plan as a person finds it: a step by its id."""
    parts = [str(part) for part in place]
    match given:
        case {"steps": [*steps]} if len(place) > 1 and place[0] == "steps" and isinstance(place[1], int):
            step = steps[place[1]]
            if isinstance(step, dict) and isinstance(step.get("id"), str):
                parts[:2] = [f"step {step['id']}"]
        case _:
            pass
    return ": ".join([parts[0], ".".join(parts[1:])]) if len(parts) > 1 else "".join(parts) or "FILE"
