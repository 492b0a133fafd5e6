"""The stand-in vendors: stateful, over HTTP, with the vendors' quirks. Never shipped."""

from fakes.contact import ContactFake, SentMessage, sign_contact
from fakes.faults import Fault
from fakes.serve import FakeVendors
from fakes.ses import Inbound, SentMailRecord, SesFake, inbound
from fakes.shopify import OBSERVERS, GraphRequest, ShopifyFake
from fakes.shopify_hooks import Delivery, sign_shopify
from fakes.shopify_records import OrderRecord, OrderSpec, RefundRecord
from fakes.stripe import ANSWERED, ASKED, StripeAnswer, StripeFake, StripeRequest
from fakes.stripe_hooks import sign_stripe

__all__ = [
    "ANSWERED",
    "ASKED",
    "OBSERVERS",
    "ContactFake",
    "Delivery",
    "FakeVendors",
    "Fault",
    "GraphRequest",
    "Inbound",
    "OrderRecord",
    "OrderSpec",
    "RefundRecord",
    "SentMailRecord",
    "SentMessage",
    "SesFake",
    "ShopifyFake",
    "StripeAnswer",
    "StripeFake",
    "StripeRequest",
    "inbound",
    "sign_contact",
    "sign_shopify",
    "sign_stripe",
]
