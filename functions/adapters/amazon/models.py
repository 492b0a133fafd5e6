"""Amazon's answers as they come. Unknown fields are ignored."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from nightshift.errors import BadInput
from nightshift.money import Money

__all__ = [
    "Availability",
    "Entry",
    "ErrorAnswer",
    "Issue",
    "Item",
    "Items",
    "Offer",
    "Participation",
    "Participations",
    "Submission",
    "Summary",
    "WireModel",
    "money_of",
]

Entry = dict[str, JsonValue]
"""One value of an attribute, with the marketplace (and language, audience…) that it is for."""


class WireModel(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


def money_of(amount: str, currency: str) -> Money:
    """Amazon's decimal as money.

    Raises:
        ValueError: it is none.
    """
    try:
        return Money.parse(amount, currency)
    except BadInput as exc:
        message = "it is no amount of its currency"
        raise ValueError(message) from exc


class _Price(WireModel):
    currency_code: str = Field(pattern=r"^[A-Z]{3}$")
    amount: str

    def money(self) -> Money:
        return money_of(self.amount, self.currency_code)


def _is_money(price: _Price) -> _Price:
    price.money()
    return price


class _Audience(WireModel):
    value: str = "ALL"


class Offer(WireModel):
    """What customers can buy it at; `B2C`: all of them."""

    marketplace_id: str
    offer_type: str
    price: Annotated[_Price, AfterValidator(_is_money)]
    audience: _Audience = _Audience()


class Summary(WireModel):
    """How it stands in one marketplace."""

    marketplace_id: str
    asin: str = ""
    product_type: str
    condition_type: str = ""
    item_name: str = ""
    status: tuple[str, ...] = ()


class Issue(WireModel):
    """What Amazon finds wrong; its message may quote what was sent."""

    code: str
    message: str = ""
    severity: Literal["ERROR", "WARNING", "INFO"]
    attribute_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    marketplace_ids: tuple[str, ...] = ()


class Availability(WireModel):
    """Units, and whose warehouse they are in; `DEFAULT` is the seller's own."""

    fulfillment_channel_code: str
    quantity: int | None = None


class Item(WireModel):
    """`getListingsItem`."""

    sku: str
    summaries: tuple[Summary, ...] = ()
    attributes: dict[str, tuple[Entry, ...]] = Field(default_factory=dict)
    issues: tuple[Issue, ...] = ()
    offers: tuple[Offer, ...] = ()
    fulfillment_availability: tuple[Availability, ...] = ()


class Items(WireModel):
    """`searchListingsItems`: only that it was answered matters."""

    number_of_results: int


class Submission(WireModel):
    """What becomes of a write: ACCEPTED is a promise to look at it."""

    sku: str
    status: Literal["ACCEPTED", "INVALID", "VALID"]
    submission_id: str
    issues: tuple[Issue, ...] = ()


class _Marketplace(WireModel):
    id: str


class _Participating(WireModel):
    is_participating: bool
    has_suspended_listings: bool


class Participation(WireModel):
    """A marketplace that the seller is in."""

    marketplace: _Marketplace
    participation: _Participating
    store_name: str = ""


class Participations(WireModel):
    """`getMarketplaceParticipations`."""

    payload: tuple[Participation, ...]


class _Error(WireModel):
    code: str = ""
    details: str = ""


class ErrorAnswer(WireModel):
    """What is read of a refusal: its code, and of `details` only whether it is about the access token."""

    errors: tuple[_Error, ...] = ()
