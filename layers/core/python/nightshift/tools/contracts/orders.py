"""Tools of the domain `orders`."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from nightshift.errors import Rejected
from nightshift.ids import ChannelId
from nightshift.model.base import Noun, canonical_digest
from nightshift.model.effect import Claim
from nightshift.model.order import Address, Customer, Order
from nightshift.model.tool import EffectClass
from nightshift.money import Money
from nightshift.tools.contract import ToolContract, Undo

__all__ = [
    "CANCEL",
    "GET",
    "GET_CUSTOMER",
    "SET_ADDRESS",
    "AddressSet",
    "CancelOrder",
    "CancelReason",
    "GetCustomer",
    "GetOrder",
    "OrderCancelled",
    "SetAddress",
]


class GetOrder(Noun):
    """Which order."""

    order: str = Field(
        min_length=1, max_length=200, description="the vendor's id, or the order's name (#1001)"
    )


GET = ToolContract(
    name="orders.get",
    summary="Read an order with its customer, payments, refunds and shipments.",
    input=GetOrder,
    output=Order,
    effect=EffectClass.READ,
    permission="orders:read",
    errors=("order.not_found",),
    example={"order": "#1001"},
)


class GetCustomer(Noun):
    """Which customer."""

    customer: str = Field(min_length=1, max_length=200, description="the vendor's id")


GET_CUSTOMER = ToolContract(
    name="orders.get_customer",
    summary="Read a customer.",
    input=GetCustomer,
    output=Customer,
    effect=EffectClass.READ,
    permission="orders:read",
    errors=("customer.not_found",),
    example={"customer": "gid://shopify/Customer/1"},
)


class CancelReason(StrEnum):
    """Why an order is cancelled."""

    CUSTOMER = "customer"
    FRAUD = "fraud"
    INVENTORY = "inventory"
    OTHER = "other"


class CancelOrder(Noun):
    """Cancel an order that has not shipped; refunds and voids what was paid."""

    order: str = Field(min_length=1, max_length=200)
    reason: CancelReason
    amount: Money = Field(description="money at risk: captured minus refunded, as it was seen")
    expected_refunded: Money = Field(description="what was refunded when the plan was made")
    restock: bool
    notify: bool = True


class OrderCancelled(Noun):
    """The order after the vendor's job is finished, re-read."""

    order: str
    cancelled_at: datetime
    refunded: Money


def _cancel_claim(channel: ChannelId, args: CancelOrder) -> Claim:
    return Claim(
        key=f"cancel:{channel}:{args.order}", pool=f"payment:{channel}:{args.order}", amount=args.amount
    )


CANCEL = ToolContract(
    name="orders.cancel",
    summary="Cancel an order before it ships and give back what was paid.",
    input=CancelOrder,
    output=OrderCancelled,
    effect=EffectClass.DESTRUCTIVE,
    permission="orders:cancel",
    money=True,
    customer_visible=True,
    irreversible=True,
    sensitive=("amount", "order"),
    errors=("order.not_found", "order.shipped", "order.being_edited", "order.cancelled", "state.changed"),
    once_per=_cancel_claim,
    example={
        "order": "gid://shopify/Order/1",
        "reason": "customer",
        "amount": {"amount": 4200, "currency": "EUR"},
        "expected_refunded": {"amount": 0, "currency": "EUR"},
        "restock": True,
    },
)


class SetAddress(Noun):
    """Set the shipping address of an order that fulfilment has not accepted."""

    order: str = Field(min_length=1, max_length=200)
    address: Address
    expected: Address | None = Field(
        default=None, description="where it went when the plan was made; null: wherever it goes now"
    )


class AddressSet(Noun):
    """The address as it stands now, and as it stood before."""

    order: str
    address: Address
    before: Address | None


def _address_claim(channel: ChannelId, args: SetAddress) -> Claim:
    return Claim(
        key=f"address:{channel}:{args.order}:{canonical_digest(args.address)[:16]}", hold_seconds=600
    )


def _address_back(args: SetAddress, output: AddressSet) -> SetAddress | None:
    """The address before, if ours still stands."""
    before = output.before or args.expected
    if before is None:
        message = "where the order went before is not known"
        raise Rejected(message, code="undo.unknown")
    if before == output.address:
        return None
    return SetAddress(order=output.order, address=before, expected=output.address)


SET_ADDRESS = ToolContract(
    name="orders.set_address",
    summary="Change where an order is shipped to, before fulfilment has accepted it.",
    input=SetAddress,
    output=AddressSet,
    effect=EffectClass.IDEMPOTENT_WRITE,
    permission="orders:edit",
    customer_visible=True,
    undo=Undo(tool="orders.set_address", back=_address_back),
    sensitive=("address", "order"),
    errors=(
        "order.not_found",
        "order.shipped",
        "order.being_edited",
        "order.cancelled",
        "address.invalid",
        "state.changed",
    ),
    once_per=_address_claim,
    example={
        "order": "gid://shopify/Order/1",
        "address": {"line1": "Lindenstr. 5", "city": "Berlin", "postcode": "10969", "country": "DE"},
    },
)
