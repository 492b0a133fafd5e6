"""Tools of the domain `competitors`: what others ask for the same goods.

A feed is text of people we do not know. Nothing of it gets out but numbers and times; a SKU comes back
only where it was asked for.
"""

from datetime import datetime

from pydantic import Field

from nightshift.model.base import Noun
from nightshift.model.tool import EffectClass
from nightshift.money import Currency, Money
from nightshift.tools.contract import ToolContract
from nightshift.tools.contracts.catalog import Sku

__all__ = ["GET_PRICES", "CompetitorPrice", "CompetitorPrices", "GetPrices", "Rivals"]


class GetPrices(Noun):
    """Competitors' prices of these products, if they are fresh."""

    skus: tuple[Sku, ...] = Field(min_length=1, max_length=500)
    currency: Currency = Field(description="prices in other currencies are left out")
    max_age_minutes: int = Field(
        default=1440, ge=1, le=10_080, description="an older feed is refused, an older price left out"
    )


class CompetitorPrice(Noun):
    """What one competitor asks. `rival` is opaque: the same for the same competitor, and not its name."""

    rival: str = Field(pattern=r"^rival_[a-z2-7]{26}$")
    price: Money
    previous: Money | None = Field(default=None, description="what they asked before")
    dropped_bp: int = Field(
        ge=0, le=10_000, description="how far they went down, in whole hundredths of a percent; 0: not"
    )
    seen_at: datetime


class Rivals(Noun):
    """What competitors ask for one product."""

    sku: Sku
    lowest: Money
    dropped_bp: int = Field(ge=0, le=10_000, description="the deepest drop among them: 600 is 6 %")
    dropped_to: Money | None = Field(default=None, description="the price after the deepest drop")
    prices: tuple[CompetitorPrice, ...] = Field(min_length=1, description="the lowest first")


class CompetitorPrices(Noun):
    """A fresh feed's prices of what was asked for; a product it has no fresh price of is not among them."""

    as_of: datetime
    products: tuple[Rivals, ...]


GET_PRICES = ToolContract(
    name="competitors.get_prices",
    summary="Read what competitors ask for products, and how far they went down.",
    input=GetPrices,
    output=CompetitorPrices,
    effect=EffectClass.READ,
    permission="competitors:read",
    errors=("feed.stale",),
    example={"skus": ["MUG-BLUE"], "currency": "EUR"},
)
