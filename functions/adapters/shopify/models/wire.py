"""What every answer has: its envelope, amounts, references. Unknown fields are ignored."""

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator
from pydantic.alias_generators import to_camel

from nightshift.errors import BadInput
from nightshift.money import Money

__all__ = [
    "Bag",
    "Envelope",
    "Page",
    "Ref",
    "UserError",
    "WireModel",
]


class WireModel(BaseModel):
    """A part of an answer, with Shopify's camelCase names."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class _Throttle(WireModel):
    currently_available: float
    restore_rate: float


class _Cost(WireModel):
    requested_query_cost: float | None = None
    throttle_status: _Throttle | None = None


class _Extensions(WireModel):
    cost: _Cost | None = None


class _ErrorExtensions(WireModel):
    code: str | None = None


class _GraphError(WireModel):
    extensions: _ErrorExtensions = _ErrorExtensions()


class Envelope(WireModel):
    """What every answer is wrapped in."""

    data: JsonValue = None
    errors: tuple[_GraphError, ...] = ()
    extensions: _Extensions = _Extensions()

    def retry_after(self) -> float | None:
        """Seconds until the bucket holds what the refused query costs, at least one; None if unsaid."""
        cost = self.extensions.cost
        if cost is None or cost.throttle_status is None or cost.requested_query_cost is None:
            return None
        status = cost.throttle_status
        missing = cost.requested_query_cost - status.currently_available
        return max(1.0, missing / status.restore_rate) if status.restore_rate > 0 else None

    def left(self) -> tuple[float, float | None] | None:
        """Points left and points that come back each second; None if unsaid."""
        cost = self.extensions.cost
        if cost is None or cost.throttle_status is None:
            return None
        status = cost.throttle_status
        return status.currently_available, status.restore_rate if status.restore_rate > 0 else None


class UserError(WireModel):
    """Why a mutation was refused; `code` only where the mutation has codes of its own."""

    message: str
    code: str | None = None


class _MoneyNode(WireModel):
    amount: str
    currency_code: str

    @model_validator(mode="after")
    def _is_money(self) -> "_MoneyNode":
        try:
            Money.parse(self.amount, self.currency_code)
        except BadInput as exc:
            raise ValueError(exc.problem) from exc
        return self


class Bag(WireModel):
    """An amount as the customer saw it."""

    presentment_money: _MoneyNode

    def money(self) -> Money:
        """The amount in presentment currency."""
        return Money.parse(self.presentment_money.amount, self.presentment_money.currency_code)


class Ref(WireModel):
    """Something, by its id."""

    id: str


class Page(WireModel):
    """Whether a connection goes on, and from where."""

    has_next_page: bool
    end_cursor: str | None = None
