"""`run-stop`, `run-resume`, `run-retry`, `run-close`, `undo`: what a person does about a run."""

from typing import Annotated, Final

import typer

from nightshift.cli import show_plans
from nightshift.cli.plans import RunArgument, follow
from nightshift.cli.session import Json, Session
from nightshift.model.rundesk import Undone, UndoPlan, Why
from nightshift.model.steer import Steered

__all__ = ["add"]

Note = Annotated[str, typer.Option("--note", help="Why; kept in the log.")]

_VERBS: Final = {
    "stop": "Stop a run between two steps; nothing of it happens until `run-resume`.",
    "resume": "Carry a stopped run on where it stands; what was done is not repeated.",
    "retry": "Try a run that failed again, from its failed step.",
    "close": "End a stopped run for good, as it stands; `undo` takes back what it did.",
}


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for verb, says in _VERBS.items():
        _steer(app, verb, says)
    _undo(app)


def _steer(app: typer.Typer, verb: str, says: str) -> None:
    @app.command(name=f"run-{verb}", help=says)
    def steer(context: typer.Context, run: RunArgument, note: Note, as_json: Json = False) -> None:
        session: Session = context.obj
        api = session.connect()
        path = f"/v1/runs/{api.run_id(run)}/{verb}"
        done = api.call(Steered, "POST", path, body=Why(note=note))
        session.say(done, show_plans.steered(done), as_json=as_json)


def _undo(app: typer.Typer) -> None:
    @app.command()
    def undo(
        context: typer.Context,
        run: RunArgument,
        show: Annotated[bool, typer.Option("--show", help="Only show what it would take back.")] = False,
        wait: Annotated[bool, typer.Option("--wait", help="Follow the new run to its end.")] = False,
        as_json: Json = False,
    ) -> None:
        """Take back what a run did, as a new run through the same gate; says what stands for good."""
        session: Session = context.obj
        api = session.connect()
        path = f"/v1/runs/{api.run_id(run)}/undo"
        if show:
            planned = api.call(UndoPlan, "GET", path)
            session.say(planned, show_plans.undo_plan(planned), as_json=as_json)
            return
        done = api.call(Undone, "POST", path)
        if done.run is None or not wait:
            session.say(done, show_plans.undone(done), as_json=as_json)
        else:
            follow(session, api, done.run, as_json=as_json)
