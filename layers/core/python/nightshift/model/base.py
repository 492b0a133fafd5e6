"""The one base of every noun: frozen, closed, and the same bytes for the same meaning."""

import hashlib
from typing import cast

import rfc8785
from pydantic import BaseModel, ConfigDict, JsonValue

from nightshift.errors import BadInput

__all__ = ["Document", "Noun", "canonical_digest"]


class Noun(BaseModel):
    """A frozen value with no unknown fields."""

    # A value that does not fit is never quoted: it may be personal data on its way to a log.
    # A validator is built when it is first used: a function pays for the nouns it meets, not for all.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class Document(Noun):
    """A noun that is stored: it carries the version of its schema."""

    schema_version: int = 1


def canonical_digest(value: JsonValue | BaseModel) -> str:
    """SHA-256 (hexadecimal) of the canonical JSON form, RFC 8785.

    Raises:
        BadInput: a number that no two JSON implementations read alike (an integer beyond 2^53, NaN).
    """
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    try:
        canonical = rfc8785.dumps(cast("dict[str, str]", plain))
    except rfc8785.CanonicalizationError as exc:
        problem = "a number cannot be written the same way everywhere"
        raise BadInput("value", problem, "Write it as text, or keep integers within 2^53.") from exc
    return hashlib.sha256(canonical).hexdigest()
