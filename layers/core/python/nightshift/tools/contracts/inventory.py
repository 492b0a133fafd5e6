"""Tools of the domain `inventory`."""

from pydantic import Field

from nightshift.errors import Rejected
from nightshift.ids import ChannelId
from nightshift.model.base import Noun
from nightshift.model.effect import Claim
from nightshift.model.tool import EffectClass
from nightshift.tools.contract import ToolContract, Undo
from nightshift.tools.contracts.catalog import Sku

__all__ = ["SET_QUANTITY", "QuantitySet", "SetQuantity"]

_HOLD = 60  # seconds in which the same quantity is not set again by another run


class SetQuantity(Noun):
    """Offer so many units from now on, if it is still what the plan had seen."""

    sku: Sku
    quantity: int = Field(ge=0, le=1_000_000)
    expected_quantity: int | None = Field(
        default=None, description="units when the plan was made; null: whatever there is now"
    )
    location: str = Field(
        default="", max_length=200, description="the vendor's id of a stock location; empty: the only one"
    )


class QuantitySet(Noun):
    """The units that are for sale now, and those before."""

    sku: Sku
    quantity: int
    before: int | None = Field(description="null: not known any more")
    location: str = ""


def _quantity_claim(channel: ChannelId, args: SetQuantity) -> Claim:
    key = f"inventory:{channel}:{args.sku}:{args.location}:{args.quantity}"
    return Claim(key=key, hold_seconds=_HOLD)


def _quantity_back(args: SetQuantity, output: QuantitySet) -> SetQuantity | None:
    """The units before, if nothing was sold or booked since."""
    before = args.expected_quantity if output.before is None else output.before
    if before is None or before < 0:
        message = "how many units were for sale before is not known"
        raise Rejected(message, code="undo.unknown")
    if before == output.quantity:
        return None
    return SetQuantity(
        sku=output.sku, quantity=before, expected_quantity=output.quantity, location=output.location
    )


SET_QUANTITY = ToolContract(
    name="inventory.set",
    summary="Set how many units of a product one channel offers.",
    input=SetQuantity,
    output=QuantitySet,
    effect=EffectClass.IDEMPOTENT_WRITE,
    permission="inventory:write",
    undo=Undo(tool="inventory.set", back=_quantity_back),
    sensitive=("quantity", "sku", "location"),
    errors=(
        "listing.not_found",
        "listing.ambiguous",
        "listing.refused",
        "listing.issues",
        "state.changed",
        "inventory.untracked",
        "inventory.held_by_vendor",
        "location.ambiguous",
        "location.not_found",
    ),
    once_per=_quantity_claim,
    example={"sku": "MUG-BLUE", "quantity": 40, "expected_quantity": 42},
)
