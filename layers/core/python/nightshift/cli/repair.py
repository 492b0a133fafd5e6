"""`status`, `queue`, `delivery`, `effects`, `effect`: see the whole, and mend what got stuck."""

from typing import Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from nightshift.cli import show_repair
from nightshift.cli.connection import Failed
from nightshift.cli.session import FAILURE, Json, Session, body
from nightshift.errors import BadInput
from nightshift.model.repair import (
    DeadPage,
    EffectPage,
    QueuePage,
    Redrive,
    Redriven,
    Replayed,
    Settled,
    Settlement,
    Status,
)
from nightshift.model.view import ParkedPage

__all__ = ["add"]

CursorOption = Annotated[str, typer.Option("--cursor", help="The `next` of the page before.")]
QueueArgument = Annotated[str, typer.Argument(metavar="QUEUE", help="events, approvals or mail.")]
_AT_A_TIME = 100
_MANY = 200


def add(app: typer.Typer) -> None:
    """Add the commands."""
    queues = typer.Typer(help="Queues, and what they gave up on.", no_args_is_help=True)
    deliveries = typer.Typer(help="Deliveries that could not be made events.", no_args_is_help=True)
    effects = typer.Typer(help="Effects that may have happened.", no_args_is_help=True)
    _status(app)
    _effects(app, effects)
    app.add_typer(queues, name="queue")
    app.add_typer(deliveries, name="delivery")
    app.add_typer(effects, name="effect")
    _queues(queues)
    _redrive(queues)
    _deliveries(deliveries)


def _status(app: typer.Typer) -> None:
    @app.command()
    def status(context: typer.Context, as_json: Json = False) -> None:
        """The work at a glance: cases, what waits, queues, breakers, whether it is halted."""
        session: Session = context.obj
        found = session.connect().call(Status, "GET", "/v1/status")
        session.say(found, show_repair.status(found, session.outside.clock.now()), as_json=as_json)


def _queues(app: typer.Typer) -> None:
    @app.command(name="list")
    def list_queues(context: typer.Context, as_json: Json = False) -> None:
        """How full the queues are, and how much each gave up on."""
        session: Session = context.obj
        page = session.connect().call(QueuePage, "GET", "/v1/queues")
        session.say(page, show_repair.queues(page), as_json=as_json)

    @app.command(name="dead")
    def dead(context: typer.Context, queue: QueueArgument, as_json: Json = False) -> None:
        """Show some of what a queue gave up on; needs a token of the platform."""
        session: Session = context.obj
        page = session.connect().call(DeadPage, "GET", f"/v1/queues/{quote(queue, safe='')}/dead")
        session.say(page, show_repair.dead(page, session.outside.clock.now()), as_json=as_json)


def _redrive(app: typer.Typer) -> None:
    @app.command()
    def redrive(
        context: typer.Context,
        queue: QueueArgument,
        limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many messages.")] = 10_000,
        as_json: Json = False,
    ) -> None:
        """Move what a queue gave up on back into it; needs a token of the platform."""
        session: Session = context.obj
        api = session.connect()
        moved = 0
        while True:
            asked = Redrive(limit=min(_AT_A_TIME, limit - moved))
            step = api.call(Redriven, "POST", f"/v1/queues/{quote(queue, safe='')}/redrive", body=asked)
            moved += step.moved
            if not as_json:
                session.outside.console.print(f"{moved} moved, about {step.left} left", highlight=False)
            nothing_more = step.moved < asked.limit or moved >= limit
            if nothing_more or step.failed:
                break
        done = step.model_copy(update={"moved": moved})
        session.say(done, Text(f"{queue}: {moved} moved back."), as_json=as_json)
        if step.failed:
            message = (
                f"{step.failed} messages of {queue} could not be moved and stay where they are; try again"
            )
            raise Failed(message)


