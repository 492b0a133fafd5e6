"""Price and stock of what is listed: `bulkUpdatePriceQuantity` for one SKU, each part answered by itself."""

from pydantic import JsonValue

from functions.adapters.ebay.client import EbayClient
from functions.adapters.ebay.listings import READ_SECONDS
from functions.adapters.ebay.models import BulkAnswer, Offer
from functions.adapters.ebay.operations import BULK_UPDATE
from functions.adapters.ebay.state import Listed, listed, the_offer
from nightshift.errors import OutcomeUnknown, Rejected
from nightshift.money import Money
from nightshift.outbound import TimeLeft
from nightshift.tools.binding import Call, Done, Found
from nightshift.tools.contracts.inventory import QuantitySet, SetQuantity
from nightshift.tools.contracts.pricing import PriceSet, SetPrice

__all__ = ["SET_SECONDS", "probe_price", "probe_quantity", "set_price", "set_quantity"]

SET_SECONDS = 16.0
_FIRST_ERROR = 400
_FIRST_TROUBLE = 500


def set_price(call: Call[EbayClient]) -> Done:
    """Set the offer's price if it is still the one that the plan had seen."""
    args: SetPrice = call.args
    client, time_left = call.client, call.client.within(SET_SECONDS)
    if args.price.currency != client.marketplace.currency:
        message = f"{client.marketplace.id} sells in {client.marketplace.currency}"
        raise Rejected(message, code="price.currency")
    offer = the_offer(client, args.sku, time_left)
    now = offer.price()
    if now == args.price:
        return _price_is_set(offer, args, before=now)
    if args.expected_price is not None and now != args.expected_price:
        message = f"the price is {now}, not {args.expected_price}"
        raise Rejected(message, code="state.changed")
    price: JsonValue = {"value": args.price.decimal(), "currency": args.price.currency}
    part: JsonValue = {"offerId": offer.offer_id, "price": price}
    _update(client, {"sku": args.sku, "offers": [part]}, offer, time_left)
    return _price_is_set(offer, args, before=now)


def probe_price(call: Call[EbayClient]) -> Done | Found:
    """Whether the offer has this price; what it had before is what the plan had seen."""
    args: SetPrice = call.args
    offer = the_offer(call.client, args.sku, call.client.within(READ_SECONDS))
    if offer.price() != args.price:
        return Found.ABSENT
    return _price_is_set(offer, args, before=args.expected_price)


def set_quantity(call: Call[EbayClient]) -> Done:
    """Set what is for sale, in the item and in its offer, if it is still what the plan had seen."""
    args: SetQuantity = call.args
    client, time_left = call.client, call.client.within(SET_SECONDS)
    found = _counted(client, args, time_left)
    now = found.quantity
    if _is(found, args.quantity):
        return _quantity_is_set(found, args, before=now)
    if args.expected_quantity is not None and now != args.expected_quantity:
        message = f"{now} units are for sale, not {args.expected_quantity}"
        raise Rejected(message, code="state.changed")
    request: dict[str, JsonValue] = {
        "sku": args.sku,
        "shipToLocationAvailability": {"quantity": args.quantity},
        "offers": [{"offerId": found.offer.offer_id, "availableQuantity": args.quantity}],
    }
    _update(client, request, found.offer, time_left)
    return _quantity_is_set(found, args, before=now)


def probe_quantity(call: Call[EbayClient]) -> Done | Found:
    """Whether so many are for sale; what there was before is what the plan had seen."""
    args: SetQuantity = call.args
    found = _counted(call.client, args, call.client.within(READ_SECONDS))
    if not _is(found, args.quantity):
        return Found.ABSENT
    return _quantity_is_set(found, args, before=args.expected_quantity)


def _counted(client: EbayClient, args: SetQuantity, time_left: TimeLeft) -> Listed:
    """Item and offer, where they have one stock.

    Raises:
        Rejected: `location.ambiguous` or `location.not_found`.
    """
    found = listed(client, args.sku, time_left)
    if found.item.spread:
        message = "eBay counts this item by location: it cannot be set as one number"
        raise Rejected(message, code="location.ambiguous")
    if args.location not in {"", found.offer.merchant_location_key}:
        message = "the offer ships from another location"
        raise Rejected(message, code="location.not_found")
    return found


def _is(found: Listed, quantity: int) -> bool:
    return found.item.quantity == quantity and found.offer.available_quantity in {None, quantity}


def _update(client: EbayClient, request: dict[str, JsonValue], offer: Offer, time_left: TimeLeft) -> None:
    """Send one SKU's change.

    Raises:
        Rejected: `listing.refused`: every part was refused.
        OutcomeUnknown: only some parts were done, or it cannot be told.
    """
    parts = client.send(BULK_UPDATE, BulkAnswer, time_left, body={"requests": [request]}).responses
    wrong = [each for each in parts if each.status_code >= _FIRST_ERROR]
    ids = ", ".join(str(error.error_id) for each in wrong for error in each.errors)
    all_refused = len(wrong) == len(parts) and all(each.status_code < _FIRST_TROUBLE for each in wrong)
    if all_refused:
        message = f"eBay refuses the change ({ids})"
        raise Rejected(message, code="listing.refused")
    if wrong:
        message = f"eBay did only a part of the change ({ids})"
        raise OutcomeUnknown(message, code="vendor.partial")
    if all(each.offer_id != offer.offer_id for each in parts):
        message = "eBay does not say what became of the offer"
        raise OutcomeUnknown(message, code="vendor.unconfirmed")


def _price_is_set(offer: Offer, args: SetPrice, *, before: Money | None) -> Done:
    return Done(output=PriceSet(sku=args.sku, price=args.price, before=before), vendor_ref=offer.offer_id)


def _quantity_is_set(found: Listed, args: SetQuantity, *, before: int | None) -> Done:
    output = QuantitySet(
        sku=args.sku, quantity=args.quantity, before=before, location=found.offer.merchant_location_key
    )
    return Done(output=output, vendor_ref=found.offer.offer_id)
