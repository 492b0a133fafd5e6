"""A vendor that sends webhooks: signs the raw body only, names everything else in headers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from pydantic import BaseModel

from nightshift.errors import BadInput, Misconfigured
from nightshift.ingress.webhooks import Arrival, Forged, Parsed, header
from nightshift.model.event import EventKind, OrderDetail, Subject, SubjectKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightshift.ids import ChannelId

SECRET = "shpss_1"
ACCOUNT = "acme.example"


class _Order(BaseModel):
    id: int
    name: str


class Vendor:
    """Its `Webhooks`: `orders/placed` and `orders/edited` are events, other topics are nobody's business."""

    def verify(self, arrival: Arrival, secret: Mapping[str, str]) -> None:
        if "key" not in secret:
            message = "the secret has no key"
            raise Misconfigured(message)
        given = arrival.headers.get("x-signature", "")
        if not hmac.compare_digest(given.encode(), sign(arrival.body, secret["key"]).encode()):
            message = "the signature is wrong"
            raise Forged(message)

    def account(self, arrival: Arrival) -> str:
        return header(arrival, "X-Account")

    def delivery(self, arrival: Arrival) -> str:
        return header(arrival, "X-Delivery")

    def topic(self, arrival: Arrival) -> str:
        return header(arrival, "X-Topic")

    def normalise(self, arrival: Arrival, topic: str, channel: ChannelId) -> Parsed | None:
        kind = {"orders/placed": EventKind.ORDER_PLACED, "orders/edited": EventKind.ORDER_EDITED}.get(topic)
        if kind is None:
            return None
        order = _Order.model_validate_json(arrival.body)
        if order.id <= 0:
            raise BadInput("id", "it is not positive", "Send the order's id.")
        ref = f"gid://order/{order.id}"
        return Parsed(
            kind=kind,
            subject=Subject(kind=SubjectKind.ORDER, channel=channel, ref=ref),
            detail=OrderDetail(order_ref=ref, order_name=order.name),
        )


def sign(body: bytes, key: str = SECRET) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def order_body(number: int = 1) -> bytes:
    return json.dumps({"id": number, "name": f"#{1000 + number}", "note": "for Kim"}).encode()


def signed(body: bytes, **changed: str) -> dict[str, str]:
    """The headers of a genuine request; `changed` ones by name, `_` for `-` (empty: left out)."""
    headers = {
        "X-Signature": sign(body),
        "X-Account": ACCOUNT,
        "X-Delivery": "dlv-1",
        "X-Topic": "orders/placed",
    } | {"X-" + name.replace("_", "-").title(): value for name, value in changed.items()}
    return {name: value for name, value in headers.items() if value}
