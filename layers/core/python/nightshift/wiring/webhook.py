"""An adapter's webhook Lambda. A cold start has five seconds in all, so little is imported here."""

import base64
import json
from collections.abc import Callable
from typing import Any

from nightshift.aws.blobs import S3Blobs
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.queue import SqsEventQueue
from nightshift.aws.secrets import ManagedSecrets
from nightshift.clock import SystemClock
from nightshift.errors import NotFound
from nightshift.ids import TenantId
from nightshift.ingress.receive import Answer, Gate, receive, replay
from nightshift.ingress.webhooks import Webhooks
from nightshift.model.metric import Metric
from nightshift.settings import Settings
from nightshift.telemetry import entrypoint, logger, metrics

__all__ = ["WebhookSettings", "webhook_handler"]


class WebhookSettings(Settings):
    """Settings of an adapter's webhook function."""

    table_config: str
    table_ingress: str
    bucket_bodies: str
    queue_events: str


def webhook_handler(webhooks: Webhooks, adapter: str) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The Lambda handler of one adapter's webhooks, for HTTP API events (payload format 2.0).

    The route is `POST /webhooks/<adapter>/{tenant}/{channel}`.
    """

    def wire(settings: WebhookSettings) -> Gate:
        db, clock = client("dynamodb"), SystemClock()
        return Gate(
            adapter=adapter,
            webhooks=webhooks,
            config=DynamoConfig(settings.table_config, db),
            secrets=ManagedSecrets(client("secretsmanager"), clock),
            blobs=S3Blobs(settings.bucket_bodies, client("s3")),
            deliveries=DynamoDeliveries(settings.table_ingress, db, clock),
            queue=SqsEventQueue(settings.queue_events, client("sqs")),
            clock=clock,
        )

    @entrypoint(WebhookSettings, wire)
    def handler(event: dict[str, Any], gate: Gate) -> dict[str, Any]:
        if "replay" in event:  # no request has such a field: API Gateway names them all
            return _replayed(event["replay"], gate)
        path = event.get("pathParameters") or {}
        answer = receive(
            path.get("tenant", ""),
            path.get("channel", ""),
            headers=event.get("headers") or {},
            body=_body(event),
            gate=gate,
        )
        _count(answer)
        problem = answer.refusal.field if answer.refusal else ""
        logger.info(
            "webhook answered", status=answer.status, done=answer.done, refused=problem, event=answer.event
        )
        return _response(answer)

    return handler


def _replayed(asked: dict[str, str], gate: Gate) -> dict[str, Any]:
    try:
        answer = replay(TenantId(asked["tenant"]), asked["ref"], gate=gate)
    except NotFound:
        answer = Answer(status=404, done="missing")
    _count(answer)
    logger.info("body replayed", done=answer.done, event=answer.event)
    return {"done": answer.done}


def _count(answer: Answer) -> None:
    metrics.count(Metric.DELIVERIES_PARKED, answer.done == "parked")  # somebody is woken for it


def _body(event: dict[str, Any]) -> bytes:
    given = event.get("body") or ""
    return base64.b64decode(given) if event.get("isBase64Encoded") else given.encode()


def _response(answer: Answer) -> dict[str, Any]:
    said = {"error": answer.refusal.model_dump()} if answer.refusal else {"done": answer.done}
    return {
        "statusCode": answer.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(said),
    }
