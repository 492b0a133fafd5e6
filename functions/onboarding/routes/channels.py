"""Channels: connect, look at, turn tools on."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.onboarding.routes.asking import ChannelPath, TenantPath, asked_of
from nightshift.ids import ChannelId, TenantId
from nightshift.model.setup import (
    ChannelLine,
    ChannelReport,
    ConnectChannel,
    Connected,
    Reason,
    RotateSecret,
    ToolSwitch,
)
from nightshift.onboarding.channels import release, see_channel, switch_tool
from nightshift.onboarding.connect import connect, rotate
from nightshift.onboarding.doctor import examine_channel
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()

ToolPath = Annotated[str, Path(pattern=r"^[a-z]+\.[a-z][a-z_]*$", description="a tool's name")]


@router.put("/v1/setup/tenants/<tenant>/channels/<channel>", tags=["channels"])
def put_channel(tenant: TenantPath, channel: ChannelPath, body: ConnectChannel) -> Connected:
    """Connect a channel, or connect it again: tested first, stored then. Needs `config:write`."""
    asked = asked_of(router)
    return connect(asked.office, asked.caller, TenantId(tenant), ChannelId(channel), body)


@router.get("/v1/setup/tenants/<tenant>/channels/<channel>", tags=["channels"])
def get_channel(tenant: TenantPath, channel: ChannelPath) -> ChannelLine:
    """One channel. Needs `config:read`."""
    asked = asked_of(router)
    return see_channel(asked.office, asked.caller, TenantId(tenant), ChannelId(channel))


@router.get("/v1/setup/tenants/<tenant>/channels/<channel>/doctor", tags=["channels"])
def doctor(tenant: TenantPath, channel: ChannelPath) -> ChannelReport:
    """One channel looked at from all sides. Needs `config:read`."""
    asked = asked_of(router)
    return examine_channel(asked.office, asked.caller, TenantId(tenant), ChannelId(channel))


@router.post("/v1/setup/tenants/<tenant>/channels/<channel>/rotate", tags=["channels"])
def rotate_secret(tenant: TenantPath, channel: ChannelPath, body: RotateSecret) -> Connected:
    """Try new credentials and put them in force. Needs `config:write`."""
    asked = asked_of(router)
    return rotate(asked.office, asked.caller, TenantId(tenant), ChannelId(channel), body)


@router.post("/v1/setup/tenants/<tenant>/channels/<channel>/release", tags=["channels"])
def release_channel(tenant: TenantPath, channel: ChannelPath, body: Reason) -> ChannelLine:
    """Let stopped writes go on. Needs `config:write`; 409 when they are not stopped."""
    asked = asked_of(router)
    return release(asked.office, asked.caller, TenantId(tenant), ChannelId(channel), body.note)


@router.post("/v1/setup/tenants/<tenant>/channels/<channel>/tools/<tool>", tags=["channels"])
def tool(tenant: TenantPath, channel: ChannelPath, tool: ToolPath, body: ToolSwitch) -> ChannelLine:
    """Turn a tool on, or back into shadow mode. Needs `config:write`."""
    asked = asked_of(router)
    return switch_tool(
        asked.office, asked.caller, TenantId(tenant), ChannelId(channel), tool=tool, asked=body
    )
