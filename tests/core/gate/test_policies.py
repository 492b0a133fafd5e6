"""The default policy says what it should, and a policy with a mistake is refused by the field's name."""

from __future__ import annotations

import pytest

from nightshift.errors import BadInput
from nightshift.gate.policies import parse_policy
from nightshift.gate.spending import tier_of
from nightshift.model.verdict import Tier
from nightshift.tools.contracts import ALL
from tests.core.gate.plans import DEFAULT_POLICY, ROOT, money

TEXT = (ROOT / "policies/default.toml").read_text(encoding="utf-8")

OF_A_CASE = ("orders", "payments", "messaging")
OF_THE_CATALOGUE = ("catalog", "listings", "pricing", "inventory", "competitors")


@pytest.mark.parametrize("currency", ["EUR", "USD", "GBP"])
@pytest.mark.parametrize(
    ("tool", "amount", "tier"),
    [
        ("payments.refund", 2500, Tier.AUTO),
        ("payments.refund", 2501, Tier.APPROVE),
        ("payments.refund", 20000, Tier.APPROVE),
        ("payments.refund", 20001, Tier.TWO_FACTOR),
        ("orders.cancel", 15000, Tier.AUTO),
        ("orders.cancel", 15001, Tier.APPROVE),
        ("orders.cancel", 50000, Tier.APPROVE),
        ("orders.cancel", 50001, Tier.TWO_FACTOR),
    ],
)
def test_the_default_tiers(tool: str, amount: int, tier: Tier, currency: str):
    assert tier_of(DEFAULT_POLICY, tool, money(amount, currency)) is tier


def test_the_default_policy_speaks_of_every_money_tool():
    spoken_of = {rule.tool for rule in DEFAULT_POLICY.tiers}
    assert {name for name, contract in ALL.items() if contract.money} <= spoken_of


def test_the_default_policy_names_only_tools_that_exist():
    named = [*DEFAULT_POLICY.tiers, *DEFAULT_POLICY.windows, *DEFAULT_POLICY.allowances]
    assert {rule.tool for rule in named} <= set(ALL)


def permissions_of(*domains: str) -> set[str]:
    return {each.permission for each in ALL.values() if each.name.partition(".")[0] in domains}


def test_every_tool_is_of_a_case_or_of_the_catalogue():
    domains = {name.partition(".")[0] for name in ALL}
    assert domains == {*OF_A_CASE, *OF_THE_CATALOGUE}


def test_the_support_specialist_may_use_every_tool_of_a_case_and_decide_nothing():
    held = DEFAULT_POLICY.roles["support"].permissions
    assert permissions_of(*OF_A_CASE) <= held
    assert not {"listings:write", "pricing:write", "inventory:write", "approvals:decide"} & held


def test_the_operations_specialist_may_use_every_tool_of_the_catalogue_and_decide_nothing():
    held = DEFAULT_POLICY.roles["operations"].permissions
    assert permissions_of(*OF_THE_CATALOGUE) <= held
    assert "approvals:decide" not in held


def test_only_people_decide():
    deciding = {name for name, role in DEFAULT_POLICY.roles.items() if "approvals:decide" in role.permissions}
    assert deciding == {"operator", "manager", "admin"}


def test_a_viewer_changes_nothing():
    writes = {"decide", "resolve", "cancel", "edit", "refund", "reply", "write", "send"}
    assert not {p.partition(":")[2] for p in DEFAULT_POLICY.roles["viewer"].permissions} & writes


def test_both_languages_have_words_for_every_sign():
    triage = DEFAULT_POLICY.triage
    for words in (triage.legal, triage.angry, triage.distressed, triage.fraud):
        assert set(words) == {"en", "de"}
        assert all(len(of_one) > 10 for of_one in words.values())


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("\nversion = 1\n", "\nversion = 0\n", "version"),
        ('tier = "AUTO"', 'tier = "FREE"', "tiers.0.tier"),
        ("up_to = 2500", "up_to = -1", "tiers.0.up_to"),
        ("up_to = 2500", "up_too = 2500", "tiers.0.up_too"),
        ("up_to = 20000", "up_to = 2000", "tiers"),
        ("days = 30", "days = 0", "windows.0.days"),
        ('then = "ASK"', 'then = "ALLOW"', "windows.0.then"),
        ('two_factor = "unavailable"', 'two_factor = "available"', "approvals.two_factor"),
        ("requester_may_decide = false", "requester_may_decide = true", "approvals.requester_may_decide"),
        ("amount = 200000,", "amount = 2000.00,", "windows.1.amount.amount"),
        ('timezone = "UTC"', 'timezone = "Mars/Olympus"', "timezone"),
        ('timezone = "UTC"', 'timezone = "../secret"', "timezone"),
        ("[roles.viewer]", "[roles.viewer", "policy"),
        ("[approvals]", "[approval]", "approval"),
    ],
)
def test_a_mistake_is_named_by_its_field(before: str, after: str, field: str):
    assert before in TEXT
    with pytest.raises(BadInput) as caught:
        parse_policy(TEXT.replace(before, after, 1))
    assert caught.value.field == field
    assert caught.value.problem
    assert caught.value.fix


def test_nothing_at_all_is_no_policy():
    with pytest.raises(BadInput, match="version"):
        parse_policy("")
