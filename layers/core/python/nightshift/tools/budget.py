"""The arithmetic of a rate budget: one number says it all, the moment when it is whole again.

A bucket of `burst` units that fills at a steady rate is as empty as that moment lies ahead. Taking from
it moves the moment on; one conditional write does that for all Lambdas at once.
"""

from nightshift.model.lane import Budget
from nightshift.ports.limits import Admitted
from nightshift.tools.heard import Heard

__all__ = [
    "LONGEST_WAIT",
    "Budget",
    "absurd",
    "charge",
    "corrected",
    "latest",
    "left",
    "owed",
    "whole_after_wait",
]

LONGEST_WAIT = 3600.0  # seconds; a vendor that asks for more is asked again after it
_MATTERS = 0.25  # of the burst: a smaller difference is not worth a write


def _span(budget: Budget) -> float:
    """Seconds from empty to full; the same at every rate, because plans scale both."""
    return budget.burst / budget.per_second


def charge(budget: Budget, rate: float, cost: float) -> float:
    """Seconds by which a call moves the moment; one that costs more than the bucket holds takes all of it."""
    return min(max(cost, 0.0) / rate, _span(budget))


def latest(budget: Budget, rate: float, cost: float, now: float) -> float:
    """The latest moment of being whole at which a call of this cost still fits."""
    return now + _span(budget) - charge(budget, rate, cost)


def left(budget: Budget, rate: float, full_at: float, now: float) -> float:
    """Units left, never below zero."""
    return max(0.0, (_span(budget) - max(0.0, full_at - now)) * rate)


def absurd(budget: Budget, now: float) -> float:
    """From here on a moment can only come from a clock that was wrong, and is not believed."""
    return now + _span(budget) + LONGEST_WAIT + 60.0


def whole_after_wait(budget: Budget, rate: float, wait: float, now: float) -> float:
    """The moment at which nothing fits for `wait` seconds and one unit does then."""
    return now + min(wait, LONGEST_WAIT) + _span(budget) - min(1.0 / rate, _span(budget))


def owed(budget: Budget, cost: float, requests: int, heard: Heard) -> float:
    """Units that a call took beyond its cost; the next one of this process pays them.

    Nothing where the vendor itself says what is left, or counts points that we cannot.
    """
    if budget.unit != "requests" or heard.left is not None:
        return 0.0
    return max(0.0, requests - cost)


def corrected(budget: Budget, admitted: Admitted, heard: Heard, now: float) -> tuple[float, bool] | None:
    """What the vendor makes of the moment, and whether that is earlier than ours; None: not worth a write."""
    if heard.left is None:
        return None
    rate = heard.per_second or admitted.per_second
    theirs = now + _span(budget) - min(heard.left, budget.burst * rate / budget.per_second) / rate
    apart = theirs - max(admitted.full_at, now)
    if abs(apart) < _MATTERS * _span(budget):
        return None
    return theirs, apart < 0
