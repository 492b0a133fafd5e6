"""eBay's answers as they come. Unknown fields are ignored; what every use needs is required."""

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from nightshift.errors import BadInput
from nightshift.money import Money

__all__ = [
    "Amount",
    "BulkAnswer",
    "ErrorAnswer",
    "ErrorNode",
    "Item",
    "Location",
    "Nothing",
    "Offer",
    "OfferMade",
    "Offers",
    "Policy",
    "Published",
    "WireModel",
]

_ON_SALE = frozenset({"ACTIVE"})


class WireModel(BaseModel):
    """A part of an answer, with eBay's camelCase names."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Nothing(WireModel):
    """An answer of which nothing is read; it may also be empty (204)."""


class Amount(WireModel):
    """A decimal and its currency."""

    value: str
    currency: str

    @model_validator(mode="after")
    def _is_money(self) -> "Amount":
        try:
            Money.parse(self.value, self.currency)
        except (BadInput, ValueError) as exc:
            message = "not an amount of money"
            raise ValueError(message) from exc
        return self

    def money(self) -> Money:
        """The amount."""
        return Money.parse(self.value, self.currency)


class _Distribution(WireModel):
    merchant_location_key: str | None = None


class _ShipTo(WireModel):
    quantity: int = 0
    availability_distributions: tuple[_Distribution, ...] = ()


class _Availability(WireModel):
    ship_to_location_availability: _ShipTo = _ShipTo()


class _Product(WireModel):
    title: str = ""
    description: str = ""
    image_urls: tuple[str, ...] = ()


class Item(WireModel):
    """An inventory item: what is sold, and how many there are in all."""

    sku: str
    condition: str | None = None
    product: _Product = _Product()
    availability: _Availability = _Availability()
    inventory_item_group_keys: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()

    @property
    def quantity(self) -> int:
        """Units there are."""
        return self.availability.ship_to_location_availability.quantity

    @property
    def spread(self) -> bool:
        """Whether its units are counted by location."""
        return bool(self.availability.ship_to_location_availability.availability_distributions)

    @property
    def grouped(self) -> bool:
        """Whether it is one variation of a listing."""
        return bool(self.inventory_item_group_keys or self.group_ids)


class _Pricing(WireModel):
    price: Amount | None = None


class _Listing(WireModel):
    listing_id: str | None = None
    listing_status: str = ""
    listing_on_hold: bool = False


class Offer(WireModel):
    """An offer of one SKU on one marketplace; published, it is a listing."""

    offer_id: str = Field(min_length=1)
    sku: str
    marketplace_id: str
    format: str
    status: str
    available_quantity: int | None = None
    category_id: str = ""
    merchant_location_key: str = ""
    pricing_summary: _Pricing = _Pricing()
    listing: _Listing | None = None

    @property
    def published(self) -> bool:
        """Whether there is a listing of it."""
        return self.status == "PUBLISHED"

    @property
    def listing_id(self) -> str:
        """The id that eBay gave the listing; empty: there is none."""
        return (self.listing.listing_id or "") if self.listing is not None and self.published else ""

    @property
    def on_sale(self) -> bool:
        """Whether customers can buy it."""
        status = self.listing.listing_status if self.listing is not None else ""
        return self.published and not self.on_hold and (not status or status in _ON_SALE)

    @property
    def on_hold(self) -> bool:
        """Whether eBay holds the listing back."""
        return self.listing is not None and self.listing.listing_on_hold

    def price(self) -> Money | None:
        """What it is offered at."""
        return self.pricing_summary.price.money() if self.pricing_summary.price is not None else None

    def quantity(self, item: Item) -> int:
        """Units that are for sale: never more than there are."""
        offered = self.available_quantity
        return item.quantity if offered is None else min(offered, item.quantity)


class Offers(WireModel):
    """The offers of one SKU."""

    offers: tuple[Offer, ...]


class OfferMade(WireModel):
    """A new offer."""

    offer_id: str = Field(min_length=1)


class Published(WireModel):
    """A new listing."""

    listing_id: str = Field(min_length=1)


class ErrorNode(WireModel):
    """One error; its words may quote what was sent and are not read."""

    error_id: int
    category: str = ""


class ErrorAnswer(WireModel):
    """What is read of a refusal."""

    errors: tuple[ErrorNode, ...] = Field(min_length=1)


class _Updated(WireModel):
    status_code: int
    offer_id: str = ""
    sku: str = ""
    errors: tuple[ErrorNode, ...] = ()

    @field_validator("offer_id", "sku", mode="before")
    @classmethod
    def _said(cls, value: object) -> object:
        return value or ""


class BulkAnswer(WireModel):
    """What came of each part of a change of prices and quantities."""

    responses: tuple[_Updated, ...] = Field(min_length=1)


class Location(WireModel):
    """Where goods are shipped from."""

    merchant_location_key: str
    merchant_location_status: str = ""
    name: str = ""


class Policy(WireModel):
    """A fulfilment policy; each belongs to one marketplace."""

    fulfillment_policy_id: str
    marketplace_id: str
