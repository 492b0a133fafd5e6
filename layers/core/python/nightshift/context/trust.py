"""Whether what was written comes from the order's own customer."""

from nightshift.model.event import Event, MessageDetail
from nightshift.model.order import Order

__all__ = ["sender_trusted"]


def _same_address(one: str, other: str) -> bool:
    # bytes.lower() folds ASCII only: no two addresses become one by Unicode's foldings.
    return one.strip().encode().lower() == other.strip().encode().lower()


def sender_trusted(events: tuple[Event, ...], order: Order | None) -> bool:
    """Whether every message of a case was vouched for and sent from the address on the order.

    One message that was not makes the whole case untrusted. A case without messages was told by the
    store itself, whose word is checked by reading the order again.
    """
    messages = [event.detail for event in events if isinstance(event.detail, MessageDetail)]
    if not messages:
        return True
    email = order.customer.email if order is not None and order.customer is not None else None
    if not email:
        return False
    return all(m.verified_sender and _same_address(m.sender, email) for m in messages)
