"""Money: integer minor units plus currency; never a float."""

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints
from typing_extensions import override

from nightshift.errors import BadInput

__all__ = ["Currency", "Money"]

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

# ISO 4217: every currency has two minor digits but these (active codes, list one of 2024-06-25).
_DIGITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
         "VUV", "XAF", "XOF", "XPF"), 0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip

# Python's default context rounds to 28 digits without a word; this one never has to.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=ROUND_HALF_UP)
_MOST_DIGITS = 18


def _number(field: str, text: str) -> Decimal:
    """A finite decimal number of a size that money has.

    Raises:
        BadInput: it is not one.
    """
    try:
        value = Decimal(text)
    except InvalidOperation as exc:
        raise BadInput(field, f"{text[:40]!r} is not a decimal number", "Write it as 12.50.") from exc
    of_a_sane_size = value.is_finite() and abs(value.adjusted()) < _MOST_DIGITS
    if not of_a_sane_size or len(value.as_tuple().digits) > 2 * _MOST_DIGITS:
        fix = f"Write a finite number of at most {_MOST_DIGITS} digits."
        raise BadInput(field, f"{text[:40]!r} is no amount of money", fix)
    return value


class Money(BaseModel):
    """An amount in minor units of one currency: `Money(amount=1250, currency="EUR")` is 12.50 EUR."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    amount: int
    currency: Currency

    @classmethod
    def parse(cls, text: str, currency: str) -> Self:
        """Read a vendor's decimal string exactly.

        Raises:
            BadInput: not a decimal number, or more digits than the currency has.
        """
        digits = _DIGITS.get(currency, 2)
        scaled = _EXACT.scaleb(_number("amount", text), digits)
        if scaled != _EXACT.to_integral_value(scaled):
            fix = f"Give at most {digits} digits after the point."
            raise BadInput("amount", f"{text!r} has a fraction of a minor unit of {currency}", fix)
        return cls(amount=int(scaled), currency=currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Nothing, in one currency."""
        return cls(amount=0, currency=currency)

    def decimal(self) -> str:
        """The amount as vendors want it: a plain decimal string with the currency's digits."""
        digits = _DIGITS.get(self.currency, 2)
        whole, minor = divmod(abs(self.amount), 10**digits)
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{whole}.{minor:0{digits}}" if digits else f"{sign}{whole}"

    def scale(self, factor: str) -> Self:
        """The amount times a decimal factor, rounded half up (away from zero) to a whole minor unit.

        Raises:
            BadInput: the factor is not a decimal number.
        """
        product = _EXACT.multiply(Decimal(self.amount), _number("factor", factor))
        scaled = _EXACT.to_integral_value(product)
        return type(self)(amount=int(scaled), currency=self.currency)

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            problem = f"{other.currency} cannot be combined with {self.currency}"
            raise BadInput("currency", problem, "Convert at a dated rate first.")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(amount=self.amount - other.amount, currency=self.currency)

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount <= other.amount

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount < other.amount

    @override
    def __str__(self) -> str:
        return f"{self.decimal()} {self.currency}"
