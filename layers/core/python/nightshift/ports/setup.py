"""Writing tenants, channels, people and their secrets: only `functions/onboarding` may."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Noun
from nightshift.model.policy import Policy
from nightshift.model.tenant import Channel, Staff, Tenant

__all__ = ["AddressOwner", "Arrivals", "Setup", "Vault"]


class AddressOwner(Noun):
    """Whose a mail address is."""

    tenant: TenantId
    channel: ChannelId


class Setup(Protocol):
    """The configuration's writes. Each is one conditional write, or one transaction."""

    def add_tenant(self, tenant: Tenant, policy: Policy, admin: Staff) -> None:
        """Store a tenant that was not there, with its policy and first person, or nothing of it.

        Raises:
            Conflict: the id is taken.
        """

    def change_tenant(self, tenant: TenantId, change: Callable[[Tenant], Tenant]) -> Tenant:
        """Replace a tenant's record by what `change` makes of it; gives what stands then.

        Raises:
            NotFound: there is none.
        """

    def change_channel(
        self, tenant: TenantId, channel: ChannelId, change: Callable[[Channel | None], Channel]
    ) -> Channel:
        """Replace a channel's record, or store a new one (`change` gets None then)."""

    def staff_of(self, tenant: TenantId) -> tuple[Staff, ...]:
        """Everybody of a tenant, by id, strongly consistent."""

    def put_staff(self, staff: Staff, *, if_stands: Staff | None) -> None:
        """Store a person, if another person's record still stands as it was read.

        Raises:
            Conflict: that record changed.
        """

    def remove_staff(self, staff: Staff, *, if_stands: Staff) -> None:
        """Remove a person, if another person's record still stands as it was read.

        Raises:
            Conflict: one of the two records changed.
        """

    def address_owner(self, mailbox: str) -> AddressOwner | None:
        """Whose a mail address is, strongly consistent."""

    def claim_address(self, mailbox: str, owner: AddressOwner) -> None:
        """Give a mail address to a channel; again, it changes nothing.

        Raises:
            Conflict: it belongs to another channel.
        """


class Vault(Protocol):
    """Secrets as onboarding may handle them: put in, never read out."""

    def present(self, ref: str) -> bool:
        """Whether a value is in force under this name."""

    def stage(self, ref: str, fields: dict[str, str]) -> str:
        """Store a new version beside the one in force; gives its id.

        Raises:
            Conflict: the secret is being deleted.
        """

    def promote(self, ref: str, version: str) -> None:
        """Put a version in force; functions read it within a minute."""


class Arrivals(Protocol):
    """What came in, as the stored bodies show it."""

    def last(self, tenant: TenantId, channel: ChannelId, *, now: datetime, days: int) -> datetime | None:
        """When a channel's latest delivery was stored, looking back so many days; None: none was."""