def _deliveries(app: typer.Typer) -> None:
    @app.command(name="parked")
    def parked(context: typer.Context, cursor: CursorOption = "", as_json: Json = False) -> None:
        """List deliveries that could not be made events, and why."""
        session: Session = context.obj
        params = {"cursor": cursor} if cursor else None
        page = session.connect().call(ParkedPage, "GET", "/v1/deliveries/parked", params=params)
        session.say(page, show_repair.parked(page, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def replay(
        context: typer.Context,
        delivery: Annotated[str, typer.Argument(metavar="ID", help="A parked delivery's id.")],
        channel: Annotated[str, typer.Option("--channel", help="Where several have the same id.")] = "",
        as_json: Json = False,
    ) -> None:
        """Take a parked delivery in once more, from its stored body; what had arrived is not doubled."""
        session: Session = context.obj
        api = session.connect()
        where = channel or _channel_of(session, delivery)
        done = api.call(
            Replayed, "POST", f"/v1/deliveries/{quote(where, safe='')}/{quote(delivery, safe='')}/replay"
        )
        session.say(done, Text(f"{delivery} of {where}: {done.done}."), as_json=as_json)
        if done.done not in {"sent", "stored", "kept"}:
            raise typer.Exit(FAILURE)


def _channel_of(session: Session, delivery: str) -> str:
    api, cursor = session.connect(), ""
    found: set[str] = set()
    while True:
        params = {"limit": str(_MANY)} | ({"cursor": cursor} if cursor else {})
        page = api.call(ParkedPage, "GET", "/v1/deliveries/parked", params=params)
        found |= {each.channel for each in page.parked if each.delivery == delivery}
        cursor = page.next
        if not cursor:
            break
    match sorted(found):
        case [only]:
            return only
        case []:
            raise BadInput("ID", f"no delivery {delivery} is parked", "See `nightshift delivery parked`.")
        case several:
            raise BadInput("--channel", f"{', '.join(several)} have it", "Name one of them.")


def _effects(app: typer.Typer, one: typer.Typer) -> None:
    @app.command()
    def effects(
        context: typer.Context,
        unknown: Annotated[bool, typer.Option("--unknown", help="Those nobody settled yet.")] = True,
        cursor: CursorOption = "",
        as_json: Json = False,
    ) -> None:
        """List effects that may have happened: find out at the vendor, then `effect settle`."""
        del unknown  # there is no other list yet; the word says what one sees
        session: Session = context.obj
        params = {"cursor": cursor} if cursor else None
        page = session.connect().call(EffectPage, "GET", "/v1/effects/unknown", params=params)
        session.say(page, show_repair.effects(page, session.outside.clock.now()), as_json=as_json)

    @one.command()
    def settle(
        context: typer.Context,
        run: Annotated[str, typer.Argument(metavar="RUN", help="The effect's run.")],
        step: Annotated[str, typer.Argument(metavar="STEP", help="The effect's step.")],
        *,
        attempt: Annotated[int, typer.Option("--attempt", min=1, help="As `effects` shows it.")],
        done: Annotated[str, typer.Option("--done", help="It happened: the vendor's id of it.")] = "",
        not_done: Annotated[bool, typer.Option("--not-done", help="It did not happen.")] = False,
        note: Annotated[str, typer.Option("--note", help="How it was found out; kept in the log.")] = "",
        occurrence: Annotated[int, typer.Option(min=0)] = 0,
        as_json: Json = False,
    ) -> None:
        """Say what became of an effect, with the evidence."""
        if bool(done) == not_done:
            raise BadInput("--done", "say one of the two", "Give `--done ID`, or `--not-done --note …`.")
        session: Session = context.obj
        found = session.connect().call(
            Settled,
            "POST",
            f"/v1/runs/{quote(run, safe='')}/steps/{quote(step, safe='')}/settle",
            params={"occurrence": str(occurrence)} if occurrence else None,
            body=body(Settlement, {"attempt": attempt, "done": bool(done), "ref": done, "note": note}),
        )
        session.say(found, show_repair.settled(found), as_json=as_json)
