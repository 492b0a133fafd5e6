"""`catalog`, `doctor`."""

from typing import Annotated

import typer

from nightshift.cli import show
from nightshift.cli.channels import examine
from nightshift.cli.session import FAILURE, Json, Session

__all__ = ["add"]


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def catalog(context: typer.Context, as_json: Json = False) -> None:
        """List every tool with its effect and the permission it needs."""
        session: Session = context.obj
        found = session.connect().catalog()
        session.say(found, show.catalog(found.tools), as_json=as_json)

    @app.command()
    def doctor(
        context: typer.Context,
        channel: Annotated[str, typer.Argument(metavar="[CHANNEL]", help="Only this one, closely.")] = "",
        as_json: Json = False,
    ) -> None:
        """Check channels, secrets and queues, or one channel closely; ends with 1 when something is wrong."""
        session: Session = context.obj
        if channel:
            examine(session, session.connect().doctor().tenant, channel, as_json=as_json)
            return
        report = session.connect().doctor()
        session.say(report, show.doctor(report), as_json=as_json)
        if report.problems:
            raise typer.Exit(FAILURE)
