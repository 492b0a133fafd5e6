"""The times of a schedule: wall clocks, hours that do not exist and hours that come twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import BadInput
from nightshift.model.workflow import Schedule
from nightshift.workflows.times import check, following, missed
from tests.support.workshop import utc

BERLIN = "Europe/Berlin"


def times(cron: str, after: str, number: int, zone: str = "UTC") -> list[str]:
    schedule, at, found = Schedule(cron=cron, timezone=zone), utc(after), []
    for _ in range(number):
        at = following(schedule, at)
        found.append(at.strftime("%m-%dT%H:%M"))
    return found


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 9 * * *", "2026-11-21T08:59", ["11-21T09:00", "11-22T09:00"]),
        ("0 9 * * *", "2026-11-21T09:00", ["11-22T09:00", "11-23T09:00"]),
        ("*/20 * * * *", "2026-11-21T08:59", ["11-21T09:00", "11-21T09:20"]),
        ("30 2 * * mon-fri", "2026-11-20T12:00", ["11-23T02:30", "11-24T02:30"]),
        ("0 0 1 * sun", "2026-11-20T12:00", ["11-22T00:00", "11-29T00:00"]),
        ("0 0 29 feb *", "2026-11-20T12:00", ["02-29T00:00", "02-29T00:00"]),
        ("5,10-14/2 8 31 * *", "2026-11-20T12:00", ["12-31T08:05", "12-31T08:10"]),
        ("0 12 * * 7", "2026-11-20T12:00", ["11-22T12:00", "11-29T12:00"]),
        ("0 10/6 * * *", "2026-11-20T09:00", ["11-20T10:00", "11-20T16:00"]),
    ],
)
def test_a_cron_has_the_times_that_it_says(cron: str, after: str, expected: list[str]):
    assert times(cron, after, len(expected)) == expected


def test_a_wall_clock_keeps_its_hour_when_clocks_change():
    assert times("0 9 * * *", "2026-03-28T00:00", 3, BERLIN) == ["03-28T08:00", "03-29T07:00", "03-30T07:00"]


def test_a_time_that_does_not_exist_comes_at_the_first_minute_that_does():
    assert times("30 2 * * *", "2026-03-28T12:00", 2, BERLIN) == ["03-29T01:00", "03-30T00:30"]


def test_several_times_that_do_not_exist_are_one():
    assert times("*/15 2,3 * * *", "2026-03-29T00:00", 5, BERLIN) == [
        "03-29T01:00", "03-29T01:15", "03-29T01:30", "03-29T01:45", "03-30T00:00",
    ]  # fmt: skip


def test_a_time_that_comes_twice_counts_once_the_first_time():
    assert times("30 2 * * *", "2026-10-24T12:00", 2, BERLIN) == ["10-25T00:30", "10-26T01:30"]


def test_what_runs_every_hour_goes_by_hours_that_pass():
    assert times("30 * * * *", "2026-10-24T23:00", 4, BERLIN) == [
        "10-24T23:30", "10-25T00:30", "10-25T01:30", "10-25T02:30",
    ]  # fmt: skip
    assert times("30 * * * *", "2026-03-29T00:00", 3, BERLIN) == ["03-29T00:30", "03-29T01:30", "03-29T02:30"]


def test_a_rate_counts_from_midnight():
    schedule = Schedule(rate="6 hours")
    assert following(schedule, utc("2026-11-21T07:00")) == utc("2026-11-21T12:00")
    assert following(schedule, utc("2026-11-21T12:00")) == utc("2026-11-21T18:00")


@pytest.mark.parametrize(
    ("cron", "problem"),
    [
        ("0 9 * *", "4 fields"),
        ("60 9 * * *", "not between 0 and 59"),
        ("0 9 0 * *", "not between 1 and 31"),
        ("0 9 31 feb *", "no month"),
        ("0 9 * * xyz", "not between 0 and 7"),
        ("0 17-9 * * *", "names nothing"),
        ("*/0 9 * * *", "names nothing"),
        ("0 9 * * *;rm", "cannot be read"),
        ("0 9 ? * *", "cannot be read"),
    ],
)
def test_a_cron_that_cannot_be_meant_is_refused_with_a_word(cron: str, problem: str):
    with pytest.raises(BadInput, match=problem) as caught:
        check(Schedule(cron=cron))
    assert caught.value.field == "trigger.cron"


@pytest.mark.parametrize("zone", ["Mars/Base", "", "../etc/passwd", "Europe"])
def test_a_time_zone_that_is_none_is_refused(zone: str):
    with pytest.raises(BadInput) as caught:
        check(Schedule(cron="0 9 * * *", timezone=zone))
    assert caught.value.field == "trigger.timezone"


def days(catch_up: str, since: str, now: str) -> list[str]:
    schedule = Schedule.model_validate({"cron": "0 9 * * *", "catch_up": catch_up})
    return [at.strftime("%m-%d") for at in missed(schedule, utc(since), utc(now), most=20)]


def test_what_was_missed_is_caught_up_as_the_schedule_says():
    gone = ("2026-11-18T09:00", "2026-11-21T11:00")
    assert days("all", *gone) == ["11-18", "11-19", "11-20", "11-21"]
    assert days("once", *gone) == ["11-21"]
    assert days("skip", *gone) == []
    assert days("skip", "2026-11-18T09:00", "2026-11-21T09:02") == ["11-21"]


@pytest.mark.parametrize("catch_up", ["all", "once", "skip"])
def test_on_time_every_schedule_runs_once(catch_up: str):
    assert days(catch_up, "2026-11-21T09:00", "2026-11-21T09:00") == ["11-21"]


def test_one_time_after_years_is_found_quickly():
    minutely = Schedule(cron="* * * * *", catch_up="once")
    assert missed(minutely, utc("2020-01-01T00:00"), utc("2026-11-21T09:00"), most=20) == (
        utc("2026-11-21T09:00"),
    )
    yearly = Schedule(cron="0 0 1 jan *", catch_up="once")
    assert missed(yearly, utc("2020-01-01T00:00"), utc("2026-11-21T09:00"), most=20) == (
        utc("2026-01-01T00:00"),
    )


@given(
    cron=st.sampled_from(["30 2 * * *", "*/15 * * * *", "0 1-4 * * *", "59 23 28-31 * mon", "0 0 1 1 *"]),
    zone=st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo"]),
    after=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 # made aware below
)
def test_times_rise_and_are_never_before_what_they_follow(cron: str, zone: str, after: datetime):
    schedule, at = Schedule(cron=cron, timezone=zone), after.replace(tzinfo=UTC)
    found = [at]
    for _ in range(6):
        found.append(following(schedule, found[-1]))
    assert all(earlier < later for earlier, later in pairwise(found))


@given(day=st.dates(datetime(2020, 1, 1).date(), datetime(2035, 1, 1).date()))  # noqa: DTZ001 # a date
def test_a_daily_time_comes_once_on_every_day_of_the_wall(day: object):
    start = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
    schedule = Schedule(cron="30 2 * * *", timezone=BERLIN, catch_up="all")
    found = missed(schedule, start, start + timedelta(days=10, hours=12), most=20)
    walls = [at.astimezone(ZoneInfo(BERLIN)).date() for at in found]
    assert len(set(walls)) == len(walls) >= 10
