"""What we say of a listing, in Amazon's attributes: each value names the marketplace it is for."""

from pydantic import JsonValue, ValidationError

from functions.adapters.amazon.marketplaces import LANGUAGES
from functions.adapters.amazon.models import Entry
from functions.adapters.amazon.state import OURS, ListingState
from nightshift.errors import Rejected
from nightshift.money import Money
from nightshift.tools.contracts.listings import Condition, CreateListing, ListingContent

__all__ = [
    "AVAILABILITY",
    "CONDITIONS",
    "DESCRIPTION",
    "OFFER",
    "PICTURES",
    "TITLE",
    "Attributes",
    "Patch",
    "content_of",
    "content_patches",
    "new_listing",
    "offer",
    "patch",
    "same_content",
    "same_text",
    "with_price",
]

Attributes = dict[str, JsonValue]
Patch = dict[str, JsonValue]

TITLE, DESCRIPTION = "item_name", "product_description"
OFFER, AVAILABILITY = "purchasable_offer", "fulfillment_availability"
PICTURES = ("main_product_image_locator", *(f"other_product_image_locator_{n}" for n in range(1, 9)))

CONDITIONS = {
    Condition.NEW: "new_new",
    Condition.OPEN_BOX: "new_open_box",
    Condition.REFURBISHED: "refurbished_refurbished",
    Condition.USED_LIKE_NEW: "used_like_new",
    Condition.USED_VERY_GOOD: "used_very_good",
    Condition.USED_GOOD: "used_good",
    Condition.USED_ACCEPTABLE: "used_acceptable",
}
_GTIN_KINDS = {12: "upc", 13: "ean"}


def content_of(state: ListingState) -> ListingContent | None:
    """Our words and pictures; None: we gave none (the marketplace's own are shown), or none we could give."""
    pictures = (state.text(name) for name in PICTURES)
    try:
        return ListingContent(
            title=state.text(TITLE),
            description=state.text(DESCRIPTION),
            images=tuple(each for each in pictures if each),
        )
    except ValidationError:
        return None


def same_content(one: ListingContent | None, other: ListingContent) -> bool:
    """The same words and pictures: Amazon tidies blanks."""
    if one is None:
        return False
    return one.images == other.images and all(
        map(same_text, (one.title, one.description), (other.title, other.description))
    )


def same_text(one: str, other: str) -> bool:
    """The same words, whatever blanks stand between them."""
    return one.split() == other.split()


def _content_attributes(content: ListingContent, marketplace: str) -> dict[str, Entry]:
    """Words and pictures as attributes; what there is none of is not among them."""
    said = {TITLE: _text(content.title, marketplace)}
    if content.description:
        said[DESCRIPTION] = _text(content.description, marketplace)
    for name, url in zip(PICTURES, content.images, strict=False):
        said[name] = {"media_location": url, "marketplace_id": marketplace}
    return said


def content_patches(before: ListingState, content: ListingContent) -> tuple[Patch, ...]:
    """What to change for these words and pictures; texts in other languages stay."""
    here = before.marketplace
    wanted, language = _content_attributes(content, here), LANGUAGES.get(here)
    patches: list[Patch] = []
    for name in (TITLE, DESCRIPTION, *PICTURES):
        stands = before.entries(name)
        others = [each for each in stands if each.get("language_tag", language) != language]
        now = [wanted[name], *others] if name in wanted else others
        if now and now != list(stands):
            patches.append(patch("replace", name, *now))
        elif stands and not now:
            patches.append(patch("delete", name, *stands))
    return tuple(patches)


def patch(op: str, attribute: str, *entries: Entry) -> Patch:
    """One change of one attribute: only whole ones can be changed."""
    return {"op": op, "path": f"/attributes/{attribute}", "value": [*entries]}


def offer(price: Money, marketplace: str) -> Entry:
    """An offer to all customers, tax included, as a sale to customers is priced."""
    blank: Entry = {"marketplace_id": marketplace, "audience": "ALL"}
    return with_price(blank, price)


def with_price(terms: Entry, price: Money) -> Entry:
    """The same terms at another price."""
    scheduled: Entry = {"value_with_tax": float(price.decimal())}  # JSON has no decimals; read back as text
    return {**terms, "currency": price.currency, "our_price": [{"schedule": [scheduled]}]}


def new_listing(args: CreateListing, marketplace: str) -> Attributes:
    """All attributes of a new listing; of a product that Amazon has already, those of our offer only.

    Raises:
        Rejected: `listing.invalid`: a detail repeats what has a field of its own.
    """
    said: dict[str, Entry] = {
        "condition_type": _value(CONDITIONS[args.condition], marketplace),
        OFFER: offer(args.price, marketplace),
        AVAILABILITY: {"fulfillment_channel_code": OURS, "quantity": args.quantity},
    }
    if args.product:
        said["merchant_suggested_asin"] = _value(args.product, marketplace)
    else:
        content = ListingContent(title=args.title, description=args.description, images=args.images)
        said |= _content_attributes(content, marketplace) | _identity(args, marketplace)
    for detail in args.details:
        if detail.name in said:
            message = f"the detail {detail.name} is given by another field"
            raise Rejected(message, code="listing.invalid")
        said[detail.name] = _value(detail.value, marketplace)
    return {name: [entry] for name, entry in said.items()}


def _identity(args: CreateListing, marketplace: str) -> dict[str, Entry]:
    said: dict[str, Entry] = {}
    if args.brand:
        said["brand"] = _text(args.brand, marketplace)
    if args.gtin:
        kind = _GTIN_KINDS.get(len(args.gtin), "gtin")
        known: Entry = {"type": kind, "value": args.gtin, "marketplace_id": marketplace}
        said["externally_assigned_product_identifier"] = known
    else:
        exempt = _value(True, marketplace)  # noqa: FBT003  # Amazon's own
        said["supplier_declared_has_product_identifier_exemption"] = exempt
    return said


def _value(value: str | int | bool, marketplace: str) -> Entry:  # noqa: FBT001  # a JSON scalar
    return {"value": value, "marketplace_id": marketplace}


def _text(value: str, marketplace: str) -> Entry:
    language = LANGUAGES.get(marketplace)
    said: Entry = {"value": value, "marketplace_id": marketplace}
    return {**said, "language_tag": language} if language else said
