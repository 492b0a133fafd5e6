"""Generated plans, sound and broken, against an oracle that knows the rules but none of the gate's code."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.gate.decide import decide
from nightshift.gate.facts import ChannelFacts
from nightshift.ids import StepId
from nightshift.model.plan import Principal, Proposal, Step
from nightshift.model.policy import BlastRadius, Rule, TierRule, Window
from nightshift.model.tool import EffectClass
from nightshift.model.verdict import Decision, Tier, Verdict
from nightshift.money import Money
from nightshift.ports.windows import WindowUse
from tests.core.gate.plans import (
    DEFAULT_POLICY,
    DESK,
    LIVE,
    LOOKUP,
    NOW,
    ORDER,
    QUOTE,
    SHOP,
    TOOLS,
    cancel,
    facts,
    money,
    proposal,
    refund,
    reply,
    set_address,
)

if TYPE_CHECKING:
    from nightshift.gate.facts import GateFacts
    from nightshift.model.policy import Policy

COMMON = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])

IDS = ["a", "b", "c", "d", "e"]
INPUTS: dict[str, Any] = {"order": "gid://shopify/Order/1", "said": "conv-9", "template": "refund_done@1"}

# Mostly sound values, and now and then one that is not.
TEXT = st.sampled_from(
    ["gid://shopify/Order/1", "${inputs.order}", "${inputs.said}", "${steps.a.id}", "x ${y}", 7]
)
MONEY = st.sampled_from(
    ["${steps.b.amount}", "${steps.a.captured}", "${steps.a.name}", {"amount": 900, "currency": "EUR"},
     {"amount": "${inputs.said}", "currency": "EUR"}]
)  # fmt: skip
YES = st.sampled_from([True])
ARGS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "orders.get": {"order": TEXT},
    "payments.quote_refund": {"order": TEXT, "everything": YES},
    "payments.refund": {
        "order": TEXT, "amount": MONEY, "expected_refunded": st.just({"amount": 0, "currency": "EUR"}),
        "transactions": st.just("${steps.b.transactions}"), "restock": st.just("no_restock"),
    },
    "orders.cancel": {
        "order": TEXT, "amount": MONEY, "expected_refunded": st.just({"amount": 0, "currency": "EUR"}),
        "reason": st.just("customer"), "restock": YES,
    },
    "orders.set_address": {
        "order": TEXT,
        "address": st.fixed_dictionaries({"line1": st.just("x"), "city": TEXT, "country": st.just("DE")}),
    },
    "messaging.reply": {
        "conversation": TEXT,
        "template": st.sampled_from(["refund_done@1", "insult@1", "${inputs.template}"]),
        "fields": st.fixed_dictionaries({"order": TEXT}),
    },
    "inventory.adjust": {},
    "orders.delete_everything": {},
}  # fmt: skip
CURRENCY = st.sampled_from(["EUR", "EUR", "EUR", "USD", "CHF"])
LIMITS = st.none() | st.builds(money, st.sampled_from([0, 900, 2500, 2501, 9000, 20001]), CURRENCY)


@st.composite
def wild_steps(draw: st.DrawFn) -> tuple[Step, ...]:
    """Up to five steps of anything."""
    found: list[Step] = []
    for index, name in enumerate(IDS[: draw(st.integers(0, 5))]):
        tool = draw(st.sampled_from(sorted(ARGS)))
        plain = {
            "id": draw(st.sampled_from([name, name, name, "a"])),
            "tool": tool,
            "channel": DESK if tool.startswith("messaging.") else SHOP,
            "args": draw(st.fixed_dictionaries(ARGS[tool])),
            "needs": IDS[:index]
            if draw(st.booleans())
            else draw(st.lists(st.sampled_from(IDS), unique=True)),
            "limit": draw(LIMITS),
        }
        found.append(Step.model_validate(plain))
    return tuple(found)


@st.composite
def sound_steps(draw: st.DrawFn) -> tuple[Step, ...]:
    """A plan as a playbook would write it: reads, perhaps an address, money, messages."""
    limits = st.builds(money, st.sampled_from([0, 900, 1250, 2500, 2501, 9000, 20001]), CURRENCY)
    said = st.sampled_from([{}, {"conversation": "${inputs.said}"}, {"fields": {"said": "${inputs.said}"}},
                             {"fields": {"sum": "${steps.refund.refund}"}}])  # fmt: skip
    found = [ORDER, QUOTE]
    if draw(st.booleans()):
        found.insert(draw(st.integers(0, 2)), LOOKUP)
    if draw(st.integers(0, 3)) == 3:
        found[0] = found[0].model_copy(update={"needs": (found[1].id,)})
    if draw(st.integers(0, 3)) == 3:
        found.append(set_address())
    if draw(st.booleans()):
        found.append(refund(draw(limits)))
    if draw(st.integers(0, 3)) == 3:
        found.append(refund(draw(limits), "rest"))
    if draw(st.integers(0, 3)) == 3:
        found.append(cancel(draw(limits)))
    for name in draw(st.sampled_from([(), ("reply",), ("reply", "second")])):
        template = draw(st.sampled_from(["refund_done@1", "refund_done@1", "insult@1", "${inputs.template}"]))
        found.append(reply(name, template, needs=(found[-1].id,), args=draw(said)))
    return tuple(found)


@st.composite
def broken_steps(draw: st.DrawFn) -> tuple[Step, ...]:
    """A sound plan with one thing changed."""
    found = list(draw(sound_steps()))
    index = draw(st.integers(0, len(found) - 1))
    change: dict[str, Any] = draw(
        st.sampled_from(
            [{"id": "order"}, {"tool": "orders.delete_everything"}, {"channel": "nowhere"}, {"channel": DESK},
             {"needs": ()}, {"needs": ("nobody",)}, {"needs": (found[-1].id,)}, {"limit": None}, {"args": {}},
             {"args": {**found[index].args, "order": "${inputs.order}"}},
             {"args": {**found[index].args, "order": "x ${y}"}}]
        )
    )  # fmt: skip
    found[index] = found[index].model_copy(update=change)
    return tuple(found)


STEPS = st.one_of(sound_steps(), sound_steps(), broken_steps(), wild_steps())

PAID = st.builds(
    Money, amount=st.sampled_from([100, 99_000, 198_000]), currency=st.sampled_from(["EUR", "USD"])
)
USES = st.lists(
    st.builds(
        WindowUse,
        run=st.sampled_from(["run_0", "run_1"]),
        step=st.just(StepId("c")),
        amount=PAID,
        at=st.sampled_from([NOW - timedelta(hours=h) for h in (1, 8, 10, 24 * 5, 24 * 29, 24 * 31)]),
        state=st.sampled_from(["done", "reserved"]),
    ),
    max_size=3,
)  # fmt: skip

POLICIES = st.sampled_from(
    [
        DEFAULT_POLICY,
        DEFAULT_POLICY.model_copy(update={"allowances": ()}),
        DEFAULT_POLICY.model_copy(update={"windows": ()}),
        DEFAULT_POLICY.model_copy(
            update={"tiers": (TierRule(tool="payments.refund", currency="EUR", up_to=900, tier=Tier.AUTO),)}
        ),
        DEFAULT_POLICY.model_copy(
            update={
                "windows": (
                    Window(name="once", tool="messaging.reply", per="customer", days=7, count=0,
                           then=Decision.REFUSE),
                    Window(name="w", tool="payments.refund", per="customer", days=1,
                           amount=Money(amount=1000, currency="EUR"), then=Decision.ASK),
                )
            }
        ),
        DEFAULT_POLICY.model_copy(
            update={
                "blast_radius": (
                    BlastRadius(name="some", writes=1, then=Decision.ASK),
                    BlastRadius(name="many", writes=2, then=Decision.REFUSE),
                ),
                "rules": (
                    Rule(name="never", tools=("orders.set_address",), then=Decision.REFUSE, reason="never"),
                    Rule(name="big", when="limit.amount > 900", then=Decision.ASK, reason="big"),
                ),
            }
        ),
    ]
)  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Proposal, GateFacts]:
    """A proposal and the facts it meets."""
    role = draw(st.sampled_from([*["support"] * 9, "sales", "viewer", "nobody"]))
    asked = proposal(
        *draw(STEPS),
        inputs=INPUTS,
        tainted=draw(st.sampled_from([(), ("said",), ("order", "said")])),
        customer=draw(st.sampled_from(["cus-1", "cus-1", None])),
        requester=Principal(id="x", role=role, kind="specialist"),
    )
    uses = {("cus-1", "payments.refund"): tuple(draw(USES)), ("tenant", "payments.refund"): tuple(draw(USES))}
    live = draw(st.sampled_from([frozenset(TOOLS), frozenset(TOOLS), frozenset()]))
    world = facts(
        asked,
        policy=draw(POLICIES),
        uses=uses,
        halted=draw(st.integers(0, 19)) == 19,
        locked=draw(st.integers(0, 19)) == 19,
        two_factor=draw(st.booleans()),
        channels=LIVE | {SHOP: ChannelFacts(adapter="shopify", live_tools=live)},
    )
    return asked, world


# --- the oracle -----------------------------------------------------------------------------------


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [s for inner in value.values() for s in strings(inner)]
    if isinstance(value, list):
        return [s for inner in value for s in strings(inner)]
    return [value] if isinstance(value, str) else []


def writes(step: Step) -> bool:
    return step.tool not in TOOLS or TOOLS[step.tool].effect is not EffectClass.READ


def must_refuse(asked: Proposal, world: GateFacts) -> bool:
    plan, role = asked.plan, world.policy.roles.get(asked.requester.role)
    ids = [step.id for step in plan.steps]
    return (
        world.halted
        or world.locked
        or role is None
        or len(set(ids)) < len(ids)
        or any(step.tool not in TOOLS for step in plan.steps)
        or any(TOOLS[s.tool].permission not in role.permissions for s in plan.steps)
        or any(s.channel not in LIVE for s in plan.steps)
        or any(LIVE[s.channel].adapter not in TOOLS[s.tool].adapters for s in plan.steps)
        or any(need not in ids or need == step.id for step in plan.steps for need in step.needs)
        or any("x ${y}" in strings(step.args) for step in plan.steps)
        or any(TOOLS[s.tool].money and s.limit is None for s in plan.steps)
        or any(TOOLS[s.tool].money and automatic(world.policy, s) == "none" for s in plan.steps)
        or beyond(asked, world, Decision.REFUSE)
        or any(s.tool in rule.tools for rule in world.policy.rules for s in plan.steps)
    )  # fmt: skip


def beyond(asked: Proposal, world: GateFacts, decision: Decision) -> bool:
    """Whether the plan writes more often than a radius with this consequence allows."""
    number = len([step for step in asked.plan.steps if writes(step)])
    radii = [each for each in world.policy.blast_radius if each.then is decision]
    return any(each.writes is not None and number > each.writes for each in radii)


def automatic(policy: Policy, step: Step, amount: int | None = None) -> str:
    """The name of the tier of an amount, read off the policy's document."""
    assert step.limit is not None
    asked = step.limit.amount if amount is None else amount
    for rule in policy.tiers:
        if (rule.tool, rule.currency) == (step.tool, step.limit.currency) and asked <= (rule.up_to or asked):
            return rule.tier.value
    return "none"


