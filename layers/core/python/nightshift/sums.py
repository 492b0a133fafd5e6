"""What expressions may do with money: exact, in whole minor units, one currency at a time.

Money in an expression is the object `{amount, currency}` with the amount in minor units. A fault names
the function, the value that is wrong and the fix, and never quotes a value.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from pydantic import JsonValue, ValidationError

from nightshift.errors import BadInput
from nightshift.money import Money

__all__ = ["LARGEST", "SUMS", "is_factor"]

LARGEST = 10**15
"""Beyond any amount that a plan moves, and far below where numbers of JSON become inexact."""

_MOST_DIGITS = 18
Sum = Callable[..., JsonValue]


def _fault(function: str, value: str, problem: str, fix: str) -> NoReturn:
    raise BadInput(f"money.{function}({value})", problem, fix)


def _money(function: str, name: str, value: object) -> Money:
    try:
        found = Money.model_validate(value)
    except ValidationError:
        _fault(function, name, "is no money", "Give {amount: whole minor units, currency: e.g. 'EUR'}.")
    return _bounded(function, found, name)


def _bounded(function: str, found: Money, name: str = "result") -> Money:
    if abs(found.amount) > LARGEST:
        _fault(function, name, "is larger than any amount", f"Stay within {LARGEST} minor units.")
    return found


def _pair(function: str, a: object, b: object) -> tuple[Money, Money]:
    first, second = _money(function, "a", a), _money(function, "b", b)
    if first.currency != second.currency:
        problem = f"{second.currency} cannot be combined with {first.currency}"
        _fault(function, "b", problem, "Give both in one currency.")
    return first, second


def _plain(money: Money) -> JsonValue:
    return {"amount": money.amount, "currency": money.currency}


def is_factor(value: object) -> bool:
    """Whether it is an exact decimal factor of a sane size: a whole number, or decimal digits as text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    try:
        number = Decimal(value)
    except InvalidOperation:
        return False
    return (
        number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS and len(str(value)) <= 2 * _MOST_DIGITS
    )


def _of(amount: object, currency: object) -> JsonValue:
    return _plain(_money("of", "amount, currency", {"amount": amount, "currency": currency}))


def _scale(money: object, factor: object) -> JsonValue:
    base = _money("scale", "money", money)
    if not is_factor(factor):
        fix = "Give a decimal number as text, e.g. '0.95', so that nothing is rounded on the way."
        _fault("scale", "factor", "is no exact decimal number", fix)
    return _plain(_bounded("scale", base.scale(str(factor))))


def _add(a: object, b: object) -> JsonValue:
    first, second = _pair("add", a, b)
    return _plain(_bounded("add", first + second))


def _sub(a: object, b: object) -> JsonValue:
    first, second = _pair("sub", a, b)
    return _plain(_bounded("sub", first - second))


def _min(a: object, b: object) -> JsonValue:
    first, second = _pair("min", a, b)
    return _plain(min(first, second))


def _max(a: object, b: object) -> JsonValue:
    first, second = _pair("max", a, b)
    return _plain(max(first, second))


def _percent_drop(before: object, after: object) -> JsonValue:
    """By how many percent `after` is below `before`; negative when it is above."""
    first, second = _pair("percent_drop", before, after)
    if first.amount <= 0:
        _fault(
            "percent_drop", "a", "is not above zero", "Give the earlier price, which is more than nothing."
        )
    return (first.amount - second.amount) * 100 / first.amount  # of whole numbers: rounded once, correctly


SUMS: dict[str, Sum] = {
    "money.of": _of,
    "money.scale": _scale,
    "money.add": _add,
    "money.sub": _sub,
    "money.min": _min,
    "money.max": _max,
    "money.percent_drop": _percent_drop,
}
"""The functions by the name they have in an expression."""
