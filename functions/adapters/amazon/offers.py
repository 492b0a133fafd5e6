"""The offer of a listing: its price and the units in our own warehouse."""

from pydantic import JsonValue

from functions.adapters.amazon.attributes import AVAILABILITY, OFFER, offer, patch, with_price
from functions.adapters.amazon.client import AmazonClient
from functions.adapters.amazon.models import Entry
from functions.adapters.amazon.operations import PATCH
from functions.adapters.amazon.state import (
    ASK_SECONDS,
    OURS,
    WRITE_SECONDS,
    About,
    ListingState,
    found,
    reached,
    written,
)
from nightshift.errors import Rejected
from nightshift.money import Money
from nightshift.tools.binding import Call, Done, Found
from nightshift.tools.contracts.inventory import QuantitySet, SetQuantity
from nightshift.tools.contracts.pricing import PriceSet, SetPrice

__all__ = ["probe_price", "probe_quantity", "set_price", "set_quantity"]

_PRICE = About(attributes=frozenset({OFFER}), categories=frozenset({"INVALID_PRICE"}))
_QUANTITY = About(attributes=frozenset({AVAILABILITY}))


def set_price(call: Call[AmazonClient]) -> Done:
    """Ask this price of all customers, if it is still what was seen; done when it is what they pay."""
    args: SetPrice = call.args
    time_left = call.client.within(WRITE_SECONDS)
    before = found(call.client, args.sku, time_left)
    was = before.price()
    if was == args.price:
        return _priced(args, was=was)
    _refuse_price(before, args, was)
    terms = before.offer_terms()
    now = with_price(terms, args.price) if terms else offer(args.price, before.marketplace)
    others = [each for each in before.entries(OFFER) if each != terms]
    written(
        call.client,
        PATCH,
        args.sku,
        _change(before, OFFER, now, *others),
        time_left,
        shown=lambda state: state is not None and state.price() == args.price,
        about=_PRICE,
    )
    return _priced(args, was=was)


def probe_price(call: Call[AmazonClient]) -> Done | Found:
    """Whether it is what customers pay; a price that is asked and not shown yet proves nothing."""
    args: SetPrice = call.args
    state = found(call.client, args.sku, call.client.within(ASK_SECONDS))
    if reached(state, lambda _: state.price() == args.price, _PRICE):
        return _priced(args, was=None)
    return Found.UNSURE if args.price in {state.asked_price(), state.price()} else Found.ABSENT


def set_quantity(call: Call[AmazonClient]) -> Done:
    """Offer so many units of our own warehouse, if there are still as many as were seen."""
    args: SetQuantity = call.args
    time_left = call.client.within(WRITE_SECONDS)
    if args.location:
        message = "a listing has no stock locations of ours to choose from"
        raise Rejected(message, code="location.not_found")
    before = found(call.client, args.sku, time_left)
    was = before.quantity()
    if was == args.quantity:
        return _stocked(args, was=was)
    _refuse_quantity(before, args, was)
    ours = next((each for each in before.entries(AVAILABILITY) if _is_ours(each)), {})
    others = [each for each in before.entries(AVAILABILITY) if not _is_ours(each)]
    now: Entry = {**ours, "fulfillment_channel_code": OURS, "quantity": args.quantity}
    written(
        call.client,
        PATCH,
        args.sku,
        _change(before, AVAILABILITY, now, *others),
        time_left,
        shown=lambda state: state is not None and state.quantity() == args.quantity,
        about=_QUANTITY,
    )
    return _stocked(args, was=was)


def probe_quantity(call: Call[AmazonClient]) -> Done | Found:
    """Whether so many are offered; a quantity that is asked and not shown yet proves nothing."""
    args: SetQuantity = call.args
    state = found(call.client, args.sku, call.client.within(ASK_SECONDS))
    if reached(state, lambda _: state.quantity() == args.quantity, _QUANTITY):
        return _stocked(args, was=None)
    return Found.UNSURE if args.quantity in {state.asked_quantity(), state.quantity()} else Found.ABSENT


def _refuse_price(before: ListingState, args: SetPrice, was: Money | None) -> None:
    if was is not None and was.currency != args.price.currency:
        message = f"the listing is sold in {was.currency}, not in {args.price.currency}"
        raise Rejected(message, code="price.currency")
    if args.expected_price is not None and was != args.expected_price:
        message = f"the listing costs {was or 'nothing yet'}, not {args.expected_price}"
        raise Rejected(message, code="state.changed")
    if before.offer_terms().get("discounted_price"):
        message = "a sale price stands beside the usual one: end the sale at Amazon first"
        raise Rejected(message, code="price.discounted")


def _refuse_quantity(before: ListingState, args: SetQuantity, was: int | None) -> None:
    held = before.availability()
    if held is not None and held.fulfillment_channel_code != OURS:
        message = "Amazon ships this listing from its own warehouse and counts the units itself"
        raise Rejected(message, code="inventory.held_by_vendor")
    if args.expected_quantity is not None and was != args.expected_quantity:
        message = f"the listing offers {'none' if was is None else was}, not {args.expected_quantity}"
        raise Rejected(message, code="state.changed")


def _is_ours(entry: Entry) -> bool:
    return entry.get("fulfillment_channel_code") == OURS


def _change(before: ListingState, attribute: str, *entries: Entry) -> dict[str, JsonValue]:
    """A patch replaces the whole attribute, so that what is not meant to change is said again."""
    patches: list[JsonValue] = [patch("replace", attribute, *entries)]
    return {"productType": before.summary.product_type, "patches": patches}


def _priced(args: SetPrice, *, was: Money | None) -> Done:
    return Done(output=PriceSet(sku=args.sku, price=args.price, before=was), vendor_ref=args.sku)


def _stocked(args: SetQuantity, *, was: int | None) -> Done:
    return Done(output=QuantitySet(sku=args.sku, quantity=args.quantity, before=was), vendor_ref=args.sku)
