"""`channel` and `tool`: connect a vendor, try it, turn its tools on."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from nightshift.cli import show_setup
from nightshift.cli.session import (
    FAILURE,
    ChannelArgument,
    Json,
    NoteOption,
    Session,
    TenantArgument,
    body,
    setup_path,
)
from nightshift.errors import BadInput
from nightshift.model.setup import (
    ChannelLine,
    ChannelReport,
    ConnectChannel,
    Connected,
    Reason,
    RotateSecret,
    TenantView,
    ToolSwitch,
)

__all__ = ["add", "examine"]

ToolArgument = Annotated[str, typer.Argument(metavar="TOOL", help="E.g. payments.refund.")]
SecretFile = Annotated[
    Path | None, typer.Option("--secret-file", help="A JSON object of strings: the channel's credentials.")
]
SecretStdin = Annotated[bool, typer.Option("--secret-stdin", help="Read that object from standard input.")]

_FIELDS = TypeAdapter(dict[str, str])
_HOW_TO_GIVE_IT = 'Write {"access_token": "…"} into a file only you can read, or pipe it in.'


def add(app: typer.Typer) -> None:
    """Add the commands."""
    channels = typer.Typer(help="A tenant's named connections to vendors.", no_args_is_help=True)
    tools = typer.Typer(help="Turn tools on, one by one; all start in shadow mode.", no_args_is_help=True)
    app.add_typer(channels, name="channel")
    app.add_typer(tools, name="tool")
    _connecting(channels)
    _looking(channels)
    _switching(tools)


def _connecting(app: typer.Typer) -> None:
    @app.command()
    def connect(
        context: typer.Context,
        tenant: TenantArgument,
        channel: ChannelArgument,
        *,
        adapter: Annotated[str, typer.Option("--adapter", help="Which vendor: shopify, contact, …")],
        account: Annotated[str, typer.Option("--account", help="The vendor's name of the account.")],
        base_url: Annotated[str, typer.Option("--base-url", help="Empty: the vendor's usual address.")] = "",
        address: Annotated[list[str] | None, typer.Option("--address", help="A mailbox; repeat it.")] = None,
        secret_file: SecretFile = None,
        secret_stdin: SecretStdin = False,
        as_json: Json = False,
    ) -> None:
        """Try credentials at the vendor, store the channel, have the vendor call us; again to mend it."""
        session: Session = context.obj
        given = {
            "adapter": adapter,
            "account": account,
            "base_url": base_url,
            "secret": _secret(secret_file, stdin=secret_stdin),
            "addresses": tuple(address or ()),
        }
        path, asked = _path(tenant, channel), body(ConnectChannel, given)
        found = session.connect().call(Connected, "PUT", path, body=asked)
        _say_connected(session, found, as_json=as_json)

    @app.command()
    def rotate(
        context: typer.Context,
        tenant: TenantArgument,
        channel: ChannelArgument,
        *,
        secret_file: SecretFile = None,
        secret_stdin: SecretStdin = False,
        as_json: Json = False,
    ) -> None:
        """Try new credentials and put them in force; the old ones stay if the vendor refuses."""
        session: Session = context.obj
        asked = body(RotateSecret, {"secret": _secret(secret_file, stdin=secret_stdin)})
        found = session.connect().call(Connected, "POST", _path(tenant, channel, "rotate"), body=asked)
        _say_connected(session, found, as_json=as_json)


def _say_connected(session: Session, found: Connected, *, as_json: bool) -> None:
    session.say(found, show_setup.connected(found), as_json=as_json)
    if found.problems:
        raise typer.Exit(FAILURE)


def _looking(app: typer.Typer) -> None:
    @app.command(name="list")
    def list_channels(context: typer.Context, tenant: TenantArgument, as_json: Json = False) -> None:
        """List a tenant's channels."""
        session: Session = context.obj
        view = session.connect().call(TenantView, "GET", setup_path(tenant))
        session.say(view, show_setup.channels(view.channels), as_json=as_json)

    @app.command(name="show")
    def show_channel(
        context: typer.Context, tenant: TenantArgument, channel: ChannelArgument, as_json: Json = False
    ) -> None:
        """Show one channel; `nightshift doctor CHANNEL` tries it."""
        session: Session = context.obj
        line = session.connect().call(ChannelLine, "GET", _path(tenant, channel))
        session.say(line, show_setup.channel(line), as_json=as_json)

    @app.command()
    def release(
        context: typer.Context,
        tenant: TenantArgument,
        channel: ChannelArgument,
        note: NoteOption = "",
        as_json: Json = False,
    ) -> None:
        """Let writes go on that were stopped because the vendor answered in an unexpected shape."""
        session: Session = context.obj
        path = _path(tenant, channel, "release")
        line = session.connect().call(ChannelLine, "POST", path, body=body(Reason, {"note": note}))
        session.say(line, show_setup.channel(line), as_json=as_json)


def _switching(app: typer.Typer) -> None:
    @app.command(name="on")
    def turn_on(
        context: typer.Context, tenant: TenantArgument, channel: ChannelArgument, tool: ToolArgument,
        note: NoteOption = "", as_json: Json = False,
    ) -> None:  # fmt: skip
        """Turn a tool of one channel on: from now on it makes effects."""
        _switch(context.obj, _path(tenant, channel, "tools", tool), on=True, note=note, as_json=as_json)

    @app.command(name="off")
    def turn_off(
        context: typer.Context, tenant: TenantArgument, channel: ChannelArgument, tool: ToolArgument,
        note: NoteOption = "", as_json: Json = False,
    ) -> None:  # fmt: skip
        """Put a tool of one channel back into shadow mode."""
        _switch(context.obj, _path(tenant, channel, "tools", tool), on=False, note=note, as_json=as_json)


def _switch(session: Session, path: str, *, on: bool, note: str, as_json: bool) -> None:
    line = session.connect().call(ChannelLine, "POST", path, body=body(ToolSwitch, {"on": on, "note": note}))
    session.say(line, show_setup.channel(line), as_json=as_json)


def examine(session: Session, tenant: str, channel: str, *, as_json: bool) -> None:
    """Show what one channel's doctor found; ends with 1 when something is wrong."""
    found = session.connect().call(ChannelReport, "GET", _path(tenant, channel, "doctor"))
    session.say(found, show_setup.report(found), as_json=as_json)
    if not found.well:
        raise typer.Exit(FAILURE)


def _path(tenant: str, channel: str, *rest: str) -> str:
    return setup_path(tenant, "channels", channel, *rest)


def _secret(file: Path | None, *, stdin: bool) -> dict[str, str]:
    """The credentials, from a file or standard input; an argument would stand in the shell's history."""
    if file is not None and stdin:
        raise BadInput("--secret-file", "the secret is given twice", "Give a file, or pipe it in.")
    if file is None and not stdin:
        return {}
    try:
        written = sys.stdin.read() if file is None else file.read_text(encoding="utf-8")
        return _FIELDS.validate_python(json.loads(written), strict=True)
    except OSError:
        raise BadInput("--secret-file", f"{file} cannot be read", _HOW_TO_GIVE_IT) from None
    except (ValueError, ValidationError):
        # the cause would quote the secret
        raise BadInput("--secret-file", "it is no JSON object of strings", _HOW_TO_GIVE_IT) from None
