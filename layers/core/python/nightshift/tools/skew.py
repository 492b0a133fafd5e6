"""How far a vendor's clock is from ours."""

from email.utils import parsedate_to_datetime

from nightshift.clock import Clock, SystemClock

__all__ = ["skew_seconds"]


def skew_seconds(date: str | None, clock: Clock | None = None) -> float | None:
    """The vendor's clock minus ours, from the `Date` header of an answer just heard; None: it said none."""
    if date is None:
        return None
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    if theirs.tzinfo is None:
        return None
    return (theirs - (clock or SystemClock()).now()).total_seconds()
