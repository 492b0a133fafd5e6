"""`policy`: what a tenant's policy says, and saving a new version of it."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from nightshift.cli.session import Json, Session, TenantArgument, body, setup_path
from nightshift.cli.show import pairs, table
from nightshift.errors import BadInput
from nightshift.model.policy import Policy
from nightshift.model.setup import NewPolicy, PolicyView

__all__ = ["add"]

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A policy, as TOML or JSON.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    policies = typer.Typer(help="A tenant's policy: who may do what, and how much.", no_args_is_help=True)
    app.add_typer(policies, name="policy")

    @policies.command()
    def show(
        context: typer.Context,
        tenant: TenantArgument,
        version: Annotated[int | None, typer.Option("--version", help="An earlier one.")] = None,
        document: Annotated[
            bool, typer.Option("--document", help="Print the policy itself, to edit and save.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Show the policy in force."""
        session: Session = context.obj
        rest = ("policy",) if version is None else ("policy", str(version))
        view = session.connect().call(PolicyView, "GET", setup_path(tenant, *rest))
        if document:
            typer.echo(_document(view.policy))
            return
        session.say(view, _shown(view), as_json=as_json)

    @policies.command()
    def check(
        context: typer.Context, tenant: TenantArgument, file: FileArgument, as_json: Json = False
    ) -> None:
        """Try a policy without saving it."""
        session: Session = context.obj
        path = setup_path(tenant, "policy", "check")
        view = session.connect().call(PolicyView, "POST", path, body=_written(file))
        session.say(view, _shown(view), as_json=as_json)

    @policies.command(name="set")
    def save(
        context: typer.Context, tenant: TenantArgument, file: FileArgument, as_json: Json = False
    ) -> None:
        """Save a policy under a new version; it is in force at once."""
        session: Session = context.obj
        path = setup_path(tenant, "policy")
        view = session.connect().call(PolicyView, "PUT", path, body=_written(file))
        session.say(view, _shown(view), as_json=as_json)


def _document(policy: Policy) -> str:
    """A policy as JSON, the same each time it is printed, so that two versions can be compared."""
    plain = policy.model_dump(mode="json")
    for role in plain["roles"].values():
        role["permissions"].sort()
    return json.dumps(plain, indent=2, ensure_ascii=False)


def _written(file: Path) -> NewPolicy:
    """A file's text.

    Raises:
        BadInput: it cannot be read, or is no text.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        problem = f"{file} cannot be read ({type(exc).__name__})"
        raise BadInput("FILE", problem, "Name a readable text file.") from exc
    return body(NewPolicy, {"text": text})


def _shown(view: PolicyView) -> RenderableType:
    policy = view.policy
    head = pairs(
        (
            ("policy of", view.tenant),
            ("version", f"{policy.version}{', in force' if view.in_force else ', not in force'}"),
            ("changed", ", ".join(view.changes)),
            ("time zone", policy.timezone),
            ("roles", ", ".join(sorted(policy.roles))),
            ("tiers", f"of {', '.join(sorted({rule.tool for rule in policy.tiers}))}"),
            ("allowances", ", ".join(rule.name for rule in policy.allowances)),
        )
    )
    bounds = table("bound", "on", "beyond it")
    for window in policy.windows:
        bounds.add_row(window.name, f"{window.tool} per {window.per}, {window.days} d", window.then.value)
    for radius in policy.blast_radius:
        bounds.add_row(radius.name, "one plan", radius.then.value)
    rules = table("rule", "tools", "when", "then")
    for rule in policy.rules:
        rules.add_row(rule.name, ", ".join(rule.tools) or "all", Text(rule.when or "always"), rule.then.value)
    shown: list[RenderableType] = [head, Text(""), bounds]
    return Group(*shown, Text(""), rules) if policy.rules else Group(*shown)
