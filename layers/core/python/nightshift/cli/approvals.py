"""`approvals`, `approval`, `approve`, `reject`."""

from typing import Annotated

import typer

from nightshift.cli import show
from nightshift.cli.session import Json, Session

__all__ = ["add"]

ApprovalArgument = Annotated[str, typer.Argument(metavar="ID", help="An approval's id, or how it begins.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why; kept with the decision.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def approvals(context: typer.Context, as_json: Json = False) -> None:
        """List the questions that wait for a person."""
        session: Session = context.obj
        page = session.connect().approvals()
        session.say(page, show.approvals(page.approvals, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def approval(context: typer.Context, approval: ApprovalArgument, as_json: Json = False) -> None:
        """Show one question with everything it binds."""
        session: Session = context.obj
        found = session.connect().approval(approval)
        session.say(found, show.approval(found, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def approve(
        context: typer.Context, approval: ApprovalArgument, note: NoteOption = "", as_json: Json = False
    ) -> None:
        """Approve exactly what a question shows."""
        session: Session = context.obj
        found = session.connect().decide(approval, "approve", note)
        session.say(found, show.approval(found, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def reject(
        context: typer.Context, approval: ApprovalArgument, note: NoteOption = "", as_json: Json = False
    ) -> None:
        """Reject a question; nothing of it is carried out."""
        session: Session = context.obj
        found = session.connect().decide(approval, "reject", note)
        session.say(found, show.approval(found, session.outside.clock.now()), as_json=as_json)
