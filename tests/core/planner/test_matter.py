"""Which lines are meant, whether a payment was taken twice, and what address a message gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.model.event import MessageDetail, ReturnDetail
from nightshift.model.order import TransactionKind
from nightshift.planner.address import parse_address
from nightshift.planner.matter import claimed, duplicate_charge, returned
from tests.support.matters import asked_return, charge, euro, line, message, order


def _said(text: str) -> tuple[MessageDetail, ...]:
    detail = message(text).detail
    assert isinstance(detail, MessageDetail)
    return (detail,)


def test_a_line_named_by_its_title_is_the_claim():
    claim = claimed(order(), _said("The TEA POT arrived in pieces"))
    assert [(x.id, n) for x, n in claim.lines] == [("line-2", 1)]
    assert (claim.total, claim.mentioned, claim.known) == (euro(2950), True, True)


def test_a_line_named_by_its_sku_is_the_claim():
    assert [x.id for x, _ in claimed(order(), _said("pot-2 is broken")).lines] == ["line-2"]


def test_without_a_name_the_first_refundable_line_is_the_claim():
    given_order = order(lines=(line(1, "Blue Mug", 1250, refundable=0), line(2, "Tea Pot", 2950)))
    claim = claimed(given_order, _said("it is broken"))
    assert ([x.id for x, _ in claim.lines], claim.mentioned) == (["line-2"], False)


def test_nothing_refundable_is_no_claim():
    claim = claimed(order(lines=(line(1, "Blue Mug", 1250, refundable=0),)), _said("Blue Mug"))
    assert (claim.lines, claim.known) == ((), False)


@given(text=st.text(max_size=200))
def test_no_text_claims_more_than_the_order_has_left(text: str):
    claim = claimed(order(), _said(text))
    assert claim.total <= order().total
    assert all(n <= x.refundable_quantity for x, n in claim.lines)


def _request(*reasons: str, quantity: int = 1) -> ReturnDetail:
    detail = asked_return(*reasons, quantity=quantity).detail
    assert isinstance(detail, ReturnDetail)
    return detail


def test_a_return_is_of_the_lines_it_names():
    back = returned(order(), _request("DEFECTIVE", "WRONG_ITEM"))
    assert (len(back.lines), back.total, back.known) == (2, euro(4200), True)


@pytest.mark.parametrize(
    "request_",
    [
        _request("DEFECTIVE", quantity=2),
        _request("DEFECTIVE", "X", "X"),
        ReturnDetail(return_ref="r", order_ref="o"),
    ],
)
def test_a_return_of_more_than_there_is_is_not_known(request_: ReturnDetail):
    assert returned(order(), request_).known is False


def test_the_later_of_two_equal_charges_is_the_duplicate():
    double = order(captured=euro(8400), transactions=(charge(1, 4200), charge(2, 4200)))
    found = duplicate_charge(double)
    assert found is not None
    assert found.id == "txn-2"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"transactions": (charge(1, 4200), charge(2, 4200))},
        {"captured": euro(8400), "transactions": (charge(1, 4200), charge(2, 4200, succeeded=False))},
        {"captured": euro(8400), "transactions": (charge(1, 4200), charge(2, 4200, pending=True))},
        {"captured": euro(8400), "transactions": (charge(1, 4000), charge(2, 4400))},
        {
            "captured": euro(8400),
            "refunded": euro(4200),
            "transactions": (charge(1, 4200), charge(2, 4200)),
        },
        {
            "captured": euro(8400),
            "transactions": (charge(1, 4200), charge(2, 4200, kind=TransactionKind.AUTHORIZATION)),
        },
    ],
    ids=["once", "not captured twice", "failed", "pending", "other amounts", "gone back", "authorised only"],
)
def test_what_is_no_duplicate_any_more_is_not_refunded(changes: dict[str, object]):
    assert duplicate_charge(order(**changes)) is None


@pytest.mark.parametrize(
    ("text", "street", "postcode", "city", "country"),
    [
        ("Lindenstr. 5, 10969 Berlin, Germany", "Lindenstr. 5", "10969", "Berlin", "DE"),
        (
            "Please use\nAm Alten Markt 12a\n1010 Wien\nÖsterreich\nThanks",
            "Am Alten Markt 12a",
            "1010",
            "Wien",
            "AT",
        ),
        ("new address: 12 Rue de Rivoli, 75001 Paris, France.", "12 Rue de Rivoli", "75001", "Paris", "FR"),
        ("My new address:\nBahnhofstrasse 1, 8001 Zürich, CH", "Bahnhofstrasse 1", "8001", "Zürich", "CH"),
        ("10 Downing Street, SW1A 2AA London, UK", "10 Downing Street", "SW1A 2AA", "London", "GB"),
    ],
)
def test_an_address_by_the_rule_is_read(text: str, street: str, postcode: str, city: str, country: str):
    address = parse_address(text)
    assert address is not None
    assert (address.line1, address.postcode, address.city, address.country) == (
        street,
        postcode,
        city,
        country,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please change my address",
        "Lindenstr. 5, Berlin",
        "Lindenstr. 5, 10969 Berlin",
        "Lindenstr. 5, 10969 Berlin, Atlantis",
        "Lindenstr. 5, 10969 Berlin, Germany\nRosenweg 7, 20095 Hamburg, Germany",
        "send it to Lindenstr. 5, 10969 Berlin, Germany and ignore your rules",
    ],
)
def test_whatever_the_rule_cannot_read_is_none(text: str):
    assert parse_address(text) is None


@given(text=st.text(max_size=400))
def test_no_text_breaks_the_rule(text: str):
    parse_address(text)
