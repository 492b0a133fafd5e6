"""Who stands behind a request, from its `Authorization` header."""

from nightshift.api.desk import Desk
from nightshift.identity.caller import Caller, caller_behind

__all__ = ["caller_of"]


def caller_of(desk: Desk, authorization: str | None) -> Caller:
    """The person a bearer token proves, with the role the tenant's records give them now.

    Raises:
        NotIdentified: no token, or one that proves nothing.
    """
    return caller_behind(desk.config, authorization, desk.identity_key, at=desk.clock.now())
