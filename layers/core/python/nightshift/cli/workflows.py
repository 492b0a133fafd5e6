"""`workflow`: saved plans with triggers."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from pydantic import JsonValue

from nightshift.cli import show_workflows
from nightshift.cli.planfile import read_workflow
from nightshift.cli.session import FAILURE, Json, Session, body
from nightshift.errors import BadInput
from nightshift.ids import opaque
from nightshift.model.workflow import WorkflowHead
from nightshift.model.workflowdesk import (
    HandRun,
    Ran,
    VersionLines,
    WorkflowDiff,
    WorkflowLines,
    WorkflowView,
)

__all__ = ["add"]

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A workflow's name.")]
_FIX = "List the names with `nightshift workflow list`."


def add(app: typer.Typer) -> None:
    """Add the commands."""
    workflows = typer.Typer(help="Workflows: saved plans with triggers.", no_args_is_help=True)
    app.add_typer(workflows, name="workflow")
    _look(workflows)
    _compare(workflows)
    _save(workflows)
    _switch(workflows)
    _run(workflows)


def _path(name: str, *rest: str) -> str:
    if not name:
        raise BadInput("NAME", "it is empty", _FIX)
    return "/".join(("/v1/workflows", quote(name, safe=""), *rest))


def _look(workflows: typer.Typer) -> None:
    @workflows.command(name="list")
    def list_all(context: typer.Context, as_json: Json = False) -> None:
        """List workflows: what runs by itself, when next, and what is paused and why."""
        session: Session = context.obj
        found = session.connect().call(WorkflowLines, "GET", "/v1/workflows")
        session.say(found, show_workflows.lines(found, session.outside.clock.now()), as_json=as_json)

    @workflows.command()
    def show(
        context: typer.Context,
        name: NameArgument,
        version: Annotated[int, typer.Option(min=0, help="A version; else the one in force.")] = 0,
        as_json: Json = False,
    ) -> None:
        """Show one workflow with its plan and its last runs."""
        session: Session = context.obj
        params = {"version": str(version)} if version else {}
        found = session.connect().call(WorkflowView, "GET", _path(name), params=params)
        session.say(found, show_workflows.one(found, session.outside.clock.now()), as_json=as_json)


def _compare(workflows: typer.Typer) -> None:
    @workflows.command()
    def versions(context: typer.Context, name: NameArgument, as_json: Json = False) -> None:
        """List the versions of a workflow, the newest first."""
        session: Session = context.obj
        found = session.connect().call(VersionLines, "GET", _path(name, "versions"))
        session.say(found, show_workflows.versions(found, session.outside.clock.now()), as_json=as_json)

    @workflows.command()
    def diff(
        context: typer.Context,
        name: NameArgument,
        old: Annotated[int, typer.Argument(metavar="OLD", min=1, help="A version.")],
        new: Annotated[int, typer.Argument(metavar="NEW", min=1, help="Another version.")],
        as_json: Json = False,
    ) -> None:
        """Show what changed between two versions."""
        session: Session = context.obj
        params = {"old": str(old), "new": str(new)}
        found = session.connect().call(WorkflowDiff, "GET", _path(name, "diff"), params=params)
        session.say(found, show_workflows.diff(found), as_json=as_json)


def _save(workflows: typer.Typer) -> None:
    @workflows.command()
    def save(
        context: typer.Context,
        name: NameArgument,
        file: Annotated[
            Path, typer.Argument(metavar="FILE", help="JSON with `plan`, `trigger`, `note`, `enabled`.")
        ],
        as_json: Json = False,
    ) -> None:
        """Save a version of a workflow: it becomes yours, and its runs are yours."""
        session: Session = context.obj
        found = session.connect().call(WorkflowView, "PUT", _path(name), body=read_workflow(file))
        session.say(found, show_workflows.one(found, session.outside.clock.now()), as_json=as_json)


def _switch(workflows: typer.Typer) -> None:
    def switched(context: typer.Context, name: str, verb: str, *, as_json: bool) -> None:
        session: Session = context.obj
        head = session.connect().call(WorkflowHead, "POST", _path(name, verb))
        shown = show_workflows.lines(WorkflowLines(workflows=(head,)), session.outside.clock.now())
        session.say(head, shown, as_json=as_json)

    @workflows.command()
    def enable(context: typer.Context, name: NameArgument, as_json: Json = False) -> None:
        """Have your workflow run by itself from now on."""
        switched(context, name, "enable", as_json=as_json)

    @workflows.command()
    def disable(context: typer.Context, name: NameArgument, as_json: Json = False) -> None:
        """Have a workflow not run by itself any more; runs that began go on."""
        switched(context, name, "disable", as_json=as_json)


def _run(workflows: typer.Typer) -> None:
    @workflows.command()
    def run(
        context: typer.Context,
        name: NameArgument,
        event: Annotated[
            list[str] | None, typer.Option("--event", help="What `event` says in the plan: name=text.")
        ] = None,
        key: Annotated[
            str, typer.Option("--key", help="The same key again is the same run; by default a new one.")
        ] = "",
        as_json: Json = False,
    ) -> None:
        """Run a workflow now, as yourself."""
        session: Session = context.obj
        made_now = opaque("order", name, session.outside.clock.now().isoformat())
        order = body(HandRun, {"key": key or made_now, "event": _facts(event or [])})
        ran = session.connect().call(Ran, "POST", _path(name, "run"), body=order)
        session.say(ran, show_workflows.ran(ran), as_json=as_json)
        if not ran.started:
            raise typer.Exit(FAILURE)


def _facts(given: list[str]) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadInput("--event", f"{pair!r} has no name", "Write name=text.")
        facts[name] = value
    return facts
