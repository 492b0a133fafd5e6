"""Shopify's webhooks: verified over the raw body, then read as hints about what to re-read.

Shopify signs the body alone: topic, shop and ids of the delivery come in unsigned headers. So an event
never carries more than ids, and what is acted on is re-read with the tenant's own token.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from nightshift.ids import ChannelId
from nightshift.ingress.webhooks import Arrival, Forged, Parsed, header, webhook_keys
from nightshift.model.event import (
    EventDetail,
    EventKind,
    OrderDetail,
    PrivacyDetail,
    ReturnDetail,
    ReturnLine,
    Subject,
    SubjectKind,
)

__all__ = ["WEBHOOKS", "ShopifyWebhooks"]

_Number = Annotated[int, Field(strict=True, gt=0)]
_NOTE_LIMIT = 20_000


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Order(_Body):
    """`orders/*`: a REST order; only its ids and its face value are looked at."""

    id: _Number
    name: Annotated[str, Field(max_length=100)] | None = None
    total_price: str | None = None
    currency: str | None = None


class _Wrapped(_Body):
    order: _Order


class _Edit(_Body):
    id: _Number
    order_id: _Number


class _Edited(_Body):
    order_edit: _Edit


class _RefundTransaction(_Body):
    id: _Number | None = None


class _Refund(_Body):
    id: _Number
    order_id: _Number
    transactions: tuple[_RefundTransaction, ...] = ()


class _OrderRef(_Body):
    admin_graphql_api_id: str = Field(pattern=r"^gid://shopify/Order/[0-9]+$")


class _LineRef(_Body):
    id: _Number | None = None
    admin_graphql_api_id: str = Field(pattern=r"^gid://shopify/LineItem/[0-9]+$")


class _Fulfilled(_Body):
    line_item: _LineRef


class _ReturnLine(_Body):
    fulfillment_line_item: _Fulfilled
    quantity: int = Field(ge=1)
    return_reason: str | None = None
    return_reason_note: str | None = None
    customer_note: str | None = None

    def note(self) -> str:
        """What the customer wrote, or else what the reason was noted as."""
        return self.customer_note or self.return_reason_note or ""


class _Return(_Body):
    admin_graphql_api_id: str = Field(pattern=r"^gid://shopify/Return/[0-9]+$")
    order: _OrderRef
    return_line_items: tuple[_ReturnLine, ...] = ()


class _Merge(_Body):
    admin_graphql_api_customer_kept_id: str = Field(pattern=r"^gid://shopify/Customer/[0-9]+$")
    admin_graphql_api_customer_deleted_id: str = Field(pattern=r"^gid://shopify/Customer/[0-9]+$")
    status: str


class _CustomerRef(_Body):
    id: _Number


class _Redact(_Body):
    customer: _CustomerRef
    orders_to_redact: tuple[_Number, ...] = ()


class _DataRequest(_Body):
    customer: _CustomerRef
    orders_requested: tuple[_Number, ...] = ()


class _ShopRedact(_Body):
    shop_domain: str = Field(min_length=1, max_length=200)


class ShopifyWebhooks:
    """Shopify's way of sending webhooks; see `nightshift.ingress.webhooks.Webhooks`."""

    def verify(self, arrival: Arrival, secret: Mapping[str, str]) -> None:
        """Base64 of HMAC-SHA256 over the raw body with the app's client secret (`webhook_secret`)."""
        given = _decoded(arrival.headers.get("x-shopify-hmac-sha256", ""))
        signed = [
            hmac.new(key.encode(), arrival.body, hashlib.sha256).digest() for key in webhook_keys(secret)
        ]
        if not any(hmac.compare_digest(each, given) for each in signed):
            message = "the signature does not match"
            raise Forged(message)

    def account(self, arrival: Arrival) -> str:
        """The shop's domain."""
        return header(arrival, "X-Shopify-Shop-Domain")

    def delivery(self, arrival: Arrival) -> str:
        """`X-Shopify-Webhook-Id`, the same on each retry."""
        return header(arrival, "X-Shopify-Webhook-Id")

    def topic(self, arrival: Arrival) -> str:
        """Shopify's word for what happened: `orders/create`."""
        return header(arrival, "X-Shopify-Topic").lower()

    def normalise(self, arrival: Arrival, topic: str, channel: ChannelId) -> Parsed | None:
        """The event, or None for a topic nobody acts on."""
        read = _TOPICS.get(topic)
        return read(arrival.body, channel) if read is not None else None


WEBHOOKS = ShopifyWebhooks()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def _about_order(kind: EventKind, ref: str, channel: ChannelId, detail: EventDetail) -> Parsed:
    subject = Subject(kind=SubjectKind.ORDER, channel=channel, ref=ref)
    return Parsed(kind=kind, subject=subject, detail=detail)


