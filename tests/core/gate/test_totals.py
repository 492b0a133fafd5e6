"""Folding settled uses: what is counted stays what it was, use by use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from nightshift.gate.facts import day_began
from nightshift.gate.totals import fold, reaches
from tests.core.gate.plans import NOW, money, use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightshift.ports.windows import WindowTotal, WindowUse

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"])
USES = st.lists(
    st.builds(
        lambda amount, seconds, state, currency: use(
            money(amount, currency), NOW - timedelta(seconds=seconds), state=state
        ),
        st.integers(0, 10_000),
        st.integers(0, 40 * 86_400),
        st.sampled_from(["done", "done", "reserved"]),
        st.sampled_from(["EUR", "USD"]),
    ),
    max_size=30,
)


def folded(uses: Sequence[WindowUse], moments: Sequence[int]) -> tuple[WindowTotal, ...]:
    """The uses settled one after another, and folded at other moments in between."""
    totals: tuple[WindowTotal, ...] = ()
    for one in sorted(uses, key=lambda each: each.at):
        _, totals = fold([one], totals, one.at)
    for seconds in sorted(moments, reverse=True):
        at = NOW - timedelta(seconds=seconds)
        if all(one.at <= at for one in uses):
            _, totals = fold((), totals, at)
    return fold((), totals, NOW)[1]


def counted(totals: Sequence[WindowTotal], since: datetime, currency: str) -> tuple[int, int]:
    inside = [total for total in totals if reaches(total, since)]
    return sum(t.count for t in inside), sum(t.moved.get(currency, 0) for t in inside)


def naive(uses: Sequence[WindowUse], since: datetime, currency: str) -> tuple[int, int]:
    inside = [one for one in uses if one.state == "done" and one.at >= since]
    amounts = [one.amount.amount for one in inside if one.amount and one.amount.currency == currency]
    return len(inside), sum(amounts)


@given(USES, st.lists(st.integers(0, 40 * 86_400), max_size=5), ZONES, st.sampled_from(["EUR", "USD"]))
def test_today_counts_the_same_in_every_time_zone(
    uses: list[WindowUse], moments: list[int], zone: str, currency: str
):
    done = [one for one in uses if one.state == "done"]
    today = day_began(NOW, zone)
    assert counted(folded(done, moments), today, currency) == naive(done, today, currency)


@given(USES, st.lists(st.integers(0, 40 * 86_400), max_size=5), st.integers(2, 31))
def test_longer_windows_count_never_less_and_more_only_at_their_far_end(
    uses: list[WindowUse], moments: list[int], days: int
):
    done = [one for one in uses if one.state == "done"]
    since = NOW - timedelta(days=days)
    slack = timedelta(seconds=900 if days < 2 else 3600 if days < 8 else 21_600)
    least, most = naive(done, since, "EUR"), naive(done, since - slack, "EUR")
    count, amount = counted(folded(done, moments), since, "EUR")
    assert least[0] <= count <= most[0]
    assert least[1] <= amount <= most[1]


@given(USES)
def test_nothing_is_lost_nothing_is_doubled_and_what_may_yet_happen_is_left_alone(uses: list[WindowUse]):
    left, totals = fold(uses, (), NOW)
    assert left == tuple(one for one in uses if one.state == "reserved")
    assert counted(totals, datetime.min.replace(tzinfo=UTC), "EUR") == naive(
        uses, datetime.min.replace(tzinfo=UTC), "EUR"
    )
    assert fold(left, totals, NOW) == (left, totals)


def test_every_day_that_a_zone_can_have_begins_on_a_quarter_of_an_hour():
    for zone in ("Asia/Kathmandu", "Australia/Eucla", "Pacific/Chatham", "Australia/Lord_Howe"):
        for day in range(0, 366, 7):
            began = day_began(NOW + timedelta(days=day), zone)
            assert began.timestamp() % 900 == 0
            assert began.astimezone(ZoneInfo(zone)).hour in {0, 1}
