"""A person and what their role allows, read from the tenant's records at each request."""

from datetime import datetime

from nightshift.errors import NotFound, NotIdentified, NotPermitted
from nightshift.identity.token import PLATFORM, SKEW, Identity, verify
from nightshift.ids import TenantId
from nightshift.model.base import Noun
from nightshift.model.plan import Principal
from nightshift.ports.config import Config

__all__ = ["Caller", "caller_behind", "recognise"]

_SCHEME = "bearer"

# Whoever runs the installation sees no tenant's cases and changes nothing in a tenant, but may stop it.
_OF_THE_PLATFORM = frozenset({"tenants:add", "queues:read", "queues:redrive"})  # whatever a policy says
_PLATFORM = _OF_THE_PLATFORM | {"tenant:halt"}


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


def recognise(config: Config, who: Identity, *, issued_at: datetime | None = None) -> Caller:
    """The caller behind a proven identity. A role policy does not know holds no permission.

    Behind a token of the platform stands whoever may read the stage's identity key.

    Raises:
        NotIdentified: the tenant, or the person in it, is not there (any more), or the token was issued
            before they were added: to another one of that id.
    """
    if who.tenant == PLATFORM:
        operator = Principal(id=who.staff, role="platform", kind="person")
        return Caller(tenant=PLATFORM, principal=operator, permissions=_PLATFORM)
    try:
        person = config.staff(who.tenant, who.staff)
        policy = config.policy(who.tenant)
    except NotFound as exc:
        raise NotIdentified("the token names somebody who does not work here") from exc
    if person.since is not None and issued_at is not None and issued_at < person.since - SKEW:
        raise NotIdentified("the token is from before the person it names was added")
    role = policy.roles.get(person.role)
    return Caller(
        tenant=who.tenant,
        principal=Principal(id=person.id, role=person.role, kind="person"),
        permissions=role.permissions - _OF_THE_PLATFORM if role else frozenset(),
    )


def caller_behind(config: Config, authorization: str | None, key: str, *, at: datetime) -> Caller:
    """The caller a bearer token proves, with the role the tenant's records give them now.

    Raises:
        NotIdentified: no token, or one that proves nothing.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != _SCHEME or not token.strip():
        raise NotIdentified("the request carries no bearer token")
    proof = verify(token.strip(), key, at=at)
    return recognise(config, proof.who, issued_at=proof.issued_at)