def _about_customer(kind: EventKind, ref: str, channel: ChannelId, detail: EventDetail) -> Parsed:
    subject = Subject(kind=SubjectKind.CUSTOMER, channel=channel, ref=ref)
    return Parsed(kind=kind, subject=subject, detail=detail)


def _order(kind: EventKind) -> Callable[[bytes, ChannelId], Parsed]:
    def read(body: bytes, channel: ChannelId) -> Parsed:
        order = _Order.model_validate_json(body)
        ref = _gid("Order", order.id)
        detail = OrderDetail(
            order_ref=ref, order_name=order.name, total=order.total_price, currency=order.currency
        )
        return _about_order(kind, ref, channel, detail)

    return read


def _edited(body: bytes, channel: ChannelId) -> Parsed:
    edit = _Edited.model_validate_json(body).order_edit
    ref = _gid("Order", edit.order_id)
    detail = OrderDetail(order_ref=ref, vendor_refs=(_gid("OrderEdit", edit.id),))
    return _about_order(EventKind.ORDER_EDITED, ref, channel, detail)


def _refund(body: bytes, channel: ChannelId) -> Parsed:
    refund = _Refund.model_validate_json(body)
    ref = _gid("Order", refund.order_id)
    moved = tuple(_gid("OrderTransaction", each.id) for each in refund.transactions if each.id)
    detail = OrderDetail(order_ref=ref, vendor_refs=(_gid("Refund", refund.id), *moved))
    return _about_order(EventKind.REFUND_CREATED, ref, channel, detail)


def _return(body: bytes, channel: ChannelId) -> Parsed:
    asked = _Return.model_validate_json(body)
    ref = asked.order.admin_graphql_api_id
    notes = [each.note() for each in asked.return_line_items if each.note()]
    detail = ReturnDetail(
        return_ref=asked.admin_graphql_api_id,
        order_ref=ref,
        note="\n".join(notes)[:_NOTE_LIMIT],
        lines=tuple(
            ReturnLine(
                line=each.fulfillment_line_item.line_item.admin_graphql_api_id,
                quantity=each.quantity,
                reason=each.return_reason or "",
            )
            for each in asked.return_line_items
        ),
    )
    return _about_order(EventKind.RETURN_REQUESTED, ref, channel, detail)


def _merge(body: bytes, channel: ChannelId) -> Parsed | None:
    merge = _Merge.model_validate_json(body)
    if merge.status != "completed":
        return None
    kept = merge.admin_graphql_api_customer_kept_id
    detail = PrivacyDetail(request=f"merge:{merge.admin_graphql_api_customer_deleted_id}", customer_ref=kept)
    return _about_customer(EventKind.CUSTOMERS_MERGED, kept, channel, detail)


def _redact(body: bytes, channel: ChannelId) -> Parsed:
    asked = _Redact.model_validate_json(body)
    return _privacy(
        EventKind.ERASURE_REQUESTED, "customers/redact", asked.customer, asked.orders_to_redact, channel
    )


def _data_request(body: bytes, channel: ChannelId) -> Parsed:
    asked = _DataRequest.model_validate_json(body)
    return _privacy(
        EventKind.ACCESS_REQUESTED, "customers/data_request", asked.customer, asked.orders_requested, channel
    )


def _privacy(
    kind: EventKind, request: str, customer: _CustomerRef, orders: tuple[int, ...], channel: ChannelId
) -> Parsed:
    ref = _gid("Customer", customer.id)
    refs = tuple(_gid("Order", number) for number in orders)
    detail = PrivacyDetail(request=request, customer_ref=ref, order_refs=refs)
    return _about_customer(kind, ref, channel, detail)


def _shop_redact(body: bytes, channel: ChannelId) -> Parsed:
    shop = _ShopRedact.model_validate_json(body).shop_domain
    subject = Subject(kind=SubjectKind.SHOP, channel=channel, ref=shop)
    return Parsed(
        kind=EventKind.ERASURE_REQUESTED, subject=subject, detail=PrivacyDetail(request="shop/redact")
    )


_TOPICS: Mapping[str, Callable[[bytes, ChannelId], Parsed | None]] = {
    "orders/create": _order(EventKind.ORDER_PLACED),
    "orders/updated": _order(EventKind.ORDER_UPDATED),
    "orders/edited": _edited,
    "orders/cancelled": _order(EventKind.ORDER_CANCELLED),
    "refunds/create": _refund,
    "returns/request": _return,
    "customers/merge": _merge,
    "customers/redact": _redact,
    "customers/data_request": _data_request,
    "shop/redact": _shop_redact,
}
