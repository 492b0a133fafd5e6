"""The API's Lambda as it is deployed: settings from the environment, one event in, one response out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from functions.api.handler import handler
from nightshift.aws.client import client
from nightshift.errors import Misconfigured
from nightshift.wiring.api import ApiSettings, wire
from tests.support.desk import KEY, QUEUES, make_desk, make_queue, open_case, request, suffix_of, token_of
from tests.support.proof import install

if TYPE_CHECKING:
    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

TABLES = ("cases", "ingress", "runs", "log", "approvals", "config", "ledger", "limits", "subjects")


@pytest.fixture
def desk(tables: Tables, clock: FixedClock) -> Desk:
    return make_desk(tables, clock)


@pytest.fixture
def environment(desk: Desk, tables: Tables, clock: FixedClock) -> dict[str, str]:
    del desk  # it made the queues
    installed = install(tables, clock)
    suffix = suffix_of(tables)
    secret = f"nightshift/{suffix}/identity"
    client("secretsmanager").create_secret(Name=secret, SecretString=json.dumps({"key": KEY}))
    urls = {name: make_queue(name, suffix) for name in QUEUES}
    return {
        "STAGE": "test",
        "SECRET_IDENTITY": secret,
        "FUNCTION_MAIL": "nightshift-test-mail",
        "FUNCTION_RECOVERY": "nightshift-test-recovery",
        "FUNCTION_DRYRUN": "nightshift-test-dryrun",
        "FUNCTION_AGAIN": "nightshift-test-again",
        "MACHINE_RUN": "arn:aws:states:us-east-1:000000000000:stateMachine:run",
        "BUCKET_ANCHORS": installed.bucket,
        "KEY_ANCHORS": installed.signing_key,
        "KEY_SUBJECTS": installed.wrapping_key,
        "WEBHOOK_PREFIX": "nightshift-test-webhook-",
        **{f"TABLE_{name.upper()}": getattr(tables, name) for name in TABLES},
        **{f"QUEUE_{name.upper().replace('-', '_')}": url for name, url in urls.items()},
    }


def test_the_lambda_answers_a_request(
    desk: Desk, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    case = open_case(desk)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    token = token_of("vera", datetime.now(UTC))  # the Lambda's clock is the machine's
    got = handler(request("GET", "/v1/cases", token=token), None)
    assert got["statusCode"] == 200
    assert [line["id"] for line in json.loads(got["body"])["cases"]] == [case.id]
    assert got["headers"]["Content-Type"] == "application/json"


def test_a_missing_setting_is_named(environment: dict[str, str]):
    del environment["QUEUE_EVENTS_DEAD"]
    with pytest.raises(Misconfigured, match="QUEUE_EVENTS_DEAD"):
        ApiSettings.load(environment)


@pytest.mark.parametrize("stored", [None, "{}", '{"key": ""}', "not json"])
def test_an_identity_secret_that_is_not_usable_is_named(
    environment: dict[str, str], stored: str | None, tables: Tables
):
    name = f"nightshift/{suffix_of(tables)}/other"
    if stored is not None:
        client("secretsmanager").create_secret(Name=name, SecretString=stored)
    with pytest.raises(Misconfigured, match=name):
        wire(ApiSettings.load(environment | {"SECRET_IDENTITY": name}))
