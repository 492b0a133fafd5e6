"""Money in expressions: exact, one currency at a time, and faults that name the fix and no value."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import BadInput
from nightshift.expressions import Facts
from nightshift.sums import LARGEST, SUMS, is_factor

AMOUNTS = st.integers(min_value=-LARGEST // 10**4, max_value=LARGEST // 10**4)
FACTORS = st.decimals(min_value=-1000, max_value=1000, places=6, allow_nan=False)


def eur(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "EUR"}


@given(AMOUNTS, FACTORS)
def test_scaling_rounds_half_away_from_nothing_and_is_exact(amount: int, factor: Decimal) -> None:
    scaled = SUMS["money.scale"](eur(amount), str(factor))
    exact = (Decimal(amount) * factor).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    assert scaled == eur(int(exact))


@given(AMOUNTS, AMOUNTS)
def test_sums_are_those_of_whole_numbers(a: int, b: int) -> None:
    assert SUMS["money.add"](eur(a), eur(b)) == eur(a + b)
    assert SUMS["money.sub"](eur(a), eur(b)) == eur(a - b)
    assert SUMS["money.min"](eur(a), eur(b)) == eur(min(a, b))
    assert SUMS["money.max"](eur(a), eur(b)) == eur(max(a, b))


@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=0, max_value=10**9))
def test_a_drop_in_percent_is_the_nearest_number_to_the_exact_one(before: int, after: int) -> None:
    found = SUMS["money.percent_drop"](eur(before), eur(after))
    assert found == float(Fraction((before - after) * 100, before))


def test_a_drop_of_five_percent_is_not_more_than_five() -> None:
    facts = Facts(
        {"before": eur(1999), "same": eur(1999), "a": eur(10_000), "b": eur(9_500), "c": eur(9_499)}
    )
    assert facts.evaluate("money.percent_drop(before, same)") == 0.0
    assert facts.holds("money.percent_drop(a, b) > 5.0") is False
    assert facts.holds("money.percent_drop(a, c) > 5.0") is True
    assert facts.evaluate("money.percent_drop(b, a) < 0.0") is True


def test_results_go_into_one_another() -> None:
    facts = Facts({"price": eur(1999), "floor": eur(1850)})
    source = "money.max(floor, money.sub(money.scale(price, '0.95'), money.of(50, 'EUR')))"
    assert facts.evaluate(source) == eur(1850)  # 18.99 - 0.50 is below the floor
    assert facts.evaluate("money.scale(price, '0.95').amount") == 1899


SECRET = "kim@example.com"


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("money.scale(price, 0.95)", "money.scale(factor)"),
        ("money.scale(price, secret)", "money.scale(factor)"),
        ("money.scale(price, true)", "money.scale(factor)"),
        ("money.scale(price, '1e99')", "money.scale(factor)"),
        ("money.scale(price, 'NaN')", "money.scale(factor)"),
        ("money.scale(secret, '2')", "money.scale(money)"),
        ("money.scale({'amount': 1.5, 'currency': 'EUR'}, '2')", "money.scale(money)"),
        ("money.scale({'amount': 1, 'currency': 'EUR', 'more': 1}, '2')", "money.scale(money)"),
        ("money.scale(price, '99999999999999999')", "money.scale(result)"),
        ("money.add(price, usd)", "money.add(b)"),
        ("money.sub(usd, price)", "money.sub(b)"),
        ("money.min(price, usd)", "money.min(b)"),
        ("money.max(price, null)", "money.max(b)"),
        ("money.add(most, most)", "money.add(result)"),
        ("money.percent_drop(zero, price)", "money.percent_drop(a)"),
        ("money.percent_drop(price, usd)", "money.percent_drop(b)"),
        ("money.of(1.5, 'EUR')", "money.of(amount, currency)"),
        ("money.of(1, 'eur')", "money.of(amount, currency)"),
        ("money.of(1, secret)", "money.of(amount, currency)"),
        ("money.of(9223372036854775807, 'EUR')", "money.of(amount, currency)"),
    ],
)
def test_a_fault_names_function_value_and_fix_and_quotes_nothing(source: str, field: str) -> None:
    usd, most = {"amount": 1, "currency": "USD"}, {"amount": LARGEST, "currency": "EUR"}
    facts = Facts({"price": eur(1999), "usd": usd, "most": most, "zero": eur(0), "secret": SECRET})
    with pytest.raises(BadInput) as caught:
        facts.evaluate(source)
    assert caught.value.field == field
    assert caught.value.fix
    assert "kim" not in str(caught.value)
    assert "1999" not in str(caught.value)


def test_a_fault_that_a_choice_passes_over_is_none() -> None:
    facts = Facts({"price": eur(1999), "usd": {"amount": 1, "currency": "USD"}})
    assert facts.holds("price.amount > 1 || money.add(price, usd).amount > 1") is True
    with pytest.raises(BadInput) as caught:
        facts.evaluate("nothing + 1")
    assert caught.value.field == "expression"


@pytest.mark.parametrize("value", ["0.95", "1", 2, "-3", "+0.5", "1e2"])
def test_an_exact_number_is_a_factor(value: object) -> None:
    assert is_factor(value)


@pytest.mark.parametrize("value", [0.95, True, None, "", "x", "inf", "0." + "1" * 60, "1e40", [], {}])
def test_what_is_not_exact_is_no_factor(value: object) -> None:
    assert not is_factor(value)
