"""What every command works with: the world beside the API, the session, and the options they share."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeVar
from urllib.parse import quote

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console, RenderableType

from nightshift.cli import profile as profiles
from nightshift.cli.connection import Connection
from nightshift.cli.plain import Plain
from nightshift.clock import Clock
from nightshift.errors import BadInput
from nightshift.model.base import Noun

__all__ = [
    "BAD_INPUT",
    "FAILURE",
    "CaseArgument",
    "ChannelArgument",
    "Json",
    "NoteOption",
    "Outside",
    "Session",
    "TenantArgument",
    "body",
    "setup_path",
]

N = TypeVar("N", bound=Noun)

BAD_INPUT: Final = 2
FAILURE: Final = 1

Json = Annotated[bool, typer.Option("--json", help="Print the API's own answer as JSON.")]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="A case's id, or how it begins.")]
TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="A tenant's id.")]
ChannelArgument = Annotated[str, typer.Argument(metavar="CHANNEL", help="A channel's id.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why; kept in the log.")]


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What the commands need of the world beside the API.

    Args:
        clock: tells the time.
        identity_key: reads the stage's identity key with the caller's own AWS credentials.
        console: where answers go.
        transport: how requests are sent; the network unless told.
        pause: waits so many seconds between two looks at what is under way.
    """

    clock: Clock
    identity_key: Callable[[str], str]
    console: Console
    transport: httpx.BaseTransport | None = None
    pause: Callable[[float], None] = time.sleep  # noqa: TID251  # a person watches; no Lambda pays for it


@dataclass(frozen=True, kw_only=True)
class Session:
    """One command line: where the API is and who asks."""

    outside: Outside
    profile: profiles.Profile
    api: str
    token: str
    opened: list[Connection] = field(default_factory=list)

    def connect(self) -> Connection:
        """A connection to the API; closed with the session.

        Raises:
            BadInput: it is not known where the API is.
        """
        self.opened.append(Connection(self.api, self.token, transport=self.outside.transport))
        return self.opened[-1]

    def close(self) -> None:
        """Close every connection."""
        for connection in self.opened:
            connection.close()

    def say(self, answer: Noun, shown: RenderableType, *, as_json: bool) -> None:
        """Print an answer: as it came, or as people read it."""
        if as_json:
            typer.echo(answer.model_dump_json(indent=2))
        else:
            self.outside.console.print(Plain(shown))


def body(model: type[N], given: Mapping[str, object]) -> N:
    """A request's body, checked before it is sent.

    Raises:
        BadInput: names the first field that cannot be used; its value is not quoted.
    """
    try:
        return model.model_validate(given)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadInput(field, first["msg"].lower(), "See `--help` and docs/onboarding.md.") from None


def setup_path(tenant: str, *rest: str) -> str:
    """The path of a tenant's settings, whatever somebody typed as a name."""
    return "/".join(("/v1/setup/tenants", *(quote(part, safe="") for part in (tenant, *rest))))