def over_a_window(asked: Proposal, world: GateFacts, decision: Decision) -> bool:
    """Whether a window with this consequence is exceeded by what was used and what is planned."""
    for window in world.policy.windows:
        mine = [s for s in asked.plan.steps if s.tool == window.tool]
        if not mine or window.then is not decision or (window.per == "customer" and asked.customer is None):
            continue
        owner = asked.customer if window.per == "customer" else None
        counter = next(c for c in world.counters if (c.key.customer, c.key.tool) == (owner, window.tool))
        day = NOW.replace(hour=0) if window.days == 1 else NOW - timedelta(days=window.days)
        others = [u for u in counter.uses if u.run != asked.run]
        inside = [
            u for u in others if (u.at >= day if u.state == "done" else NOW - u.at <= timedelta(days=31))
        ]
        if window.count is not None and len(inside) + len(mine) > window.count:
            return True
        amounts = [u.amount for u in inside] + [s.limit for s in mine]
        if window.amount is not None:
            same = [a.amount for a in amounts if a is not None and a.currency == window.amount.currency]
            if sum(same) > window.amount.amount:
                return True
    return False


def tainted(asked: Proposal) -> bool:
    marks = tuple("${inputs." + name + "}" for name in asked.tainted)
    return any(
        mark in strings(step.args.get(name))
        for step in asked.plan.steps
        if step.tool in TOOLS
        for name in TOOLS[step.tool].sensitive
        for mark in marks
    )


