"""Channels: shown, their tools turned on one by one, their writes released."""

from pydantic import JsonValue

from nightshift.errors import BadInput, Conflict, NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import ChannelId, TenantId
from nightshift.model.log import EntryKind
from nightshift.model.setup import ChannelLine, ToolSwitch
from nightshift.model.tenant import Channel
from nightshift.model.tool import EffectClass
from nightshift.onboarding.office import READ, WRITE, Office, of_tenant, one_channel, record

__all__ = ["line_of", "release", "see_channel", "switch_tool"]


def see_channel(office: Office, caller: Caller, tenant: TenantId, channel: ChannelId) -> ChannelLine:
    """One channel.

    Raises:
        NotPermitted: the caller may not read the configuration.
        NotFound: there is no such channel.
    """
    of_tenant(office, caller, tenant, READ)
    return line_of(office, one_channel(office, tenant, channel))


def switch_tool(
    office: Office, caller: Caller, tenant: TenantId, channel: ChannelId, *, tool: str, asked: ToolSwitch
) -> ChannelLine:
    """Turn a tool of one channel on, so that it makes effects, or back into shadow mode.

    Raises:
        NotPermitted: the caller may not change the configuration.
        NotFound: there is no such channel.
        BadInput: the channel's adapter has no such tool, or it only reads.
    """
    of_tenant(office, caller, tenant, WRITE)
    adapter = one_channel(office, tenant, channel).adapter
    writes = _writes(office, adapter)
    if tool not in writes:
        fix = f"Its tools that make effects: {', '.join(writes) or 'none'}."
        raise BadInput("tool", f"{adapter} makes no effects with {tool}", fix)

    def switched(was: Channel | None) -> Channel:
        if was is None:
            message = f"the tenant {tenant} has no channel {channel}"
            raise NotFound(message)
        live = was.live_tools | {tool} if asked.on else was.live_tools - {tool}
        return was.model_copy(update={"live_tools": live})

    stored = office.setup.change_channel(tenant, channel, switched)
    detail: dict[str, JsonValue] = {"tool": tool, "on": asked.on, "note": asked.note}
    record(office, caller, tenant, EntryKind.TOOL_SWITCHED, about=f"{channel}/{tool}", detail=detail)
    return line_of(office, stored)


def release(office: Office, caller: Caller, tenant: TenantId, channel: ChannelId, note: str) -> ChannelLine:
    """Let a channel's writes go on that were stopped because its vendor answered in an unexpected shape.

    Raises:
        NotPermitted: the caller may not change the configuration.
        NotFound: there is no such channel.
        Conflict: its writes are not stopped.
    """
    of_tenant(office, caller, tenant, WRITE)
    stands = one_channel(office, tenant, channel)
    if not office.limits.release(tenant, channel):
        message = f"the writes of {channel} are not stopped"
        raise Conflict(message)
    record(office, caller, tenant, EntryKind.CHANNEL_RELEASED, about=channel, detail={"note": note})
    return line_of(office, stands)


def line_of(office: Office, channel: Channel) -> ChannelLine:
    """A channel as people see it."""
    writes = _writes(office, channel.adapter)
    return ChannelLine(
        channel=channel.id,
        tenant=channel.tenant,
        adapter=channel.adapter,
        account=channel.account,
        base_url=channel.base_url,
        webhook=office.webhook(channel),
        live=tuple(name for name in writes if name in channel.live_tools),
        shadow=tuple(name for name in writes if name not in channel.live_tools),
    )


def _writes(office: Office, adapter: str) -> tuple[str, ...]:
    tools = (t for t in office.tools if adapter in t.adapters and t.effect is not EffectClass.READ)
    return tuple(tool.name for tool in tools)
