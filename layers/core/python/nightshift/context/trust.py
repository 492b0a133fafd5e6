"""Whether what was written comes from the order's, or the payment's, own customer."""

from nightshift.model.event import Event, MessageDetail
from nightshift.model.order import Order
from nightshift.model.payment import Payment

__all__ = ["sender_trusted"]


def _same_address(one: str, other: str) -> bool:
    # bytes.lower() folds ASCII only: no two addresses become one by Unicode's foldings.
    return one.strip().encode().lower() == other.strip().encode().lower()


def sender_trusted(events: tuple[Event, ...], order: Order | None, payment: Payment | None = None) -> bool:
    """Whether every message of a case was vouched for and sent from the address on record.

    That is the order's customer's, or the one a payment's receipt went to.

    One message that was not makes the whole case untrusted. A case without messages was told by the
    store itself, whose word is checked by reading the order again.
    """
    messages = [event.detail for event in events if isinstance(event.detail, MessageDetail)]
    if not messages:
        return True
    email = payment.email if payment is not None else None
    if order is not None:
        email = order.customer.email if order.customer is not None else None
    if not email:
        return False
    return all(m.verified_sender and _same_address(m.sender, email) for m in messages)
