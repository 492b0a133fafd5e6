"""Signed staff identities: JSON Web Tokens (RFC 7519), HS256 with the stage's key.

A token says who somebody is and nothing of what they may do. Time is a parameter, so the library's own
check of `exp` is switched off and done here, against the caller's clock.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import jwt
from jwt.types import Options
from pydantic import Field, ValidationError

from nightshift.errors import BadInput, Misconfigured, NotIdentified
from nightshift.ids import TenantId
from nightshift.model.base import Noun

__all__ = ["LONGEST", "PLATFORM", "PLATFORM_LONGEST", "SKEW", "Identity", "Proof", "issue", "verify"]

LONGEST: Final = timedelta(days=30)
PLATFORM_LONGEST: Final = timedelta(hours=1)

PLATFORM: Final = TenantId("*")
"""Stands for no tenant: whoever runs the installation. No tenant can be called that."""

_ALGORITHM = "HS256"
_AUDIENCE = "nightshift"
_KEY_BYTES = 32  # RFC 7518, 3.2: at least as long as the hash
SKEW: Final = timedelta(seconds=60)
"""How much clocks may differ."""
_OPTIONS: Options = {
    "require": ["sub", "tenant", "exp", "iat", "aud"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}


class Identity(Noun):
    """A person of a tenant, as a token proved it."""

    tenant: TenantId = Field(min_length=1, max_length=64)
    staff: str = Field(min_length=1, max_length=100)


class Proof(Noun):
    """Who a token proves, and when it was issued."""

    who: Identity
    issued_at: datetime


class _Claims(Noun):
    sub: str = Field(min_length=1, max_length=100)
    tenant: str = Field(min_length=1, max_length=64)
    aud: str
    iat: int
    exp: int


def issue(key: str, who: Identity, *, at: datetime, lasts: timedelta) -> str:
    """Sign a token for one person.

    Raises:
        BadInput: it would last no time at all, or longer than 30 days (of the platform: an hour).
        Misconfigured: the key is shorter than 32 bytes.
    """
    if not timedelta(0) < lasts <= _longest(who.tenant):
        most = "an hour" if who.tenant == PLATFORM else "30 days"
        raise BadInput("lasts", f"a token cannot last {lasts}", f"Give more than nothing and at most {most}.")
    claims = {
        "sub": who.staff,
        "tenant": who.tenant,
        "aud": _AUDIENCE,
        "iat": int(at.timestamp()),
        "exp": int((at + lasts).timestamp()),
    }
    return jwt.encode(claims, _long_enough(key), algorithm=_ALGORITHM)


def verify(token: str, key: str, *, at: datetime) -> Proof:
    """Who a token proves.

    Raises:
        NotIdentified: forged, expired, not valid yet, for another audience, or signed in any other way.
        Misconfigured: the key is shorter than 32 bytes.
    """
    try:
        raw = jwt.decode(
            token, _long_enough(key), algorithms=[_ALGORITHM], audience=_AUDIENCE, options=_OPTIONS
        )
        claims = _Claims.model_validate(raw, strict=True)
    except (jwt.InvalidTokenError, ValidationError) as exc:
        raise NotIdentified(
            "the token proves nothing: it is malformed, forged or for something else"
        ) from exc
    now = at.astimezone(UTC).timestamp()
    if not 0 <= claims.iat <= now + SKEW.total_seconds():
        raise NotIdentified("the token is not valid yet")
    longest = _longest(TenantId(claims.tenant)).total_seconds()
    if claims.exp <= now or claims.exp - claims.iat > longest:
        raise NotIdentified("the token has expired")
    who = Identity(tenant=TenantId(claims.tenant), staff=claims.sub)
    return Proof(who=who, issued_at=datetime.fromtimestamp(claims.iat, UTC))


def _longest(tenant: TenantId) -> timedelta:
    return PLATFORM_LONGEST if tenant == PLATFORM else LONGEST


def _long_enough(key: str) -> str:
    if len(key.encode()) < _KEY_BYTES:
        raise Misconfigured("the identity key must have at least 32 bytes", code="identity.key")
    return key