# --- the properties -------------------------------------------------------------------------------


@pytest.mark.guarantee("gate:whole-plan-or-nothing")
@COMMON
@given(worlds())
def test_no_plan_that_breaks_a_rule_passes(world: tuple[Proposal, GateFacts]):
    asked, known = world
    verdict = decide(asked, known)
    if must_refuse(asked, known) or over_a_window(asked, known, Decision.REFUSE):
        assert verdict.decision is Decision.REFUSE
    if verdict.decision is Decision.REFUSE:
        assert [move.next for move in verdict.moves] == ["settle"]
        assert all(step.decision is Decision.REFUSE for step in verdict.steps)
        assert any(finding.decision is Decision.REFUSE for finding in verdict.findings)


@COMMON
@given(worlds())
def test_what_runs_unasked_is_within_its_automatic_tier_and_its_windows(world: tuple[Proposal, GateFacts]):
    asked, known = world
    verdict = decide(asked, known)
    if verdict.decision is not Decision.ALLOW:
        return
    assert verdict.findings == ()
    assert not tainted(asked)
    assert not over_a_window(asked, known, Decision.ASK)
    assert not beyond(asked, known, Decision.ASK)
    unasked = 900 if known.policy.rules else 10**9
    assert not [s for s in asked.plan.steps if writes(s) and known.policy.rules and s.limit is None]
    assert all(s.limit is None or s.limit.amount <= unasked for s in asked.plan.steps)
    sums: dict[tuple[str, str], int] = {}
    for step in asked.plan.steps:
        if TOOLS[step.tool].money:
            assert step.limit is not None
            key = (step.tool, step.limit.currency)
            sums[key] = sums.get(key, 0) + step.limit.amount
            assert automatic(known.policy, step) == "AUTO"
            assert automatic(known.policy, step, sums[key]) == "AUTO"
        elif writes(step):
            assert step.tool == "messaging.reply"
            assert known.policy.allowances
            assert step.args["template"] == "refund_done@1"


