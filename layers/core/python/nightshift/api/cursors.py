"""Where a next page begins, as text that only this API reads."""

import base64
import binascii
from typing import TypeVar

from pydantic import ValidationError

from nightshift.errors import BadInput
from nightshift.model.base import Noun

__all__ = ["cursor_of", "place_of"]

N = TypeVar("N", bound=Noun)


def cursor_of(place: Noun) -> str:
    """A place as a cursor."""
    return base64.urlsafe_b64encode(place.model_dump_json().encode()).decode().rstrip("=")


def place_of(model: type[N], cursor: str) -> N | None:
    """The place a cursor stands for; None for an empty one.

    Raises:
        BadInput: nobody gave this cursor out.
    """
    if not cursor:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return model.model_validate_json(raw)
    except (binascii.Error, ValueError, ValidationError):
        raise BadInput("cursor", "no list gave it out", "Give the `next` of the page before.") from None
