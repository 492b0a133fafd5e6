"""What playbooks may look at: the context package as plain facts.

Every guard and every computed value of a playbook sees exactly this. Customer text is not among the
facts; what rules read out of it is (`claim`, `address`, `photos`), and `address` is tainted.
"""

import re
from datetime import datetime, timedelta
from typing import cast

from pydantic import JsonValue

from nightshift.model.case import ContextPackage, Episode
from nightshift.model.event import Event, MessageDetail, ReturnDetail
from nightshift.model.order import FulfilmentState, Order
from nightshift.model.payment import Payment
from nightshift.model.tenant import Tenant
from nightshift.planner.address import parse_address
from nightshift.planner.matter import Claimed, claimed, duplicate_charge, returned

__all__ = ["FactValues", "facts_of"]

FactValues = dict[str, JsonValue]

_LANGUAGE = re.compile(r"^[a-z]{2}$")
_RECENT = timedelta(days=30)


def _messages(events: tuple[Event, ...]) -> tuple[MessageDetail, ...]:
    return tuple(e.detail for e in events if isinstance(e.detail, MessageDetail))


def _latest(events: tuple[Event, ...]) -> tuple[Event, MessageDetail] | None:
    """The last message with its event, which says over which channel it came."""
    found = [(e, e.detail) for e in events if isinstance(e.detail, MessageDetail)]
    return found[-1] if found else None


def _answering(package: ContextPackage, tenant: Tenant, recipient: str) -> FactValues:
    """How the customer is answered: a mail over the channel it came by, and only to the address on record."""
    latest = _latest(package.events)
    by_mail = latest is not None and latest[1].medium == "mail"
    may_answer = latest is not None and tenant.reply_channel is not None and bool(recipient or not by_mail)
    return {
        "conversation": latest[1].conversation if latest and may_answer else "",
        "recipient": recipient,
        "in_reply_to": latest[1].message_id if latest else "",
        "channels": {
            "order": package.order_channel or "",
            "payment": package.payment_channel or "",
            "reply": latest[0].channel if latest and by_mail else tenant.reply_channel or "",
        },
    }


def _recipient(package: ContextPackage) -> str:
    """The address on record: the order's customer's, or the one a payment's receipt went to."""
    customer = package.order.customer if package.order else None
    on_record = customer.email if customer else package.payment.email if package.payment else None
    return on_record or ""


def _photos(messages: tuple[MessageDetail, ...]) -> int:
    attached = [a for m in messages for a in m.attachments]
    return sum(a.media_type.casefold().startswith("image/") for a in attached)


def _language(messages: tuple[MessageDetail, ...], order: Order | None) -> str:
    customer = order.customer if order else None
    wanted = messages[-1].locale if messages else customer.locale if customer else "en"
    language = wanted[:2].casefold()
    return language if _LANGUAGE.match(language) else "en"


def _lines(claim: Claimed) -> FactValues:
    return {
        "lines": [{"line": line.id, "quantity": quantity} for line, quantity in claim.lines],
        "count": len(claim.lines),
        "amount": claim.total.amount,
        "currency": claim.total.currency,
        "mentioned": claim.mentioned,
        "known": claim.known,
    }


def _order(order: Order) -> FactValues:
    plain = cast("FactValues", order.model_dump(mode="json"))
    double = duplicate_charge(order)
    shipment = order.fulfilments[-1] if order.fulfilments else None
    plain["currency"] = order.total.currency
    plain["refundable"] = max(0, order.captured.amount - order.refunded.amount)
    plain["cancelled"] = order.cancelled_at is not None
    plain["unshipped"] = order.fulfilment is FulfilmentState.UNFULFILLED and order.cancelled_at is None
    plain["duplicate_charge"] = double.id if double else ""
    plain["duplicate_amount"] = double.amount.amount if double else 0
    plain["carrier"] = shipment.carrier if shipment else ""
    plain["tracking_number"] = shipment.tracking_number if shipment else ""
    plain["tracking_url"] = shipment.tracking_url if shipment else ""
    return plain


def _payment(payment: Payment) -> FactValues:
    plain = cast("FactValues", payment.model_dump(mode="json"))
    plain["currency"] = payment.captured.currency
    plain["disputed"] = bool(payment.disputes)
    plain["standalone"] = payment.owned == ""
    return plain


def _event(event: Event) -> FactValues:
    messages = _messages((event,))
    return {
        "kind": event.kind.value,
        "type": event.detail.type,
        "attachments": sum(len(m.attachments) for m in messages),
        "photos": _photos(messages),
        "reasons": _reasons(event.detail) if isinstance(event.detail, ReturnDetail) else [],
    }


def _reasons(request: ReturnDetail) -> list[JsonValue]:
    return [line.reason.upper() for line in request.lines]


def _episodes(episodes: tuple[Episode, ...], at: datetime) -> FactValues:
    refunds = [e for e in episodes if e.refunded is not None and e.closed_at >= at - _RECENT]
    return {"count": len(episodes), "refunds_30_days": len(refunds)}


def _matter(order: Order | None, events: tuple[Event, ...]) -> FactValues:
    """`claim` from messages, `returned` from the latest return request; null where there is none."""
    if order is None:
        return {"claim": None, "returned": None}
    requests = [e.detail for e in events if isinstance(e.detail, ReturnDetail)]
    latest = requests[-1] if requests else None
    return {
        "claim": _lines(claimed(order, _messages(events))),
        "returned": {**_lines(returned(order, latest)), "reasons": _reasons(latest)} if latest else None,
    }


def facts_of(package: ContextPackage, tenant: Tenant, at: datetime) -> FactValues:
    """The facts of one wake of a case, at one instant. JSON data only."""
    messages = _messages(package.events)
    news = package.events[package.known_seq :]
    order, latest = package.order, messages[-1] if messages else None
    customer = order.customer if order else None
    address = parse_address(latest.text) if latest else None
    return {
        "event": _event(package.events[-1]) if package.events else None,
        "news": {
            "events": len(news),
            "messages": len(_messages(news)),
            "photos": _photos(_messages(news)),
        },
        "order": _order(order) if order else None,
        "payment": _payment(package.payment) if package.payment else None,
        "customer": cast("JsonValue", customer.model_dump(mode="json")) if customer else None,
        **_matter(order, package.events),
        "intent": package.intents[0].name if package.intents else "",
        "woken": package.woken,
        "moves": list(package.moves),
        "messages": len(messages),
        "photos": _photos(messages),
        "sender_trusted": package.sender_trusted,
        "episodes": _episodes(package.episodes, at),
        "locale": _language(messages, order),
        "address": cast("JsonValue", address.model_dump(mode="json")) if address else None,
        **_answering(package, tenant, _recipient(package)),
    }
