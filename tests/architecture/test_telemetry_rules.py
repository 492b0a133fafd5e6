"""Logs have fields that are named once, and nothing of a tracer is imported where X-Ray needs none."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.telemetry import LOG_FIELDS

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers" / "core" / "python"
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
NOT_FIELDS = {"exc_info", "stack_info", "extra"}
TRACERS = ("aws_xray_sdk", "opentelemetry", "ddtrace")
HANDLERS = sorted(
    file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for name in ("handler.py", "webhook.py")
    for file in (ROOT / "functions").rglob(name)
)

SPREADS = {
    "found": "nightshift.cases.lookout:Tally",
    "one": "nightshift.ingress.mail:Received",
    "taken": "nightshift.cases.take:Taken",
    "trace": "nightshift.model.trace:ToolTrace",
}
"""Models whose fields are logged whole, by the name they are spread under."""


def _log_calls() -> Iterator[tuple[str, ast.Call]]:
    for base in (CORE / "nightshift", ROOT / "functions"):
        for file in sorted(base.rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and _is_a_log_call(node):
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def _is_a_log_call(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id="logger"), attr=level):
            return level in LEVELS
        case ast.Name(id="said"):  # one of them, chosen by what happened
            return True
        case _:
            return False


def _fields(keyword: ast.keyword) -> set[str]:
    if keyword.arg is not None:
        return {keyword.arg} - NOT_FIELDS
    names = [node.id for node in ast.walk(keyword.value) if isinstance(node, ast.Name)]
    assert names, ast.unparse(keyword.value)
    assert names[0] in SPREADS, f"say in SPREADS which model **{ast.unparse(keyword.value)} is"
    module, _, name = SPREADS[names[0]].partition(":")
    return set(getattr(importlib.import_module(module), name).model_fields)


def test_every_field_of_a_log_line_is_named_in_one_place() -> None:
    calls = list(_log_calls())
    assert len(calls) > 10
    unknown = {
        f"{where}: {field}"
        for where, call in calls
        for keyword in call.keywords
        for field in _fields(keyword) - LOG_FIELDS
    }
    assert unknown == set()


def test_no_field_is_named_that_nothing_logs() -> None:
    logged = {field for _, call in _log_calls() for keyword in call.keywords for field in _fields(keyword)}
    on_every_line = {"call", "case", "generation", "request", "run"}
    assert LOG_FIELDS - logged - on_every_line == set()


def test_a_message_is_a_fixed_text_in_lower_case() -> None:
    for where, call in _log_calls():
        (message,) = call.args
        assert isinstance(message, ast.Constant), f"{where}: write a text; what varies is a field"
        assert str(message.value)[0].islower(), where


@pytest.mark.parametrize("tracer", ["Tracer", *TRACERS])
def test_our_code_names_no_tracer(tracer: str) -> None:
    for base in (CORE / "nightshift", ROOT / "functions"):
        for file in base.rglob("*.py"):
            names = {
                alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            }
            assert tracer not in names, file


def test_importing_every_handler_imports_no_tracer() -> None:
    assert len(HANDLERS) > 15
    program = "\n".join(
        ["import importlib, sys"]
        + [f"importlib.import_module({name!r})" for name in HANDLERS]
        + [f"print([m for m in sys.modules if m.split('.')[0] in {TRACERS!r}])"]
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{CORE}", "AWS_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr[-2000:]
