"""The tenant's work at a glance."""

from collections import Counter
from itertools import islice
from typing import Final

from nightshift.api.desk import Desk
from nightshift.api.reads import newest_cases
from nightshift.identity.caller import Caller
from nightshift.model.case import CaseStatus
from nightshift.model.repair import LaneLine, Status

__all__ = ["see_status"]

READ_CONFIG: Final = "config:read"
_LOOKED_THROUGH: Final = 1000
_MOST_UNSETTLED: Final = 200


def see_status(desk: Desk, caller: Caller) -> Status:
    """Cases by status, the oldest open one, what waits, queues, breakers, whether it is halted.

    Raises:
        NotPermitted: the caller may not read the configuration.
    """
    caller.must(READ_CONFIG)
    tenant = caller.tenant
    newest = list(islice(newest_cases(desk, tenant), _LOOKED_THROUGH))
    counts = Counter(case.status for case in newest)
    alive = [case.opened_at for case in newest if case.status is not CaseStatus.CLOSED]
    channels = [channel.id for channel in desk.config.channels(tenant)]
    unsettled, _ = desk.ledger.unknown(tenant, _MOST_UNSETTLED)
    now = desk.clock.now()
    return Status(
        tenant=tenant,
        halted=desk.config.tenant(tenant).halted,
        cases={status.value: counts[status] for status in CaseStatus},
        looked_at=len(newest),
        complete=len(newest) < _LOOKED_THROUGH,
        oldest_open=min(alive, default=None),
        waiting_approvals=len(desk.approvals.waiting(tenant)),
        unsettled=sum(effect.for_a_person(now) for effect in unsettled),
        parked=len(desk.deliveries.parked(tenant)),
        queues=desk.health.queues(),
        lanes=tuple(
            LaneLine(channel=lane.channel, breaker=lane.breaker, stopped=lane.stopped)
            for lane in (desk.limits.states(tenant, channels) if channels else ())
        ),
    )
