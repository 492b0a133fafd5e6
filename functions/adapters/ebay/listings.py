"""Listings: reading one, making one of item, offer and publication, and taking one off.

Nothing that comes before the publication is seen by anybody. So a creation that was interrupted is simply
carried on: the item is put again, the one offer of the SKU is found and brought to what is wanted.
"""

import re

from pydantic import JsonValue

from functions.adapters.ebay.client import EbayClient
from functions.adapters.ebay.models import Nothing, Offer, OfferMade, Published
from functions.adapters.ebay.operations import (
    CREATE_OFFER,
    PUBLISH_OFFER,
    PUT_ITEM,
    UPDATE_OFFER,
    WITHDRAW_OFFER,
)
from functions.adapters.ebay.state import Listed, find_item, find_offer, listed
from functions.adapters.ebay.words import (
    as_wanted,
    condition_of,
    item_body,
    new_offer_body,
    offer_body,
    refuse_invalid,
)
from nightshift.errors import Rejected
from nightshift.outbound import TimeLeft
from nightshift.tools.binding import Call, Done, Found
from nightshift.tools.contracts.listings import (
    CreateListing,
    EndListing,
    GetListing,
    Listing,
    ListingContent,
    ListingEnded,
    ListingIssue,
    ListingLive,
    Severity,
)

__all__ = [
    "CREATE_SECONDS",
    "END_SECONDS",
    "READ_SECONDS",
    "create_listing",
    "end_listing",
    "get_listing",
    "probe_end",
    "probe_listing",
]

READ_SECONDS = 9.0
CREATE_SECONDS = 17.0
END_SECONDS = 12.0
_MOST_IMAGES = 9  # of the contract; eBay takes 24
_PLAIN = re.compile(r"[!-~]{9,1000}")


def get_listing(call: Call[EbayClient]) -> Done:
    """The listing as item and offer say; an offer that is not published is not active."""
    args: GetListing = call.args
    found = listed(call.client, args.sku, call.client.within(READ_SECONDS))
    item, offer = found.item, found.offer
    return Done(
        output=Listing(
            sku=args.sku,
            product=offer.listing_id,
            category=offer.category_id,
            condition=condition_of(item.condition),
            content=_content(found),
            price=offer.price(),
            quantity=found.quantity,
            active=offer.on_sale,
            issues=_issues(offer),
        )
    )


def create_listing(call: Call[EbayClient]) -> Done:
    """Put the item, make or find its offer, publish it; done when eBay names the listing."""
    args: CreateListing = call.args
    client, time_left = call.client, call.client.within(CREATE_SECONDS)
    refuse_invalid(args, client.marketplace)
    offer = find_offer(client, args.sku, time_left)
    item = find_item(client, args.sku, time_left)
    if item is not None and item.grouped:
        message = "this SKU is one variation of a listing"
        raise Rejected(message, code="listing.exists")
    if offer is not None and offer.published:
        if item is not None and as_wanted(Listed(item=item, offer=offer), args):
            return _live(args, offer.listing_id)
        message = "eBay lists this SKU already, with other words or terms"
        raise Rejected(message, code="listing.exists")
    client.send(PUT_ITEM, Nothing, time_left, ref=args.sku, body=item_body(args))
    ref = _brought(client, args, offer, time_left)
    published = client.send(PUBLISH_OFFER, Published, time_left, ref=ref)
    return _live(args, published.listing_id, made=True)


def probe_listing(call: Call[EbayClient]) -> Done | Found:
    """Whether the SKU is listed as it was asked for; what is not published has not happened."""
    args: CreateListing = call.args
    time_left = call.client.within(READ_SECONDS)
    offer = find_offer(call.client, args.sku, time_left)
    if offer is None or not offer.published:
        return Found.ABSENT
    item = find_item(call.client, args.sku, time_left)
    if item is None or not as_wanted(Listed(item=item, offer=offer), args):
        return Found.ABSENT  # another's: the call itself then refuses it by name
    return _live(args, offer.listing_id)


def end_listing(call: Call[EbayClient]) -> Done:
    """Withdraw the offer, if the listing is still the one that the plan had seen; item and offer remain."""
    args: EndListing = call.args
    client, time_left = call.client, call.client.within(END_SECONDS)
    offer = find_offer(client, args.sku, time_left)
    if offer is None or not offer.published:
        return _ended(args)
    if args.expected_product not in {None, offer.listing_id}:
        message = "eBay lists this SKU under another id than the plan had seen"
        raise Rejected(message, code="state.changed")
    client.send(WITHDRAW_OFFER, Published, time_left, ref=offer.offer_id)
    return _ended(args)


def probe_end(call: Call[EbayClient]) -> Done | Found:
    """Whether nothing is listed under the SKU."""
    args: EndListing = call.args
    offer = find_offer(call.client, args.sku, call.client.within(READ_SECONDS))
    return Found.ABSENT if offer is not None and offer.published else _ended(args)


def _brought(client: EbayClient, args: CreateListing, offer: Offer | None, time_left: TimeLeft) -> str:
    """The id of the offer, brought to what is wanted or newly made."""
    if offer is None:
        body: JsonValue = new_offer_body(args, client.terms, client.marketplace)
        return client.send(CREATE_OFFER, OfferMade, time_left, body=body).offer_id
    client.send(UPDATE_OFFER, Nothing, time_left, ref=offer.offer_id, body=offer_body(args, client.terms))
    return offer.offer_id


def _live(args: CreateListing, listing: str, *, made: bool | None = None) -> Done:
    live = ListingLive(sku=args.sku, product=listing, price=args.price, quantity=args.quantity, made=made)
    return Done(output=live, vendor_ref=listing)


def _ended(args: EndListing) -> Done:
    return Done(output=ListingEnded(sku=args.sku), vendor_ref=args.sku)


def _content(found: Listed) -> ListingContent | None:
    """The words and pictures, as far as the contract can hold them."""
    product = found.item.product
    if not product.title.strip():
        return None
    images = tuple(url for url in product.image_urls if url.startswith("https://") and _PLAIN.fullmatch(url))
    return ListingContent(
        title=product.title, description=product.description[:4000], images=images[:_MOST_IMAGES]
    )


def _issues(offer: Offer) -> tuple[ListingIssue, ...]:
    if not offer.on_hold:
        return ()
    return (ListingIssue(code="on_hold", severity=Severity.ERROR, message="eBay holds the listing back"),)
