"""A tenant's policy."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.onboarding.routes.asking import TenantPath, asked_of
from nightshift.ids import TenantId
from nightshift.model.setup import NewPolicy, PolicyView
from nightshift.onboarding.policy import save_policy, see_policy, try_policy
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()

VersionPath = Annotated[int, Path(ge=1, le=999_999, description="a version of the policy")]


@router.get("/v1/setup/tenants/<tenant>/policy", tags=["policy"])
def in_force(tenant: TenantPath) -> PolicyView:
    """The policy in force. Needs `config:read`."""
    asked = asked_of(router)
    return see_policy(asked.office, asked.caller, TenantId(tenant))


@router.get("/v1/setup/tenants/<tenant>/policy/<version>", tags=["policy"])
def one_version(tenant: TenantPath, version: VersionPath) -> PolicyView:
    """One version of the policy. Needs `config:read`."""
    asked = asked_of(router)
    return see_policy(asked.office, asked.caller, TenantId(tenant), version)


@router.post("/v1/setup/tenants/<tenant>/policy/check", tags=["policy"])
def check(tenant: TenantPath, body: NewPolicy) -> PolicyView:
    """What a policy would be as the next version; changes nothing. Needs `config:write`."""
    asked = asked_of(router)
    return try_policy(asked.office, asked.caller, TenantId(tenant), body.text)


@router.put("/v1/setup/tenants/<tenant>/policy", tags=["policy"])
def put_policy(tenant: TenantPath, body: NewPolicy) -> PolicyView:
    """Save a policy under a new version and put it in force. Needs `config:write`."""
    asked = asked_of(router)
    return save_policy(asked.office, asked.caller, TenantId(tenant), body.text)
