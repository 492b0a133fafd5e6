"""A tenant's policy: read, tried, saved as its next version; a slip is named and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nightshift.errors import BadInput, Conflict
from nightshift.gate.policies import parse_policy
from nightshift.identity.caller import Caller
from nightshift.model.log import EntryKind
from nightshift.model.plan import Principal
from nightshift.onboarding.policy import save_policy
from tests.core.gate.crowd import together
from tests.support.desk import ROOT
from tests.support.office import ACME, ask, setup_log

if TYPE_CHECKING:
    from nightshift.onboarding.office import Office
    from tests.support.desk import Answer

TEXT = (ROOT / "policies/default.toml").read_text(encoding="utf-8")
RULE = """
[[rules]]
name = "no-refunds-at-night"
tools = ["payments.refund"]
when = "now.hour < 6"
then = "ASK"
reason = "nobody is awake"
"""


def written(version: int = 2, more: str = RULE, **replaced: str) -> str:
    text = TEXT.replace("\nversion = 1\n", f"\nversion = {version}\n").replace('"UTC"', '"Europe/Berlin"')
    for before, after in replaced.values():
        assert before in text
        text = text.replace(before, after)
    return text + more


def put(office: Office, text: str, *, as_: str | None = "ada") -> Answer:
    return ask(office, "PUT /tenants/acme/policy", as_=as_, body={"text": text})


def tried(office: Office, text: str) -> Answer:
    return ask(office, "POST /tenants/acme/policy/check", body={"text": text})


def test_a_policy_is_saved_under_its_version_and_in_force_at_once(office: Office):
    assert tried(office, written()).body["changes"] == ["rules"]
    assert office.config.policy(ACME).version == 1
    saved = put(office, written())
    assert (saved.status, saved.body["in_force"], saved.body["changes"]) == (200, True, ["rules"])
    assert office.config.policy(ACME) == parse_policy(written())
    assert ask(office, "GET /tenants/acme/policy").body["policy"]["rules"][0]["name"] == "no-refunds-at-night"
    before = ask(office, "GET /tenants/acme/policy/1").body
    assert (before["in_force"], before["policy"]["rules"]) == (False, [])
    entry = setup_log(office)[-1]
    assert (entry.kind, entry.actor, entry.detail["version"]) == (EntryKind.POLICY_SAVED, "person:ada", 2)
    assert entry.detail["changed"] == ["rules"]


def test_what_was_shown_can_be_edited_and_saved_as_json(office: Office):
    shown = ask(office, "GET /tenants/acme/policy").body["policy"]
    mine = json.dumps(shown | {"version": 2, "timezone": "Europe/Paris"}, indent=2)
    assert put(office, mine).body["changes"] == ["timezone"]
    assert office.config.policy(ACME).timezone == "Europe/Paris"


def test_the_same_again_changes_nothing(office: Office):
    put(office, written())
    again = put(office, written())
    assert (again.status, again.body["changes"]) == (200, [])
    assert office.config.policy(ACME).version == 2


def test_who_may_not_change_the_configuration_may_not_save_or_try_one(office: Office):
    for person, role in (("ana", "manager"), ("vera", "viewer")):
        ask(office, f"PUT /tenants/acme/staff/{person}", body={"role": role})
    assert put(office, written(), as_="ana").status == 403
    assert put(office, written(), as_="platform/jo").status == 403
    assert put(office, written(), as_=None).status == 401
    assert ask(office, "GET /tenants/acme/policy", as_="ana").status == 200
    assert ask(office, "GET /tenants/acme/policy", as_="vera").status == 403
    assert ask(office, "GET /tenants/acme/policy/9").status == 404
    assert office.config.policy(ACME).version == 1


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (written(1), "version"),
        (written(more=RULE.replace("now.hour", "now.our")), "rules.0.when"),
        (written(more=RULE.replace("now.hour < 6", "now.hour <")), "rules.0.when"),
        (written(more=RULE.replace("payments.refund", "payments.refunds")), "rules.0.tools"),
        (written(more=RULE.replace("ASK", "ALLOW")), "rules.0.then"),
        (written(more=RULE.replace('reason = "nobody is awake"', "")), "rules.0.reason"),
        (written(more=RULE + RULE), "rules.1.name"),
        (written(a=('tool = "payments.credit_note"', 'tool = "payments.debit_note"')), "tiers.9.tool"),
        (written(a=("[roles.admin]", "[roles.boss]")), "roles"),
        (written(a=("[roles.support]", "[roles.helper]")), "roles"),
        (written(a=('"config:write", ', "")), "roles"),
        (written(a=("Europe/Berlin", "Mars/Base")), "timezone"),
        ("{", "policy"),
        ("[" * 5000, "policy"),
        ('{"version": ' + "[" * 100_000, "policy"),
        ("x", "policy"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_by_field_and_the_old_one_stands(
    office: Office, text: str, field: str
):
    before = len(setup_log(office))
    for refused in (tried(office, text), put(office, text)):
        assert (refused.status, refused.body["error"]["field"]) == (400, field)
        assert refused.body["error"]["fix"]
    assert office.config.policy(ACME).version == 1
    assert len(setup_log(office)) == before


def test_an_earlier_version_does_not_come_back_under_its_own_number(office: Office):
    put(office, written(3))
    refused = put(office, written(2, more=""))
    assert (refused.status, refused.body["error"]["field"]) == (400, "version")
    assert "4" in refused.body["error"]["fix"]
    assert put(office, written(4, more="")).body["changes"] == ["rules"]


def test_a_version_that_somebody_else_stored_first_is_a_conflict(office: Office):
    office.config.put_policy(ACME, parse_policy(written(2, more="")))
    assert put(office, written(2)).status == 409
    assert put(office, written(3)).status == 200


def test_of_many_who_save_at_once_each_is_told_and_one_of_theirs_stands(office: Office):
    ada = Caller.model_construct(
        principal=Principal(id="ada", role="admin", kind="person"),
        tenant=ACME,
        permissions=office.config.policy(ACME).roles["admin"].permissions,
    )
    won: list[int] = []

    def work(number: int) -> None:
        text = written(2, more=RULE.replace("< 6", f"< {number}"))
        try:
            save_policy(office, ada, ACME, text)
        except (Conflict, BadInput):  # BadInput: it came so late that the other was in force
            return
        won.append(number)

    together(work)
    assert len(won) == 1
    assert office.config.policy(ACME).rules[0].when == f"now.hour < {won[0]}"
