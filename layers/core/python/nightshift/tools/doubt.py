"""After a restore, an effect may have happened in a wake that the records lost, under that wake's key."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from nightshift.ids import IdempotencyKey, RunId, idempotency_key, run_id
from nightshift.tools.binding import Call, Done, Found
from nightshift.tools.door import Door, Ready

__all__ = ["Probe", "keys_of_lost_wakes", "with_key"]

_NEAR = 3  # wakes: events that are taken in again may fall into fewer wakes, or more, than the first time

Probe = Callable[[Call[Any]], Done | Found]


def keys_of_lost_wakes(door: Door, ready: Ready) -> Iterator[IdempotencyKey]:
    """The keys that this step had if a wake near this one made it, and our ledger does not know."""
    case, step, occurrence = ready.proposal.case, ready.step.id, ready.given.occurrence
    if case is None:
        return
    here = ready.proposal.wake
    for wake in range(max(1, here - _NEAR), here + _NEAR + 1):
        run: RunId = run_id(case, wake)
        known = wake == here or door.ledger.find(run, step, occurrence) is not None
        if not known:
            yield idempotency_key(run, step, occurrence)


def with_key(probe: Probe, key: IdempotencyKey) -> Probe:
    """The same probe, asking for another key."""
    return lambda call: probe(replace(call, key=key))
