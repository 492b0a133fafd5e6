"""A feed as it comes: text of people we do not know, of which numbers and times are kept."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from nightshift.errors import BadInput
from nightshift.money import Currency, Money

__all__ = ["Feed", "Row", "SkuOnly"]

_MOST = 10**11  # minor units
_Decimal = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$")]


class SkuOnly(BaseModel):
    """Of a row that nobody asked for, only this is looked at."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    sku: str


class Feed(BaseModel):
    """A feed in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    prices: tuple[SkuOnly, ...] = Field(max_length=100_000)


class Row(BaseModel):
    """What one competitor asks for one product."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sku: str
    competitor: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    price: _Decimal
    currency: Currency
    previous_price: _Decimal | None = None
    seen_at: AwareDatetime

    @model_validator(mode="after")
    def _is_money(self) -> "Row":
        for text in filter(None, (self.price, self.previous_price)):
            try:
                amount = Money.parse(text, self.currency).amount
            except BadInput as exc:
                raise ValueError(exc.problem) from exc
            if not 0 < amount <= _MOST:
                message = "a price is more than nothing, and not absurd"
                raise ValueError(message)
        return self

    def asked(self) -> Money:
        """What they ask."""
        return Money.parse(self.price, self.currency)

    def asked_before(self) -> Money | None:
        """What they asked before."""
        return Money.parse(self.previous_price, self.currency) if self.previous_price else None
