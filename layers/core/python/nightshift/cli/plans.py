"""`plan`, `runs`, `run`: plans from files, and the runs they become."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Group, RenderableType

from nightshift.cli import show_plans
from nightshift.cli.connection import Connection
from nightshift.cli.plain import Plain
from nightshift.cli.planfile import read_plan
from nightshift.cli.session import FAILURE, Json, Session, body
from nightshift.cli.timeline import timeline
from nightshift.ids import opaque
from nightshift.model.anchor import EntryPage
from nightshift.model.dryrun import DryRun
from nightshift.model.rundesk import Launched, PlanDocument, RunDetail, RunLines, RunOrder, StepState
from nightshift.model.verdict import Decision, Verdict

__all__ = ["RunArgument", "add", "follow"]

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A plan as JSON.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or how it begins.")]
_EVERY = 1.0  # second between two looks at a run


def add(app: typer.Typer) -> None:
    """Add the commands."""
    plans = typer.Typer(help="Plans from files: check, rehearse and run them.", no_args_is_help=True)
    app.add_typer(plans, name="plan")
    _look(plans)
    _begin(plans)
    _runs(app)


def _look(plans: typer.Typer) -> None:
    @plans.command()
    def check(context: typer.Context, file: FileArgument, as_json: Json = False) -> None:
        """Say what the gate would say of a plan: every finding at once. Nothing is run or stored."""
        session: Session = context.obj
        asked = PlanDocument(plan=read_plan(file))
        found = session.connect().call(Verdict, "POST", "/v1/plans/check", body=asked)
        session.say(found, show_plans.verdict(found), as_json=as_json)
        if found.decision is Decision.REFUSE:
            raise typer.Exit(FAILURE)

    @plans.command(name="dry-run")
    def dry_run(context: typer.Context, file: FileArgument, as_json: Json = False) -> None:
        """Rehearse a plan: reads are carried out, writes predicted, its tests judged. Nothing changes."""
        session: Session = context.obj
        asked = PlanDocument(plan=read_plan(file))
        found = session.connect().call(DryRun, "POST", "/v1/plans/dry-run", body=asked)
        session.say(found, show_plans.dry_run(found), as_json=as_json)
        if not found.passed:
            raise typer.Exit(FAILURE)


def _begin(plans: typer.Typer) -> None:
    @plans.command()
    def run(
        context: typer.Context,
        file: FileArgument,
        key: Annotated[
            str, typer.Option("--key", help="The same key again is the same run; by default a new one.")
        ] = "",
        wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end.")] = False,
        as_json: Json = False,
    ) -> None:
        """Run a plan, as yourself; the gate judges it, and people are asked where policy says so."""
        session: Session = context.obj
        api = session.connect()
        plan = read_plan(file)
        made_now = opaque("order", plan.digest(), session.outside.clock.now().isoformat())
        order = body(RunOrder, {"plan": plan, "key": key or made_now})
        begun = api.call(Launched, "POST", "/v1/runs", body=order)
        if begun.run is None or not wait:
            session.say(begun, show_plans.launched(begun), as_json=as_json)
        if begun.run is None:
            raise typer.Exit(FAILURE)
        if wait:
            follow(session, api, begun.run, as_json=as_json)


def _runs(app: typer.Typer) -> None:
    @app.command()
    def runs(
        context: typer.Context,
        limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
        cursor: Annotated[str, typer.Option(help="The `next` of the page before.")] = "",
        as_json: Json = False,
    ) -> None:
        """List the runs of plans and workflows, newest first; those of cases: `nightshift case`."""
        session: Session = context.obj
        params = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        page = session.connect().call(RunLines, "GET", "/v1/runs", params=params)
        session.say(page, show_plans.runs(page, session.outside.clock.now()), as_json=as_json)

    @app.command()
    def run(
        context: typer.Context,
        run: RunArgument,
        follow_it: Annotated[bool, typer.Option("--follow", help="Follow it to its end.")] = False,
        log: Annotated[bool, typer.Option("--log", help="Show its log as well.")] = False,
        as_json: Json = False,
    ) -> None:
        """Show one run step by step: its plan, what the gate said, what was done."""
        session: Session = context.obj
        api = session.connect()
        name = api.run_id(run)
        if follow_it:
            follow(session, api, name, as_json=as_json)
            return
        found = _seen(api, name)
        shown = show_plans.run(found, session.outside.clock.now())
        session.say(found, Group(shown, _log(api, found)) if log else shown, as_json=as_json)


def _log(api: Connection, found: RunDetail) -> RenderableType:
    root = found.proposal.case or found.run
    page = api.call(EntryPage, "GET", "/v1/log/entries", params={"roots": root})
    entries = [entry for one in page.entries if (entry := one.entry()) is not None]
    return timeline(sorted(entries, key=lambda entry: (entry.at, entry.stream, entry.seq)), title="\nLog")


def follow(session: Session, api: Connection, run: str, *, as_json: bool) -> None:
    """Show each step as it comes, then the whole run at its end.

    Raises:
        Exit: with a failure's code, where it did not end well.
    """
    shown: dict[str, StepState] = {}
    while True:
        found = _seen(api, run)
        for step in found.steps:
            is_new = shown.get(step.step) is not step.state and step.state is not StepState.PENDING
            if is_new and not as_json:
                session.outside.console.print(Plain(show_plans.step_line(step)))
            shown[step.step] = step.state
        if found.outcome is not None:
            break
        session.outside.pause(_EVERY)
    session.say(found, show_plans.run(found, session.outside.clock.now()), as_json=as_json)
    if found.status != "DONE":
        raise typer.Exit(FAILURE)


def _seen(api: Connection, run: str) -> RunDetail:
    return api.call(RunDetail, "GET", f"/v1/runs/{quote(run, safe='')}")
