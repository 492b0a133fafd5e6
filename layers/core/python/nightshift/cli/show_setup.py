"""Tenants, channels and their health as people read them."""

from rich.console import Group, RenderableType
from rich.text import Text

from nightshift.cli.show import pairs, table
from nightshift.model.hook import Hook, HookState
from nightshift.model.setup import ChannelLine, ChannelReport, Connected, StaffLine, TenantView

__all__ = ["channel", "channels", "connected", "report", "staff", "tenant"]

_GOOD = {HookState.RIGHT, HookState.CREATED, HookState.FIXED}


def tenant(view: TenantView) -> RenderableType:
    """A tenant with its people and channels."""
    head = pairs(
        (
            ("tenant", view.tenant),
            ("name", view.name),
            ("time zone", view.timezone),
            ("policy", f"version {view.policy_version}"),
            ("specialist", view.specialist),
            ("orders are looked up in", view.order_channel or "no channel yet"),
            ("customers are answered by", view.reply_channel or "no channel yet"),
            ("halted", "yes: no effect is made" if view.halted else ""),
        )
    )
    return Group(head, Text(""), staff(view.staff), Text(""), channels(view.channels))


def staff(people: tuple[StaffLine, ...]) -> RenderableType:
    """People and their roles."""
    shown = table("person", "name", "role")
    for each in people:
        shown.add_row(each.id, Text(each.name), each.role)
    return shown


def channels(lines: tuple[ChannelLine, ...]) -> RenderableType:
    """A tenant's channels."""
    if not lines:
        return Text("No channels yet: `nightshift channel connect`.", style="dim")
    shown = table("channel", "adapter", "account", "live tools", "in shadow mode")
    for line in lines:
        shown.add_row(
            line.channel, line.adapter, Text(line.account), ", ".join(line.live), ", ".join(line.shadow)
        )
    return shown


def channel(line: ChannelLine) -> RenderableType:
    """One channel."""
    return pairs(
        (
            ("channel", f"{line.channel} of {line.tenant}"),
            ("adapter", line.adapter),
            ("account", line.account),
            ("asked at", line.base_url),
            ("calls us at", line.webhook),
            ("live tools", ", ".join(line.live) or "none"),
            ("in shadow mode", ", ".join(line.shadow)),
        )
    )


def connected(found: Connected) -> RenderableType:
    """A channel that was just connected, and what is left to do."""
    name = f"The vendor knows the account as {found.account_name}." if found.account_name else ""
    left = [Text(f"• {problem}", style="yellow") for problem in found.problems]
    return Group(
        channel(found.channel),
        Text(name),
        _hooks(found.hooks),
        *([Text(f"mail to: {', '.join(found.addresses)}")] if found.addresses else []),
        *(left or [Text("Connected; nothing is left to do.", style="green")]),
    )


def report(found: ChannelReport) -> RenderableType:
    """One channel looked at from all sides."""
    shown = table("", "what", "says", "what to do")
    for each in found.findings:
        mark = Text("ok", style="green") if each.ok else Text("!!", style="red")
        shown.add_row(mark, each.what, Text(each.says), Text(each.fix))
    return Group(channel(found.channel), Text(""), shown)


def _hooks(hooks: tuple[Hook, ...]) -> RenderableType:
    shown = table("webhook", "state", "")
    for each in hooks:
        style = "green" if each.state in _GOOD else "red"
        shown.add_row(each.topic, Text(each.state, style=style), Text(each.problem))
    return shown if hooks else Text("")
