"""Tools of the domain `pricing`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from nightshift.errors import Rejected
from nightshift.ids import ChannelId
from nightshift.model.base import Noun
from nightshift.model.effect import Claim
from nightshift.model.tool import EffectClass
from nightshift.money import Money
from nightshift.tools.contract import ToolContract, Undo
from nightshift.tools.contracts.catalog import Sku

__all__ = ["SET_PRICE", "Price", "PriceSet", "SetPrice"]

_HOLD = 60  # seconds in which the same price is not set again by another run
_MOST = 10**11  # minor units: what a vendor's decimal holds exactly


def _is_a_price(price: Money) -> Money:
    if not 0 < price.amount <= _MOST:
        message = "a price is more than nothing, and not absurd"
        raise ValueError(message)
    return price


Price = Annotated[Money, AfterValidator(_is_a_price)]
"""What goods are offered at."""


class SetPrice(Noun):
    """Sell at this price from now on, if it is still what the plan had seen."""

    sku: Sku
    price: Price
    expected_price: Money | None = Field(
        default=None, description="what it cost when the plan was made; null: whatever it costs now"
    )


class PriceSet(Noun):
    """The price as it stands now, and as it stood before."""

    sku: Sku
    price: Money
    before: Money | None = Field(description="null: not known any more")


def _price_claim(channel: ChannelId, args: SetPrice) -> Claim:
    return Claim(key=f"price:{channel}:{args.sku}:{args.price}", hold_seconds=_HOLD)


def _price_back(args: SetPrice, output: PriceSet) -> SetPrice | None:
    """The price before, if ours still stands; one that stood already is nobody's to take back."""
    before = output.before or args.expected_price
    if before is None or before.amount <= 0:
        message = "what the product cost before is not known"
        raise Rejected(message, code="undo.unknown")
    if before == output.price:
        return None
    return SetPrice(sku=output.sku, price=before, expected_price=output.price)


SET_PRICE = ToolContract(
    name="pricing.set",
    summary="Set the price of a product on one channel.",
    input=SetPrice,
    output=PriceSet,
    effect=EffectClass.IDEMPOTENT_WRITE,
    permission="pricing:write",
    customer_visible=True,
    undo=Undo(tool="pricing.set", back=_price_back),
    sensitive=("price", "sku"),
    errors=(
        "listing.not_found",
        "listing.ambiguous",
        "listing.refused",
        "listing.issues",
        "state.changed",
        "price.currency",
        "price.discounted",
    ),
    once_per=_price_claim,
    example={
        "sku": "MUG-BLUE",
        "price": {"amount": 1190, "currency": "EUR"},
        "expected_price": {"amount": 1250, "currency": "EUR"},
    },
)
