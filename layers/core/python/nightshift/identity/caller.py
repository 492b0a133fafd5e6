"""A person and what their role allows, read from the tenant's records at each request."""

from datetime import datetime

from nightshift.errors import NotFound, NotIdentified, NotPermitted
from nightshift.identity.token import PLATFORM, Identity, verify
from nightshift.ids import TenantId
from nightshift.model.base import Noun
from nightshift.model.plan import Principal
from nightshift.ports.config import Config

__all__ = ["Caller", "caller_behind", "recognise"]

_SCHEME = "bearer"

# Whoever runs the installation sees no tenant's cases and changes nothing in a tenant, but may stop it.
_PLATFORM = frozenset({"tenants:add", "tenant:halt", "queues:read", "queues:redrive"})


class Caller(Noun):
    """Who asks, of which tenant, and the permissions policy gives their role."""

    tenant: TenantId
    principal: Principal
    permissions: frozenset[str]

    @property
    def actor(self) -> str:
        """Who it was, as the action log names them."""
        who = "platform" if self.tenant == PLATFORM else self.principal.kind
        return f"{who}:{self.principal.id}"

    def must(self, permission: str) -> None:
        """Check one permission.

        Raises:
            NotPermitted: names the permission.
        """
        if permission not in self.permissions:
            raise NotPermitted(permission, self.principal.role)


def recognise(config: Config, who: Identity) -> Caller:
    """The caller behind a proven identity. A role policy does not know holds no permission.

    Behind a token of the platform stands whoever may read the stage's identity key.

    Raises:
        NotIdentified: the tenant, or the person in it, is not there (any more).
    """
    if who.tenant == PLATFORM:
        operator = Principal(id=who.staff, role="platform", kind="person")
        return Caller(tenant=PLATFORM, principal=operator, permissions=_PLATFORM)
    try:
        person = config.staff(who.tenant, who.staff)
        policy = config.policy(who.tenant)
    except NotFound as exc:
        raise NotIdentified("the token names somebody who does not work here") from exc
    role = policy.roles.get(person.role)
    return Caller(
        tenant=who.tenant,
        principal=Principal(id=person.id, role=person.role, kind="person"),
        permissions=role.permissions if role else frozenset(),
    )


def caller_behind(config: Config, authorization: str | None, key: str, *, at: datetime) -> Caller:
    """The caller a bearer token proves, with the role the tenant's records give them now.

    Raises:
        NotIdentified: no token, or one that proves nothing.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != _SCHEME or not token.strip():
        raise NotIdentified("the request carries no bearer token")
    return recognise(config, verify(token.strip(), key, at=at))
