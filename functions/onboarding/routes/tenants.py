"""Tenants and their people."""

from functions.onboarding.routes.asking import PersonPath, TenantPath, asked_of
from nightshift.ids import TenantId
from nightshift.model.setup import Halted, NewStaff, NewTenant, Reason, StaffLine, TenantView
from nightshift.onboarding.staff import remove_staff, set_staff
from nightshift.onboarding.tenants import add_tenant, halt, resume, see_tenant
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()


@router.post("/v1/setup/tenants", tags=["tenants"])
def add(body: NewTenant) -> TenantView:
    """Add a tenant; the same again changes nothing. Needs `tenants:add`: a token of the platform."""
    asked = asked_of(router)
    return add_tenant(asked.office, asked.caller, body)


@router.get("/v1/setup/tenants/<tenant>", tags=["tenants"])
def show(tenant: TenantPath) -> TenantView:
    """A tenant with its people and channels. Needs `config:read`."""
    asked = asked_of(router)
    return see_tenant(asked.office, asked.caller, TenantId(tenant))


@router.post("/v1/setup/tenants/<tenant>/halt", tags=["tenants"])
def halt_tenant(tenant: TenantPath, body: Reason) -> Halted:
    """Stop every effect of a tenant at once. Needs `tenant:halt`."""
    asked = asked_of(router)
    return halt(asked.office, asked.caller, TenantId(tenant), body.note)


@router.post("/v1/setup/tenants/<tenant>/resume", tags=["tenants"])
def resume_tenant(tenant: TenantPath, body: Reason) -> Halted:
    """Let effects be made again. Needs `tenant:resume`."""
    asked = asked_of(router)
    return resume(asked.office, asked.caller, TenantId(tenant), body.note)


@router.put("/v1/setup/tenants/<tenant>/staff/<person>", tags=["people"])
def put_staff(tenant: TenantPath, person: PersonPath, body: NewStaff) -> StaffLine:
    """Add a person, or change their name or role. Needs `config:write`."""
    asked = asked_of(router)
    return set_staff(asked.office, asked.caller, TenantId(tenant), person, body)


@router.delete("/v1/setup/tenants/<tenant>/staff/<person>", tags=["people"])
def delete_staff(tenant: TenantPath, person: PersonPath) -> StaffLine:
    """Remove a person; their tokens prove nothing from now on. Needs `config:write`."""
    asked = asked_of(router)
    return remove_staff(asked.office, asked.caller, TenantId(tenant), person)
