"""The one base of every noun: frozen, closed, and the same bytes for the same meaning."""

import hashlib
from typing import cast

import rfc8785
from pydantic import BaseModel, ConfigDict, JsonValue

__all__ = ["Document", "Noun", "canonical_digest"]


class Noun(BaseModel):
    """A frozen value with no unknown fields."""

    # A value that does not fit is never quoted: it may be personal data on its way to a log.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Document(Noun):
    """A noun that is stored: it carries the version of its schema."""

    schema_version: int = 1


def canonical_digest(value: JsonValue | BaseModel) -> str:
    """SHA-256 (hexadecimal) of the canonical JSON form, RFC 8785."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return hashlib.sha256(rfc8785.dumps(cast("dict[str, str]", plain))).hexdigest()
