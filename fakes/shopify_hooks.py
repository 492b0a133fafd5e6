"""The webhooks the stand-in sends: bodies as Shopify writes them, signed over their raw bytes."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

from fakes.shopify_records import OrderRecord, RefundRecord

__all__ = ["Delivery", "body_of", "sign_shopify"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One webhook, ready to be posted; posting it again is a retry of the same delivery."""

    topic: str
    body: bytes
    headers: Mapping[str, str]

    def send(self, url: str) -> int:
        """Post it; gives the status."""
        with httpx.Client(timeout=10, trust_env=False) as client:
            return client.post(url, content=self.body, headers=dict(self.headers)).status_code


def sign_shopify(
    body: bytes, *, secret: str, topic: str, shop: str, delivery: str, at: datetime | None = None
) -> Delivery:
    """Sign a raw body as Shopify does: base64 of HMAC-SHA256 with the client secret."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-Webhook-Id": delivery,
        "X-Shopify-Event-Id": f"event-{delivery}",
        "X-Shopify-API-Version": "2026-07",
        "X-Shopify-Triggered-At": (at or datetime.now(UTC)).isoformat(),
    }
    return Delivery(topic=topic, body=body, headers=headers)


def body_of(
    topic: str,
    order: OrderRecord | None,
    *,
    shop: str,
    refund: RefundRecord | None = None,
    extra: Mapping[str, Any],
) -> bytes:
    """The body of a topic about an order; `extra` overrides or completes its top-level fields."""
    match topic:
        case "refunds/create":
            body = _refund(_needed(refund, topic))
        case "orders/edited":
            body = {"order_edit": _edit(_needed(order, topic))}
        case "returns/request":
            body = _return(_needed(order, topic), extra.get("lines"))
        case "customers/merge":
            body = {"status": "completed", "admin_graphql_api_job_id": None, "errors": []}
        case "customers/redact" | "customers/data_request" | "shop/redact":
            body = _privacy(topic, shop, order)
        case _:
            body = _order(_needed(order, topic))
    kept = {
        name: value for name, value in extra.items() if not (topic == "returns/request" and name == "lines")
    }
    return json.dumps({**body, **kept}, separators=(",", ":")).encode()


def _needed(thing: T | None, topic: str) -> T:
    if thing is None:
        message = f"{topic} is about something: name an order (or its refund) of this shop"
        raise ValueError(message)
    return thing


def _number(gid: str) -> int:
    return int(gid.rpartition("/")[2])


def _order(order: OrderRecord) -> dict[str, Any]:
    customer = order.customer
    return {
        "id": _number(order.id),
        "admin_graphql_api_id": order.id,
        "name": order.name,
        "email": customer["email"] if customer else None,
        "created_at": order.created_at.isoformat(),
        "updated_at": order.updated_at.isoformat(),
        "cancelled_at": order.cancelled_at.isoformat() if order.cancelled_at else None,
        "currency": order.currency,
        "presentment_currency": order.currency,
        "total_price": order.total().decimal(),
        "financial_status": "paid",
        "fulfillment_status": None if order.fulfilment == "unfulfilled" else "fulfilled",
        "customer": {
            "id": _number(customer["id"]),
            "email": customer["email"],
            "admin_graphql_api_id": customer["id"],
        }
        if customer
        else None,
        "line_items": [
            {
                "id": _number(line.id),
                "admin_graphql_api_id": line.id,
                "title": line.title,
                "sku": line.sku,
                "quantity": line.quantity,
                "price": line.price.decimal(),
            }
            for line in order.lines
        ],
    }


def _refund(refund: RefundRecord) -> dict[str, Any]:
    return {
        "id": _number(refund.id),
        "admin_graphql_api_id": refund.id,
        "order_id": _number(refund.order),
        "created_at": refund.created_at.isoformat(),
        "note": refund.note,
        "refund_line_items": [{"line_item_id": _number(line), "quantity": q} for line, q in refund.lines],
        "transactions": [
            {
                "id": _number(each.id),
                "admin_graphql_api_id": each.id,
                "kind": "refund",
                "status": each.status.lower(),
                "amount": each.amount.decimal(),
                "currency": each.amount.currency,
                "parent_id": _number(each.parent) if each.parent else None,
            }
            for each in refund.transactions
        ],
    }


def _edit(order: OrderRecord) -> dict[str, Any]:
    return {
        "id": _number(order.id) + 1,
        "order_id": _number(order.id),
        "created_at": order.updated_at.isoformat(),
        "line_items": {"additions": [], "removals": []},
    }


def _return(order: OrderRecord, lines: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    wanted = lines or [{"sku": line.sku, "quantity": line.quantity} for line in order.lines]
    number = _number(order.id) + 7
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Return/{number}",
        "name": f"{order.name}-R1",
        "status": "requested",
        "order": {"id": _number(order.id), "admin_graphql_api_id": order.id},
        "total_return_line_items": sum(each.get("quantity", 1) for each in wanted),
        "return_line_items": [_return_line(order, each, at) for at, each in enumerate(wanted, start=1)],
    }


def _return_line(order: OrderRecord, wanted: Mapping[str, Any], at: int) -> dict[str, Any]:
    line = next(x for x in order.lines if x.sku == wanted.get("sku", x.sku))
    return {
        "id": at,
        "admin_graphql_api_id": f"gid://shopify/ReturnLineItem/{at}",
        "fulfillment_line_item": {
            "id": at,
            "admin_graphql_api_id": f"gid://shopify/FulfillmentLineItem/{at}",
            "line_item": {"id": _number(line.id), "admin_graphql_api_id": line.id},
        },
        "quantity": wanted.get("quantity", 1),
        "return_reason": wanted.get("reason", "defective"),
        "return_reason_note": "",
        "customer_note": wanted.get("note"),
    }


def _privacy(topic: str, shop: str, order: OrderRecord | None) -> dict[str, Any]:
    body: dict[str, Any] = {"shop_id": 954889, "shop_domain": shop}
    if topic == "shop/redact":
        return body
    customer = order.customer if order else None
    body["customer"] = {
        "id": _number(customer["id"]) if customer else 191167,
        "email": customer["email"] if customer else "kim@example.com",
        "phone": None,
    }
    orders = [_number(order.id)] if order else []
    if topic == "customers/redact":
        return {**body, "orders_to_redact": orders}
    return {**body, "orders_requested": orders, "data_request": {"id": 9999}}
