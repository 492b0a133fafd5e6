"""`cases`, `case`, `resolve`."""

from typing import Annotated

import typer
from rich.console import Group

from nightshift.cli import show
from nightshift.cli.session import CaseArgument, Json, Session
from nightshift.cli.show_repair import more
from nightshift.cli.timeline import timeline

__all__ = ["add"]


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def cases(
        context: typer.Context,
        status: Annotated[str | None, typer.Option(help="OPEN, SLEEPING, WITH_PERSON or CLOSED.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
        cursor: Annotated[str, typer.Option(help="The `next` of the page before.")] = "",
        as_json: Json = False,
    ) -> None:
        """List cases, newest first."""
        session: Session = context.obj
        page = session.connect().cases(status, limit, cursor)
        shown = Group(
            show.cases(page.cases, session.outside.clock.now()), more("nightshift cases", page.next)
        )
        session.say(page, shown, as_json=as_json)

    @app.command()
    def case(context: typer.Context, case: CaseArgument, as_json: Json = False) -> None:
        """Show one case with its timeline."""
        session: Session = context.obj
        api = session.connect()
        view = api.case(case)
        lines = timeline(api.log(view.case.id).entries)
        session.say(view, show.case(view, lines, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def resolve(
        context: typer.Context,
        case: CaseArgument,
        note: Annotated[str, typer.Option("--note", help="What was done; kept in the log.")],
        as_json: Json = False,
    ) -> None:
        """Close a case that is with a person."""
        session: Session = context.obj
        line = session.connect().resolve(case, note)
        session.say(line, show.cases((line,), session.outside.clock.now()), as_json=as_json)
