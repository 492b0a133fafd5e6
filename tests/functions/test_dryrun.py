"""The dry run's function as it is deployed: settings from the environment, tools in other functions."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

import functions.dryrun.handler as module
from nightshift.aws import dryrun as port
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.errors import Misconfigured, Retryable
from nightshift.gate.policies import parse_policy
from nightshift.model.verdict import Decision
from nightshift.wiring.dryrun import DryRunSettings
from tests.core.dryrun.test_dry_run import SHOP, SKU, eur, price, proposal, read
from tests.support import records
from tests.support.desk import ROOT
from tests.support.functions import Functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.tables import Tables

FUNCTION = "nightshift-test-dryrun"
PRODUCT = {
    "sku": SKU, "product": "p-1", "title": "Mug", "active": True, "price": eur(1250), "quantity": 7,
}  # fmt: skip


@pytest.fixture
def functions() -> Iterator[Functions]:
    with Functions() as served:
        yield served


@pytest.fixture
def handler(
    tables: Tables, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, Any], object], Any]:
    """The handler after a cold start with this test's tables and tools."""
    config = DynamoConfig(tables.config, client("dynamodb"))
    config.put_policy(
        records.ACME, parse_policy((ROOT / "policies" / "default.toml").read_text(encoding="utf-8"))
    )
    config.put_tenant(records.tenant())
    config.put_channel(records.channel(adapter="shopify"))
    functions.handlers["nightshift-test-adapter-shopify"] = lambda call: PRODUCT if "read" in call else None
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("ADAPTER_PREFIX", "nightshift-test-adapter-")
    for name in ("ledger", "config", "limits"):
        monkeypatch.setenv(f"TABLE_{name.upper()}", getattr(tables, name))
    real = client

    def answered(service: str) -> Any:  # noqa: ANN401  # a client
        return functions.client() if service == "lambda" else real(service)  # type: ignore[call-overload]

    monkeypatch.setattr("nightshift.wiring.dryrun.client", answered)
    return importlib.reload(module).handler


def test_the_api_hears_through_the_function_what_the_gate_would_say_and_how_it_would_run(
    handler: Callable[[dict[str, Any], object], Any], functions: Functions
) -> None:
    functions.handlers[FUNCTION] = lambda call: handler(call, None)
    asked = port.LambdaDryRuns(FUNCTION, functions.client())
    plan = proposal({"steps": [read(), price(eur(1190))]})
    assert asked.check(plan).decision is Decision.ASK
    found = asked.dry_run(plan)
    assert found.passed
    assert found.steps[1].before == {"price": eur(1250)}
    reads = [call for call in functions.calls if "read" in call]
    assert {call["read"]["tool"] for call in reads} <= {"catalog.get_product", "listings.get"}
    assert {call["read"]["channel"] for call in reads} == {SHOP}


def test_a_function_that_breaks_off_may_be_asked_again(functions: Functions) -> None:
    plan = proposal({"steps": [read()]})
    with pytest.raises(Retryable):
        port.LambdaDryRuns(FUNCTION, functions.client()).check(plan)


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(Misconfigured, match="TABLE_LEDGER"):
        DryRunSettings.load(
            {"STAGE": "test", "TABLE_CONFIG": "c", "TABLE_LIMITS": "l", "ADAPTER_PREFIX": "a-"}
        )
