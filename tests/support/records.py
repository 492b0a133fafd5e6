"""Factories of the records a run is made of: one refund for one order, unless a test says otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import JsonValue

from nightshift.aws.case_items import case_item
from nightshift.ids import (
    CaseId,
    ChannelId,
    EventId,
    RunId,
    StepId,
    TenantId,
    approval_id,
    case_id,
    idempotency_key,
    run_id,
)
from nightshift.model.approval import Approval, AskedStep, asked_digest
from nightshift.model.case import Case, CaseStatus
from nightshift.model.effect import Claim, Effect, EffectState, StepResult
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.tenant import Channel, Tenant
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Lane, Move, StepVerdict, Tier, Verdict
from nightshift.money import Money
from nightshift.tools.contracts import payments

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ACME = TenantId("acme")
SHOP = ChannelId("shop-eu")
VENDOR = "vendor"
ORDER = "order-1"
SUBJECT = f"order:{SHOP}:{ORDER}"
CASE = case_id(ACME, SUBJECT, EventId("evt_1"))
RUN = run_id(CASE, 1)
SPECIALIST = Principal(id="support", role="support", kind="specialist")
ANA = Principal(id="ana", role="manager", kind="person")
BEN = Principal(id="ben", role="manager", kind="person")

READ, QUOTE, REFUND, REPLY = StepId("order"), StepId("quote"), StepId("refund"), StepId("reply")
LIVE = frozenset({"payments.refund", "messaging.reply"})


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def tenant(*, halted: bool = False) -> Tenant:
    return Tenant(id=ACME, name="Acme", policy_version=1, halted=halted)


def channel(*, live: frozenset[str] = LIVE, adapter: str = VENDOR, secret_ref: str = "") -> Channel:
    return Channel(
        id=SHOP,
        tenant=ACME,
        adapter=adapter,
        account="acme.example",
        base_url="http://127.0.0.1:1",
        secret_ref=secret_ref,
        live_tools=live,
    )


def case(**changes: object) -> Case:
    """An open case in its first wake and generation."""
    fields: dict[str, object] = {
        "id": CASE,
        "tenant": ACME,
        "subject": SUBJECT,
        "status": CaseStatus.OPEN,
        "specialist": "support",
        "generation": 1,
        "wake": 1,
        "inbox_seq": 1,
        "seen_seq": 1,
        "opened_at": AT,
        "updated_at": AT,
    }
    return Case.model_validate(fields | changes)


def put_case(client: DynamoDBClient, table: str, stored: Case) -> None:
    """Store a case as the dispatcher does."""
    client.put_item(TableName=table, Item=case_item(stored))


def refund_step(amount: int | str = "${steps.quote.amount}", *, limit: int = 2000, **args: JsonValue) -> Step:
    """A refund as a playbook writes it: everything from the quote, or a literal amount of minor units."""
    return Step(
        id=REFUND,
        tool="payments.refund",
        channel=SHOP,
        args={
            "order": "${inputs.order}",
            "amount": amount if isinstance(amount, str) else {"amount": amount, "currency": "EUR"},
            "expected_refunded": "${steps.quote.refunded}",
            "lines": "${steps.quote.lines}",
            "transactions": "${steps.quote.transactions}",
            "restock": "no_restock",
            **args,
        },
        needs=(QUOTE,),
        limit=eur(limit),
    )


def read_step() -> Step:
    return Step(id=READ, tool="orders.get", channel=SHOP, args={"order": "${inputs.order}"})


def quote_step() -> Step:
    args: dict[str, JsonValue] = {"order": "${inputs.order}", "lines": [{"line": "line-1", "quantity": 1}]}
    return Step(id=QUOTE, tool="payments.quote_refund", channel=SHOP, args=args)


def reply_step(**fields: str) -> Step:
    args: dict[str, JsonValue] = {
        "conversation": "conv-1",
        "template": "refund_done@1",
        "fields": dict[str, JsonValue](fields or {"order": "#1001"}),
    }
    return Step(id=REPLY, tool="messaging.reply", channel=SHOP, args=args, needs=(REFUND,))


def refund_plan(*steps: Step) -> Plan:
    """Read, quote, refund, reply; or these steps instead."""
    return Plan(
        name="refund",
        inputs={"order": ORDER},
        steps=steps or (read_step(), quote_step(), refund_step(), reply_step()),
    )


def proposal(plan: Plan | None = None, *, run: RunId = RUN, case: CaseId | None = CASE) -> Proposal:
    made = plan or refund_plan()
    return Proposal(
        run=run,
        tenant=ACME,
        case=case,
        wake=1,
        generation=1,
        subject=SUBJECT,
        customer="cust-1",
        requester=SPECIALIST,
        proposed_by="playbook:refund@1",
        plan=made,
        digest=made.digest(),
        proposed_at=AT,
    )


_READS = frozenset({"orders.get", "orders.get_customer", "payments.quote_refund"})


def verdict(
    of: Proposal,
    *,
    asks: frozenset[StepId] = frozenset(),
    decision: Decision | None = None,
    shadow: bool = False,
    ask_seconds: int = 3600,
) -> Verdict:
    """What the gate says of a proposal: reads first, then the question if steps ask, then the writes."""
    steps = tuple(
        StepVerdict(
            step=step.id,
            decision=Decision.ASK if step.id in asks else Decision.ALLOW,
            tier=Tier.APPROVE if step.id in asks else Tier.AUTO,
            rule="tier.approve" if step.id in asks else "tier.auto",
            limit=step.limit,
        )
        for step in of.plan.steps
    )
    reads = tuple(step.id for step in of.plan.steps if step.tool in _READS)
    writes = tuple(step.id for step in of.plan.steps if step.tool not in _READS)
    lanes = [(Lane(adapter=VENDOR, steps=found),) if found else () for found in (reads, writes)]
    kinds = [("one", lanes[0]), ("ask", ()), ("one", lanes[1])]
    wanted = [(kind, lane) for kind, lane in kinds if lane or (kind == "ask" and asks)]
    moves = [
        Move.model_validate({"index": index, "next": kind, "lanes": lane})
        for index, (kind, lane) in enumerate(wanted)
    ]
    return Verdict(
        run=of.run,
        tenant=of.tenant,
        plan_digest=of.digest,
        policy_version=1,
        decision=decision or (Decision.ASK if asks else Decision.ALLOW),
        tier=Tier.APPROVE if asks else Tier.AUTO,
        steps=steps,
        moves=(*moves, Move(index=len(moves), next="settle")),
        shadow=shadow,
        ask_seconds=ask_seconds,
        decided_at=AT,
    )


def asked_step(amount: int = 1250) -> AskedStep:
    return AskedStep(
        step=REFUND,
        tool="payments.refund",
        tool_version=payments.REFUND.version(),
        channel=SHOP,
        args={"order": ORDER, "amount": {"amount": amount, "currency": "EUR"}},
        rule="tier.approve",
        tier=Tier.APPROVE,
        money=eur(amount),
    )


def approval(run: RunId = RUN, *, amount: int = 1250, asked_at: datetime = AT, **changes: object) -> Approval:
    """A PENDING question about one refund, open for an hour."""
    steps = (asked_step(amount),)
    digest = asked_digest(steps, 1)
    fields: dict[str, object] = {
        "id": approval_id(run, digest),
        "tenant": ACME,
        "run": run,
        "case": CASE,
        "subject": SUBJECT,
        "requester": SPECIALIST,
        "summary": "refund: payments.refund",
        "steps": steps,
        "digest": digest,
        "policy_version": 1,
        "at_risk": eur(amount),
        "asked_at": asked_at,
        "expires_at": asked_at + timedelta(hours=1),
    }
    return Approval.model_validate(fields | changes)


def claim(
    key: str = "refund:line-1", *, pool: str | None = None, amount: int | None = None, hold: int | None = None
) -> Claim:
    return Claim(key=key, pool=pool, amount=None if amount is None else eur(amount), hold_seconds=hold)


def effect(
    run: RunId = RUN,
    *,
    step: StepId = REFUND,
    held: Claim | None = None,
    at: datetime = AT,
    **changes: object,
) -> Effect:
    """A first intent with a lease of a minute."""
    fields: dict[str, object] = {
        "key": idempotency_key(run, step, 0),
        "tenant": ACME,
        "run": run,
        "step": step,
        "occurrence": 0,
        "tool": "payments.refund",
        "channel": SHOP,
        "args_digest": "0" * 64,
        "attempt": 1,
        "state": EffectState.INTENT,
        "claim": held,
        "lease_until": at + timedelta(seconds=60),
        "attempted_at": at,
        "intended_at": at,
    }
    return Effect.model_validate(fields | changes)


def result(
    run: RunId = RUN, *, step: StepId = REFUND, outcome: Outcome = Outcome.DONE, **changes: object
) -> StepResult:
    fields: dict[str, object] = {"run": run, "step": step, "outcome": outcome, "settled_at": AT}
    return StepResult.model_validate(fields | changes)
