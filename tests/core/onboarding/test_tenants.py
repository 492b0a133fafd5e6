"""Tenants and their people: added once, by whoever runs the installation; stopped by many, resumed by few."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from build.onboarding import files
from functions.onboarding.routes import answer
from nightshift.errors import BadInput, NotIdentified
from nightshift.gate.policies import parse_policy
from nightshift.identity.token import PLATFORM, Identity, issue, verify
from nightshift.ids import TenantId
from nightshift.model.log import EntryKind
from nightshift.onboarding.shipped import default_policy
from tests.support.desk import KEY, ROOT, request
from tests.support.office import ACME, add_acme, ask, setup_log, token_of

if TYPE_CHECKING:
    from nightshift.onboarding.office import Office
    from tests.conftest import FixedClock


def staff(office: Office) -> dict[str, str]:
    return {each.id: each.role for each in office.setup.staff_of(ACME)}


def test_what_ships_is_what_the_sources_say():
    for file, text in files().items():
        assert file.read_text(encoding="utf-8") == text, f"{file.name}: run python -m build.onboarding"
    assert default_policy() == parse_policy((ROOT / "policies" / "default.toml").read_text(encoding="utf-8"))


def test_a_tenant_starts_with_the_default_policy_and_its_administrator(office: Office):
    view = ask(office, "GET /tenants/acme").body
    assert (view["name"], view["timezone"], view["halted"]) == ("Acme", "Europe/Berlin", False)
    assert view["staff"] == [{"id": "ada", "name": "ada", "role": "admin"}]
    assert view["channels"] == []
    policy = office.config.policy(ACME)
    assert policy == default_policy().model_copy(update={"timezone": "Europe/Berlin"})
    assert [e.kind for e in setup_log(office)] == [EntryKind.TENANT_ADDED]
    assert setup_log(office)[0].actor == "platform:jo"


def test_the_same_request_again_changes_nothing(office: Office):
    before = ask(office, "GET /tenants/acme").body
    assert add_acme(office).status == 200
    assert ask(office, "GET /tenants/acme").body == before


@pytest.mark.parametrize("other", [{"name": "Another"}, {"timezone": "UTC"}, {"admin": "eve"}])
def test_an_id_that_is_taken_is_refused(office: Office, other: dict[str, str]):
    refused = add_acme(office, **other)
    assert (refused.status, refused.body["error"]["field"]) == (400, "id")
    assert ask(office, "GET /tenants/acme").body["name"] == "Acme"
    assert staff(office) == {"ada": "admin"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "Acme"), ("id", "a"), ("id", "a#b"), ("id", "*"), ("id", "unknown"), ("id", "x" * 41),
        ("name", "  "), ("timezone", "Mars/Base"), ("timezone", "../etc/passwd"), ("timezone", ""),
        ("admin", "no body"), ("admin", "A"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_used_is_named(office: Office, field: str, value: str):
    refused = add_acme(office, **{"id": "other", field: value})
    assert (refused.status in {400, 422}, refused.body["error"]["field"]) == (True, field)
    assert ask(office, "GET /tenants/other", as_="ada", tenant=TenantId("other")).status == 401


def test_only_the_platform_adds_tenants(office: Office):
    body = {"id": "other", "name": "Other", "timezone": "UTC", "admin": "eve"}
    assert ask(office, "POST /tenants", as_="ada", body=body).status == 403
    assert ask(office, "POST /tenants", as_=None, body=body).status == 401


def test_the_platform_sees_no_tenant_and_changes_nothing_there(office: Office):
    assert ask(office, "GET /tenants/acme", as_="platform/jo").status == 403
    person = {"role": "admin"}
    assert ask(office, "PUT /tenants/acme/staff/jo", as_="platform/jo", body=person).status == 403
    assert ask(office, "POST /tenants/acme/resume", as_="platform/jo", body={}).status == 403


def test_another_tenant_is_as_absent_as_one_that_never_was(office: Office):
    add_acme(office, id="other", admin="eve")
    theirs = ask(office, "GET /tenants/other")
    never = ask(office, "GET /tenants/never")
    assert (theirs.status, never.status) == (404, 404)
    assert theirs.body["error"]["problem"].replace("other", "never") == never.body["error"]["problem"]


def test_a_token_of_the_platform_lasts_an_hour_at_most(clock: FixedClock):
    who = Identity(tenant=PLATFORM, staff="jo")
    with pytest.raises(BadInput):
        issue(KEY, who, at=clock.now(), lasts=timedelta(hours=2))
    token = issue(KEY, who, at=clock.now(), lasts=timedelta(hours=1))
    assert verify(token, KEY, at=clock.now()).who == who
    with pytest.raises(NotIdentified):
        verify(token, KEY, at=clock.now() + timedelta(hours=1))


def test_an_operator_halts_and_a_manager_resumes(office: Office):
    for person, role in (("ben", "operator"), ("ana", "manager"), ("vera", "viewer")):
        assert ask(office, f"PUT /tenants/acme/staff/{person}", body={"role": role}).status == 200
    assert ask(office, "POST /tenants/acme/halt", as_="vera", body={}).status == 403
    assert (
        ask(office, "POST /tenants/acme/halt", as_="ben", body={"note": "odd refunds"}).body["halted"] is True
    )
    assert office.config.tenant(ACME).halted is True
    assert ask(office, "POST /tenants/acme/resume", as_="ben", body={}).status == 403
    assert office.config.tenant(ACME).halted is True
    assert ask(office, "POST /tenants/acme/resume", as_="ana", body={}).body["halted"] is False
    said = [(e.kind, e.actor) for e in setup_log(office)][-2:]
    assert said == [(EntryKind.TENANT_HALTED, "person:ben"), (EntryKind.TENANT_RESUMED, "person:ana")]


def test_the_platform_may_halt(office: Office):
    assert ask(office, "POST /tenants/acme/halt", as_="platform/jo", body={}).body["halted"] is True


def test_a_person_gets_a_role_and_loses_it_at_once(office: Office):
    assert ask(office, "PUT /tenants/acme/staff/ana", body={"name": "Ana", "role": "manager"}).status == 200
    assert ask(office, "GET /tenants/acme", as_="ana").status == 200
    assert ask(office, "PUT /tenants/acme/staff/ana", body={"role": "viewer"}).body["name"] == "Ana"
    assert ask(office, "GET /tenants/acme", as_="ana").status == 403
    assert ask(office, "DELETE /tenants/acme/staff/ana").status == 200
    assert ask(office, "GET /tenants/acme", as_="ana").status == 401
    assert ask(office, "DELETE /tenants/acme/staff/ana").status == 404


def test_whoever_gets_the_id_of_one_who_left_does_not_bring_their_tokens_back(
    office: Office, clock: FixedClock
):
    hers = request("GET", "/v1/setup/tenants/acme", token=token_of("ana", clock.now()))
    ask(office, "PUT /tenants/acme/staff/ana", body={"name": "Ana", "role": "manager"})
    assert answer(hers, office)["statusCode"] == 200
    clock.advance(300)
    ask(office, "PUT /tenants/acme/staff/ana", body={"role": "admin"})
    assert answer(hers, office)["statusCode"] == 200  # a new role is no new person
    ask(office, "DELETE /tenants/acme/staff/ana")
    ask(office, "PUT /tenants/acme/staff/ana", body={"name": "Another Ana", "role": "admin"})
    assert answer(hers, office)["statusCode"] == 401
    assert ask(office, "GET /tenants/acme", as_="ana").status == 200


def test_a_role_policy_does_not_know_is_refused(office: Office):
    refused = ask(office, "PUT /tenants/acme/staff/ana", body={"role": "boss"})
    assert (refused.status, refused.body["error"]["field"]) == (400, "role")
    assert "ana" not in staff(office)


def test_the_last_administrator_stays(office: Office):
    assert ask(office, "DELETE /tenants/acme/staff/ada").body["error"]["field"] == "staff"
    assert (
        ask(office, "PUT /tenants/acme/staff/ada", body={"role": "viewer"}).body["error"]["field"] == "role"
    )
    ask(office, "PUT /tenants/acme/staff/eve", body={"role": "admin"})
    assert ask(office, "PUT /tenants/acme/staff/ada", body={"role": "viewer"}).status == 200
    assert staff(office) == {"ada": "viewer", "eve": "admin"}


def test_only_an_administrator_changes_people(office: Office):
    ask(office, "PUT /tenants/acme/staff/ana", body={"role": "manager"})
    assert ask(office, "PUT /tenants/acme/staff/ana", as_="ana", body={"role": "admin"}).status == 403
    assert staff(office)["ana"] == "manager"
