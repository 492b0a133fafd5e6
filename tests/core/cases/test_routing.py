from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.cases.routing import Bearing, Route, bearing, learnt, name_of, order_name, route
from nightshift.model.event import EventKind
from tests.support.intake import CHAT, SHOP, Source, order_subject

if TYPE_CHECKING:
    from tests.conftest import FixedClock

CONVERSATION = "conversation:contact-eu:c1"
NAMED = "order:shopify-eu:#1001"


@pytest.fixture
def source(clock: FixedClock) -> Source:
    return Source(clock)


def test_every_kind_has_a_bearing_and_echoes_never_open():
    opening = {kind for kind in EventKind if bearing(kind) is Bearing.OPENS}
    assert opening == {
        EventKind.MESSAGE_RECEIVED,
        EventKind.RETURN_REQUESTED,
        EventKind.ERASURE_REQUESTED,
        EventKind.ACCESS_REQUESTED,
        EventKind.MESSAGE_BOUNCED,
        EventKind.DISPUTE_OPENED,
        EventKind.REFUND_FAILED,
    }


@pytest.mark.parametrize("given", ["1001", "#1001", " #1001 ", "1001\n"])
def test_an_order_name_has_one_spelling(given: str):
    assert order_name(given) == "#1001"


def test_a_name_with_letters_gets_no_sign():
    assert order_name("en-77b") == "EN-77B"


def test_a_message_is_looked_up_by_its_order_and_else_by_its_conversation(source: Source):
    by_order = name_of(source.message(about="1001"), SHOP)
    assert by_order is not None
    assert (by_order.channel, by_order.name) == (SHOP, "#1001")
    for event, channel in ((source.message(), SHOP), (source.message(about="1001"), None)):
        name = name_of(event, channel)
        assert name is not None
        assert (name.channel, name.name) == (CHAT, "conversation:c1")
    assert name_of(source.order(EventKind.ORDER_EDITED, 1), SHOP) is None


def test_a_message_without_an_order_goes_to_its_conversation(source: Source):
    assert route(source.message(), SHOP, known=None, signalled=False) == Route(
        subjects=(CONVERSATION,), opening=CONVERSATION
    )


def test_a_conversation_follows_the_case_it_has_but_opens_only_its_own(source: Source):
    assert route(source.message(), SHOP, known=NAMED, signalled=False) == Route(
        subjects=(NAMED, CONVERSATION), opening=CONVERSATION
    )


def test_a_message_about_a_known_order_opens_a_case_of_the_order(source: Source):
    assert route(source.message(about="1001"), SHOP, known=order_subject(1), signalled=False) == Route(
        subjects=(order_subject(1), NAMED), opening=order_subject(1)
    )


def test_a_placed_order_opens_a_case_only_on_a_signal(source: Source):
    placed = source.order(EventKind.ORDER_PLACED, 1)
    assert route(placed, SHOP, known=None, signalled=False).opening is None
    assert route(placed, SHOP, known=None, signalled=True).opening == order_subject(1)


def test_an_echo_opens_nothing_even_on_a_signal(source: Source):
    echo = source.order(EventKind.ORDER_EDITED, 1)
    assert route(echo, SHOP, known=None, signalled=True) == Route(
        subjects=(order_subject(1), NAMED), opening=None
    )


def test_merged_customers_go_to_no_case(source: Source):
    merged = source.order(EventKind.CUSTOMERS_MERGED, 1)
    assert route(merged, SHOP, known=None, signalled=True) == Route(subjects=(), opening=None)


def test_only_a_placed_order_teaches_its_name(source: Source):
    (alias,) = learnt(source.order(EventKind.ORDER_PLACED, 1), None, None)
    assert (alias.channel, alias.name, alias.subject) == (SHOP, "#1001", order_subject(1))
    assert learnt(source.order(EventKind.ORDER_UPDATED, 1), None, None) == ()


def test_a_conversation_is_learnt_only_when_it_says_something_new(source: Source):
    (alias,) = learnt(source.message(about="1001"), NAMED, None)
    assert (alias.channel, alias.name, alias.subject) == (CHAT, "conversation:c1", NAMED)
    assert learnt(source.message(), CONVERSATION, None) == ()
    assert learnt(source.message(), NAMED, NAMED) == ()
    (back,) = learnt(source.message(), CONVERSATION, NAMED)
    assert back.subject == CONVERSATION
