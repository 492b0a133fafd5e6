"""Shopify's webhook topics: those an app subscribes to in a shop, and those set in the app itself."""

from typing import Final

__all__ = ["COMPLIANCE", "SUBSCRIBED"]

SUBSCRIBED: Final = {
    "orders/create": "ORDERS_CREATE",
    "orders/updated": "ORDERS_UPDATED",
    "orders/edited": "ORDERS_EDITED",
    "orders/cancelled": "ORDERS_CANCELLED",
    "refunds/create": "REFUNDS_CREATE",
    "returns/request": "RETURNS_REQUEST",
    "customers/merge": "CUSTOMERS_MERGE",
}
"""By the topic's name in a webhook, its name in the Admin API."""

COMPLIANCE: Final = frozenset({"customers/redact", "customers/data_request", "shop/redact"})
"""Mandatory for every app; they have no subscription (privacy compliance webhooks)."""
