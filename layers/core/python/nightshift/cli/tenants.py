"""`tenant` and `staff`: who works with whom, and stopping it all."""

from typing import Annotated

import typer
from rich.text import Text

from nightshift.cli import show_setup
from nightshift.cli.session import Json, NoteOption, Session, TenantArgument, body, setup_path
from nightshift.model.setup import Halted, NewStaff, NewTenant, Reason, StaffLine, TenantView

__all__ = ["add"]

PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="A person's id, as tokens name it.")]
RoleOption = Annotated[str, typer.Option("--role", help="A role of the tenant's policy.")]
NameOption = Annotated[str, typer.Option("--name", help="How people call them.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    tenants = typer.Typer(help="Tenants: stores we work for.", no_args_is_help=True)
    people = typer.Typer(help="A tenant's people.", no_args_is_help=True)
    app.add_typer(tenants, name="tenant")
    app.add_typer(people, name="staff")
    _tenants(tenants)
    _halting(tenants)
    app.command(name="halt")(_halt)  # also without a topic: in an emergency nobody should have to think
    _people(people)


def _tenants(app: typer.Typer) -> None:
    @app.command(name="add")
    def add_tenant(
        context: typer.Context,
        tenant: TenantArgument,
        *,
        name: Annotated[str, typer.Option("--name", help="The store's name.")],
        timezone: Annotated[str, typer.Option("--timezone", help="E.g. Europe/Berlin.")],
        admin: Annotated[str, typer.Option("--admin", help="The first administrator's id.")],
        admin_name: Annotated[str, typer.Option("--admin-name", help="How people call them.")] = "",
        as_json: Json = False,
    ) -> None:
        """Add a tenant, everything in shadow mode; needs a token of the platform."""
        session: Session = context.obj
        given = {"id": tenant, "name": name, "timezone": timezone, "admin": admin, "admin_name": admin_name}
        new = body(NewTenant, given)
        view = session.connect().call(TenantView, "POST", "/v1/setup/tenants", body=new)
        session.say(view, show_setup.tenant(view), as_json=as_json)

    @app.command(name="show")
    def show_tenant(context: typer.Context, tenant: TenantArgument, as_json: Json = False) -> None:
        """Show a tenant with its people and channels."""
        session: Session = context.obj
        view = session.connect().call(TenantView, "GET", setup_path(tenant))
        session.say(view, show_setup.tenant(view), as_json=as_json)


def _halt(
    context: typer.Context, tenant: TenantArgument, note: NoteOption = "", as_json: Json = False
) -> None:
    """Stop every effect of a tenant at once."""
    _switch(context.obj, tenant, "halt", note, as_json=as_json)


def _halting(app: typer.Typer) -> None:
    app.command(name="halt")(_halt)

    @app.command()
    def resume(
        context: typer.Context, tenant: TenantArgument, note: NoteOption = "", as_json: Json = False
    ) -> None:
        """Let effects be made again."""
        _switch(context.obj, tenant, "resume", note, as_json=as_json)


def _switch(session: Session, tenant: str, verb: str, note: str, *, as_json: bool) -> None:
    path = setup_path(tenant, verb)
    now = session.connect().call(Halted, "POST", path, body=body(Reason, {"note": note}))
    says = "is halted: no effect is made until somebody resumes it." if now.halted else "makes effects again."
    session.say(now, Text(f"{tenant} {says}"), as_json=as_json)


def _people(app: typer.Typer) -> None:
    @app.command(name="add")
    def add_person(
        context: typer.Context,
        tenant: TenantArgument,
        person: PersonArgument,
        role: RoleOption,
        name: NameOption = "",
        as_json: Json = False,
    ) -> None:
        """Add a person."""
        _put(context.obj, tenant, person, {"name": name, "role": role}, as_json=as_json)

    @app.command(name="role")
    def change_role(
        context: typer.Context, tenant: TenantArgument, person: PersonArgument, role: RoleOption,
        as_json: Json = False,
    ) -> None:  # fmt: skip
        """Give a person another role; their tokens have it at once."""
        _put(context.obj, tenant, person, {"role": role}, as_json=as_json)

    @app.command(name="remove")
    def remove_person(
        context: typer.Context, tenant: TenantArgument, person: PersonArgument, as_json: Json = False
    ) -> None:
        """Remove a person; their tokens prove nothing from now on."""
        session: Session = context.obj
        line = session.connect().call(StaffLine, "DELETE", setup_path(tenant, "staff", person))
        session.say(
            line, Text(f"{line.id} ({line.role}) does not work for {tenant} any more."), as_json=as_json
        )


def _put(session: Session, tenant: str, person: str, given: dict[str, str], *, as_json: bool) -> None:
    path = setup_path(tenant, "staff", person)
    line = session.connect().call(StaffLine, "PUT", path, body=body(NewStaff, given))
    session.say(line, show_setup.staff((line,)), as_json=as_json)
