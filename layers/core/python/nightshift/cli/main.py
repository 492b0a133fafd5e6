"""The commands.

Each command asks the HTTP API and shows its answer; `--json` prints the answer itself. Bad input ends
with exit code 2, a failure with 1, always with one sentence that says what to do.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from rich.console import Console, RenderableType
from rich.text import Text

from nightshift.actionlog.chain import Break, verify
from nightshift.cli import profile as profiles
from nightshift.cli import sending, show
from nightshift.cli.connection import Connection, Failed
from nightshift.cli.timeline import timeline
from nightshift.clock import Clock
from nightshift.errors import BadInput, NightshiftError
from nightshift.identity.token import Identity, issue
from nightshift.ids import TenantId
from nightshift.model.base import Noun
from nightshift.model.log import LogEntry

__all__ = ["Outside", "build", "run"]

BAD_INPUT: Final = 2
FAILURE: Final = 1

Json = Annotated[bool, typer.Option("--json", help="Print the API's own answer as JSON.")]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="A case's id, or how it begins.")]
ApprovalArgument = Annotated[str, typer.Argument(metavar="ID", help="An approval's id, or how it begins.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why; kept with the decision.")]


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What the commands need of the world beside the API.

    Args:
        clock: tells the time.
        identity_key: reads the stage's identity key with the caller's own AWS credentials.
        console: where answers go.
        transport: how requests are sent; the network unless told.
    """

    clock: Clock
    identity_key: Callable[[str], str]
    console: Console
    transport: httpx.BaseTransport | None = None


@dataclass(frozen=True, kw_only=True)
class _Session:
    outside: Outside
    profile: profiles.Profile
    api: str
    token: str
    opened: list[Connection] = field(default_factory=list)

    def connect(self) -> Connection:
        self.opened.append(Connection(self.api, self.token, transport=self.outside.transport))
        return self.opened[-1]

    def close(self) -> None:
        for connection in self.opened:
            connection.close()

    def say(self, answer: Noun, shown: RenderableType, *, as_json: bool) -> None:
        if as_json:
            typer.echo(answer.model_dump_json(indent=2))
        else:
            self.outside.console.print(shown)


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
        session = _Session(outside=outside, profile=found, api=api or found.api, token=chosen)
        context.obj = session
        context.call_on_close(session.close)

    _reading(app)
    _deciding(app)
    _log(app)
    _sending(app)
    _tokens(app)
    return app


def run(app: typer.Typer, arguments: list[str] | None = None) -> int:
    """Run one command line; the exit code. What went wrong goes to standard error in one sentence."""
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        app(arguments if arguments is not None else sys.argv[1:])
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else FAILURE
    except BadInput as exc:
        errors.print(f"error: {exc}", style="red")
        return BAD_INPUT
    except NightshiftError as exc:
        errors.print(f"error: {exc}", style="red")
        return FAILURE
    return 0


