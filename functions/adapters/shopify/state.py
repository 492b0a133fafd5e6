"""What a write must know before it touches an order, and how it finds its own traces afterwards."""

import re
from typing import TypeVar

from pydantic import JsonValue

from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.models.state import MoneyStateAnswer, MoneyStateNode, ProgressNode
from functions.adapters.shopify.models.wire import UserError
from functions.adapters.shopify.queries import MONEY_STATE
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled, WireError
from nightshift.ids import IdempotencyKey
from nightshift.model.order import FulfilmentState
from nightshift.money import Money
from nightshift.outbound import TimeLeft

__all__ = [
    "is_order_gid",
    "mark",
    "money_state",
    "not_found",
    "refuse_changed",
    "refuse_edited",
    "refuse_moved",
    "reread_money",
    "unless_refused",
]

N = TypeVar("N")

_ORDER_GID = re.compile(r"gid://shopify/Order/[0-9]+")

_REFUSALS: tuple[tuple[str, type[WireError], str], ...] = (
    (r"currently in progress", OutcomeUnknown, "vendor.in_progress"),
    (r"idempotency key", Misconfigured, "vendor.key_reused"),
    (r"does not exist|not found|couldn't be found", Rejected, "order.not_found"),
    (r"being edited|locked|can't be edited|cannot be edited", Rejected, "order.being_edited"),
    (r"more than|exceeds|greater than", Rejected, "refund.too_much"),
)
"""Most mutations give prose and no code. The state is read before each write, so these are for races."""


def mark(key: IdempotencyKey) -> str:
    """The trace an effect leaves in a note, by which it is found again."""
    return f"nightshift:{key}"


def is_order_gid(order: str) -> bool:
    """Whether this is Shopify's own id of an order; writes take nothing else."""
    return _ORDER_GID.fullmatch(order) is not None


def not_found() -> Rejected:
    """There is no such order."""
    return Rejected("Shopify has no such order", code="order.not_found")


def money_state(client: ShopifyClient, order: str, time_left: TimeLeft) -> MoneyStateNode:
    """The order's payments, refunds and progress, as they are now.

    Raises:
        Rejected: `order.not_found`.
    """
    if not is_order_gid(order):
        raise not_found()
    variables: dict[str, JsonValue] = {"id": order}
    found = client.send(MONEY_STATE, variables, MoneyStateAnswer, time_left).order
    if found is None:
        raise not_found()
    return found


def reread_money(client: ShopifyClient, order: str, time_left: TimeLeft) -> MoneyStateNode:
    """The same after a write: not being able to look does not mean that nothing happened.

    Raises:
        OutcomeUnknown: Shopify could not be asked.
    """
    try:
        return money_state(client, order, time_left)
    except (Retryable, Throttled, Rejected, Misconfigured) as exc:
        message = "Shopify accepted the write but could not be re-read"
        raise OutcomeUnknown(message, code="vendor.unconfirmed") from exc


def refuse_edited(state: ProgressNode) -> None:
    """Refuse to touch an order that Shopify lets nobody change now."""
    if state.being_edited():
        message = f"order {state.name} is being edited or locked by Shopify"
        raise Rejected(message, code="order.being_edited")


def refuse_moved(state: ProgressNode) -> None:
    """Refuse once fulfilment has accepted or shipped anything of it."""
    moved = state.state() is not FulfilmentState.UNFULFILLED
    if moved:
        message = f"order {state.name} is {state.state().value}"
        raise Rejected(message, code="order.shipped")


def refuse_changed(state: MoneyStateNode, *, expected_refunded: Money) -> None:
    """Refuse when more or less has gone back than the plan had seen."""
    if state.refunded() != expected_refunded:
        message = f"{state.refunded()} of order {state.name} are refunded, not {expected_refunded}"
        raise Rejected(message, code="state.changed")


def unless_refused(errors: tuple[UserError, ...], *, what: str) -> None:
    """Raise what Shopify's user errors mean; their text stays here, it may name the customer."""
    for error in errors:
        for pattern, kind, code in _REFUSALS:
            if re.search(pattern, error.message, re.IGNORECASE):
                message = f"Shopify refuses {what} ({code})"
                raise kind(message, code=code)
    if errors:
        message = f"Shopify refuses {what}"
        raise Rejected(message, code="vendor.refused")
