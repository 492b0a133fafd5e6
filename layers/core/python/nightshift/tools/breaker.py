"""The arithmetic of a breaker: which troubles open it, and for how long it stays open.

Only the vendor's trouble counts. A refusal for a reason of business, bad credentials of ours and a
vendor that asks us to slow down are answers, and answers close a breaker that was open.
"""

from nightshift.model.lane import Breaker

__all__ = ["LONGEST_OPEN", "TROUBLES", "Breaker", "open_for", "opens"]

LONGEST_OPEN = 900.0  # seconds
TROUBLES = frozenset({"vendor.trouble", "vendor.timeout", "vendor.dropped", "vendor.unreached"})
"""The codes of wire errors that say that the vendor is in trouble."""


def opens(breaker: Breaker, *, troubles: int, calls: int) -> bool:
    """Whether so many troubled calls among all calls of the present window open it."""
    return troubles >= breaker.failures and troubles >= breaker.share * max(calls, troubles)


def open_for(breaker: Breaker, times: int) -> float:
    """Seconds it stays open when it opens for the `times`-th time in a row, counted from one."""
    doublings = min(max(times, 1) - 1, 20)
    return float(min(breaker.open_seconds * 2**doublings, max(LONGEST_OPEN, breaker.open_seconds)))
