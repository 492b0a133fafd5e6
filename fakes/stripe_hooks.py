"""The events a stand-in Stripe account sends, and how it signs them."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fakes.shopify_hooks import Delivery
from fakes.stripe_objects import stamp

__all__ = ["event_body", "sign_stripe"]

API_VERSION = "2023-08-16"


def event_body(
    topic: str,
    thing: Mapping[str, Any],
    *,
    event: str,
    at: datetime,
    api_version: str = API_VERSION,
    livemode: bool = False,
    account: str | None = None,
) -> bytes:
    """One event as it is sent; `account` names a connected account."""
    body: dict[str, Any] = {
        "id": event,
        "object": "event",
        "api_version": api_version,
        "created": stamp(at),
        "data": {"object": dict(thing)},
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": topic,
    }
    if account is not None:
        body["account"] = account
    return json.dumps(body, ensure_ascii=False, indent=2).encode()


def sign_stripe(body: bytes, *, secrets: Sequence[str], at: datetime, topic: str = "") -> Delivery:
    """Sign a raw body: one `v1` per secret that is valid while one is rolled, and a `v0` nobody trusts."""
    now = str(stamp(at))
    signatures = [
        hmac.new(secret.encode(), now.encode() + b"." + body, hashlib.sha256).hexdigest()
        for secret in secrets
    ]
    value = ",".join([f"t={now}", *(f"v1={each}" for each in signatures), f"v0={'0' * 64}"])
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": value}
    return Delivery(topic=topic, body=body, headers=headers)
