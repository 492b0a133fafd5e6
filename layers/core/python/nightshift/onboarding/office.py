"""What onboarding works with, who may do what there, and how it is logged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from nightshift.clock import Clock
from nightshift.errors import NotFound
from nightshift.identity.caller import Caller
from nightshift.identity.token import PLATFORM
from nightshift.ids import ChannelId, TenantId
from nightshift.model.adapter import AdapterSpec
from nightshift.model.log import EntryKind
from nightshift.model.policy import Policy
from nightshift.model.tenant import Channel, Tenant
from nightshift.model.tool import ToolSpec
from nightshift.ports.config import Config
from nightshift.ports.limits import Limits
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.setup import Arrivals, Setup, Vault
from nightshift.tools.onboard import Account, Hooks

__all__ = [
    "HALT",
    "READ",
    "RESUME",
    "TENANTS",
    "WRITE",
    "Connectors",
    "Office",
    "admit",
    "of_tenant",
    "one_channel",
    "record",
]

READ = "config:read"
WRITE = "config:write"
HALT = "tenant:halt"
RESUME = "tenant:resume"
TENANTS = "tenants:add"


class Connectors(Protocol):
    """An adapter's own Lambda, asked about a channel. Each raises wire errors."""

    def check(self, channel: Channel, version: str | None) -> Account:
        """Whose credentials a channel has, in one version of its secret; None: in the one in force."""

    def hooks(self, channel: Channel, url: str) -> Hooks:
        """How a channel's registrations stand; changes nothing."""

    def ensure(self, channel: Channel, version: str | None, url: str) -> Hooks:
        """Make a channel's registrations right."""


@dataclass(frozen=True, kw_only=True)
class Office:
    """The records and services behind onboarding.

    Args:
        stage: names the secrets.
        webhook_base: where vendors call us, without a slash at its end.
        internal_hosts: hosts beyond an adapter's own that a `base_url` may name, also without TLS;
            empty outside of a developer's machine.
        public: whether a host name leads to public addresses only.
        policy: what a new tenant starts with.
    """

    config: Config
    setup: Setup
    vault: Vault
    connectors: Connectors
    arrivals: Arrivals
    limits: Limits
    log: ActionLog
    clock: Clock
    stage: str
    webhook_base: str
    public: Callable[[str], bool]
    policy: Policy
    adapters: Mapping[str, AdapterSpec]
    tools: tuple[ToolSpec, ...]
    identity_key: str = field(repr=False)
    internal_hosts: frozenset[str] = frozenset()

    def webhook(self, channel: Channel) -> str:
        """Where the vendor of a channel calls; empty for an adapter without webhooks."""
        spec = self.adapters.get(channel.adapter)
        if spec is None or not spec.topics:
            return ""
        return f"{self.webhook_base}/webhooks/{channel.adapter}/{channel.tenant}/{channel.id}"


def admit(caller: Caller, tenant: TenantId, permission: str) -> None:
    """Check that a caller may do something in a tenant; the platform's operators may where they hold it.

    Raises:
        NotPermitted: their role does not hold the permission.
        NotFound: it is another tenant, which is as absent for them as one that never was.
    """
    if caller.tenant not in {tenant, PLATFORM}:
        message = f"there is no tenant {tenant}"
        raise NotFound(message)
    caller.must(permission)


def of_tenant(office: Office, caller: Caller, tenant: TenantId, permission: str) -> Tenant:
    """A tenant in which the caller may do something.

    Raises:
        NotPermitted: as `admit`.
        NotFound: as `admit`, or there is none.
    """
    admit(caller, tenant, permission)
    return office.config.tenant(tenant)


def one_channel(office: Office, tenant: TenantId, channel: ChannelId) -> Channel:
    """A channel of a tenant.

    Raises:
        NotFound: there is none.
    """
    try:
        return office.config.channel(tenant, channel)
    except NotFound:
        message = f"the tenant {tenant} has no channel {channel}"
        raise NotFound(message) from None


def record(
    office: Office,
    caller: Caller,
    tenant: TenantId,
    kind: EntryKind,
    *,
    about: str,
    detail: Mapping[str, JsonValue],
) -> None:
    """Log that a person changed the configuration, in the tenant's own stream of setting up.

    What was asked for is logged also where it changed nothing: a first try may have died in between.
    """
    at = office.clock.now()
    entry = NewEntry(
        kind=kind,
        tenant=tenant,
        at=at,
        actor=caller.actor,
        ref=f"{about}@{at.isoformat()}",
        detail={"about": about, "role": caller.principal.role, **detail},
    )
    office.log.append(f"setup:{tenant}", entry)
