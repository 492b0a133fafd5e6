"""An adapter's webhook function as the HTTP API calls it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.errors import Misconfigured
from nightshift.ids import ChannelId, TenantId
from nightshift.model.event import Event
from nightshift.model.tenant import Channel
from nightshift.wiring.webhook import webhook_handler
from tests.support.vendor import ACCOUNT, SECRET, Vendor, order_body, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.tables import Tables

BODY = order_body()


@pytest.fixture
def queue(tables: Tables) -> str:
    name = f"events-{tables.ingress.rsplit('-', 1)[-1]}.fifo"
    return client("sqs").create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]


@pytest.fixture
def handler(
    tables: Tables, queue: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The function at a cold start, with one channel to serve."""
    suffix = tables.ingress.rsplit("-", 1)[-1]
    bucket, ref = f"bodies-{suffix}", f"nightshift/{suffix}/vendor/acme/shop-eu"
    client("s3").create_bucket(Bucket=bucket)
    client("secretsmanager").create_secret(Name=ref, SecretString=json.dumps({"key": SECRET}))
    DynamoConfig(tables.config, client("dynamodb")).put_channel(
        Channel(
            id=ChannelId("shop-eu"),
            tenant=TenantId("acme"),
            adapter="vendor",
            account=ACCOUNT,
            base_url="http://127.0.0.1:9",
            secret_ref=ref,
        )
    )
    for name, value in {
        "STAGE": "test",
        "TABLE_CONFIG": tables.config,
        "TABLE_INGRESS": tables.ingress,
        "BUCKET_BODIES": bucket,
        "QUEUE_EVENTS": queue,
    }.items():
        monkeypatch.setenv(name, value)
    return webhook_handler(Vendor(), adapter="vendor")


def request(
    body: bytes, *, encoded: bool = False, channel: str = "shop-eu", **headers: str
) -> dict[str, Any]:
    """An HTTP API event, payload format 2.0: header names come in lower case."""
    return {
        "version": "2.0",
        "routeKey": "POST /webhooks/vendor/{tenant}/{channel}",
        "pathParameters": {"tenant": "acme", "channel": channel},
        "headers": {name.lower(): value for name, value in signed(body, **headers).items()},
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


@pytest.mark.parametrize("encoded", [False, True])
def test_a_signed_webhook_is_acknowledged_and_queued(
    handler: Callable[[dict[str, Any], Any], dict[str, Any]], queue: str, *, encoded: bool
):
    answer = handler(request(BODY, encoded=encoded), None)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"done": "sent"})
    (message,) = client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert Event.model_validate_json(message["Body"]).delivery == "dlv-1"


@pytest.mark.parametrize(
    ("status", "changed", "field"),
    [
        (401, {"signature": "forged"}, "signature"),
        (403, {"account": "rival.example"}, "account"),
        (404, {"channel": "nowhere"}, "channel"),
        (400, {"topic": ""}, "X-Topic"),
    ],
)
def test_a_refusal_names_the_field_and_what_would_be_accepted(
    handler: Callable[[dict[str, Any], Any], dict[str, Any]],
    status: int,
    changed: dict[str, str],
    field: str,
):
    answer = handler(request(BODY, **changed), None)
    error = json.loads(answer["body"])["error"]
    assert (answer["statusCode"], error["field"]) == (status, field)
    assert set(error) == {"field", "problem", "fix"}
    assert answer["headers"]["content-type"] == "application/json"


def test_a_delivery_that_is_parked_is_counted_so_that_somebody_is_woken(
    handler: Callable[[dict[str, Any], Any], dict[str, Any]], capsys: pytest.CaptureFixture[str]
):
    assert json.loads(handler(request(b"{}"), None)["body"]) == {"done": "parked"}
    assert json.loads(handler(request(BODY, delivery="dlv-2"), None)["body"]) == {"done": "sent"}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["DeliveriesParked"] for line in lines] == [[1.0]]


def test_a_request_with_nothing_in_it_is_not_found(handler: Callable[[dict[str, Any], Any], dict[str, Any]]):
    assert handler({"version": "2.0"}, None)["statusCode"] == 404


def test_a_function_without_its_settings_names_them(
    handler: Callable[[dict[str, Any], Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("QUEUE_EVENTS")
    with pytest.raises(Misconfigured, match="QUEUE_EVENTS"):
        handler(request(BODY), None)
