"""An event that has its case, or was noted, is offered to workflows: at least once, never as another's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from nightshift.cases.dispatch import dispatch
from nightshift.errors import Retryable
from nightshift.ids import ChannelId, opaque
from nightshift.model.event import EventKind, PriceDetail, Subject, SubjectKind
from nightshift.money import Money

if TYPE_CHECKING:
    from nightshift.model.event import Event
    from tests.support.intake import Intake


@dataclass
class Board:
    """The `Offers` port: keeps what was offered; it can be down."""

    offered: list[Event] = field(default_factory=list)
    down: bool = False

    def offer(self, event: Event) -> None:
        if self.down:
            raise Retryable("down", code="function.crashed")
        self.offered.append(event)


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def offering(intake: Intake, board: Board) -> Intake:
    return replace(intake, desk=replace(intake.desk, offers=board))


def price(intake: Intake) -> Event:
    market = ChannelId("market")
    detail = PriceDetail(
        sku="MUG",
        rival=opaque("rival", "mugs-r-us"),
        before=Money(amount=1250, currency="EUR"),
        after=Money(amount=1175, currency="EUR"),
        drop_percent=6.0,
        seen_at=intake.clock.now(),
    )
    subject = Subject(kind=SubjectKind.SKU, channel=market, ref="MUG")
    return intake.source.event(EventKind.COMPETITOR_PRICE_CHANGED, subject, detail)


def test_a_price_opens_no_case_and_is_offered(offering: Intake, board: Board):
    event = price(offering)
    assert dispatch(offering.stored(event), offering.desk).case is None
    assert board.offered == [event]
    assert offering.machine.starts == 0


def test_an_event_with_a_case_is_offered_once_it_is_at_work(offering: Intake, board: Board):
    event = offering.source.message()
    assert dispatch(offering.stored(event), offering.desk).case is not None
    assert (board.offered, offering.machine.starts) == ([event], 1)


def test_what_could_not_be_offered_comes_again_and_is_offered_then(offering: Intake, board: Board):
    event = price(offering)
    board.down = True
    with pytest.raises(Retryable):
        dispatch(offering.stored(event), offering.desk)
    board.down = False
    assert dispatch(event, offering.desk).repeated == "delivery"
    assert board.offered == [event]


def test_the_same_body_under_another_delivery_is_no_other_event(offering: Intake, board: Board):
    event = price(offering)
    dispatch(offering.stored(event), offering.desk)
    again = offering.source.again(event, delivery="another")
    assert dispatch(offering.stored(again), offering.desk).repeated == "body"
    assert board.offered == [event]
