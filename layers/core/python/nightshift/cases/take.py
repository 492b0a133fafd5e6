"""One message of the event queue: dispatched, or parked when it never can be."""

from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from nightshift.cases.dispatch import Desk, dispatch
from nightshift.errors import BadInput, NotFound
from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Noun
from nightshift.model.event import Event
from nightshift.ports.deliveries import Deliveries

__all__ = ["Message", "Origin", "Taken", "take"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The delivery a message carries, as the queue's own attributes name it."""

    tenant: TenantId
    channel: ChannelId
    delivery: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of the event queue; `origin` is absent when it does not say where it is from."""

    id: str
    body: str
    origin: Origin | None


class Taken(Noun):
    """What became of a message, in words for an operator's log: ids and reasons only."""

    outcome: Literal["accepted", "repeated", "noted", "parked"]
    event: str = ""
    case: str = ""
    reason: str = ""


def take(message: Message, desk: Desk, deliveries: Deliveries) -> Taken:
    """Dispatch a message; one that can never be dispatched is parked and blocks nothing.

    Raises:
        Conflict: others were faster every time; the queue brings it again.
    """
    try:
        event = Event.model_validate_json(message.body)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        return _parked(message, message.origin, f"{where}: {first['type']}", deliveries)
    origin = Origin(tenant=event.tenant, channel=event.channel, delivery=event.delivery)
    try:
        accepted = dispatch(event, desk)
    except (BadInput, NotFound) as exc:
        return _parked(message, origin, str(exc), deliveries)
    outcome: Literal["accepted", "repeated", "noted"] = "accepted" if accepted.case else "noted"
    if accepted.repeated:
        outcome = "repeated"
    return Taken(outcome=outcome, event=event.id, case=accepted.case or "")


def _parked(message: Message, origin: Origin | None, reason: str, deliveries: Deliveries) -> Taken:
    if origin is None:
        deliveries.park_stray(message.id, message.body, reason)
    else:
        deliveries.park(origin.tenant, origin.channel, origin.delivery, reason=reason)
    return Taken(outcome="parked", reason=reason)
