"""Who owns a charge: money moves through Stripe only where no commerce order does.

Whoever captured a payment for an order keeps books of that order, and refunds it there. So a charge is
ours to refund only if two things hold, both read from Stripe a moment before: nothing on it shows another
system's hand, and its origin is one that stands alone, an invoice or a payment page of Stripe. A charge
whose origin nobody can tell is left alone too.
"""

import re
from collections.abc import Iterator

from functions.adapters.stripe.models.payments import ChargeNode, IntentNode, InvoiceNode, SessionNode
from functions.adapters.stripe.models.wire import Metadata
from nightshift.errors import Rejected

__all__ = ["STANDALONE", "Standing", "refuse_owned", "standing", "standing_of_invoice"]

STANDALONE = "nightshift_standalone"
"""Metadata by which a store says of a charge made with its own code that no order stands behind it."""

_OURS = "nightshift_"
_OWNED = "a commerce order owns it"
_PLATFORMS = (
    "shopify", "woocommerce", "bigcommerce", "magento", "adobecommerce", "prestashop", "shopware", "opencart",
    "ecwid", "squarespace", "amazon", "walmart", "demandware", "salesforce", "commercetools", "medusa",
    "saleor", "sylius", "spree", "centra", "vtex", "netsuite",
)  # fmt: skip
_INITIALS = ("woo", "wc", "wix", "etsy", "ebay", "sfcc")
_ORDER_KEY = re.compile(r"order|cart|checkout|bestell|commande|pedido|sales_?channel|shop_?domain|site_?url")
_PLATFORM = re.compile(rf"{'|'.join(_PLATFORMS)}|(?:^|[^a-z])(?:{'|'.join(_INITIALS)})(?:[^a-z]|$)")
_ORDER_ID = re.compile(r"gid://|\bwc_order_")
_ORDER_TEXT = re.compile(
    r"\b(?:order|bestellung|commande|pedido)\b\W{0,4}(?:(?:no|nr|number|id)\b\W{0,4})?#?\w*\d"
)

Standing = str
"""Why a charge is not ours to refund; empty: it is."""


def standing(
    charge: ChargeNode,
    intent: IntentNode | None,
    invoice: InvoiceNode | None,
    sessions: tuple[SessionNode, ...],
) -> Standing:
    """What speaks against refunding a charge through Stripe, in words for a person; empty: nothing.

    The words name the mark, never its value: descriptions and metadata may name people.
    """
    marks = [
        *_marks("charge", charge),
        *(_marks("payment intent", intent) if intent else ()),
        *(_marks("invoice", invoice) if invoice else ()),
        *(mark for session in sessions for mark in _session_marks(session)),
        *_charge_marks(charge, intent),
    ]
    if marks:
        return f"{_OWNED}: {marks[0]}"
    declared = any((each.metadata or {}).get(STANDALONE) == "true" for each in (charge, intent) if each)
    stands_alone = invoice is not None or any(session.payment_link for session in sessions) or declared
    return "" if stands_alone else "its origin is not known: no invoice, no payment link"


def standing_of_invoice(invoice: InvoiceNode) -> Standing:
    """The same of an invoice that nothing has been paid on: it is its own origin."""
    marks = list(_marks("invoice", invoice))
    return f"{_OWNED}: {marks[0]}" if marks else ""


def refuse_owned(found: Standing) -> None:
    """Refuse to move money that another system keeps the books of.

    Raises:
        Rejected: `payment.owned` or `payment.origin_unknown`.
    """
    if found:
        code = "payment.owned" if found.startswith(_OWNED) else "payment.origin_unknown"
        message = f"Stripe must not move this payment: {found}"
        raise Rejected(message, code=code)


def _marks(what: str, thing: ChargeNode | IntentNode | InvoiceNode) -> Iterator[str]:
    if thing.application:
        yield f"an application made the {what}"
    if thing.on_behalf_of or thing.transfer_data:
        yield f"the {what} is on behalf of another account"
    yield from _metadata_marks(what, thing.metadata)
    if _ORDER_TEXT.search((thing.description or "").lower()):
        yield f"the description of the {what} names an order"


def _metadata_marks(what: str, metadata: Metadata | None) -> Iterator[str]:
    for name, value in (metadata or {}).items():
        key, held = name.lower(), value.lower()
        if key.startswith(_OURS):
            continue
        by_key = _ORDER_KEY.search(key) or _PLATFORM.search(key)
        if by_key or _PLATFORM.search(held) or _ORDER_ID.search(held) or _ORDER_TEXT.search(held):
            yield f"metadata of the {what} names an order or a shop system"


def _charge_marks(charge: ChargeNode, intent: IntentNode | None) -> Iterator[str]:
    if charge.application_fee or charge.source_transfer:
        yield "the charge belongs to a platform's transfer"
    if charge.transfer_group or (intent is not None and intent.transfer_group):
        yield "the charge is part of a group of transfers"
    if charge.shipping is not None and (charge.shipping.tracking_number or charge.shipping.carrier):
        yield "the charge carries a shipment"


def _session_marks(session: SessionNode) -> Iterator[str]:
    if session.client_reference_id:
        yield "the payment page was opened for a reference of another system"
    yield from _metadata_marks("payment page", session.metadata)
