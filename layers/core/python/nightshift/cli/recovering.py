"""`recover`."""

from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from nightshift.cli.connection import Connection
from nightshift.cli.session import Json, Session
from nightshift.errors import BadInput
from nightshift.model.recovery import Progress, RecoverAll

__all__ = ["add"]


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def recover(
        context: typer.Context,
        case: Annotated[str, typer.Argument(metavar="[CASE]", help="A case's id, or how it begins.")] = "",
        everything: Annotated[bool, typer.Option("--all", help="Every case that is alive.")] = False,
        restored_at: Annotated[
            str, typer.Option("--restored-at", metavar="INSTANT", help="What the tables were restored to.")
        ] = "",
        as_json: Json = False,
    ) -> None:
        """Start cases anew that nothing drives; after a restore, take in again what its records lost."""
        session: Session = context.obj
        if bool(case) == (everything or bool(restored_at)):
            raise BadInput("case", "one case or all of them", "Give a CASE, or --all, or --restored-at.")
        api = session.connect()
        if case:
            done = api.call(Progress, "POST", f"/v1/cases/{api.case_id(case)}/recover")
        else:
            done = _all(session, api, _instant(restored_at), quiet=as_json)
        session.say(done, Text(_told(done)), as_json=as_json)


def _all(session: Session, api: Connection, restored_at: datetime | None, *, quiet: bool) -> Progress:
    """Part by part, saying how far it is; broken off, the same command goes on."""
    total, asked = Progress(done=False), RecoverAll(restored_at=restored_at)
    while True:
        part = api.call(Progress, "POST", "/v1/recover", body=asked)
        total = total.plus(part)
        if part.done:
            return total
        if not quiet:
            session.outside.console.print(f"… {_told(total)}", style="dim")
        asked = asked.model_copy(update={"cursor": part.cursor})


def _instant(given: str) -> datetime | None:
    if not given:
        return None
    try:
        instant = datetime.fromisoformat(given)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        fix = "Write it with its zone: 2026-11-21T09:00:00Z."
        raise BadInput("restored-at", f"{given!r} is no instant", fix)
    return instant


def _told(progress: Progress) -> str:
    told = f"{progress.seen} cases looked at: {progress.recovered} recovered, {progress.running} at work"
    if progress.handed_over:
        told += f", {progress.handed_over} handed to a person"
    if progress.replayed or progress.unreadable:
        told += f"; {progress.replayed} deliveries taken in again, {progress.unreadable} could not be"
    return told
