"""The sweep: a stored delivery that reached no inbox is sent again, and at last shown to a person."""

from dataclasses import dataclass
from datetime import timedelta

from nightshift.clock import Clock
from nightshift.errors import Retryable
from nightshift.ports.deliveries import Deliveries, Delivery
from nightshift.ports.flow import EventQueue

__all__ = ["Swept", "sweep"]

_OVERDUE = timedelta(seconds=60)
_BATCH = 200
_ATTEMPTS = 8  # with doubling pauses: a little over four hours


@dataclass(frozen=True, kw_only=True)
class Swept:
    """How many deliveries one sweep sent again, could not send, and parked."""

    sent: int = 0
    unsent: int = 0
    parked: int = 0


def sweep(deliveries: Deliveries, queue: EventQueue, clock: Clock) -> Swept:
    """Send again what was due in an inbox a minute ago; park what was sent eight times in vain.

    The queue and the dispatcher drop what did arrive, so that sending again is always safe.
    """
    now = clock.now()
    sent = unsent = parked = 0
    for delivery in deliveries.pending(now - _OVERDUE, _BATCH):
        if delivery.event is None or delivery.attempts >= _ATTEMPTS:
            reason = f"reached no inbox after {delivery.attempts} more tries"
            deliveries.park(delivery.tenant, delivery.channel, delivery.delivery, reason=reason)
            parked += 1
        elif _sent(delivery, queue):
            sent += 1
            deliveries.postpone(delivery, now + _OVERDUE * (2**delivery.attempts - 1))
        else:
            unsent += 1
    return Swept(sent=sent, unsent=unsent, parked=parked)


def _sent(delivery: Delivery, queue: EventQueue) -> bool:
    if delivery.event is None:
        return False
    try:
        queue.send(delivery.event)
    except Retryable:
        return False
    return True
