"""Who stands behind a request, from its `Authorization` header."""

from nightshift.api.desk import Desk
from nightshift.errors import NotIdentified
from nightshift.identity.caller import Caller, recognise
from nightshift.identity.token import verify

__all__ = ["caller_of"]

_SCHEME = "bearer"


def caller_of(desk: Desk, authorization: str | None) -> Caller:
    """The person a bearer token proves, with the role the tenant's records give them now.

    Raises:
        NotIdentified: no token, or one that proves nothing.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != _SCHEME or not token.strip():
        raise NotIdentified("the request carries no bearer token")
    return recognise(desk.config, verify(token.strip(), desk.identity_key, at=desk.clock.now()))
