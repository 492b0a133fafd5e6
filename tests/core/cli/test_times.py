from datetime import UTC, datetime, timedelta

import pytest

from nightshift.cli.times import ago, lasted, span

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=119), "1 h"),
        (timedelta(days=2, hours=5), "2 d"),
    ],
)
def test_a_length_is_said_in_its_largest_unit(duration: timedelta, text: str):
    assert lasted(duration) == text


def test_an_instant_is_said_relative_and_in_utc():
    assert ago(NOON - timedelta(minutes=3), NOON) == "3 min ago (2026-11-21 11:57:00 UTC)"
    assert ago(NOON + timedelta(hours=2), NOON) == "in 2 h (2026-11-21 14:00:00 UTC)"


def test_a_span_counts_from_the_start():
    assert span(NOON, NOON + timedelta(milliseconds=1200)) == "+1.20 s"
    assert span(NOON, NOON + timedelta(minutes=5)) == "+5 min"
