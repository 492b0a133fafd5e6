"""The role is read from the tenant's records at each request; a token cannot carry one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.errors import NotIdentified, NotPermitted
from nightshift.identity.caller import recognise
from nightshift.identity.token import Identity
from nightshift.ids import TenantId
from nightshift.model.policy import Policy, Role
from nightshift.model.tenant import Staff, Tenant

if TYPE_CHECKING:
    from tests.support.tables import Tables

ACME = TenantId("acme")
ANA = Identity(tenant=ACME, staff="ana")


@pytest.fixture
def config(tables: Tables) -> DynamoConfig:
    config = DynamoConfig(tables.config, client("dynamodb"))
    roles = {
        "manager": Role(permissions=frozenset({"approvals:decide"})),
        "viewer": Role(permissions=frozenset()),
    }
    config.put_policy(ACME, Policy(version=1, roles=roles, tiers=()))
    config.put_tenant(Tenant(id=ACME, name="Acme", policy_version=1))
    config.put_staff(Staff(id="ana", tenant=ACME, name="Ana", role="manager"))
    return config


def test_a_persons_role_gives_their_permissions(config: DynamoConfig):
    caller = recognise(config, ANA)
    assert (caller.tenant, caller.principal.id, caller.principal.role) == (ACME, "ana", "manager")
    caller.must("approvals:decide")


def test_a_changed_role_counts_from_the_next_request(config: DynamoConfig):
    config.put_staff(Staff(id="ana", tenant=ACME, name="Ana", role="viewer"))
    with pytest.raises(NotPermitted) as caught:
        recognise(config, ANA).must("approvals:decide")
    assert caught.value.permission == "approvals:decide"


def test_a_role_policy_does_not_know_permits_nothing(config: DynamoConfig):
    config.put_staff(Staff(id="ana", tenant=ACME, name="Ana", role="intern"))
    assert recognise(config, ANA).permissions == frozenset()


def test_no_policy_of_a_tenant_gives_what_is_the_platforms(config: DynamoConfig):
    greedy = frozenset({"tenants:add", "queues:read", "queues:redrive", "tenant:halt"})
    policy = Policy(version=2, roles={"manager": Role(permissions=greedy)}, tiers=())
    config.put_policy(ACME, policy)
    config.put_tenant(Tenant(id=ACME, name="Acme", policy_version=2))
    assert recognise(config, ANA).permissions == {"tenant:halt"}


@pytest.mark.parametrize(
    "who", [Identity(tenant=ACME, staff="gone"), Identity(tenant=TenantId("nowhere"), staff="ana")], ids=str
)
def test_a_token_of_somebody_who_is_not_there_proves_nothing(config: DynamoConfig, who: Identity):
    with pytest.raises(NotIdentified):
        recognise(config, who)
