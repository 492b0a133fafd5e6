"""Onboarding's Lambda as it is deployed: settings from the environment, one event in, one response out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from functions.onboarding.handler import handler
from functions.onboarding.routes import description
from nightshift.aws.client import client
from nightshift.errors import Misconfigured
from nightshift.identity.token import PLATFORM, Identity, issue
from nightshift.wiring.onboarding import OnboardingSettings
from tests.support.desk import KEY, request
from tests.support.office import suffix_of

if TYPE_CHECKING:
    from tests.support.tables import Tables


@pytest.fixture
def environment(tables: Tables) -> dict[str, str]:
    suffix = suffix_of(tables)
    secret = f"nightshift/{suffix}/identity"
    client("secretsmanager").create_secret(Name=secret, SecretString=json.dumps({"key": KEY}))
    return {
        "STAGE": "test",
        "TABLE_CONFIG": tables.config,
        "TABLE_LOG": tables.log,
        "TABLE_LIMITS": tables.limits,
        "BUCKET_BODIES": f"bodies-{suffix}",
        "SECRET_IDENTITY": secret,
        "ADAPTER_PREFIX": "nightshift-test-adapter-",
        "WEBHOOK_BASE": "https://api.example.com/",
        "INTERNAL_HOSTS": "",
    }


def test_the_lambda_adds_a_tenant(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    now = datetime.now(UTC)  # the Lambda's clock is the machine's
    token = issue(KEY, Identity(tenant=PLATFORM, staff="jo"), at=now, lasts=timedelta(minutes=5))
    body = json.dumps({"id": "acme", "name": "Acme", "timezone": "Europe/Berlin", "admin": "ada"})
    got = handler(request("POST", "/v1/setup/tenants", token=token, body=body), None)
    assert got["statusCode"] == 200
    assert json.loads(got["body"])["staff"] == [{"id": "ada", "name": "ada", "role": "admin"}]
    nobody = handler(request("POST", "/v1/setup/tenants", token=None, body=body), None)
    assert nobody["statusCode"] == 401


def test_no_host_inside_is_named_where_none_is_given(environment: dict[str, str]):
    assert OnboardingSettings.load(environment).internal_hosts == ""
    del environment["INTERNAL_HOSTS"]
    with pytest.raises(Misconfigured, match="INTERNAL_HOSTS"):
        OnboardingSettings.load(environment)


def test_its_description_is_served_to_anybody_and_names_no_example_secret(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    got = handler(request("GET", "/v1/setup/openapi.json", token=None), None)
    assert got["statusCode"] == 200
    paths = json.loads(got["body"])["paths"]
    assert "/v1/setup/tenants/{tenant}/channels/{channel}" in paths
    assert json.loads(description())["paths"] == paths
