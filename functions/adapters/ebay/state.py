"""What eBay has under one SKU: its inventory item and its fixed-price offer on this marketplace."""

from dataclasses import dataclass

from functions.adapters.ebay.client import EbayClient
from functions.adapters.ebay.models import Item, Offer, Offers
from functions.adapters.ebay.operations import GET_ITEM, GET_OFFERS
from nightshift.errors import Rejected
from nightshift.outbound import TimeLeft

__all__ = ["LONGEST_SKU", "Listed", "find_item", "find_offer", "listed", "the_offer"]

LONGEST_SKU = 50
_NOT_FOUND = "listing.not_found"
_FIXED_PRICE = "FIXED_PRICE"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An item and its offer."""

    item: Item
    offer: Offer

    @property
    def quantity(self) -> int:
        """Units that are for sale."""
        return self.offer.quantity(self.item)


def find_item(client: EbayClient, sku: str, time_left: TimeLeft) -> Item | None:
    """The inventory item; None: there is none."""
    if len(sku) > LONGEST_SKU:
        return None
    try:
        return client.send(GET_ITEM, Item, time_left, ref=sku)
    except Rejected as exc:
        if exc.code == _NOT_FOUND:
            return None
        raise


def find_offer(client: EbayClient, sku: str, time_left: TimeLeft) -> Offer | None:
    """The fixed-price offer on this marketplace, published or not; None: there is none.

    Raises:
        Rejected: `listing.ambiguous`: there are several, which eBay says cannot be.
    """
    if len(sku) > LONGEST_SKU:
        return None
    query = {"sku": sku, "marketplace_id": client.marketplace.id, "format": _FIXED_PRICE}
    try:
        found = client.send(GET_OFFERS, Offers, time_left, query=query).offers
    except Rejected as exc:
        if exc.code == _NOT_FOUND:
            return None
        raise
    ours = [
        each
        for each in found
        if (each.sku, each.marketplace_id, each.format) == (sku, client.marketplace.id, _FIXED_PRICE)
    ]
    if len(ours) > 1:
        message = "eBay has more than one offer of this SKU"
        raise Rejected(message, code="listing.ambiguous")
    return ours[0] if ours else None


def the_offer(client: EbayClient, sku: str, time_left: TimeLeft) -> Offer:
    """The offer.

    Raises:
        Rejected: `listing.not_found` or `listing.ambiguous`.
    """
    found = find_offer(client, sku, time_left)
    if found is None:
        message = "eBay has no offer of this SKU on this marketplace"
        raise Rejected(message, code=_NOT_FOUND)
    return found


def listed(client: EbayClient, sku: str, time_left: TimeLeft) -> Listed:
    """The offer and its item.

    Raises:
        Rejected: `listing.not_found` or `listing.ambiguous`.
    """
    offer = the_offer(client, sku, time_left)
    item = find_item(client, sku, time_left)
    if item is None:
        message = "eBay has no item with this SKU"
        raise Rejected(message, code=_NOT_FOUND)
    return Listed(item=item, offer=offer)
