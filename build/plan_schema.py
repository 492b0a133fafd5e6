"""Writes the JSON Schema of a plan, for whoever writes plans outside of this repository.

    python -m build.plan_schema            # write docs/plan.schema.json
    python -m build.plan_schema --check    # change nothing; exit 1 if it is not up to date

The schema says what a plan looks like. What it may do, only the gate says (`nightshift plan check`).
"""

import json
import sys
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from nightshift.gate.controls import control_input
from nightshift.model.plan import CONTROL, Plan

__all__ = ["PATH", "main", "schema"]

ROOT: Final = Path(__file__).parents[1]
PATH: Final = ROOT / "docs" / "plan.schema.json"


def schema() -> dict[str, JsonValue]:
    """The schema of a plan; what control steps take stands with the step."""
    plan: dict[str, JsonValue] = Plan.model_json_schema()
    defs = plan["$defs"]
    step = defs["Step"] if isinstance(defs, dict) else None
    if isinstance(step, dict):
        step["allOf"] = [_control(tool) for tool in sorted(CONTROL)]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **plan}


def _control(tool: str) -> JsonValue:
    """A step of this tool has no channel, and its own arguments: literals, or `${…}` as a whole value."""
    takes: dict[str, JsonValue] = control_input(tool).model_json_schema()
    fields = takes["properties"]
    computed: JsonValue = {"type": "string", "pattern": r"^\$\{.+\}$"}
    open_fields: dict[str, JsonValue] = (
        {name: {"anyOf": [field, computed]} for name, field in fields.items()}
        if isinstance(fields, dict)
        else {}
    )
    args: JsonValue = {
        "type": "object",
        "properties": open_fields,
        "required": takes["required"],
        "additionalProperties": False,
    }
    return {
        "if": {"properties": {"tool": {"const": tool}}, "required": ["tool"]},
        "then": {"properties": {"channel": {"const": ""}, "args": args}, "required": ["args"]},
    }


def text() -> str:
    """What must stand in the file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or only compare; 1 if it differs."""
    wanted = text()
    if arguments == ["--check"]:
        if PATH.is_file() and PATH.read_text(encoding="utf-8") == wanted:
            return 0
        sys.stderr.write("docs/plan.schema.json is not up to date: run python -m build.plan_schema\n")
        return 1
    PATH.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
