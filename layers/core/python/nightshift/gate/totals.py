"""Settled uses, folded into totals, so that a counter stays small however much a store refunds.

A total covers a quarter of an hour; older ones are folded further, into hours and then quarters of a
day. Every time zone's day begins on a quarter of an hour, so that the window "today" counts the same as
use by use. A longer window counts a total that it touches as a whole: never less than use by use, and
more only by what lies within one total at its far end.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from nightshift.ports.windows import WindowTotal, WindowUse

__all__ = ["fold", "reaches"]

_QUARTER, _HOUR, _SHIFT = 900, 3600, 21_600
_FINE_FOR = timedelta(days=2)  # longer than any day of any time zone
_HOURS_FOR = timedelta(days=8)


def fold(
    uses: Iterable[WindowUse], totals: Iterable[WindowTotal], now: datetime
) -> tuple[tuple[WindowUse, ...], tuple[WindowTotal, ...]]:
    """The uses that may yet happen, and totals of all that did; the same again changes nothing."""
    open_uses = []
    counts: defaultdict[tuple[int, int], int] = defaultdict(int)
    moved: defaultdict[tuple[int, int], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for total in totals:
        place = _place(total.begins, now, at_least=total.seconds)
        counts[place] += total.count
        for currency, amount in total.moved.items():
            moved[place][currency] += amount
    for use in uses:
        if use.state != "done":
            open_uses.append(use)
            continue
        place = _place(use.at, now, at_least=_QUARTER)
        counts[place] += 1
        if use.amount is not None:
            moved[place][use.amount.currency] += use.amount.amount
    folded = tuple(
        WindowTotal(
            begins=datetime.fromtimestamp(begins, UTC),
            seconds=seconds,
            count=counts[begins, seconds],
            moved=dict(moved[begins, seconds]),
        )
        for begins, seconds in sorted(counts)
    )
    return tuple(open_uses), folded


def reaches(total: WindowTotal, since: datetime) -> bool:
    """Whether a window that begins at `since` touches a total."""
    return total.begins + timedelta(seconds=total.seconds) > since


def _place(at: datetime, now: datetime, *, at_least: int) -> tuple[int, int]:
    """Where a moment is folded to: the beginning of its stretch (epoch seconds), and how long that is.

    A longer stretch is taken only when all of it is old enough, so that folding again changes nothing.
    """
    moment = int(at.timestamp())
    for seconds, after in ((_SHIFT, _HOURS_FOR), (_HOUR, _FINE_FOR)):
        begins = moment // seconds * seconds
        if at_least <= seconds and (at_least == seconds or begins + seconds <= (now - after).timestamp()):
            return begins, seconds
    return moment // _QUARTER * _QUARTER, _QUARTER
