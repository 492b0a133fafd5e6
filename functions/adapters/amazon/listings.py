"""Listings: read, made, changed, ended. What is accepted is done only when it shows."""

from pydantic import JsonValue

from functions.adapters.amazon.attributes import (
    CONDITIONS,
    PICTURES,
    TITLE,
    content_of,
    content_patches,
    new_listing,
    same_content,
    same_text,
)
from functions.adapters.amazon.attributes import DESCRIPTION as WORDS
from functions.adapters.amazon.client import AmazonClient
from functions.adapters.amazon.operations import DELETE, PATCH, PUT
from functions.adapters.amazon.state import (
    ASK_SECONDS,
    EVERYTHING,
    READ_SECONDS,
    WRITE_SECONDS,
    About,
    ListingState,
    found,
    looked_up,
    reached,
    unsettled,
    written,
)
from nightshift.errors import Rejected
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
    ListingUpdated,
    Severity,
    UpdateListing,
)

__all__ = ["create", "end", "get", "probe_create", "probe_end", "probe_update", "update"]

_CONTENT = About(attributes=frozenset({TITLE, WORDS, *PICTURES}), categories=frozenset({"INVALID_IMAGE"}))
_BY_WORD = {word: condition for condition, word in CONDITIONS.items()}
_MESSAGE = 300


def get(call: Call[AmazonClient]) -> Done:
    """One listing as the marketplace has it now."""
    args: GetListing = call.args
    state = found(call.client, args.sku, call.client.within(READ_SECONDS))
    return Done(output=_listing(args.sku, state))


def create(call: Call[AmazonClient]) -> Done:
    """List a product; done when customers see it at its price and Amazon finds no error in it."""
    args: CreateListing = call.args
    time_left = call.client.within(WRITE_SECONDS)
    before = looked_up(call.client, args.sku, time_left)
    if before is not None:
        return _there_already(before, args)
    body: dict[str, JsonValue] = {
        "productType": args.category,
        "requirements": "LISTING_OFFER_ONLY" if args.product else "LISTING",
        "attributes": new_listing(args, call.client.seller.marketplace),
    }
    state = written(
        call.client, PUT, args.sku, body, time_left, shown=lambda now: _live(now, args), about=EVERYTHING
    )
    return _created(state, args, made=True)


def probe_create(call: Call[AmazonClient]) -> Done | Found:
    """Whether the listing stands as wanted; one that does not, or not yet, proves nothing."""
    args: CreateListing = call.args
    state = looked_up(call.client, args.sku, call.client.within(ASK_SECONDS))
    if state is None:
        return Found.ABSENT
    return _created(state, args) if reached(state, lambda now: _live(now, args), EVERYTHING) else Found.UNSURE


def update(call: Call[AmazonClient]) -> Done:
    """Say the words and show the pictures, if those that were seen are still there."""
    args: UpdateListing = call.args
    time_left = call.client.within(WRITE_SECONDS)
    before = found(call.client, args.sku, time_left)
    was = content_of(before)
    if same_content(was, args.content):
        if not _shows(before, args.content):
            raise unsettled(before, _CONTENT)
        return _updated(args, was=was)
    if args.expected is not None and not same_content(was, args.expected):
        message = "the listing's words or pictures are not those that were seen"
        raise Rejected(message, code="state.changed")
    patches = content_patches(before, args.content)
    written(
        call.client,
        PATCH,
        args.sku,
        {"productType": before.summary.product_type, "patches": [*patches]},
        time_left,
        shown=lambda now: _shows(now, args.content),
        about=_CONTENT,
    )
    return _updated(args, was=was)


def probe_update(call: Call[AmazonClient]) -> Done | Found:
    """Whether the listing has these words and pictures; what it had before is not known any more."""
    args: UpdateListing = call.args
    state = found(call.client, args.sku, call.client.within(ASK_SECONDS))
    if not same_content(content_of(state), args.content):
        return Found.ABSENT
    done = reached(state, lambda now: _shows(now, args.content), _CONTENT)
    return _updated(args, was=None) if done else Found.UNSURE


def end(call: Call[AmazonClient]) -> Done:
    """Take the listing off; done when the marketplace has nothing under the SKU."""
    args: EndListing = call.args
    time_left = call.client.within(WRITE_SECONDS)
    before = looked_up(call.client, args.sku, time_left)
    if before is not None:
        if args.expected_product not in {None, before.summary.asin}:
            message = "the SKU stands for another product than was seen"
            raise Rejected(message, code="state.changed")
        written(
            call.client, DELETE, args.sku, None, time_left, shown=lambda now: now is None, about=EVERYTHING
        )
    return _ended(args)


def probe_end(call: Call[AmazonClient]) -> Done | Found:
    """Whether the marketplace has nothing under the SKU."""
    args: EndListing = call.args
    state = looked_up(call.client, args.sku, call.client.within(ASK_SECONDS))
    return _ended(args) if state is None else Found.ABSENT


def _listing(sku: str, state: ListingState) -> Listing:
    summary = state.summary
    return Listing(
        sku=sku,
        product=summary.asin,
        category=summary.product_type,
        condition=_BY_WORD.get(summary.condition_type),
        content=content_of(state),
        price=state.price(),
        quantity=state.quantity(),
        active=state.buyable,
        issues=tuple(
            ListingIssue(
                code=each.code,
                severity=Severity(each.severity.lower()),
                message=each.message[:_MESSAGE],
                fields=each.attribute_names,
            )
            for each in state.item.issues
        ),
    )


def _there_already(state: ListingState, args: CreateListing) -> Done:
    """What to make of a listing that stands before we wrote anything; an earlier try may have made it.

    Raises:
        Rejected: `listing.exists`: it is another one.
        OutcomeUnknown: `listing.pending` or `listing.issues`: it is this one, and not sold yet.
    """
    if not _as_wanted(state, args):
        message = "the marketplace has another listing under this SKU"
        raise Rejected(message, code="listing.exists")
    if not reached(state, lambda now: _live(now, args), EVERYTHING):
        raise unsettled(state, EVERYTHING)
    return _created(state, args)


def _as_wanted(state: ListingState, args: CreateListing) -> bool:
    content = content_of(state)
    says_the_same = args.product or (content is not None and same_text(content.title, args.title))
    sells_the_same = not args.product or state.summary.asin == args.product
    asked = (state.asked_price(), state.asked_quantity())
    return bool(says_the_same) and sells_the_same and asked == (args.price, args.quantity)


def _live(state: ListingState | None, args: CreateListing) -> bool:
    """Customers can buy it as wanted; of nothing in stock they need not."""
    if state is None or not _as_wanted(state, args):
        return False
    shown = (state.price(), state.quantity()) == (args.price, args.quantity)
    return shown and (state.buyable or args.quantity == 0)


def _shows(state: ListingState | None, content: ListingContent) -> bool:
    """We say so, and customers read the title: what was said shows there once Amazon has worked it in."""
    if state is None or not same_content(content_of(state), content):
        return False
    return same_text(state.summary.item_name, content.title)


def _created(state: ListingState | None, args: CreateListing, *, made: bool | None = None) -> Done:
    product = state.summary.asin if state is not None else ""
    live = ListingLive(sku=args.sku, product=product, price=args.price, quantity=args.quantity, made=made)
    return Done(output=live, vendor_ref=args.sku)


def _updated(args: UpdateListing, *, was: ListingContent | None) -> Done:
    return Done(output=ListingUpdated(sku=args.sku, content=args.content, before=was), vendor_ref=args.sku)


def _ended(args: EndListing) -> Done:
    return Done(output=ListingEnded(sku=args.sku), vendor_ref=args.sku)
