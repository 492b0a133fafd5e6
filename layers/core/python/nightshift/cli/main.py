"""The commands.

Each command asks the HTTP API and shows its answer; `--json` prints the answer itself. Bad input ends
with exit code 2, a failure with 1, always with one sentence that says what to do.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from nightshift.cli import (
    approvals,
    cases,
    channels,
    installation,
    log,
    plans,
    policy,
    recovering,
    repair,
    send,
    steering,
    tenants,
    token,
    workflows,
)
from nightshift.cli import profile as profiles
from nightshift.cli.plain import harmless
from nightshift.cli.session import BAD_INPUT, FAILURE, Outside, Session
from nightshift.errors import BadInput, NightshiftError

__all__ = ["Outside", "build", "run"]

_TOPICS: Final[tuple[Callable[[typer.Typer], None], ...]] = (
    cases.add,
    plans.add,
    steering.add,
    workflows.add,
    recovering.add,
    approvals.add,
    installation.add,
    repair.add,
    tenants.add,
    channels.add,
    policy.add,
    log.add,
    send.add,
    token.add,
)


def build(outside: Outside) -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        name="nightshift",
        help="Digital employees for e-commerce operations: see their cases, decide what they ask.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )

    @app.callback()
    def begin(
        context: typer.Context,
        api: Annotated[str, typer.Option(envvar="NIGHTSHIFT_API", help="Base URL of the HTTP API.")] = "",
        token: Annotated[str, typer.Option(envvar="NIGHTSHIFT_TOKEN", help="A signed identity.")] = "",
        profile: Annotated[
            Path | None, typer.Option(envvar="NIGHTSHIFT_PROFILE", help="A profile file.")
        ] = None,
        person: Annotated[str | None, typer.Option("--as", help="A person of the profile.")] = None,
    ) -> None:
        found = profiles.find(profile)
        chosen = found.token_of(person) if person or not token else token
        session = Session(outside=outside, profile=found, api=api or found.api, token=chosen)
        context.obj = session
        context.call_on_close(session.close)

    for add in _TOPICS:
        add(app)
    return app


def run(app: typer.Typer, arguments: list[str] | None = None) -> int:
    """Run one command line; the exit code. What went wrong goes to standard error in one sentence."""
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        app(arguments if arguments is not None else sys.argv[1:])
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else FAILURE
    except BadInput as exc:
        errors.print(harmless(f"error: {exc}"), style="red")
        return BAD_INPUT
    except NightshiftError as exc:
        errors.print(harmless(f"error: {exc}"), style="red")
        return FAILURE
    return 0
