"""The stand-in vendors: stateful, over HTTP, with the vendors' quirks. Never shipped."""

from fakes.amazon import AMAZON_ANSWERED, AMAZON_ASKED, AmazonAnswer, AmazonFake, AmazonRequest
from fakes.competitor import FeedFake, FeedRow, sign_feed
from fakes.contact import ContactFake, SentMessage, sign_contact
from fakes.ebay import EBAY_ANSWERED, EBAY_ASKED, EbayAnswer, EbayFake, EbayRequest
from fakes.faults import Fault
from fakes.serve import FakeVendors
from fakes.ses import Inbound, SentMailRecord, SesFake, inbound
from fakes.shopify import OBSERVERS, GraphRequest, ShopifyFake
from fakes.shopify_hooks import Delivery, sign_shopify
from fakes.shopify_records import OrderRecord, OrderSpec, RefundRecord
from fakes.stripe import ANSWERED, ASKED, StripeAnswer, StripeFake, StripeRequest
from fakes.stripe_hooks import sign_stripe

__all__ = [
    "AMAZON_ANSWERED",
    "AMAZON_ASKED",
    "ANSWERED",
    "ASKED",
    "EBAY_ANSWERED",
    "EBAY_ASKED",
    "OBSERVERS",
    "AmazonAnswer",
    "AmazonFake",
    "AmazonRequest",
    "ContactFake",
    "Delivery",
    "EbayAnswer",
    "EbayFake",
    "EbayRequest",
    "FakeVendors",
    "Fault",
    "FeedFake",
    "FeedRow",
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
    "sign_feed",
    "sign_shopify",
    "sign_stripe",
]
