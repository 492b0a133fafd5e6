"""The times of a schedule, in the wall clock of its time zone.

Five fields as in cron: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday); `*`,
`*/n`, `a-b`, `a-b/n`, lists, and the English names of months and weekdays. Where both days are given,
either will do.

When clocks go forward, a time that does not exist comes at the first minute that does; when they go back, a
time that comes twice counts once, the first time. A cron of every hour goes by hours that pass instead: it
skips none that exist and runs in both that are alike.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nightshift.errors import BadInput
from nightshift.model.workflow import Schedule

__all__ = ["check", "following", "missed"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"minute": 60, "hour": 3_600, "day": 86_400}
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_PART = re.compile(r"(?P<from>\*|[0-9a-z]+)(-(?P<to>[0-9a-z]+))?(/(?P<step>[0-9]{1,2}))?")
_DAYS_AHEAD = 8 * 366 + 1  # 29 February comes after eight years at most
_A_DAY = 24 * 60  # minutes; no gap of any zone is longer
_ON_TIME = timedelta(minutes=5)
_BACK = (timedelta(hours=2), timedelta(days=2), timedelta(days=70), timedelta(days=800))
_FIELDS = 5


@dataclass(frozen=True)
class _Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def of_day(self, day: date) -> bool:
        """Whether it has times on a day."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.either_day else in_month and in_week


def _bad(problem: str) -> BadInput:
    return BadInput("trigger.cron", problem, "Write five fields, e.g. `30 2 * * mon-fri` for 02:30.")


def _number(given: str, names: dict[str, int], least: int, most: int) -> int:
    value = names.get(given[:3], -1) if given.isalpha() else int(given) if given.isdecimal() else -1
    if not least <= value <= most:
        raise _bad(f"{given!r} is not between {least} and {most}")
    return value


def _field(text: str, least: int, most: int, names: dict[str, int] | None = None) -> frozenset[int]:
    values: set[int] = set()
    for part in text.lower().split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise _bad(f"{part!r} cannot be read")
        step = int(found["step"] or 1)
        if found["from"] == "*" and found["to"] is None:
            first, last = least, most
        else:
            first = _number(found["from"], names or {}, least, most)
            alone = most if found["step"] else first
            last = _number(found["to"], names or {}, least, most) if found["to"] else alone
        if step == 0 or last < first:
            raise _bad(f"{part!r} names nothing")
        values.update(range(first, last + 1, step))
    return frozenset(values)


@lru_cache(maxsize=256)
def _cron(text: str) -> _Cron:
    fields = text.split()
    if len(fields) != _FIELDS:
        raise _bad(f"it has {len(fields)} fields")
    minutes, hours, days, months, weekdays = fields
    cron = _Cron(
        minutes=_field(minutes, 0, 59),
        hours=_field(hours, 0, 23),
        days=_field(days, 1, 31),
        months=_field(months, 1, 12, _MONTHS),
        weekdays=frozenset(day % 7 for day in _field(weekdays, 0, 7, _WEEKDAYS)),
        either_day="*" not in (days[0], weekdays[0]),
    )
    if not cron.either_day and not any(
        day <= calendar.monthrange(2024, month)[1] for day in cron.days for month in cron.months
    ):
        raise _bad("no month has such a day")
    return cron


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        fix = "Name one of the IANA time zones, e.g. Europe/Berlin."
        raise BadInput("trigger.timezone", f"there is no time zone {name!r}", fix) from exc


def check(schedule: Schedule) -> None:
    """See that a schedule has times.

    Raises:
        BadInput: it cannot be read, has none, or its time zone is unknown.
    """
    _zone(schedule.timezone)
    if schedule.cron is not None:
        _cron(schedule.cron)


def following(schedule: Schedule, after: datetime) -> datetime:
    """The first time of a schedule after an instant, UTC."""
    return next(_times(schedule, after))


def missed(schedule: Schedule, since: datetime, now: datetime, *, most: int) -> tuple[datetime, ...]:
    """Which times from `since` to `now` (both included) are to run, the earliest first, by its catch-up.

    `since` is the first time that has not begun yet. All: the earliest `most`; the rest is asked for again.
    """
    match schedule.catch_up:
        case "all":
            return _within(schedule, since, now, most=most)
        case "once":
            return _latest(schedule, since, now)
        case "skip":
            return _latest(schedule, max(since, now - _ON_TIME), now)


def _within(schedule: Schedule, since: datetime, now: datetime, *, most: int) -> tuple[datetime, ...]:
    found: list[datetime] = []
    for at in _times(schedule, since - timedelta(seconds=1)):
        if at > now or len(found) == most:
            break
        found.append(at)
    return tuple(found)


def _latest(schedule: Schedule, since: datetime, now: datetime) -> tuple[datetime, ...]:
    """The latest time, looked for further and further back, so that a long pause costs little."""
    for back in (*_BACK, now - since):
        found = _within(schedule, max(since, now - back), now, most=_A_DAY * _DAYS_AHEAD)
        if found:
            return found[-1:]
    return ()


def _times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    if schedule.cron is not None:
        yield from _by_cron(_cron(schedule.cron), _zone(schedule.timezone), after)
        return
    number, unit = (schedule.rate or "").split()
    step = int(number) * _UNITS[unit.removesuffix("s")]
    passed = int((after - _EPOCH).total_seconds() // step)
    while True:
        passed += 1
        yield _EPOCH + timedelta(seconds=passed * step)


def _by_cron(cron: _Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    first = after.astimezone(zone).date() - timedelta(days=1)
    last = after
    for ahead in range(_DAYS_AHEAD):
        day = first + timedelta(days=ahead)
        if cron.of_day(day):
            for at in _of_day(cron, zone, day):
                if at > last:
                    last = at
                    yield at


def _of_day(cron: _Cron, zone: ZoneInfo, day: date) -> list[datetime]:
    hourly = len(cron.hours) == 24  # noqa: PLR2004 # hours of a day
    walls = (time(hour, minute) for hour in cron.hours for minute in cron.minutes)
    return sorted(
        {at for wall in walls for at in _instants(datetime.combine(day, wall), zone, hourly=hourly)}
    )


def _instants(wall: datetime, zone: ZoneInfo, *, hourly: bool) -> Iterator[datetime]:
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    exists = first.astimezone(zone).replace(tzinfo=None) == wall
    if exists:
        yield first
        if hourly:
            yield second
    elif not hourly:
        yield _after_the_gap(wall, zone)


def _after_the_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    for minutes in range(1, _A_DAY + 1):
        later = wall + timedelta(minutes=minutes)
        at = later.replace(tzinfo=zone).astimezone(UTC)
        if at.astimezone(zone).replace(tzinfo=None) == later:
            return at
    message = f"no zone's gap is longer than a day: {zone.key}"
    raise AssertionError(message)
