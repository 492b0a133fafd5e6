"""The stand-in vendors: stateful, over HTTP, with the vendors' quirks. Never shipped."""

from fakes.contact import ContactFake, SentMessage, sign_contact
from fakes.faults import Fault
from fakes.serve import FakeVendors
from fakes.shopify import OBSERVERS, GraphRequest, ShopifyFake
from fakes.shopify_hooks import Delivery, sign_shopify
from fakes.shopify_records import OrderRecord, OrderSpec, RefundRecord

__all__ = [
    "OBSERVERS",
    "ContactFake",
    "Delivery",
    "FakeVendors",
    "Fault",
    "GraphRequest",
    "OrderRecord",
    "OrderSpec",
    "RefundRecord",
    "SentMessage",
    "ShopifyFake",
    "sign_contact",
    "sign_shopify",
]
