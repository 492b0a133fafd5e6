"""Instants as people read them: how long ago, and the instant itself in UTC."""

from datetime import UTC, datetime, timedelta

__all__ = ["ago", "clock_time", "lasted", "span"]

_STEPS = (("d", 86_400), ("h", 3_600), ("min", 60))


def lasted(duration: timedelta) -> str:
    """A length of time in its largest unit: `3 min`, `2 d`; below a minute in seconds."""
    seconds = abs(duration.total_seconds())
    for unit, size in _STEPS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def ago(at: datetime, now: datetime) -> str:
    """`3 min ago (2026-11-21 09:00:12 UTC)`, or `in 2 h (…)`."""
    relative = f"in {lasted(at - now)}" if at > now else f"{lasted(now - at)} ago"
    return f"{relative} ({at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"


def clock_time(at: datetime) -> str:
    """The time of day in UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def span(start: datetime, at: datetime) -> str:
    """How long after the start: `+1.20 s`, `+3 min`."""
    seconds = (at - start).total_seconds()
    return f"+{seconds:.2f} s" if seconds < 60 else f"+{lasted(at - start)}"  # noqa: PLR2004  # a minute
