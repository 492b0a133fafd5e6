"""One test per rule, each of which fails without it; then the schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from nightshift.gate.decide import MAX_FINDINGS, decide
from nightshift.gate.facts import ChannelFacts, day_began
from nightshift.ids import StepId
from nightshift.model.plan import Principal
from nightshift.model.policy import Allowance, TierRule, Window
from nightshift.model.verdict import Decision, Tier
from tests.core.gate.plans import (
    DEFAULT_POLICY,
    DESK,
    LIVE,
    LOOKUP,
    NOW,
    ORDER,
    QUOTE,
    SHOP,
    STANDARD,
    cancel,
    facts,
    money,
    proposal,
    refund,
    reply,
    set_address,
    step,
    use,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightshift.model.plan import Step
    from nightshift.model.policy import Policy
    from nightshift.model.verdict import Finding, Verdict

ALLOW, ASK, REFUSE = Decision.ALLOW, Decision.ASK, Decision.REFUSE


def judge(*steps: Step, plan: dict[str, Any] | None = None, **changes: object) -> Verdict:
    given = proposal(*steps, **(plan or {}))
    return decide(given, facts(given, **changes))


def found(verdict: Verdict, rule: str) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.rule == rule]


def policy(**changes: object) -> Policy:
    return DEFAULT_POLICY.model_copy(update=changes)


class Row(NamedTuple):
    """A plan that differs from one that is allowed in the one thing a rule is about."""

    rule: str
    decision: Decision
    where: str
    field: str
    steps: tuple[Step, ...]
    changes: dict[str, Any] = {}  # noqa: RUF012  # never changed
    plan: dict[str, Any] = {}  # noqa: RUF012


def order_with(**args: object) -> tuple[Step, ...]:
    return (step("order", "orders.get", args),)


TAINTED = {"inputs": {"order": "gid://shopify/Order/1", "said": "conv-9"}, "tainted": ("said",)}
WRITE = step("stock", "inventory.adjust")
STOCK_ALLOWED = policy(
    allowances=(*DEFAULT_POLICY.allowances, Allowance(name="stock", tool="inventory.adjust"))
)
BERLIN_MIDNIGHT = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)

ROWS = {
    "two steps with one id": Row("step-id", REFUSE, "order", "id", (ORDER, ORDER)),
    "a need that is not there": Row(
        "needs", REFUSE, "order", "needs", (ORDER.model_copy(update={"needs": ("nobody",)}),)
    ),
    "a cycle": Row(
        "cycle", REFUSE, "order", "needs", (ORDER.model_copy(update={"needs": ("quote",)}), QUOTE)
    ),
    "a step that needs itself": Row(
        "cycle", REFUSE, "order", "needs", (ORDER.model_copy(update={"needs": ("order",)}),)
    ),
    "an unknown tool": Row("tool", REFUSE, "x", "tool", (step("x", "orders.delete_everything"),)),
    "an unknown channel": Row(
        "channel", REFUSE, "order", "channel", (ORDER.model_copy(update={"channel": "shopify-us"}),)
    ),
    "a tool the channel's adapter does not bind": Row(
        "adapter", REFUSE, "order", "channel", (ORDER.model_copy(update={"channel": DESK}),)
    ),
    "a requester without the permission": Row(
        "permission", REFUSE, "refund", "tool", STANDARD,
        plan={"requester": Principal(id="s", role="sales", kind="specialist")},
    ),
    "a role policy does not know": Row(
        "role", REFUSE, "", "requester.role", STANDARD,
        plan={"requester": Principal(id="s", role="owner", kind="person")},
    ),
    "a halted tenant": Row("halted", REFUSE, "", "", STANDARD, {"halted": True}),
    "a locked case": Row("locked", REFUSE, "", "", STANDARD, {"locked": True}),
    "a digest of another plan": Row("digest", REFUSE, "", "digest", STANDARD, plan={"digest": "0" * 64}),
    "another tenant's plan": Row("tenant", REFUSE, "", "tenant", STANDARD, {"tenant": "other"}),
    "an unknown argument": Row(
        "argument", REFUSE, "order", "args.colour", order_with(order="#1", colour="red")
    ),
    "a missing argument": Row("argument", REFUSE, "order", "args.order", order_with()),
    "a literal of another type": Row("argument", REFUSE, "order", "args.order", order_with(order=1001)),
    "a boolean for a number": Row(
        "argument", REFUSE, "quote", "args.lines[0].quantity",
        (step("quote", "payments.quote_refund", {"order": "1", "lines": [{"line": "1", "quantity": True}]}),),
    ),
    "a number below its bound": Row(
        "argument", REFUSE, "quote", "args.lines[0].quantity",
        (step("quote", "payments.quote_refund", {"order": "1", "lines": [{"line": "1", "quantity": 0}]}),),
    ),
    "a text too short": Row("argument", REFUSE, "order", "args.order", order_with(order="")),
    "a text too long": Row("argument", REFUSE, "order", "args.order", order_with(order="x" * 201)),
    "a text of the wrong form": Row(
        "argument", REFUSE, "reply", "args.template", (reply(template="refund_done"),)
    ),
    "a text with a line break at its end": Row(
        "argument", REFUSE, "reply", "args.template", (reply(template="refund_done@1\n"),)
    ),
    "a word that is not among the choices": Row(
        "argument", REFUSE, "refund", "args.restock", (ORDER, QUOTE, refund(restock="burn"))
    ),
    "too few entries": Row(
        "argument", REFUSE, "refund", "args.transactions", (ORDER, QUOTE, refund(transactions=[]))
    ),
    "a wrong field deep inside": Row(
        "argument", REFUSE, "move", "args.address.country", (set_address(args={"address": {
            "line1": "x", "city": "y", "country": "Germany"}}),)
    ),
    "a fraction of a minor unit": Row(
        "argument", REFUSE, "cancel", "args.amount.amount",
        (ORDER, cancel(amount={"amount": 12.5, "currency": "EUR"})),
    ),
    "an amount in words": Row(
        "argument", REFUSE, "cancel", "args.amount.amount",
        (ORDER, cancel(amount={"amount": "42.00", "currency": "EUR"})),
    ),
    "a reference inside a text": Row(
        "argument", REFUSE, "order", "args.order", order_with(order="order ${inputs.order}")
    ),
    "a reference with an expression": Row(
        "argument", REFUSE, "order", "args.order", order_with(order="${inputs.order + 1}")
    ),
    "a reference with a line break at its end": Row(
        "argument", REFUSE, "order", "args.order", order_with(order="${inputs.order}\n")
    ),
    "a reference as a name": Row(
        "argument", REFUSE, "reply", "args.fields.${inputs.order}",
        (reply(args={"fields": {"${inputs.order}": "x"}}),),
    ),
    "an input that is not there": Row(
        "argument", REFUSE, "order", "args.order", order_with(order="${inputs.name}")
    ),
    "an input of another type": Row(
        "argument", REFUSE, "order", "args.order", (ORDER,), plan={"inputs": {"order": 1}}
    ),
    "an entry beyond an input's list": Row(
        "argument", REFUSE, "order", "args.order", order_with(order="${inputs.orders[1]}"),
        plan={"inputs": {"orders": ["1"]}},
    ),
    "an entry of an input that is no list": Row(
        "argument", REFUSE, "order", "args.order", order_with(order="${inputs.orders[0]}"),
        plan={"inputs": {"orders": "1"}},
    ),
    "a text around a reference where a recipient is wanted": Row(
        "argument", REFUSE, "reply", "args.conversation",
        (reply(args={"conversation": "to ${inputs.said}"}),), plan=TAINTED,
    ),
    "an input that is nothing": Row(
        "argument", REFUSE, "order", "args.order", (ORDER,), plan={"inputs": {"order": None}}
    ),
    "a step that is not there": Row(
        "argument", REFUSE, "order", "args.order", order_with(order="${steps.nobody.id}")
    ),
    "a step's own output": Row(
        "argument", REFUSE, "order", "args.order", order_with(order="${steps.order.id}")
    ),
    "a reference without the need": Row(
        "argument", REFUSE, "quote", "args.order", (ORDER, QUOTE.model_copy(update={"needs": ()}))
    ),
    "a field the tool does not give back": Row(
        "argument", REFUSE, "refund", "args.amount", (ORDER, QUOTE, refund(amount="${steps.quote.sum}"))
    ),
    "a field inside a text": Row(
        "argument", REFUSE, "refund", "args.order", (ORDER, QUOTE, refund(order="${steps.order.id.number}"))
    ),
    "an index into what is no list": Row(
        "argument", REFUSE, "refund", "args.order", (ORDER, QUOTE, refund(order="${steps.order.id[0]}"))
    ),
    "a text where money is wanted": Row(
        "argument", REFUSE, "refund", "args.amount", (ORDER, QUOTE, refund(amount="${steps.order.name}"))
    ),
    "another model where money is wanted": Row(
        "argument", REFUSE, "refund", "args.amount", (ORDER, QUOTE, refund(amount="${steps.order.customer}"))
    ),
    "a list of something else": Row(
        "argument", REFUSE, "refund", "args.lines",
        (ORDER, QUOTE, refund(lines="${steps.quote.transactions}")),
    ),
    "a time where a choice is wanted": Row(
        "argument", REFUSE, "refund", "args.restock",
        (ORDER, QUOTE, refund(restock="${steps.order.placed_at}")),
    ),
    "money without a limit": Row("limit", REFUSE, "refund", "limit", (ORDER, QUOTE, refund(None))),
    "a limit below zero": Row("limit", REFUSE, "refund", "limit.amount", (ORDER, QUOTE, refund(-1))),
    "an amount above its limit": Row(
        "limit", REFUSE, "cancel", "limit.amount",
        (ORDER, cancel(4199, amount={"amount": 4200, "currency": "EUR"})),
    ),
    "an amount in another currency than its limit": Row(
        "limit", REFUSE, "cancel", "limit.currency",
        (ORDER, cancel(4200, amount={"amount": 4200, "currency": "USD"})),
    ),
    "a currency no tier speaks of": Row(
        "no-rule", REFUSE, "refund", "limit", (ORDER, QUOTE, refund(money(1, "CHF")))
    ),
    "an amount above the last tier": Row(
        "no-rule", REFUSE, "refund", "limit", (ORDER, QUOTE, refund(2600)),
        {"policy": policy(tiers=DEFAULT_POLICY.tiers[:1])},
    ),
    "a sum above the last tier": Row(
        "no-rule", REFUSE, "rest", "limit", (ORDER, QUOTE, refund(1300), refund(1300, "rest")),
        {"policy": policy(tiers=DEFAULT_POLICY.tiers[:1], windows=())},
    ),
    "an amount above the automatic tier": Row(
        "tier", ASK, "refund", "limit", (ORDER, QUOTE, refund(2501))
    ),
    "an amount split in two": Row(
        "tier", ASK, "refund", "limit",
        (ORDER, QUOTE, refund(1300), refund(1300, "rest")), {"policy": policy(windows=())},
    ),
    "an amount of the highest tier": Row(
        "two-factor", REFUSE, "refund", "limit", (ORDER, QUOTE, refund(20001))
    ),
    "an amount of the highest tier, with two factors": Row(
        "tier", ASK, "refund", "limit", (ORDER, QUOTE, refund(20001)), {"two_factor": True}
    ),
    "two currencies in one plan": Row(
        "currency", ASK, "refund", "limit",
        (ORDER, QUOTE, refund(100), refund(money(100, "USD"), "rest")), {"policy": policy(windows=())},
    ),
    "a second refund within 30 days": Row(
        "window:second-refund-in-30-days", ASK, "refund", "", STANDARD,
        {"uses": {("cus-1", "payments.refund"): (use(100, NOW - timedelta(days=29, hours=23)),)}},
    ),
    "two refunds in one plan": Row(
        "window:second-refund-in-30-days", ASK, "refund", "",
        (ORDER, QUOTE, refund(100), refund(100, "rest")),
    ),
    "an unknown customer": Row(
        "window:second-refund-in-30-days", ASK, "refund", "", STANDARD, plan={"customer": None}
    ),
    "more than the store gives back in a day": Row(
        "window:refunds-a-day-eur", REFUSE, "refund", "", STANDARD,
        {"uses": {("tenant", "payments.refund"): (use(198_001, NOW - timedelta(hours=8)),)}},
    ),
    "a reservation of another run": Row(
        "window:refunds-a-day-eur", REFUSE, "refund", "", STANDARD,
        {"uses": {("tenant", "payments.refund"): (use(198_001, NOW - timedelta(days=3), state="reserved"),)}},
    ),
    "a use in the tenant's day, not in UTC's": Row(
        "window:refunds-a-day-eur", REFUSE, "refund", "", STANDARD,
        {"uses": {("tenant", "payments.refund"): (use(198_001, BERLIN_MIDNIGHT),)},
         "day_began": day_began(NOW, "Europe/Berlin")},
    ),
    "a currency no window is written in": Row(
        "currency", ASK, "refund", "limit.currency",
        (ORDER, QUOTE, refund(money(100, "JPY"))),
        {"policy": policy(tiers=(TierRule(tool="payments.refund", currency="JPY", tier=Tier.AUTO),))},
    ),
    "an address change": Row("idempotent-write", ASK, "move", "tool", (set_address(),)),
    "a write no rule allows": Row("write", ASK, "stock", "tool", (WRITE,)),
    "a template no rule allows": Row(
        "destructive", ASK, "reply", "tool", (reply(template="insult@1"),)
    ),
    "a template that is not literal": Row(
        "destructive", ASK, "reply", "tool", (reply(template="${inputs.template}"),),
        plan={"inputs": {"template": "refund_done@1"}},
    ),
    "an allowance for templates on a tool without": Row(
        "write", ASK, "stock", "tool", (WRITE,),
        {"policy": policy(allowances=(Allowance(name="x", tool="inventory.adjust", templates=("a@1",)),))},
    ),
    "customer text as a recipient": Row(
        "taint", ASK, "reply", "args.conversation",
        (reply(args={"conversation": "${inputs.said}"}),), plan=TAINTED,
    ),
    "customer text deep inside an address": Row(
        "taint", ASK, "move", "args.address.city",
        (set_address(args={"address": {"line1": "x", "city": "${inputs.said}", "country": "DE"}}),),
        plan=TAINTED,
    ),
    "customer text as the URL of a read": Row(
        "taint", REFUSE, "page", "args.url",
        (step("page", "catalog.fetch_page", {"url": "${inputs.said}"}),), plan=TAINTED,
    ),
    "a write after what cannot be undone": Row(
        "irreversible-last", REFUSE, "stock", "needs",
        (reply(), WRITE.model_copy(update={"needs": ("reply",)})), {"policy": STOCK_ALLOWED},
    ),
    "a read that needs a write": Row(
        "reads-first", REFUSE, "order", "needs",
        (reply(), ORDER.model_copy(update={"needs": ("reply",)})),
    ),
    "an approval of what is not known yet": Row(
        "unshowable", REFUSE, "reply", "args",
        (ORDER, QUOTE, refund(), reply(template="insult@1", needs=("refund",),
         args={"fields": {"sum": "${steps.refund.refund}"}})),
    ),
}  # fmt: skip


@pytest.mark.guarantee("gate:no-rule-means-refuse")
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_rule_finds_what_it_is_about(row: Row):
    verdict = judge(*row.steps, plan=row.plan, **row.changes)
    hits = [f for f in found(verdict, row.rule) if (f.step or "", f.field) == (row.where, row.field)]
    assert hits, verdict.findings
    assert {hit.decision for hit in hits} == {row.decision}
    assert verdict.decision is row.decision
    assert all(hit.problem and hit.fix for hit in hits)
    if row.where:
        judged = verdict.of(StepId(row.where))
        assert judged.decision is row.decision
        assert judged.rule in {
            f.rule for f in verdict.findings if (f.step, f.decision) == (row.where, row.decision)
        }


# What each rule lets pass: the same plans without the one thing.
PASSING: dict[str, Row] = {
    "the standard refund": Row("", ALLOW, "", "", STANDARD),
    "an amount at its tier's bound": Row("", ALLOW, "", "", (ORDER, QUOTE, refund(2500))),
    "a cancellation at its tier's bound": Row("", ALLOW, "", "", (ORDER, cancel(15000))),
    "an amount at its limit": Row(
        "", ALLOW, "", "", (ORDER, cancel(4200, amount={"amount": 4200, "currency": "EUR"}))
    ),
    "an amount whose currency is an input": Row(
        "", ALLOW, "", "", (ORDER, cancel(4200, amount={"amount": 4200, "currency": "${inputs.currency}"})),
        plan={"inputs": {"order": "1", "currency": "EUR"}},
    ),
    "a limit of nothing": Row("", ALLOW, "", "", (ORDER, cancel(0))),
    "a template that a rule names": Row("", ALLOW, "", "", (reply(),)),
    "a value of a read in an allowed message": Row(
        "", ALLOW, "", "",
        (ORDER, reply(needs=("order",), args={"fields": {"order": "${steps.order.name}"}})),
    ),
    "a value of a write in an allowed message": Row(
        "", ALLOW, "", "",
        (*STANDARD, reply(needs=("refund",), args={"fields": {"refund": "${steps.refund.refund}"}})),
    ),
    "a reference over a need of a need": Row(
        "", ALLOW, "", "",
        (ORDER, QUOTE, refund().model_copy(update={"needs": ("quote",)})),
    ),
    "an entry of a list": Row(
        "", ALLOW, "", "",
        (ORDER, QUOTE, refund(transactions=[{"parent": "${steps.order.transactions[0].id}", "gateway": "x",
                                             "amount": "${steps.quote.amount}"}])),
    ),
    "something optional on the way": Row(
        "", ALLOW, "", "",
        (ORDER, step("who", "orders.get_customer", {"customer": "${steps.order.customer.id}"},
                     needs=("order",))),
    ),
    "a path into an input": Row(
        "", ALLOW, "", "", order_with(order="${inputs.event.orders[1]}"),
        plan={"inputs": {"event": {"orders": ["1", "2"]}}},
    ),
    "customer text that nothing sensitive takes": Row(
        "", ALLOW, "", "", (reply(args={"fields": {"name": "${inputs.said}"}}),), plan=TAINTED
    ),
    "a record that is named like a tainted input": Row(
        "", ALLOW, "", "", STANDARD, plan={"tainted": ("order",)}
    ),
    "a refund 30 days after the first": Row(
        "", ALLOW, "", "", STANDARD,
        {"uses": {("cus-1", "payments.refund"): (use(100, NOW - timedelta(days=30, seconds=1)),)}},
    ),
    "a day's refunds to the last cent": Row(
        "", ALLOW, "", "", STANDARD,
        {"uses": {("tenant", "payments.refund"): (use(198_000, NOW - timedelta(hours=8)),)}},
    ),
    "yesterday's refunds": Row(
        "", ALLOW, "", "", STANDARD,
        {"uses": {("tenant", "payments.refund"): (use(198_001, NOW - timedelta(hours=10)),)}},
    ),
    "refunds in another currency": Row(
        "", ALLOW, "", "", STANDARD,
        {"uses": {("tenant", "payments.refund"): (use(money(198_001, "USD"), NOW - timedelta(hours=1)),)}},
    ),
    "its own reservation of an earlier try": Row(
        "", ALLOW, "", "", STANDARD,
        {"uses": {("cus-1", "payments.refund"): (use(2000, NOW, run="run_1", state="reserved"),)}},
    ),
    "a reservation older than any run": Row(
        "", ALLOW, "", "", STANDARD,
        {"uses": {("cus-1", "payments.refund"): (use(100, NOW - timedelta(days=32), state="reserved"),)}},
    ),
    "a write before what cannot be undone": Row(
        "", ALLOW, "", "", (WRITE, reply(needs=("stock",))), {"policy": STOCK_ALLOWED}
    ),
    "nothing to do": Row("", ALLOW, "", "", ()),
}  # fmt: skip


@pytest.mark.parametrize("row", PASSING.values(), ids=PASSING.keys())
def test_a_plan_within_all_rules_is_allowed_without_a_finding(row: Row):
    verdict = judge(*row.steps, plan=row.plan, **row.changes)
    assert verdict.findings == ()
    assert verdict.decision is ALLOW


def test_all_findings_come_at_once():
    broken = (
        ORDER.model_copy(update={"args": {"order": 1, "colour": "red"}}),
        step("x", "orders.delete_everything"),
        refund(None),
    )
    rules = {f.rule for f in judge(*broken, halted=True).findings}
    assert {"halted", "argument", "tool", "needs", "limit"} <= rules


def test_one_step_that_may_not_run_refuses_every_step():
    verdict = judge(
        *STANDARD,
        plan={"requester": Principal(id="s", role="sales", kind="specialist")},
    )
    assert {s.decision for s in verdict.steps} == {REFUSE}
    assert [m.next for m in verdict.moves] == ["settle"]


def test_a_refusal_of_the_plan_refuses_steps_that_nothing_was_found_on():
    verdict = judge(*STANDARD, halted=True)
    assert [(s.step, s.decision, s.rule) for s in verdict.steps] == [
        ("order", REFUSE, "plan"),
        ("quote", REFUSE, "plan"),
        ("refund", REFUSE, "plan"),
    ]


def test_each_step_names_the_rule_that_decided_and_its_bound():
    verdict = judge(*STANDARD, reply(needs=("refund",)))
    assert [(s.step, s.decision, s.tier, s.rule, s.limit) for s in verdict.steps] == [
        ("order", ALLOW, Tier.AUTO, "read", None),
        ("quote", ALLOW, Tier.AUTO, "read", None),
        ("refund", ALLOW, Tier.AUTO, "tier", money(2000)),
        ("reply", ALLOW, Tier.AUTO, "allowance:templated-replies", None),
    ]


def test_the_verdict_is_bound_to_plan_and_policy():
    given = proposal(*STANDARD)
    verdict = decide(given, facts(given))
    assert verdict.plan_digest == given.plan.digest()
    assert verdict.policy_version == DEFAULT_POLICY.version
    assert verdict.decided_at == NOW
    assert verdict.ask_seconds == DEFAULT_POLICY.approvals.expires_seconds


@pytest.mark.parametrize(
    ("limit", "tier"), [(2500, Tier.AUTO), (20000, Tier.APPROVE), (20001, Tier.TWO_FACTOR)]
)
def test_the_tier_is_that_of_the_amount(limit: int, tier: Tier):
    assert judge(ORDER, QUOTE, refund(limit)).tier is tier


def test_a_step_that_asks_for_another_reason_still_needs_approval():
    verdict = judge(*STANDARD, plan={"customer": None})
    assert verdict.of(StepId("refund")).tier is Tier.APPROVE


def test_findings_never_quote_what_a_customer_wrote():
    secret = "anna@example.com"
    steps = (
        reply(args={"conversation": secret * 20, "template": secret, "fields": {"a": f"{secret} ${{x"}}),
        step("order", "orders.get", {"order": [secret]}),
        step("who", "orders.get_customer", {"customer": "${inputs.said}"}),
    )
    verdict = judge(*steps, plan={"inputs": {"said": {"mail": secret}}, "tainted": ("said",)})
    assert len(verdict.findings) >= 5
    assert secret not in verdict.model_dump_json()


def test_a_flood_of_findings_is_cut_and_says_so():
    flood = {f"argument_{n}": n for n in range(900)}
    verdict = judge(step("order", "orders.get", {"order": "1"} | flood), reply(template="insult@1"))
    assert len(verdict.findings) == MAX_FINDINGS + 1
    assert verdict.findings[-1].rule == "more"
    assert verdict.decision is REFUSE
    assert len(verdict.model_dump_json()) < 300_000


@pytest.mark.parametrize("make", [set_address, reply])
def test_arguments_nested_without_end_are_refused_not_followed(make: Callable[..., Step]):
    deep: Any = "${inputs.order}"
    for _ in range(60):
        deep = [deep]
    given = proposal(make(args={"address": deep, "conversation": deep}), tainted=("order",))
    assert decide(given, facts(given)).decision is REFUSE


# --- shadow ---------------------------------------------------------------------------------------


def test_a_write_that_is_not_turned_on_puts_the_whole_plan_in_shadow():
    channels = LIVE | {SHOP: ChannelFacts(adapter="shopify", live_tools=frozenset())}
    assert judge(*STANDARD, channels=channels).shadow
    assert judge(*STANDARD, reply(needs=("refund",)), channels=channels).shadow


def test_reads_need_not_be_turned_on():
    channels = LIVE | {SHOP: ChannelFacts(adapter="shopify", live_tools=frozenset({"payments.refund"}))}
    assert not judge(*STANDARD, channels=channels).shadow


# --- the schedule ---------------------------------------------------------------------------------


def schedule(verdict: Verdict) -> list[Any]:
    return [(m.next, *((lane.adapter, *lane.steps) for lane in m.lanes)) for m in verdict.moves]


def test_the_standard_plan_takes_one_move_to_read_and_one_to_refund():
    verdict = judge(*STANDARD)
    assert schedule(verdict) == [
        ("one", ("shopify", "order", "quote")),
        ("one", ("shopify", "refund")),
        ("settle",),
    ]
    assert [m.index for m in verdict.moves] == [0, 1, 2]


def test_one_question_stands_right_before_the_first_write():
    verdict = judge(ORDER, QUOTE, refund(9000), reply(template="insult@1", needs=("refund",)))
    assert schedule(verdict) == [
        ("one", ("shopify", "order", "quote")),
        ("ask",),
        ("one", ("shopify", "refund")),
        ("one", ("contact", "reply")),
        ("settle",),
    ]


def test_an_input_named_like_a_write_can_be_shown():
    fields = {"fields": {"sum": "${inputs.refund}"}}
    both = {"inputs": {"order": "1", "refund": "2"}}
    verdict = judge(*STANDARD, reply(template="insult@1", args=fields), plan=both)
    assert verdict.decision is ASK


def test_a_question_comes_before_writes_that_need_none():
    verdict = judge(reply(), ORDER, QUOTE, refund(9000))
    assert [move[0] for move in schedule(verdict)] == ["one", "ask", "one", "one", "settle"]


def test_reads_of_two_adapters_run_side_by_side():
    verdict = judge(ORDER, LOOKUP, QUOTE)
    assert schedule(verdict) == [("many", ("shopify", "order", "quote"), ("contact", "lookup")), ("settle",)]


def test_a_read_that_needs_another_adapters_read_waits_for_it():
    verdict = judge(LOOKUP, ORDER.model_copy(update={"needs": ("lookup",)}), QUOTE)
    assert schedule(verdict) == [
        ("one", ("contact", "lookup")),
        ("one", ("shopify", "order", "quote")),
        ("settle",),
    ]


def test_a_lane_ends_before_its_lambda_would():
    reads = tuple(step(f"r{n}", "orders.get", {"order": str(n)}) for n in range(6))
    assert schedule(judge(*reads)) == [
        ("one", ("shopify", "r0", "r1", "r2", "r3")),
        ("one", ("shopify", "r4", "r5")),
        ("settle",),
    ]


def test_a_plan_without_steps_settles_at_once():
    assert schedule(judge()) == [("settle",)]


def test_a_plan_listed_backwards_runs_in_the_order_of_its_needs():
    assert schedule(judge(*reversed(STANDARD))) == schedule(judge(*STANDARD))


def test_a_window_may_be_for_any_tool():
    window = Window(
        name="replies", tool="messaging.reply", per="customer", days=1, count=1, then=Decision.REFUSE
    )
    verdict = judge(reply(), reply("again"), policy=policy(windows=(window,)))
    assert verdict.decision is REFUSE
    assert judge(reply(), policy=policy(windows=(window,))).decision is ALLOW


def test_an_uncounted_window_is_an_error_not_a_yes():
    given = proposal(*STANDARD)
    with pytest.raises(KeyError):
        decide(given, facts(given, counters=()))
