"""`send`: a webhook from a file, signed as its vendor signs (local demo)."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import typer

from nightshift.cli import sending
from nightshift.cli.connection import Failed
from nightshift.cli.session import Json, Session

__all__ = ["add"]


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def send(
        context: typer.Context,
        file: Annotated[
            Path, typer.Argument(help='JSON: {"adapter", "tenant", "channel", "topic", "body"}.')
        ],
        as_json: Json = False,
    ) -> None:
        """Post a webhook from a file, signed as its vendor signs (local demo)."""
        session: Session = context.obj
        signed = sending.sign(sending.read(file), session.profile, session.outside.clock.now())
        status, text = session.connect().deliver(signed.path, signed.headers, signed.body)
        if as_json:
            typer.echo(json.dumps({"status": status, "path": signed.path, "answer": text}, indent=2))
        if status >= HTTPStatus.BAD_REQUEST:
            message = f"the ingress refused it with {status}: {text}"
            raise Failed(message)
        if not as_json:
            session.outside.console.print(f"Accepted ({status}); see `nightshift cases`.", highlight=False)
