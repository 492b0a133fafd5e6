"""A person and what their role allows, read from the tenant's records at each request."""

from nightshift.errors import NotFound, NotIdentified, NotPermitted
from nightshift.identity.token import Identity
from nightshift.ids import TenantId
from nightshift.model.base import Noun
from nightshift.model.plan import Principal
from nightshift.ports.config import Config

__all__ = ["Caller", "recognise"]


class Caller(Noun):
    """Who asks, of which tenant, and the permissions policy gives their role."""

    tenant: TenantId
    principal: Principal
    permissions: frozenset[str]

    def must(self, permission: str) -> None:
        """Check one permission.

        Raises:
            NotPermitted: names the permission.
        """
        if permission not in self.permissions:
            raise NotPermitted(permission, self.principal.role)


def recognise(config: Config, who: Identity) -> Caller:
    """The caller behind a proven identity. A role policy does not know holds no permission.

    Raises:
        NotIdentified: the tenant, or the person in it, is not there (any more).
    """
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
