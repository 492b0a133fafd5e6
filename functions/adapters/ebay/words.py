"""A listing in eBay's words: the bodies of an inventory item and of an offer, and conditions both ways."""

from pydantic import JsonValue

from functions.adapters.ebay.client import Terms
from functions.adapters.ebay.marketplaces import Marketplace
from functions.adapters.ebay.state import LONGEST_SKU, Listed
from nightshift.errors import Rejected
from nightshift.tools.contracts.listings import Condition, CreateListing

__all__ = ["as_wanted", "condition_of", "item_body", "new_offer_body", "offer_body", "refuse_invalid"]

LONGEST_TITLE = 80

_TO_EBAY = {
    Condition.NEW: "NEW",
    Condition.OPEN_BOX: "NEW_OTHER",
    Condition.REFURBISHED: "SELLER_REFURBISHED",
    Condition.USED_LIKE_NEW: "LIKE_NEW",
    Condition.USED_VERY_GOOD: "USED_VERY_GOOD",
    Condition.USED_GOOD: "USED_GOOD",
    Condition.USED_ACCEPTABLE: "USED_ACCEPTABLE",
}
_FROM_EBAY = {
    **{word: condition for condition, word in _TO_EBAY.items()},
    "USED_EXCELLENT": Condition.USED_LIKE_NEW,
    "CERTIFIED_REFURBISHED": Condition.REFURBISHED,
    "EXCELLENT_REFURBISHED": Condition.REFURBISHED,
    "VERY_GOOD_REFURBISHED": Condition.REFURBISHED,
    "GOOD_REFURBISHED": Condition.REFURBISHED,
}
_CODES = {8: "ean", 12: "upc", 13: "ean"}  # digits of a GTIN


def condition_of(word: str | None) -> Condition | None:
    """The state of the goods, or None where the contract has no word for it."""
    return _FROM_EBAY.get(word or "")


def refuse_invalid(args: CreateListing, where: Marketplace) -> None:
    """Refuse what eBay cannot take, before anything is sent."""
    if args.price.currency != where.currency:
        message = f"{where.id} sells in {where.currency}"
        raise Rejected(message, code="price.currency")
    faults = {
        f"a SKU has at most {LONGEST_SKU} characters": len(args.sku) > LONGEST_SKU,
        f"a title has at most {LONGEST_TITLE} characters": len(args.title) > LONGEST_TITLE,
        "a category is a number": not args.category.isdecimal(),
        "a GTIN has 8, 12 or 13 digits": bool(args.gtin) and len(args.gtin) not in _CODES,
        "a listing needs a picture": not args.images and not args.product,
    }
    found = [fault for fault, is_so in faults.items() if is_so]
    if found:
        message = f"on eBay {'; '.join(found)}"
        raise Rejected(message, code="listing.invalid")


def item_body(args: CreateListing) -> dict[str, JsonValue]:
    """The inventory item."""
    product: dict[str, JsonValue] = {"title": args.title, "description": _description(args)}
    if args.images:
        product["imageUrls"] = list(args.images)
    if args.brand:
        product["brand"] = args.brand
    if args.gtin:
        product[_CODES[len(args.gtin)]] = [args.gtin]
    if args.product:
        product["epid"] = args.product
    if args.details:
        product["aspects"] = {each.name: [_said(each.value)] for each in args.details}
    return {
        "condition": _TO_EBAY[args.condition],
        "product": product,
        "availability": {"shipToLocationAvailability": {"quantity": args.quantity}},
    }


def offer_body(args: CreateListing, terms: Terms) -> dict[str, JsonValue]:
    """The offer, as an existing one is replaced."""
    return {
        "availableQuantity": args.quantity,
        "categoryId": args.category,
        "listingDescription": _description(args),
        "listingDuration": "GTC",
        "listingPolicies": {
            "fulfillmentPolicyId": terms.fulfillment_policy,
            "paymentPolicyId": terms.payment_policy,
            "returnPolicyId": terms.return_policy,
        },
        "merchantLocationKey": terms.location,
        "pricingSummary": {"price": {"value": args.price.decimal(), "currency": args.price.currency}},
    }


def new_offer_body(args: CreateListing, terms: Terms, where: Marketplace) -> dict[str, JsonValue]:
    """The offer, as a new one is made."""
    named: dict[str, JsonValue] = {"sku": args.sku, "marketplaceId": where.id, "format": "FIXED_PRICE"}
    return named | offer_body(args, terms)


def as_wanted(found: Listed, args: CreateListing) -> bool:
    """Whether the listing is the one that was asked for; some of it may have been sold since."""
    item, offer = found.item, found.offer
    same_words = (item.product.title, item.product.description) == (args.title, _description(args))
    same_pictures = item.product.image_urls == args.images
    same_goods = condition_of(item.condition) is args.condition and offer.category_id == args.category
    same_terms = offer.price() == args.price and found.quantity <= args.quantity
    return same_words and same_pictures and same_goods and same_terms


def _description(args: CreateListing) -> str:
    return args.description or args.title  # eBay publishes nothing without one


def _said(value: str | int | bool) -> str:  # noqa: FBT001  # a detail's own value
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)
