"""`log`, `log verify`, `log key`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nightshift.actionlog.proof import Audit
from nightshift.cli.audit import Auditor
from nightshift.cli.session import FAILURE, Json, Session
from nightshift.cli.timeline import timeline
from nightshift.cli.times import clock_time
from nightshift.errors import BadInput
from nightshift.model.anchor import AnchorKey
from nightshift.model.personal import PersonalLine, PersonalPage

__all__ = ["add"]

_WORDS = ("verify", "key")


@dataclass(frozen=True, kw_only=True)
class _Options:
    """How `log verify` was asked."""

    since: datetime | None
    key: Path | None
    witness: Path | None
    lag: int
    as_json: bool


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command(name="log")
    def log(
        context: typer.Context,
        what: Annotated[
            str, typer.Argument(metavar="CASE|verify|key", help="A case's id, `verify` or `key`.")
        ],
        which: Annotated[
            str | None, typer.Argument(metavar="[CASE]", help="After `verify`: one case.")
        ] = None,
        *,
        verify: Annotated[bool, typer.Option("--verify", help="Prove this case's log.")] = False,
        personal: Annotated[
            bool, typer.Option("--personal", help="Show its personal fields; that you did is logged.")
        ] = False,
        since: Annotated[
            datetime | None, typer.Option(help="Verify what was anchored since then (UTC).")
        ] = None,
        key: Annotated[Path | None, typer.Option(help="The public key, kept from before.")] = None,
        witness: Annotated[
            Path | None, typer.Option(help="Keeps the newest anchor from one audit to the next.")
        ] = None,
        lag: Annotated[int, typer.Option(min=0, help="Minutes until an entry has to be anchored.")] = 15,
        as_json: Json = False,
    ) -> None:
        """Show a case's log; `log verify [CASE]` proves it by its anchors, `log key` prints their key."""
        session: Session = context.obj
        options = _Options(since=since, key=key, witness=witness, lag=lag, as_json=as_json)
        if what not in _WORDS and which is not None:
            raise BadInput("log", f"{which!r} is one argument too many", "Name one case, or `verify`.")
        if what == "verify" or verify:
            _verify(session, which if what == "verify" else what, options)
        elif what == "key":
            found = session.connect().call(AnchorKey, "GET", "/v1/log/key")
            session.say(found, Text(found.pem.rstrip()), as_json=as_json)
        elif personal:
            _show_personal(session, what, as_json=as_json)
        else:
            page = session.connect().log(what)
            session.say(page, timeline(page.entries), as_json=as_json)


def _show_personal(session: Session, given: str, *, as_json: bool) -> None:
    api = session.connect()
    page = api.call(PersonalPage, "POST", f"/v1/cases/{api.case_id(given)}/personal")
    session.say(page, _personal(page.lines), as_json=as_json)


def _personal(lines: tuple[PersonalLine, ...]) -> Table | Text:
    if not lines:
        return Text("Nothing personal stands in this log.")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("at (UTC)", "what", "personal"):
        table.add_column(name, overflow="fold", no_wrap=name == "at (UTC)")
    for line in lines:
        said = " · ".join(f"{name}: {value}" for name, value in line.fields.items())
        shown = Text("forgotten", style="dim") if line.forgotten else Text(said)
        table.add_row(clock_time(line.at), line.kind.value, shown)
    return table


def _verify(session: Session, case: str | None, options: _Options) -> None:
    if case is not None and (options.since or options.witness):
        raise BadInput("CASE", "--since and --witness are about the whole log", "Leave the case out.")
    errors = Console(stderr=True, highlight=False)
    with errors.status("asking for anchors …") as status:

        def progress(done: int, of: int) -> None:
            status.update(f"{done} of {of} cases downloaded")

        auditor = Auditor(
            api=session.connect(),
            key=options.key,
            now=session.outside.clock.now(),
            lag=timedelta(minutes=options.lag),
            progress=progress,
        )
        since = options.since.replace(tzinfo=UTC) if options.since else None
        found = auditor.of_case(case) if case else auditor.of_everything(since, options.witness)
    session.say(found, _told(found, trusted=options.key is not None), as_json=options.as_json)
    if found.breaks:
        raise typer.Exit(FAILURE)


def _told(found: Audit, *, trusted: bool) -> Text:
    shown = Text()
    for one in found.breaks:
        shown.append(f"{one.stream} entry {one.seq}: {one.problem}\n", style="red")
    counted = f"{found.entries} entries in {found.streams} chains, {found.anchors} anchors: "
    shown.append(f"{counted}{found.proven} proven")
    if found.young:
        shown.append(f", {found.young} not anchored yet", style="yellow")
    if found.earlier:
        shown.append(f", {found.earlier} from before not judged")
    shown.append(f", {len(found.breaks)} problems." if found.breaks else ".")
    if not trusted:
        shown.append("\nThe key is the API's word; keep it with `nightshift log key`, and give --key.", "dim")
    return shown
