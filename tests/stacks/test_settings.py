"""A function gets exactly the settings its code reads, and every layer its code imports."""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache
from types import ModuleType

import grimp
import pytest

from nightshift.settings import Settings
from stacks.adapter import adapters
from stacks.layers import LAYERS
from tests.stacks.assembly import Assembly

FUNCTIONS = {
    **{
        name: name
        for name in (
            "again",
            "anchor",
            "api",
            "context",
            "dispatcher",
            "dryrun",
            "gate",
            "intake",
            "mail",
            "onboarding",
            "planner",
            "recorder",
            "recovery",
            "runner",
            "sweep",
            "workflows",
        )
    },
    "approvals-notifier": "notifier",
    **{f"adapter-{adapter.name}": "adapter" for adapter in adapters()},
    **{f"webhook-{adapter.name}": "webhook" for adapter in adapters() if adapter.hears},
}
"""The module of `nightshift.wiring` behind each function."""

BESIDE = {"adapter-ses": ["functions.adapters.ses.client"]}
"""Modules with settings of their own, for what is not every adapter's."""

LAYER_OF = {
    "aws_lambda_powertools": "base",
    "pydantic": "base",
    "pydantic_core": "base",
    "rfc8785": "base",
    "typing_extensions": "base",
    "cryptography": "seal",
    "charset_normalizer": "mail",
    "selectolax": "mail",
    "httpx": "http",
    "jwt": "identity",
    "nightshift.expressions": "expressions",  # loads the extension by its file, past the import system
}
"""Which layer a module comes out of."""

READ_BY_LIBRARIES = {"PYDANTIC_DISABLE_PLUGINS"}
FROM_THE_RUNTIME = {"boto3", "botocore"}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_gets_the_settings_it_reads_and_no_other(function: str, dev: Assembly) -> None:
    module = importlib.import_module(f"nightshift.wiring.{FUNCTIONS[function]}")
    modules = [module, *(importlib.import_module(beside) for beside in BESIDE.get(function, ()))]
    read = {name for one in modules for settings in _settings_in(one) for name in settings.model_fields}
    given = dev.functions()[function]["Environment"]["Variables"]

    assert set(given) - READ_BY_LIBRARIES == {name.upper() for name in read}
    assert given.keys() >= READ_BY_LIBRARIES


def _settings_in(module: ModuleType) -> list[type[Settings]]:
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Settings) and value.__module__ == module.__name__
    ]
    assert len(found) == 1, f"{module.__name__} has {len(found)} classes of settings"
    return found


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        "nightshift",
        "functions",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )


def _reached(module: str) -> set[str]:
    """What a handler's imports lead to outside the standard library and our own code, lazy ones too."""
    reached = _graph().find_upstream_modules(module) | {module}
    ours = {name for name in reached if name.split(".")[0] in {"nightshift", "functions"}}
    foreign = {name for name in reached - ours if name.split(".")[0] not in sys.stdlib_module_names}
    return foreign - FROM_THE_RUNTIME | ours & set(LAYER_OF)


MAILERS = {f"adapter-{adapter.name}" for adapter in adapters() if adapter.sends_mail}


def _kind(function: str) -> str:
    if function in MAILERS:
        return "mailer"
    return function.partition("-")[0] if function.startswith(("adapter-", "webhook-")) else function


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_has_the_layers_its_imports_lead_to_and_no_other(function: str, dev: Assembly) -> None:
    module = dev.functions()[function]["Handler"].removesuffix(".handler")
    reached = _reached(module)

    assert reached <= set(LAYER_OF), f"no layer holds {reached - set(LAYER_OF)}"
    assert {LAYER_OF[name] for name in reached} == set(LAYERS[_kind(function)])


def test_the_layers_table_names_every_function(dev: Assembly) -> None:
    assert {_kind(function) for function in dev.functions()} == set(LAYERS)


def test_every_function_has_its_layers_attached(dev: Assembly) -> None:
    for function, properties in dev.functions().items():
        attached = [
            re.sub(r"^Layers|[0-9A-F]{8}$", "", layer["Ref"]).lower() for layer in properties["Layers"]
        ]
        assert attached == ["core", *LAYERS[_kind(function)]]