@COMMON
@given(worlds())
def test_customer_text_reaches_nothing_sensitive_unasked(world: tuple[Proposal, GateFacts]):
    asked, known = world
    if tainted(asked):
        assert decide(asked, known).decision is not Decision.ALLOW


@COMMON
@given(worlds())
def test_the_schedule_has_every_step_once_after_what_it_needs(world: tuple[Proposal, GateFacts]):
    asked, known = world
    verdict = decide(asked, known)
    if verdict.decision is Decision.REFUSE:
        return
    by_id = {step.id: step for step in asked.plan.steps}
    assert [move.index for move in verdict.moves] == list(range(len(verdict.moves)))
    assert verdict.moves[-1].next == "settle"
    done: set[StepId] = set()
    for move in verdict.moves:
        before = set(done)
        assert (move.next == "many") == (len(move.lanes) > 1)
        for lane in move.lanes:
            here = set(before)
            for name in lane.steps:
                assert name not in done
                assert set(by_id[name].needs) <= here
                assert known.channels[by_id[name].channel].adapter == lane.adapter
                here.add(name)
                done.add(name)
        here_and_now = [by_id[name] for lane in move.lanes for name in lane.steps]
        if any(writes(each) for each in here_and_now):
            assert {len(lane.steps) for lane in move.lanes} == {1}
            assert all(writes(each) for each in here_and_now)
            assert len(move.lanes) == 1 or not any(TOOLS[each.tool].irreversible for each in here_and_now)
    assert done == set(by_id)


@COMMON
@given(worlds())
def test_people_are_asked_once_before_any_write_and_after_any_read(world: tuple[Proposal, GateFacts]):
    asked, known = world
    verdict = decide(asked, known)
    asks = [move.index for move in verdict.moves if move.next == "ask"]
    assert len(asks) == (verdict.decision is Decision.ASK)
    by_id = {step.id: step for step in asked.plan.steps}
    for move in verdict.moves:
        for name in (name for lane in move.lanes for name in lane.steps):
            if asks:
                assert (move.index > asks[0]) == writes(by_id[name])
    if verdict.decision is Decision.ASK:
        assert any(step.decision is Decision.ASK for step in verdict.steps)


@COMMON
@given(worlds())
def test_what_a_person_is_shown_is_known_by_then(world: tuple[Proposal, GateFacts]):
    asked, known = world
    verdict = decide(asked, known)
    by_id = {step.id: step for step in asked.plan.steps}
    for judged in verdict.steps:
        if judged.decision is Decision.ASK:
            named = re.findall(r"\$\{steps\.(\w+)", " ".join(strings(by_id[judged.step].args)))
            assert not any(writes(by_id[StepId(name)]) for name in named)


@COMMON
@given(worlds())
def test_the_same_facts_give_the_same_verdict(world: tuple[Proposal, GateFacts]):
    asked, known = world
    again = Proposal.model_validate_json(asked.model_dump_json())
    assert decide(asked, known) == decide(again, known.model_copy(deep=True))


@COMMON
@given(worlds())
def test_a_verdict_survives_its_record(world: tuple[Proposal, GateFacts]):
    verdict = decide(*world)
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
