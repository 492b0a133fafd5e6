"""Tools of the domain `listings`: what a marketplace shows and sells of ours under one SKU."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from nightshift.errors import Rejected
from nightshift.ids import ChannelId
from nightshift.model.base import Noun, canonical_digest
from nightshift.model.effect import Claim
from nightshift.model.tool import EffectClass
from nightshift.money import Money
from nightshift.tools.contract import ToolContract, Undo
from nightshift.tools.contracts.catalog import Sku
from nightshift.tools.contracts.pricing import Price

__all__ = [
    "CREATE",
    "END",
    "GET",
    "UPDATE",
    "Condition",
    "CreateListing",
    "EndListing",
    "GetListing",
    "Image",
    "Listing",
    "ListingContent",
    "ListingDetail",
    "ListingEnded",
    "ListingIssue",
    "ListingLive",
    "ListingUpdated",
    "Severity",
    "UpdateListing",
]

_HOLD = 600  # seconds in which the same listing is not made, changed alike or ended again by another run
_NO_SKU = "listing.not_found"


# Wide enough for what marketplaces already hold; what they do not take, they refuse themselves.
Image = Annotated[str, StringConstraints(pattern=r"^(https?|s3)://[!-~]+$", max_length=2000)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S")]
Description = Annotated[str, StringConstraints(max_length=20_000)]


class Condition(StrEnum):
    """The state of the goods."""

    NEW = "new"
    OPEN_BOX = "open_box"
    REFURBISHED = "refurbished"
    USED_LIKE_NEW = "used_like_new"
    USED_VERY_GOOD = "used_very_good"
    USED_GOOD = "used_good"
    USED_ACCEPTABLE = "used_acceptable"


class Severity(StrEnum):
    """How bad an issue is; an error keeps something of the listing from being shown or sold."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class ListingContent(Noun):
    """What customers read and see."""

    title: Title
    description: Description = ""
    images: tuple[Image, ...] = Field(default=(), max_length=9, description="the main one first")


class ListingIssue(Noun):
    """What the marketplace finds wrong."""

    code: str
    severity: Severity
    message: str = ""
    fields: tuple[str, ...] = Field(default=(), description="in the marketplace's words")


class GetListing(Noun):
    """Which listing."""

    sku: Sku


class Listing(Noun):
    """A listing as the marketplace has it now."""

    sku: Sku
    product: str = Field(description="the marketplace's id of what is sold; empty: not assigned yet")
    category: str
    condition: Condition | None
    content: ListingContent | None = Field(description="null: none of ours; the marketplace's own is shown")
    price: Money | None
    quantity: int | None = Field(description="units the seller ships; null: not counted, or held elsewhere")
    active: bool = Field(description="whether customers can buy it")
    issues: tuple[ListingIssue, ...] = ()


GET = ToolContract(
    name="listings.get",
    summary="Read a listing on a marketplace: its words, price, stock, state and issues.",
    input=GetListing,
    output=Listing,
    effect=EffectClass.READ,
    permission="catalog:read",
    errors=(_NO_SKU,),
    example={"sku": "MUG-BLUE"},
)


class ListingDetail(Noun):
    """One more attribute that a category asks for, in the marketplace's own words."""

    name: str = Field(min_length=1, max_length=100)
    value: str | int | bool


class CreateListing(Noun):
    """Offer a product that this channel does not list yet."""

    sku: Sku
    category: str = Field(
        min_length=1, max_length=100, description="the marketplace's product type or category"
    )
    title: Title
    description: Description = ""
    brand: str = Field(default="", max_length=100)
    condition: Condition = Condition.NEW
    price: Price
    quantity: int = Field(ge=0, le=1_000_000)
    gtin: str = Field(default="", pattern=r"^([0-9]{8}|[0-9]{12,14})?$", description="EAN, UPC or GTIN")
    product: str = Field(
        default="",
        max_length=50,
        description="the marketplace's id of a product it has already: sold under its own words and pictures",
    )
    images: tuple[Image, ...] = Field(default=(), max_length=9)
    details: tuple[ListingDetail, ...] = Field(default=(), max_length=100)


class ListingLive(Noun):
    """A listing that the marketplace shows without errors."""

    sku: Sku
    product: str
    price: Money
    quantity: int
    made: bool | None = Field(
        default=None, description="whether this effect made it; null: it may have stood there before"
    )


