"""A tenant's people. There is always somebody who may change the configuration."""

from nightshift.errors import BadInput, NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import TenantId
from nightshift.model.log import EntryKind
from nightshift.model.policy import Policy
from nightshift.model.setup import NewStaff, StaffLine
from nightshift.model.tenant import Staff
from nightshift.onboarding.office import WRITE, Office, of_tenant, record

__all__ = ["remove_staff", "set_staff"]


def set_staff(office: Office, caller: Caller, tenant: TenantId, person: str, asked: NewStaff) -> StaffLine:
    """Add a person, or give one another name or role; tokens they hold have the new role at once.

    Raises:
        NotPermitted: the caller may not change the configuration.
        BadInput: policy knows no such role, or nobody would be left who may change the configuration.
        Conflict: somebody else changed the people at the same time.
    """
    found = of_tenant(office, caller, tenant, WRITE)
    policy = office.config.policy_of(found)
    if asked.role not in policy.roles:
        roles = ", ".join(sorted(policy.roles))
        raise BadInput("role", f"policy has no role {asked.role!r}", f"It has: {roles}.")
    before = _person(office, tenant, person)
    name = asked.name or (before.name if before else person)
    since = before.since if before else office.clock.now()
    after = Staff(id=person, tenant=tenant, name=name, role=asked.role, since=since)
    loses_it = before is not None and _may_write(policy, before) and not _may_write(policy, after)
    office.setup.put_staff(after, if_stands=_another(office, policy, after, "role") if loses_it else None)
    detail = {"role_before": before.role if before else None, "role_after": after.role}
    record(office, caller, tenant, EntryKind.STAFF_SET, about=person, detail=detail)
    return StaffLine(id=after.id, name=after.name, role=after.role)


def remove_staff(office: Office, caller: Caller, tenant: TenantId, person: str) -> StaffLine:
    """Remove a person; tokens they hold prove nothing from now on, also when the id is given out again.

    Raises:
        NotPermitted: the caller may not change the configuration.
        NotFound: there is no such person.
        BadInput: nobody would be left who may change the configuration.
        Conflict: somebody else changed the people at the same time.
    """
    found = of_tenant(office, caller, tenant, WRITE)
    gone = _person(office, tenant, person)
    if gone is None:
        message = f"nobody called {person} works for {tenant}"
        raise NotFound(message)
    stays = _another(office, office.config.policy_of(found), gone, "staff")
    office.setup.remove_staff(gone, if_stands=stays)
    detail = {"role_before": gone.role}
    record(office, caller, tenant, EntryKind.STAFF_REMOVED, about=person, detail=detail)
    return StaffLine(id=gone.id, name=gone.name, role=gone.role)


def _person(office: Office, tenant: TenantId, person: str) -> Staff | None:
    try:
        return office.config.staff(tenant, person)
    except NotFound:
        return None


def _may_write(policy: Policy, person: Staff) -> bool:
    role = policy.roles.get(person.role)
    return role is not None and WRITE in role.permissions


def _another(office: Office, policy: Policy, person: Staff, field: str) -> Staff:
    """Somebody else who may change the configuration."""
    for each in office.setup.staff_of(person.tenant):
        if each.id != person.id and _may_write(policy, each):
            return each
    problem = f"{person.id} is the last who may change the configuration"
    raise BadInput(field, problem, "Give somebody else that role first.")
