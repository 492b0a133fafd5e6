"""Every playbook holds its own tests; all of them run, and the gate has nothing to refuse in its plans."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from build.playbooks import (
    Expectation,
    PlaybookFile,
    bundles,
    common_facts,
    faults,
    lay_over,
    library,
    playbook_files,
)
from nightshift.expressions import Facts
from nightshift.gate.decide import decide
from nightshift.gate.facts import ChannelFacts, GateFacts
from nightshift.gate.policies import parse_policy
from nightshift.gate.windows import window_keys
from nightshift.ids import CaseId, ChannelId, RunId, TenantId
from nightshift.model.plan import HandOff, Plan, Principal, Proposal
from nightshift.model.verdict import Decision
from nightshift.planner.choose import next_move
from nightshift.planner.facts import FactValues, facts_of
from nightshift.planner.fill import fill
from nightshift.planner.playbook import Library, Playbook, bundled
from nightshift.ports.windows import WindowCounter
from nightshift.tools.contracts import ALL
from nightshift.tools.contracts.messaging import ReplyMessage
from nightshift.tools.templates import load
from tests.support.matters import AT, PHOTO, asked_return, message, package, payment, tenant

ROOT = Path(__file__).parents[3]
FILES = playbook_files()
BASE = common_facts()
TESTS = [
    pytest.param(playbook, test, id=f"{playbook.id}: {test.name}")
    for playbook in FILES.values()
    for test in playbook.tests
]


@pytest.mark.parametrize(("playbook", "test"), TESTS)
def test_a_playbook_does_what_its_own_tests_say(playbook: PlaybookFile, test: Expectation):
    assert list(faults(playbook, test, BASE)) == []


def _plan(playbook: Playbook, test: Expectation) -> tuple[Plan, tuple[str, ...]] | None:
    facts = lay_over(BASE, test.facts)
    move = next_move(playbook, facts)
    if isinstance(move, HandOff):
        return None
    return fill(playbook.id, move, Facts(facts)), move.plan.tainted


def _judged(plan: Plan, tainted: tuple[str, ...]) -> tuple[Decision, list[str]]:
    policy = parse_policy((ROOT / "policies/default.toml").read_text(encoding="utf-8"))
    at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    requester = Principal(id="specialist:support", role="support", kind="specialist")
    proposal = Proposal(
        run=RunId("run_1"),
        tenant=TenantId("acme"),
        case=CaseId("case_1"),
        wake=1,
        generation=1,
        subject="order:shop:order-1",
        customer="customer-1",
        requester=requester,
        proposed_by="playbook:test@1",
        plan=plan,
        digest=plan.digest(),
        tainted=tainted,
        proposed_at=at,
    )
    live = {name: ChannelFacts(adapter=name, live_tools=frozenset(ALL)) for name in ("shopify", "stripe")}
    tools = {name: contract.spec(tuple(live)) for name, contract in ALL.items()}
    facts = GateFacts(
        now=at,
        day_began=at,
        tenant=proposal.tenant,
        requester=requester,
        permissions=policy.roles["support"].permissions,
        policy=policy,
        tools=tools,
        channels={ChannelId("shop"): live["shopify"], ChannelId("stripe"): live["stripe"]},
        halted=False,
        locked=False,
        tainted=frozenset(tainted),
        counters=tuple(WindowCounter(key=key) for key in window_keys(proposal, policy, tools=tools)),
        two_factor=False,
    )
    verdict = decide(proposal, facts)
    return verdict.decision, [f"{f.rule}: {f.problem}" for f in verdict.findings]


@pytest.mark.parametrize(("playbook", "test"), TESTS)
def test_the_gate_refuses_no_plan_of_a_playbook(playbook: PlaybookFile, test: Expectation):
    made = _plan(playbook, test)
    if made is None:
        assert test.move == "hand_over"
        return
    decision, findings = _judged(*made)
    assert decision is not Decision.REFUSE, findings


def test_the_gate_asks_a_person_for_an_address_out_of_a_message():
    playbook = FILES["address-change.toml"]
    made = _plan(playbook, playbook.tests[0])
    assert made is not None
    decision, findings = _judged(*made)
    assert decision is Decision.ASK
    assert any(finding.startswith("taint") for finding in findings), findings


def test_the_bundles_in_the_layer_are_what_the_sources_say():
    for file, text in bundles().items():
        assert file.read_text(encoding="utf-8") == text, f"{file.name}: run python -m build.playbooks"


def test_the_bundle_reads_back_as_the_library():
    assert bundled() == library()


def test_the_check_on_the_command_line_is_clean():
    command = [sys.executable, "-m", "build.playbooks", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # ours
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_expectation_is_told():
    playbook = FILES["order-status.toml"]
    wrong = Expectation(
        name="wrong", move="refund", steps=("refund",), plan={"after.kind": "sleep", "steps.x.args": 1}
    )
    told = list(faults(playbook, wrong, BASE))
    assert len(told) == 4


def test_a_test_cannot_invent_facts():
    playbook = FILES["order-status.toml"]
    invented = Expectation(name="invented", facts={"weather": "fine"}, move="answer")
    assert [fault.split(":")[0] for fault in faults(playbook, invented, BASE)] == ["KeyError"]


def test_playbook_tests_see_the_facts_that_planning_sees():
    reply = message(
        "It is broken. My new address: Lindenstr. 5, 10969 Berlin, Germany", 2, attachments=(PHOTO,)
    )
    known = package(asked_return("DEFECTIVE"), reply, intent="damaged_item", payment=payment())
    facts = facts_of(known, tenant(), AT)
    seen = {name: set(value) for name, value in facts.items() if isinstance(value, dict)}
    assert set(facts) == set(BASE)
    for name, below in BASE.items():
        if isinstance(below, dict):
            assert set(below) <= seen[name], name


def _with(**changes: object) -> FactValues:
    plain = FILES["damaged-item.toml"].model_dump(mode="json", by_alias=True)
    return {**plain, **changes}  # type: ignore[dict-item]  # wrong on purpose


@pytest.mark.parametrize(
    "changes",
    [
        {"move": []},
        {"test": []},
        {"version": 0},
        {"move": [{"name": "a"}, {"name": "a"}]},
        {"move": [{"name": "a", "when": "photos >"}]},
        {"move": [{"name": "a", "plan": {"inputs": {}, "tainted": ["address"]}}]},
        {"move": [{"name": "a", "plan": {"inputs": {"x": "=1 +"}}}]},
        {"unknown": 1},
    ],
)
def test_a_playbook_that_makes_no_sense_is_refused(changes: dict[str, object]):
    PlaybookFile.model_validate(_with())
    with pytest.raises(ValidationError):
        PlaybookFile.model_validate(_with(**changes))


def test_a_specialist_keeps_to_its_domains_and_known_playbooks():
    whole = bundled()
    support = whole.specialists[0]
    for changes in (
        {"domains": ("messaging",)},
        {"playbooks": ("no-such-playbook",)},
    ):
        with pytest.raises(ValidationError):
            Library(playbooks=whole.playbooks, specialists=(support.model_copy(update=changes),))


def _replies() -> list[tuple[str, dict[str, str]]]:
    plans = [made[0] for p in FILES.values() for t in p.tests if (made := _plan(p, t)) is not None]
    args = [s.args for plan in plans for s in plan.steps if s.tool == "messaging.reply"]
    return [(str(a["template"]), ReplyMessage.model_validate(a).fields) for a in args]


def test_every_reply_is_a_template_that_exists_with_the_fields_it_has():
    templates = load().templates
    seen = set()
    for name, fields in _replies():
        seen.add(name)
        required = set(templates[name].fields) - set(templates[name].optional)
        assert required <= set(fields) <= set(templates[name].fields), name
    assert seen == set(templates) - {"handed_over@1"}
