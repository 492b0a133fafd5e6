"""Money is exact: integer minor units in, integer minor units out."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightshift.errors import BadInput
from nightshift.money import Money

DIGITS = {"EUR": 2, "USD": 2, "JPY": 0, "KRW": 0, "BHD": 3, "TND": 3, "CLF": 4, "UYW": 4}
currencies = st.sampled_from(sorted(DIGITS))
amounts = st.integers(min_value=-(10**15), max_value=10**15)


@given(amounts, currencies)
def test_what_is_written_for_a_vendor_is_read_back_as_the_same_money(amount: int, currency: str) -> None:
    money = Money(amount=amount, currency=currency)
    assert Money.parse(money.decimal(), currency) == money


@given(amounts, currencies)
def test_the_decimal_string_has_exactly_the_digits_of_its_currency(amount: int, currency: str) -> None:
    text = Money(amount=amount, currency=currency).decimal()
    assert len(text.partition(".")[2]) == DIGITS[currency]
    assert Decimal(text).scaleb(DIGITS[currency]) == amount


@given(st.integers(min_value=10**28, max_value=10**40), currencies)
def test_even_an_absurd_amount_is_written_without_rounding(amount: int, currency: str) -> None:
    text = Money(amount=amount, currency=currency).decimal()
    assert int(text.replace(".", "")) == amount


@given(amounts, amounts, currencies)
def test_what_is_added_can_be_taken_away_again(first: int, second: int, currency: str) -> None:
    one, other = Money(amount=first, currency=currency), Money(amount=second, currency=currency)
    assert one + other - other == one
    assert one + other == other + one
    assert (one <= other) == (first <= second)
    assert (one < other) == (first < second)
    assert (one > other) == (first > second)


@given(amounts)
def test_money_of_two_currencies_never_meets(amount: int) -> None:
    euros, yen = Money(amount=amount, currency="EUR"), Money(amount=amount, currency="JPY")
    for combine in (
        lambda: euros + yen,
        lambda: euros - yen,
        lambda: euros < yen,
        lambda: euros <= yen,
    ):
        with pytest.raises(BadInput) as caught:
            combine()
        assert caught.value.field == "currency"


@given(amounts, st.integers(min_value=0, max_value=10**6), st.integers(min_value=0, max_value=6))
def test_scaling_is_at_most_half_a_minor_unit_off_and_never_a_float(
    amount: int, digits: int, point: int
) -> None:
    factor = Decimal(digits).scaleb(-point)
    scaled = Money(amount=amount, currency="EUR").scale(str(factor))
    exact = Decimal(amount) * factor
    assert type(scaled.amount) is int
    assert abs(Decimal(scaled.amount) - exact) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("amount", "factor", "expected"),
    [
        (5, "0.5", 3),
        (-5, "0.5", -3),
        (1, "0.49", 0),
        (1000, "0.95", 950),
        (333, "1", 333),
        (10**30 + 1, "1", 10**30 + 1),
    ],
)
def test_half_a_minor_unit_is_rounded_away_from_zero(amount: int, factor: str, expected: int) -> None:
    assert Money(amount=amount, currency="EUR").scale(factor).amount == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "twelve",
        "12,50",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "12.505",
        "1e400",
        "9E+999999999",
        "1E-5",
        "1.00000000000000000000000000000000001",
        "9" * 40,
    ],
)
def test_an_amount_that_is_no_exact_money_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        Money.parse(text, "EUR")
    assert caught.value.field == "amount"
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "currency"), [("12.5", "JPY"), ("12.505", "EUR"), ("1.2345", "BHD"), ("1.23456", "CLF")]
)
def test_a_fraction_of_a_minor_unit_is_refused_in_every_currency(text: str, currency: str) -> None:
    with pytest.raises(BadInput):
        Money.parse(text, currency)


@pytest.mark.parametrize("factor", ["", "half", "NaN", "Infinity", "1e400"])
def test_a_factor_that_is_no_number_is_refused_with_its_field(factor: str) -> None:
    with pytest.raises(BadInput) as caught:
        Money(amount=1000, currency="EUR").scale(factor)
    assert caught.value.field == "factor"


@pytest.mark.parametrize("amount", [12.5, 12.0, "12", True, None, Decimal(12)])
def test_an_amount_is_an_integer_and_nothing_that_looks_like_one(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": amount, "currency": "EUR"})


@pytest.mark.parametrize(
    "document", ['{"amount": 12.0, "currency": "EUR"}', '{"amount": 12, "currency": "eur"}']
)
def test_a_document_with_a_float_or_a_wrong_currency_is_refused(document: str) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate_json(document)


def test_money_reads_as_people_write_it() -> None:
    assert str(Money(amount=-1250, currency="EUR")) == "-12.50 EUR"
    assert str(Money(amount=-5, currency="EUR")) == "-0.05 EUR"
    assert str(Money(amount=1250, currency="JPY")) == "1250 JPY"
    assert str(Money.zero("BHD")) == "0.000 BHD"
