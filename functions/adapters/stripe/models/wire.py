"""What every answer has: references that may be expanded, lists, errors. Unknown fields are ignored."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Amount", "ErrorAnswer", "Metadata", "Page", "Ref", "WireModel"]

T = TypeVar("T")


class WireModel(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _id_of(value: object) -> object:
    """Stripe gives an id, or the whole object where it was asked to expand."""
    return value.get("id") if isinstance(value, dict) else value


Ref = Annotated[str | None, BeforeValidator(_id_of)]
"""An id, whether or not its object was expanded; None where there is none."""

Amount = Annotated[int, Field(strict=True)]
"""Stripe's own smallest unit, which is not always ISO's: see `amounts.py`."""

Metadata = dict[str, str]


class Page(WireModel, Generic[T]):
    """One page of a list."""

    data: tuple[T, ...]
    has_more: bool = False


class _Error(WireModel):
    type: str = ""
    code: str | None = None
    param: str | None = None


class ErrorAnswer(WireModel):
    """What is read of a refusal: never its message, which may quote a key or a customer."""

    error: _Error = _Error()
