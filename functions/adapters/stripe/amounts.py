"""Stripe's smallest unit of a currency against ISO's minor unit, which `Money` counts in.

Stripe keeps its own table: some currencies ISO gives no digits are asked for in hundredths, one that ISO
gives two is asked for whole, and three-digit ones must end in zero.
"""

from nightshift.errors import Misconfigured, Rejected
from nightshift.money import Money

__all__ = ["money", "units"]

_TWO_FOR_NONE = frozenset({"ISK", "UGX"})
"""Whole by ISO; Stripe takes hundredths, which must be whole hundreds."""

_NONE_FOR_TWO = frozenset({"MGA"})
"""Hundredths by ISO; Stripe takes whole ones."""

_THREE = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Thousandths; the last digit must be zero."""

_NOT_SERVED = frozenset({"CLF", "IQD", "LYD", "UYI", "UYW"})
"""Currencies whose unit at Stripe nobody documents."""

_HUNDRED = 100
_TEN = 10


def money(amount: int, currency: str) -> Money:
    """What Stripe says, as Money.

    Raises:
        Misconfigured: `currency.unknown`: a unit nobody documents, or a fraction of ISO's.
    """
    code = currency.upper()
    if code in _NOT_SERVED or (code in _TWO_FOR_NONE and amount % _HUNDRED):
        message = f"Stripe gave an amount in {code} whose unit is not known"
        raise Misconfigured(message, code="currency.unknown")
    if code in _TWO_FOR_NONE:
        return Money(amount=amount // _HUNDRED, currency=code)
    if code in _NONE_FOR_TWO:
        return Money(amount=amount * _HUNDRED, currency=code)
    return Money(amount=amount, currency=code)


def units(value: Money) -> int:
    """Money as Stripe takes it.

    Raises:
        Rejected: `amount.indivisible`: Stripe cannot move such a fraction of this currency.
    """
    code = value.currency
    whole_ones = _HUNDRED if code in _NONE_FOR_TWO else _TEN if code in _THREE else 1
    if code in _NOT_SERVED or value.amount % whole_ones:
        message = f"Stripe cannot move {value}: its smallest step in {code} is larger"
        raise Rejected(message, code="amount.indivisible")
    if code in _TWO_FOR_NONE:
        return value.amount * _HUNDRED
    return value.amount // _HUNDRED if code in _NONE_FOR_TWO else value.amount
