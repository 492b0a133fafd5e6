"""Episodes: kept once per case, recalled for one customer of one tenant, newest first, until they expire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.memory import DynamoEpisodes
from nightshift.ids import CaseId, RunId, TenantId
from nightshift.memory.episode import episode_of, refunded_in
from nightshift.model.case import Episode, RunOutcome
from nightshift.money import Money
from tests.support.matters import ACME, AT, CUSTOMER, case, euro, message

if TYPE_CHECKING:
    from tests.support.tables import Tables

WEEK = timedelta(days=7)


@pytest.fixture
def episodes(tables: Tables) -> DynamoEpisodes:
    return DynamoEpisodes(tables.memory, client("dynamodb"))


def lived(number: int, *, customer: str = CUSTOMER, owner: TenantId = ACME, at: datetime = AT) -> Episode:
    return Episode(
        case=CaseId(f"case_{number}"),
        tenant=owner,
        customer=customer,
        subject="order:shop:1",
        intent="refund_request",
        outcome="refund",
        summary="refund",
        opened_at=at,
        closed_at=at + timedelta(minutes=number),
    )


def recalled(episodes: DynamoEpisodes, *, limit: int = 9, at: datetime = AT) -> list[str]:
    return [e.case for e in episodes.recall(ACME, CUSTOMER, limit=limit, at=at)]


def test_the_newest_come_first_and_only_so_many(episodes: DynamoEpisodes):
    for number in (2, 3, 1):
        episodes.keep(lived(number), until=AT + WEEK)
    assert recalled(episodes) == ["case_3", "case_2", "case_1"]
    assert recalled(episodes, limit=2) == ["case_3", "case_2"]


def test_an_episode_kept_twice_is_one(episodes: DynamoEpisodes):
    episodes.keep(lived(1), until=AT + WEEK)
    episodes.keep(lived(1), until=AT + WEEK)
    assert recalled(episodes) == ["case_1"]


@pytest.mark.guarantee("tenants:no-tenant-sees-another")
def test_nobody_recalls_another_customer_s_or_tenant_s(episodes: DynamoEpisodes):
    episodes.keep(lived(1, customer="someone"), until=AT + WEEK)
    episodes.keep(lived(2, owner=TenantId("other")), until=AT + WEEK)
    # Two owners whose keys would read the same: acme + "7#x" and "acme#7" + "x".
    episodes.keep(lived(3, owner=TenantId("acme#gid://shopify"), customer="Customer/7"), until=AT + WEEK)
    assert recalled(episodes) == []
    one, other = TenantId("acme"), TenantId("acme#7")
    episodes.keep(lived(4, owner=other, customer="x"), until=AT + WEEK)
    assert episodes.recall(one, "7#x", limit=9, at=AT) == ()


def test_an_expired_episode_is_forgotten_even_while_it_lies_there(episodes: DynamoEpisodes):
    episodes.keep(lived(1), until=AT + WEEK)
    assert recalled(episodes, at=AT + WEEK - timedelta(seconds=1)) == ["case_1"]
    assert recalled(episodes, at=AT + WEEK) == []


def outcome(moved: Money | None) -> RunOutcome:
    return RunOutcome(run=RunId("run_1"), status="DONE", money_moved=moved, settled_at=AT)


def test_what_was_refunded_is_the_sum_over_the_runs():
    assert refunded_in([outcome(euro(100)), outcome(None), outcome(euro(250))]) == euro(350)


@pytest.mark.parametrize(
    "moved", [[], [None], [euro(0)], [euro(1), Money(amount=1, currency="USD")]], ids=str
)
def test_nothing_or_a_mixture_is_no_amount(moved: list[Money | None]):
    assert refunded_in([outcome(m) for m in moved]) is None


def test_an_episode_holds_facts_and_nothing_that_was_written():
    closed = case(
        message("my secret"),
        customer=CUSTOMER,
        intent="damaged_item",
        moves=("ask_for_photo", "refund"),
        closed_at=AT,
    )
    episode = episode_of(closed, [outcome(euro(1250))])
    assert episode is not None
    assert episode.summary == "damaged_item; ask_for_photo > refund; 12.50 EUR refunded"
    assert "secret" not in episode.model_dump_json()


def test_without_a_customer_or_an_end_there_is_no_episode():
    assert episode_of(case(message("x"), closed_at=AT), []) is None
    assert episode_of(case(message("x"), customer=CUSTOMER), []) is None
