"""Tenants, channels, policies and staff."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from nightshift.ids import ChannelId, TenantId
from nightshift.model.tenant import Channel, Staff, Tenant

if TYPE_CHECKING:  # a policy is much to load, and ingress never sees one
    from nightshift.model.policy import Policy

__all__ = ["Config"]


class Config(Protocol):
    """Raises `NotFound` for what is not there."""

    def tenant(self, tenant: TenantId) -> Tenant:
        """One tenant, strongly consistent (it says whether the tenant is halted)."""

    def channel(self, tenant: TenantId, channel: ChannelId) -> Channel:
        """One channel."""

    def channels(self, tenant: TenantId) -> tuple[Channel, ...]:
        """All channels of a tenant."""

    def policy(self, tenant: TenantId) -> "Policy":
        """The policy in force."""

    def policy_of(self, tenant: Tenant) -> "Policy":
        """The policy that a tenant's record, read already, puts in force."""

    def staff(self, tenant: TenantId, person: str) -> Staff:
        """One person."""

    def put_tenant(self, tenant: Tenant) -> None:
        """Store a tenant."""

    def doubt(self, tenant: TenantId, before: datetime) -> None:
        """Say that records of what began before an instant are not whole: they were restored.

        An earlier instant than the one that stands changes nothing.
        """

    def put_channel(self, channel: Channel) -> None:
        """Store a channel."""

    def put_policy(self, tenant: TenantId, policy: "Policy") -> None:
        """Store a policy version; a stored version is never overwritten."""

    def put_staff(self, staff: Staff) -> None:
        """Store a person."""
