"""`token`: signed identities."""

import json
from datetime import timedelta
from typing import Annotated

import typer

from nightshift.cli.session import Json, Session
from nightshift.errors import BadInput
from nightshift.identity.token import PLATFORM, PLATFORM_LONGEST, Identity, issue
from nightshift.ids import TenantId

__all__ = ["add"]

_USUAL = timedelta(hours=12)


def add(app: typer.Typer) -> None:
    """Add the commands."""
    tokens = typer.Typer(help="Signed identities.", no_args_is_help=True)
    app.add_typer(tokens, name="token")

    @tokens.command(name="issue")
    def issue_token(
        context: typer.Context,
        *,
        staff: Annotated[str, typer.Option(help="The person's id.")],
        tenant: Annotated[str, typer.Option(help="The tenant's id.")] = "",
        platform: Annotated[
            bool, typer.Option("--platform", help="For whoever runs the installation.")
        ] = False,
        stage: Annotated[str, typer.Option(envvar="STAGE", help="Which stage's key signs.")] = "dev",
        hours: Annotated[int, typer.Option(min=0, max=720, help="How long it lasts; platform: 1.")] = 0,
        as_json: Json = False,
    ) -> None:
        """Sign a token for a person; needs AWS credentials that may read the stage's identity key."""
        session: Session = context.obj
        if bool(tenant) == platform:
            raise BadInput("--tenant", "say one of the two", "Give `--tenant ID`, or `--platform`.")
        key = session.outside.identity_key(stage)
        who = Identity(tenant=PLATFORM if platform else TenantId(tenant), staff=staff)
        lasts = timedelta(hours=hours) if hours else PLATFORM_LONGEST if platform else _USUAL
        token = issue(key, who, at=session.outside.clock.now(), lasts=lasts)
        typer.echo(json.dumps({"token": token, **who.model_dump()}) if as_json else token)