def _create_claim(channel: ChannelId, args: CreateListing) -> Claim:
    return Claim(key=f"listing:{channel}:{args.sku}", hold_seconds=_HOLD)


def _create_back(args: CreateListing, output: ListingLive) -> "EndListing | None":
    """End the listing that this effect made, and no other's."""
    if output.made is None:
        message = "whether the listing stood there before is not known"
        raise Rejected(message, code="undo.unknown")
    return EndListing(sku=args.sku, expected_product=output.product or None) if output.made else None


CREATE = ToolContract(
    name="listings.create",
    summary="List a product on a marketplace that does not list it yet.",
    input=CreateListing,
    output=ListingLive,
    effect=EffectClass.IDEMPOTENT_WRITE,
    permission="listings:write",
    customer_visible=True,
    sensitive=("price", "quantity", "sku", "images", "product"),
    undo=Undo(tool="listings.end", back=_create_back),
    errors=("listing.exists", "listing.refused", "listing.invalid", "price.currency"),
    once_per=_create_claim,
    example={
        "sku": "MUG-BLUE",
        "category": "DRINKING_CUP",
        "title": "Blue mug",
        "brand": "Acme",
        "price": {"amount": 1250, "currency": "EUR"},
        "quantity": 40,
        "gtin": "4006381333931",
        "images": ["https://cdn.acme.example/mug-blue.jpg"],
        "details": [{"name": "country_of_origin", "value": "DE"}],
    },
)


class UpdateListing(Noun):
    """Show these words and pictures from now on, if they are still what the plan had seen."""

    sku: Sku
    content: ListingContent
    expected: ListingContent | None = Field(
        default=None, description="what listings.get gave; null: whatever is there now"
    )


class ListingUpdated(Noun):
    """The words and pictures as they stand now, and as they stood before."""

    sku: Sku
    content: ListingContent
    before: ListingContent | None = Field(description="null: there were none, or they are not known any more")


def _update_claim(channel: ChannelId, args: UpdateListing) -> Claim:
    wanted = canonical_digest(args.content)[:16]
    return Claim(key=f"listing-content:{channel}:{args.sku}:{wanted}", hold_seconds=_HOLD)


def _update_back(args: UpdateListing, output: ListingUpdated) -> UpdateListing | None:
    """The words and pictures before, if ours still stand."""
    before = output.before or args.expected
    if before is None:
        message = "what the listing said before is not known"
        raise Rejected(message, code="undo.unknown")
    if before == output.content:
        return None
    return UpdateListing(sku=output.sku, content=before, expected=output.content)


UPDATE = ToolContract(
    name="listings.update",
    summary="Change the title, description and pictures of a listing.",
    input=UpdateListing,
    output=ListingUpdated,
    effect=EffectClass.IDEMPOTENT_WRITE,
    permission="listings:write",
    customer_visible=True,
    sensitive=("content", "sku"),
    undo=Undo(tool="listings.update", back=_update_back),
    errors=(_NO_SKU, "state.changed", "listing.refused", "listing.issues"),
    once_per=_update_claim,
    example={
        "sku": "MUG-BLUE",
        "content": {"title": "Blue mug, 300 ml", "images": ["https://cdn.acme.example/mug-blue.jpg"]},
        "expected": {"title": "Blue mug", "images": ["https://cdn.acme.example/mug-blue.jpg"]},
    },
)


class EndListing(Noun):
    """Take a listing off the marketplace."""

    sku: Sku
    expected_product: str | None = Field(
        default=None, max_length=50, description="the marketplace's id that the plan had seen"
    )


class ListingEnded(Noun):
    """The channel lists nothing under this SKU any more."""

    sku: Sku


def _end_claim(channel: ChannelId, args: EndListing) -> Claim:
    return Claim(key=f"listing-end:{channel}:{args.sku}", hold_seconds=_HOLD)


END = ToolContract(
    name="listings.end",
    summary="Take a listing off a marketplace; what it had gathered there (rank, reviews) may be lost.",
    input=EndListing,
    output=ListingEnded,
    effect=EffectClass.IDEMPOTENT_WRITE,
    permission="listings:write",
    customer_visible=True,
    irreversible=True,
    sensitive=("sku",),
    errors=("state.changed", "listing.refused"),
    once_per=_end_claim,
    example={"sku": "MUG-BLUE", "expected_product": "B0EXAMPLE1"},
)
