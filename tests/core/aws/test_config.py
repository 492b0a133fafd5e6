"""Tenants, channels, policies and staff, at the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.errors import Conflict, NotFound
from nightshift.ids import ChannelId, TenantId
from nightshift.model.tenant import Channel, Staff, Tenant
from tests.core.gate.plans import DEFAULT_POLICY

if TYPE_CHECKING:
    from tests.support.tables import Tables

ACME, OTHER = TenantId("acme"), TenantId("other")


@pytest.fixture
def config(tables: Tables) -> DynamoConfig:
    return DynamoConfig(tables.config)


def tenant(id_: TenantId = ACME, version: int = 1, *, halted: bool = False) -> Tenant:
    return Tenant(id=id_, name="Acme", policy_version=version, halted=halted)


def channel(id_: str, of: TenantId = ACME, live: frozenset[str] = frozenset()) -> Channel:
    return Channel(
        id=ChannelId(id_), tenant=of, adapter="shopify", account="acme.myshopify.com",
        base_url="https://acme.myshopify.com", secret_ref="nightshift/test/shopify/acme/x", live_tools=live,
    )  # fmt: skip


def test_what_was_stored_comes_back(config: DynamoConfig):
    shop = channel("shopify-eu", live=frozenset({"payments.refund", "orders.cancel"}))
    anna = Staff(id="anna", tenant=ACME, name="Anna", role="manager")
    config.put_tenant(tenant())
    config.put_channel(shop)
    config.put_staff(anna)
    config.put_policy(ACME, DEFAULT_POLICY)
    assert config.tenant(ACME) == tenant()
    assert config.channel(ACME, shop.id) == shop
    assert config.staff(ACME, "anna") == anna
    assert config.policy(ACME) == DEFAULT_POLICY


def test_a_tenant_sees_its_own_channels_only(config: DynamoConfig):
    for one in (channel("b"), channel("a"), channel("c", of=OTHER), channel("x", of=TenantId("acme2"))):
        config.put_channel(one)
    assert config.channels(ACME) == (channel("a"), channel("b"))
    with pytest.raises(NotFound):
        config.channel(ACME, ChannelId("c"))


def test_what_is_not_there_is_not_found(config: DynamoConfig):
    with pytest.raises(NotFound):
        config.tenant(ACME)
    with pytest.raises(NotFound):
        config.staff(ACME, "nobody")
    config.put_tenant(tenant(version=7))
    with pytest.raises(NotFound):
        config.policy(ACME)
    assert config.channels(ACME) == ()


def test_a_stored_policy_version_is_never_overwritten(config: DynamoConfig, tables: Tables):
    config.put_tenant(tenant())
    config.put_policy(ACME, DEFAULT_POLICY)
    loosened = DEFAULT_POLICY.model_copy(update={"windows": ()})
    with pytest.raises(Conflict):
        config.put_policy(ACME, loosened)
    assert DynamoConfig(tables.config).policy(ACME) == DEFAULT_POLICY


def test_storing_the_same_version_again_changes_nothing(config: DynamoConfig):
    config.put_tenant(tenant())
    config.put_policy(ACME, DEFAULT_POLICY)
    config.put_policy(ACME, DEFAULT_POLICY)
    assert config.policy(ACME) == DEFAULT_POLICY


def test_the_version_the_tenant_names_is_in_force_at_once(config: DynamoConfig):
    second = DEFAULT_POLICY.model_copy(update={"version": 2, "windows": ()})
    config.put_tenant(tenant())
    config.put_policy(ACME, DEFAULT_POLICY)
    config.put_policy(ACME, second)
    assert config.policy(ACME) == DEFAULT_POLICY
    config.put_tenant(tenant(version=2))
    assert config.policy(ACME) == second
    config.put_tenant(tenant(version=1))
    assert config.policy(ACME) == DEFAULT_POLICY


def test_tenants_do_not_share_a_policy_version(config: DynamoConfig):
    theirs = DEFAULT_POLICY.model_copy(update={"windows": ()})
    for of, policy in ((ACME, DEFAULT_POLICY), (OTHER, theirs)):
        config.put_tenant(tenant(of))
        config.put_policy(of, policy)
    assert (config.policy(ACME), config.policy(OTHER)) == (DEFAULT_POLICY, theirs)


@pytest.mark.parametrize("halted", [True, False])
def test_a_halt_stands_where_conditions_of_effects_read_it(
    config: DynamoConfig, tables: Tables, *, halted: bool
):
    config.put_tenant(tenant(halted=halted))
    key = {"pk": {"S": "tenant#acme"}, "sk": {"S": "meta"}}
    stored = client("dynamodb").get_item(TableName=tables.config, Key=key)["Item"]
    assert stored["halted"] == {"BOOL": halted}
    assert config.tenant(ACME).halted is halted