def _reading(app: typer.Typer) -> None:
    @app.command()
    def cases(
        context: typer.Context,
        status: Annotated[str | None, typer.Option(help="OPEN, SLEEPING, WITH_PERSON or CLOSED.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
        as_json: Json = False,
    ) -> None:
        """List cases, newest first."""
        session: _Session = context.obj
        page = session.connect().cases(status, limit)
        session.say(page, show.cases(page.cases, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def case(context: typer.Context, case: CaseArgument, as_json: Json = False) -> None:
        """Show one case with its timeline."""
        session: _Session = context.obj
        api = session.connect()
        view = api.case(case)
        lines = timeline(api.log(view.case.id).entries)
        session.say(view, show.case(view, lines, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def approvals(context: typer.Context, as_json: Json = False) -> None:
        """List the questions that wait for a person."""
        session: _Session = context.obj
        page = session.connect().approvals()
        session.say(page, show.approvals(page.approvals, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def approval(context: typer.Context, approval: ApprovalArgument, as_json: Json = False) -> None:
        """Show one question with everything it binds."""
        session: _Session = context.obj
        found = session.connect().approval(approval)
        session.say(found, show.approval(found, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def catalog(context: typer.Context, as_json: Json = False) -> None:
        """List every tool with its effect and the permission it needs."""
        session: _Session = context.obj
        found = session.connect().catalog()
        session.say(found, show.catalog(found.tools), as_json=as_json)

    @app.command()
    def doctor(context: typer.Context, as_json: Json = False) -> None:
        """Check channels, secrets and queues; ends with 1 when something is wrong."""
        session: _Session = context.obj
        report = session.connect().doctor()
        session.say(report, show.doctor(report), as_json=as_json)
        if report.problems:
            raise typer.Exit(FAILURE)


def _deciding(app: typer.Typer) -> None:
    @app.command()
    def approve(
        context: typer.Context, approval: ApprovalArgument, note: NoteOption = "", as_json: Json = False
    ) -> None:
        """Approve exactly what a question shows."""
        session: _Session = context.obj
        found = session.connect().decide(approval, "approve", note)
        session.say(found, show.approval(found, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def reject(
        context: typer.Context, approval: ApprovalArgument, note: NoteOption = "", as_json: Json = False
    ) -> None:
        """Reject a question; nothing of it is carried out."""
        session: _Session = context.obj
        found = session.connect().decide(approval, "reject", note)
        session.say(found, show.approval(found, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def resolve(
        context: typer.Context,
        case: CaseArgument,
        note: Annotated[str, typer.Option("--note", help="What was done; kept in the log.")],
        as_json: Json = False,
    ) -> None:
        """Close a case that is with a person."""
        session: _Session = context.obj
        line = session.connect().resolve(case, note)
        session.say(line, show.cases((line,), session.outside.clock.now()), as_json=as_json)


class Verified(Noun):
    """What `log verify` found."""

    cases: int
    streams: int
    entries: int
    breaks: tuple[Break, ...]


def _log(app: typer.Typer) -> None:
    @app.command(name="log")
    def log(
        context: typer.Context,
        case: Annotated[str, typer.Argument(metavar="CASE|verify", help="A case's id, or `verify`.")],
        which: Annotated[
            str | None, typer.Argument(metavar="[CASE]", help="After `verify`: one case.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Show a case's log; `log verify [CASE]` recomputes the hash chains."""
        session: _Session = context.obj
        if case != "verify":
            if which is not None:
                raise BadInput("log", f"{which!r} is one argument too many", "Name one case, or `verify`.")
            page = session.connect().log(case)
            session.say(page, timeline(page.entries), as_json=as_json)
            return
        found = _verified(session.connect(), which)
        _say_verified(session, found, as_json=as_json)
        if found.breaks:
            raise typer.Exit(FAILURE)


def _verified(api: Connection, which: str | None) -> Verified:
    names = [which] if which else [line.id for line in api.cases(limit=200).cases]
    streams: dict[str, list[LogEntry]] = {}
    for name in names:
        for entry in api.log(name).entries:
            streams.setdefault(entry.stream, []).append(entry)
    breaks = [found for entries in streams.values() for found in verify(sorted(entries, key=lambda e: e.seq))]
    return Verified(
        cases=len(names),
        streams=len(streams),
        entries=sum(map(len, streams.values())),
        breaks=tuple(breaks),
    )


def _say_verified(session: _Session, found: Verified, *, as_json: bool) -> None:
    holds = f"{found.entries} entries in {found.streams} chains of {found.cases} cases: every hash holds."
    broken = "\n".join(f"{one.stream} entry {one.seq}: {one.problem}" for one in found.breaks)
    session.say(found, Text(broken or holds), as_json=as_json)


def _sending(app: typer.Typer) -> None:
    @app.command()
    def send(
        context: typer.Context,
        file: Annotated[
            Path, typer.Argument(help='JSON: {"adapter", "tenant", "channel", "topic", "body"}.')
        ],
        as_json: Json = False,
    ) -> None:
        """Post a webhook from a file, signed as its vendor signs (local demo)."""
        session: _Session = context.obj
        signed = sending.sign(sending.read(file), session.profile, session.outside.clock.now())
        status, text = session.connect().deliver(signed.path, signed.headers, signed.body)
        if as_json:
            typer.echo(json.dumps({"status": status, "path": signed.path, "answer": text}, indent=2))
        if status >= HTTPStatus.BAD_REQUEST:
            message = f"the ingress refused it with {status}: {text}"
            raise Failed(message)
        if not as_json:
            session.outside.console.print(f"Accepted ({status}); see `nightshift cases`.", highlight=False)


def _tokens(app: typer.Typer) -> None:
    tokens = typer.Typer(help="Signed identities.", no_args_is_help=True)
    app.add_typer(tokens, name="token")

    @tokens.command(name="issue")
    def issue_token(
        context: typer.Context,
        tenant: Annotated[str, typer.Option(help="The tenant's id.")],
        staff: Annotated[str, typer.Option(help="The person's id.")],
        stage: Annotated[str, typer.Option(envvar="STAGE", help="Which stage's key signs.")] = "dev",
        hours: Annotated[int, typer.Option(min=1, max=720, help="How long it lasts.")] = 12,
        as_json: Json = False,
    ) -> None:
        """Sign a token for a person; needs AWS credentials that may read the stage's identity key."""
        session: _Session = context.obj
        key = session.outside.identity_key(stage)
        who = Identity(tenant=TenantId(tenant), staff=staff)
        token = issue(key, who, at=session.outside.clock.now(), lasts=timedelta(hours=hours))
        typer.echo(json.dumps({"token": token, **who.model_dump()}) if as_json else token)
