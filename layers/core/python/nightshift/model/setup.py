"""Setting a tenant up: what is asked of `/v1/setup` and what it answers. No answer holds a secret."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Noun
from nightshift.model.hook import Hook
from nightshift.model.policy import Policy

__all__ = [
    "PERSON",
    "SLUG",
    "ChannelLine",
    "ChannelReport",
    "ConnectChannel",
    "Connected",
    "Finding",
    "Halted",
    "NewPolicy",
    "NewStaff",
    "NewTenant",
    "PolicyView",
    "Reason",
    "RotateSecret",
    "StaffLine",
    "TenantView",
    "ToolSwitch",
]

SLUG = r"^[a-z0-9][a-z0-9-]{1,39}$"
PERSON = r"^[a-z0-9][a-z0-9._-]{0,63}$"

Slug = Annotated[str, StringConstraints(pattern=SLUG)]
PersonId = Annotated[str, StringConstraints(pattern=PERSON)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
SecretText = Annotated[str, StringConstraints(min_length=1, max_length=8192)]
Secret = Annotated[dict[str, SecretText], Field(max_length=16, repr=False)]


class NewTenant(Noun):
    """A tenant to be: it starts with the default policy, and with every tool in shadow mode."""

    id: Slug = Field(description="2 to 40 lower-case letters, digits and dashes; it never changes")
    name: Name
    timezone: str = Field(
        min_length=1, max_length=64, description="of the IANA database: windows of one day follow it"
    )
    admin: PersonId = Field(description="the first administrator's id, as tokens name it")
    admin_name: str = Field(default="", max_length=100, description="empty: the id")


class NewStaff(Noun):
    """A person and the role policy gives them."""

    name: str = Field(default="", max_length=100, description="empty: as it is, or the id")
    role: str = Field(min_length=1, max_length=64)


class Halted(Noun):
    """Whether a tenant is halted: no effect of it is made until a person lifts that."""

    tenant: TenantId
    halted: bool


class NewPolicy(Noun):
    """A policy as somebody wrote it: TOML, or JSON as it is stored."""

    text: str = Field(min_length=1, max_length=200_000)


class PolicyView(Noun):
    """A version of a tenant's policy.

    Args:
        changes: the sections in which it differs from the one that was in force.
    """

    tenant: TenantId
    policy: Policy
    in_force: bool
    changes: tuple[str, ...] = ()


class Reason(Noun):
    """Why; kept in the log."""

    note: str = Field(default="", max_length=1000)


class ConnectChannel(Noun):
    """A channel to connect, or to connect again.

    `secret` has the fields that the adapter's `adapter.toml` names; it is stored, never shown or logged.
    """

    adapter: str = Field(pattern=r"^[a-z][a-z0-9]{1,30}$")
    account: str = Field(min_length=1, max_length=320, description="the vendor's name of the account")
    base_url: str = Field(default="", max_length=500, description="empty: the vendor's usual address")
    secret: Secret = Field(default_factory=dict, repr=False)
    addresses: tuple[str, ...] = Field(
        default=(), max_length=50, description="mail addresses that this channel answers, beside the account"
    )


class RotateSecret(Noun):
    """New credentials for a channel that is connected."""

    secret: Secret = Field(repr=False)


class ToolSwitch(Noun):
    """Turn a tool of one channel on, or back into shadow mode."""

    on: bool
    note: str = Field(default="", max_length=1000)


class ChannelLine(Noun):
    """A channel: `live` tools make effects, `shadow` ones are proposed and logged only."""

    channel: ChannelId
    tenant: TenantId
    adapter: str
    account: str
    base_url: str
    webhook: str = Field(description="where the vendor calls; empty for an adapter without webhooks")
    live: tuple[str, ...]
    shadow: tuple[str, ...]


class StaffLine(Noun):
    """A person of the tenant."""

    id: str
    name: str
    role: str


class TenantView(Noun):
    """A tenant with its people and channels."""

    tenant: TenantId
    name: str
    timezone: str
    policy_version: int
    specialist: str
    halted: bool
    order_channel: ChannelId | None
    reply_channel: ChannelId | None
    staff: tuple[StaffLine, ...]
    channels: tuple[ChannelLine, ...]


class Connected(Noun):
    """A channel that was connected: what the vendor said, and what is left to do (`problems`)."""

    channel: ChannelLine
    account_name: str
    missing_scopes: tuple[str, ...]
    hooks: tuple[Hook, ...]
    addresses: tuple[str, ...]
    problems: tuple[str, ...]


class Finding(Noun):
    """One thing the doctor looked at. `fix` says what to do where it is not well."""

    what: str
    ok: bool
    says: str
    fix: str = ""


class ChannelReport(Noun):
    """One channel, looked at from all sides."""

    channel: ChannelLine
    at: datetime
    findings: tuple[Finding, ...]
    hooks: tuple[Hook, ...]
    well: bool
