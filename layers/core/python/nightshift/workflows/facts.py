"""An event as workflows see it: ids, amounts and times; never what a customer wrote or who it was."""

from typing import Final

from pydantic import JsonValue

from nightshift.model.event import (
    Event,
    EventKind,
    MessageDetail,
    OrderDetail,
    PaymentDetail,
    PriceDetail,
    ReturnDetail,
)

__all__ = ["facts_of", "is_structured"]

_SHOWN: Final[dict[type, frozenset[str]]] = {
    MessageDetail: frozenset({"order_name", "payment_name", "verified_sender", "medium", "locale"}),
    OrderDetail: frozenset({"order_ref", "order_name", "total", "currency", "first_order"}),
    PaymentDetail: frozenset({"payment_ref", "due_at"}),
    ReturnDetail: frozenset({"return_ref", "order_ref"}),
    PriceDetail: frozenset({"sku", "rival", "before", "after", "drop_percent", "seen_at"}),
}


def facts_of(event: Event) -> dict[str, JsonValue]:
    """What `event` is in conditions and plans; a plan reads the rest with read tools."""
    shown = _SHOWN.get(type(event.detail), frozenset())
    detail = event.detail.model_dump(mode="json", include=set(shown))
    return {
        **detail,
        "id": event.id,
        "kind": event.kind.value,
        "channel": event.channel,
        "subject": {"kind": event.subject.kind.value, "ref": event.subject.ref},
        "received_at": event.received_at.isoformat(),
    }


def is_structured(event: Event) -> bool:
    """Whether its values are a signed feed's numbers, and so not tainted."""
    return event.kind is EventKind.COMPETITOR_PRICE_CHANGED
