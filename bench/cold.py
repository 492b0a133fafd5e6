"""Cold starts: what a handler's init costs above an empty interpreter, with and without bytecode.

Each handler is imported and wired in a fresh interpreter that sees what its Lambda sees: its code, its
layers, and what the managed runtime brings. Counted is processor time, the least of several tries,
which a busy machine disturbs less than the clock.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.lambdas.packages import managed_runtime

__all__ = ["LIMITS", "Cold", "cold_starts", "functions_of"]

_TRIES: Final = 9

LIMITS: Final[Mapping[str, float]] = {"webhook": 60, "mail": 60, "adapter": 200, "planner": 200}
"""Most milliseconds beyond the AWS client, with bytecode, by how a function's name begins."""

# Powertools' own package imports its Tracer class (0.4 ms); what costs is the SDK behind it.
_NEVER: Final = ("anthropic", "aws_xray_sdk", "opentelemetry")

_INIT: Final = """
import importlib, json, sys

def within(function):
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        if name == "wired":
            yield cell.cell_contents
        elif hasattr(cell.cell_contents, "__code__"):
            yield from within(cell.cell_contents)

import botocore.session
made, create = [], botocore.session.Session.create_client

def noted(self, service, *rest, **options):
    made.append(service)
    return create(self, service, *rest, **options)

botocore.session.Session.create_client = noted
for wired in within(importlib.import_module({module!r}).handler):
    try:
        wired()
    except Exception as exc:  # one wiring reads a secret at once: nobody answers here
        if type(exc).__name__ != "EndpointConnectionError":
            raise
print(json.dumps([sorted(set(made)), [name for name in {never!r} if name in sys.modules]]))
"""
_CLIENTS: Final = "import boto3\nfor service in {services!r}:\n    boto3.client(service)\nprint('[[], []]')"
_EMPTY: Final = "print('[[], []]')"


@dataclass(frozen=True, kw_only=True)
class Cold:
    """One function's init: milliseconds of processor time above an empty interpreter.

    `beyond_client` is what is left of `with_bytecode` without boto3 and the `clients` it makes; `unwanted`
    are the modules among those that no fast path may load.
    """

    function: str
    with_bytecode: float
    without_bytecode: float
    beyond_client: float
    clients: tuple[str, ...]
    limit: float | None
    code_kb: float
    layers_mb: float
    unwanted: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Function:
    name: str
    module: str
    layers: tuple[str, ...]
    settings: Mapping[str, str]


def functions_of(assembly: Path) -> tuple[_Function, ...]:
    """The functions of a synthesised installation, by name: their module, layers and settings' names."""
    found = [
        _function(resource, template["Resources"])
        for file in sorted(assembly.glob("*.template.json"))
        for template in [json.loads(file.read_text(encoding="utf-8"))]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    return tuple(sorted((each for each in found if each is not None), key=lambda each: each.name))


def _function(resource: dict[str, Any], stack: dict[str, Any]) -> _Function | None:
    about = resource["Properties"]
    if "Environment" not in about or "STAGE" not in about["Environment"]["Variables"]:
        return None  # a custom resource of the CDK itself
    layers = [stack[layer["Ref"]]["Properties"]["Description"] for layer in about["Layers"]]
    return _Function(
        name=re.sub(r"^nightshift-[a-z]+-", "", about["FunctionName"]),
        module=about["Handler"].removesuffix(".handler"),
        layers=tuple(text.rsplit(" ", 1)[-1] for text in layers),
        settings={
            # Wiring only builds clients: any text will do where a number is not asked for.
            name: value if isinstance(value, str) else "arn:aws:x:us-east-1:123456789012:name"
            for name, value in about["Environment"]["Variables"].items()
        },
    )


def cold_starts(assembly: Path, layers: Path) -> Iterator[Cold]:
    """Measure every function of an installation, one by one; takes some seconds each.

    Args:
        assembly: the synthesised templates.
        layers: what `python -m build.layers --platform host` filled.
    """
    with tempfile.TemporaryDirectory() as scratch:
        runtime = managed_runtime(Path(scratch) / "runtime")
        bare = Path(scratch) / "bare"
        shutil.copytree(layers, bare, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        empty, _, _ = _cpu(_EMPTY, [runtime], {})
        clients: dict[tuple[str, ...], float] = {}
        for each in functions_of(assembly):
            with_bytecode, services, unwanted = _init(each, layers, runtime)
            without, _, _ = _init(each, bare, runtime)
            if services not in clients:
                clients[services], _, _ = _cpu(_CLIENTS.format(services=services), [runtime], {})
            yield Cold(
                function=each.name,
                with_bytecode=with_bytecode - empty,
                without_bytecode=without - empty,
                beyond_client=with_bytecode - clients[services],
                clients=services,
                limit=next((most for kind, most in LIMITS.items() if each.name.startswith(kind)), None),
                code_kb=_size([layers / "code" / Path(*each.module.split(".")[:-1])]) / 1e3,
                layers_mb=_size(layers / name for name in each.layers) / 1e6,
                unwanted=unwanted,
            )


def _init(function: _Function, layers: Path, runtime: Path) -> tuple[float, tuple[str, ...], tuple[str, ...]]:
    places = [layers / "code", *(layers / name / "python" for name in function.layers), runtime]
    code = _INIT.format(module=function.module, never=_NEVER)
    return _cpu(code, places, function.settings)


def _cpu(
    code: str, places: Iterable[Path], settings: Mapping[str, str]
) -> tuple[float, tuple[str, ...], tuple[str, ...]]:
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(str(place) for place in places),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "POWERTOOLS_SERVICE_NAME": "nightshift",
        **settings,
    }
    least, said = float("inf"), ""
    for _ in range(_TRIES):
        with _spent() as spent:
            done = subprocess.run(  # noqa: S603  # no shell
                [sys.executable, "-S", "-P", "-c", code],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        least, said = min(least, spent[0]), done.stdout
    services, unwanted = json.loads(said.splitlines()[-1])
    return least, tuple(services), tuple(unwanted)


@contextmanager
def _spent() -> Iterator[list[float]]:
    """Milliseconds of processor time that children took inside the block."""
    before, spent = resource.getrusage(resource.RUSAGE_CHILDREN), [0.0]
    yield spent
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent[0] = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def _size(folders: Iterable[Path]) -> int:
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
