"""A tenant and its channels."""

from datetime import datetime

from pydantic import Field

from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Document

__all__ = ["Channel", "Staff", "Tenant"]


class Tenant(Document):
    """A store that nightshift works for."""

    id: TenantId
    name: str
    policy_version: int
    specialist: str = "support"
    reply_channel: ChannelId | None = Field(default=None, description="how customers are answered")
    order_channel: ChannelId | None = Field(default=None, description="where orders are looked up")
    payment_channel: ChannelId | None = Field(
        default=None, description="where payments without an order are looked up"
    )
    order_prefix: str = Field(default="#", max_length=20, description="what order names begin with")
    halted: bool = False
    in_doubt_before: datetime | None = Field(
        default=None,
        description="when records were last restored: what began before may have happened unrecorded",
    )


class Channel(Document):
    """A tenant's named connection to one adapter.

    `account` is the vendor's name of the account (`acme.myshopify.com`): a webhook of another account
    is refused. `live_tools` are the tools a person turned on; all others stay in shadow mode. `addresses`
    are the mailboxes whose mail comes in here.
    """

    id: ChannelId
    tenant: TenantId
    adapter: str
    account: str
    base_url: str
    secret_ref: str
    live_tools: frozenset[str] = frozenset()
    addresses: tuple[str, ...] = ()


class Staff(Document):
    """A person who works for the tenant.

    `since` is when they were added: a token from before was somebody else's who had the same id.
    """

    id: str
    tenant: TenantId
    name: str
    role: str
    since: datetime | None = None
