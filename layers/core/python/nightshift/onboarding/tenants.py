"""Tenants: added, shown, halted, resumed."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nightshift.errors import BadInput, Conflict, NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import TenantId
from nightshift.model.log import EntryKind
from nightshift.model.setup import Halted, NewTenant, StaffLine, TenantView
from nightshift.model.tenant import Staff, Tenant
from nightshift.onboarding.channels import line_of
from nightshift.onboarding.office import HALT, READ, RESUME, TENANTS, Office, of_tenant, record

__all__ = ["add_tenant", "halt", "resume", "see_tenant"]

_ADMIN = "admin"
_RESERVED = frozenset({"all", "platform", "unknown"})  # `unknown` holds what came in and names no tenant


def add_tenant(office: Office, caller: Caller, asked: NewTenant) -> TenantView:
    """Add a tenant with the default policy and its first administrator; the same again changes nothing.

    It has no channels yet; every tool of those it gets is in shadow mode until a person turns it on.

    Raises:
        NotPermitted: the caller does not run the installation.
        BadInput: `id` is taken by another tenant, or `timezone` is none.
    """
    caller.must(TENANTS)
    tenant = TenantId(asked.id)
    if tenant in _RESERVED:
        raise BadInput("id", f"{tenant} is a word of ours", "Choose another id.")
    policy = office.policy.model_copy(update={"timezone": _timezone(asked.timezone)})
    new = Tenant(id=tenant, name=asked.name, policy_version=policy.version)
    admin = Staff(id=asked.admin, tenant=tenant, name=asked.admin_name or asked.admin, role=_ADMIN)
    try:
        office.setup.add_tenant(new, policy, admin)
    except Conflict:
        if not _is_the_same(office, new, admin, timezone=policy.timezone):
            raise BadInput("id", f"there is a tenant {tenant} already", "Choose another id.") from None
    record(
        office,
        caller,
        tenant,
        EntryKind.TENANT_ADDED,
        about=tenant,
        detail={"name": new.name, "policy_version": policy.version, "admin": admin.id},
    )
    return _view(office, office.config.tenant(tenant))


def _timezone(given: str) -> str:
    try:
        return ZoneInfo(given).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        fix = "Name one of the IANA database, e.g. Europe/Berlin."
        raise BadInput("timezone", f"there is no time zone {given!r}", fix) from exc


def _is_the_same(office: Office, new: Tenant, admin: Staff, *, timezone: str) -> bool:
    """Whether what stands is what a first try left: the same request came again."""
    stands = office.config.tenant(new.id)
    try:
        person = office.config.staff(new.id, admin.id)
    except NotFound:
        return False
    same_zone = office.config.policy_of(stands).timezone == timezone
    return stands.name == new.name and person == admin and same_zone


def see_tenant(office: Office, caller: Caller, tenant: TenantId) -> TenantView:
    """A tenant with its people and channels.

    Raises:
        NotPermitted: the caller may not read the configuration.
        NotFound: there is no such tenant.
    """
    return _view(office, of_tenant(office, caller, tenant, READ))


def _view(office: Office, tenant: Tenant) -> TenantView:
    channels = office.config.channels(tenant.id)
    people = office.setup.staff_of(tenant.id)
    return TenantView(
        tenant=tenant.id,
        name=tenant.name,
        timezone=office.config.policy_of(tenant).timezone,
        policy_version=tenant.policy_version,
        specialist=tenant.specialist,
        halted=tenant.halted,
        order_channel=tenant.order_channel,
        reply_channel=tenant.reply_channel,
        staff=tuple(StaffLine(id=each.id, name=each.name, role=each.role) for each in people),
        channels=tuple(line_of(office, each) for each in channels),
    )


def halt(office: Office, caller: Caller, tenant: TenantId, note: str) -> Halted:
    """Stop every effect of a tenant at once; what is under way is not called back.

    Raises:
        NotPermitted: the caller may not halt.
        NotFound: there is no such tenant.
    """
    return _switch(office, caller, tenant, halted=True, note=note)


def resume(office: Office, caller: Caller, tenant: TenantId, note: str) -> Halted:
    """Let a tenant's effects be made again.

    Raises:
        NotPermitted: the caller may not resume.
        NotFound: there is no such tenant.
    """
    return _switch(office, caller, tenant, halted=False, note=note)


def _switch(office: Office, caller: Caller, tenant: TenantId, *, halted: bool, note: str) -> Halted:
    of_tenant(office, caller, tenant, HALT if halted else RESUME)
    stands = office.setup.change_tenant(tenant, lambda was: was.model_copy(update={"halted": halted}))
    kind = EntryKind.TENANT_HALTED if halted else EntryKind.TENANT_RESUMED
    record(office, caller, tenant, kind, about=tenant, detail={"note": note})
    return Halted(tenant=tenant, halted=stands.halted)
