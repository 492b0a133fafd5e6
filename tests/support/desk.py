"""The API on real tables, with two tenants and their people, asked as API Gateway asks it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from functions.api.routes import answer
from nightshift.api.desk import Desk
from nightshift.aws.again import DynamoReruns
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.dead_letters import DeadQueue, SqsDeadLetters
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.executions import StepFunctions
from nightshift.aws.health import AwsHealth
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.queue import SqsEventQueue
from nightshift.aws.replays import LambdaReplays
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.workflows import DynamoWorkflows
from nightshift.gate.policies import parse_policy
from nightshift.identity.token import Identity, issue
from nightshift.ids import ChannelId, TenantId, approval_id, case_id, event_id, run_id
from nightshift.model.approval import Approval, AskedStep, asked_digest
from nightshift.model.case import Case, CaseStatus
from nightshift.model.event import Event, EventKind, OrderDetail, Subject, SubjectKind
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.tenant import Channel, Staff, Tenant
from nightshift.model.verdict import Decision, Lane, Move, StepVerdict, Tier, Verdict
from nightshift.money import Money
from nightshift.ports.log import NewEntry
from nightshift.tools.contracts import payments
from tests.support.lookout import Asked, make_lookout
from tests.support.machines import Machine
from tests.support.proof import install
from tests.support.rehearsal import Rehearsing, Shelf, Steering, foreseeing, make_launch

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

KEY = "0123456789abcdef0123456789abcdef"
ACME = TenantId("acme")
OTHER = TenantId("other")
SHOP = ChannelId("shopify-eu")
ROOT = Path(__file__).resolve().parents[2]
REFUND_STEP = "refund"
QUEUES = ("events", "events-dead", "approvals", "approvals-dead", "mail-dead")


def suffix_of(tables: Tables) -> str:
    """What this test's resources end with."""
    return tables.cases.rsplit("-", 1)[-1]


def make_queue(name: str, suffix: str) -> str:
    """A queue of this test as the stacks make it; its URL."""
    if name == "mail-dead":  # Lambda puts its failures into no FIFO queue
        return client("sqs").create_queue(QueueName=f"{name}-{suffix}")["QueueUrl"]
    fifo = {"FifoQueue": "true"}
    return client("sqs").create_queue(QueueName=f"{name}-{suffix}.fifo", Attributes=fifo)["QueueUrl"]


def make_desk(
    tables: Tables,
    clock: FixedClock,
    lambdas: LambdaClient | None = None,
    *,
    seeded: bool = True,
    shelf: Shelf | None = None,
) -> Desk:
    db, sqs, lambdas = client("dynamodb"), client("sqs"), lambdas or client("lambda")
    suffix = suffix_of(tables)
    urls = {name: make_queue(name, suffix) for name in QUEUES}
    dead = {
        "events": DeadQueue(dead=urls["events-dead"], source=urls["events"]),
        "approvals": DeadQueue(dead=urls["approvals-dead"], source=urls["approvals"]),
        "mail": DeadQueue(dead=urls["mail-dead"], function="nightshift-test-mail"),
    }
    queues = {name: (queue.source, queue.dead) for name, queue in dead.items()}
    health = AwsHealth(queues, secrets=client("secretsmanager"), sqs=sqs)
    named = LedgerTables(ledger=tables.ledger, runs=tables.runs, cases=tables.cases, config=tables.config)
    proof = install(tables, clock).proof()
    desk = Desk(
        cases=DynamoCases(tables.cases, tables.ingress, db, clock),
        runs=DynamoRuns(tables.runs, db),
        approvals=DynamoApprovals(tables.approvals, db),
        log=DynamoActionLog(tables.log, db, proof.sealing),
        proof=proof,
        config=DynamoConfig(tables.config, db),
        deliveries=DynamoDeliveries(tables.ingress, db, clock),
        executions=StepFunctions("", client("stepfunctions")),
        launch=make_launch(tables, suffix),
        dry_runs=Rehearsing(foreseeing(tables, clock, shelf)),
        reruns=DynamoReruns(ledger=tables.ledger, runs=tables.runs, client=db),
        steering=Steering(tables, clock, suffix),
        workflows=DynamoWorkflows(tables.config, db),
        recoveries=Asked(make_lookout(tables, clock, Machine())),
        health=health,
        ledger=DynamoLedger(named, db),
        limits=DynamoLimits(tables.limits, db),
        dead=SqsDeadLetters(dead, sqs=sqs, lambdas=lambdas),
        replays=LambdaReplays("nightshift-test-webhook-", lambdas),
        queue=SqsEventQueue(urls["events"], sqs),
        by_mail=frozenset({"ses"}),
        clock=clock,
        identity_key=KEY,
        tools=(payments.QUOTE_REFUND.spec(("shopify",)), payments.REFUND.spec(("shopify",))),
    )
    if seeded:
        _seed(desk, suffix)
    return desk


def _seed(desk: Desk, suffix: str) -> None:
    """Two tenants with their people, and a channel of one."""
    policy = parse_policy((ROOT / "policies" / "default.toml").read_text(encoding="utf-8"))
    for tenant in (ACME, OTHER):
        desk.config.put_policy(tenant, policy)
        desk.config.put_tenant(Tenant(id=tenant, name=tenant, policy_version=policy.version))
        for person, role in (("ana", "manager"), ("ben", "operator"), ("vera", "viewer")):
            desk.config.put_staff(Staff(id=person, tenant=tenant, name=person, role=role))
    desk.config.put_channel(
        Channel(
            id=SHOP,
            tenant=ACME,
            adapter="shopify",
            account="acme.myshopify.com",
            base_url="http://127.0.0.1:9",
            secret_ref=f"nightshift/test-{suffix}/shopify/acme/shopify-eu",
            live_tools=frozenset({"payments.refund"}),
        )
    )


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


def token_of(person: str, at: datetime, tenant: TenantId = ACME) -> str:
    return issue(KEY, Identity(tenant=tenant, staff=person), at=at, lasts=timedelta(hours=1))


def request(
    method: str, path: str, *, token: str | None, query: str = "", body: str | None = None
) -> dict[str, Any]:
    """An HTTP API event, payload format 2.0."""
    headers = {"content-type": "application/json", "host": "api.example"}
    parts = dict(parse_qsl(query, keep_blank_values=True))
    return {
        "version": "2.0",
        "routeKey": "ANY /v1/{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "queryStringParameters": parts,
        "headers": headers | ({"authorization": f"Bearer {token}"} if token else {}),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "r-1",
            "stage": "$default",
            "timeEpoch": 0,
        },
        "isBase64Encoded": False,
        **({"body": body} if body is not None else {}),
    }


def ask(
    desk: Desk, call: str, *, as_: str | None = "ana", tenant: TenantId = ACME, body: object = None
) -> Answer:
    """Ask `GET /v1/cases?limit=2` as a person."""
    method, target = call.split(" ")
    path, _, query = target.partition("?")
    token = token_of(as_, desk.clock.now(), tenant) if as_ else None
    raw = body if isinstance(body, str) else None if body is None else json.dumps(body)
    got = answer(request(method, path, token=token, query=query, body=raw), desk)
    return Answer(got["statusCode"], json.loads(got["body"]))


def open_case(desk: Desk, name: str = "1", tenant: TenantId = ACME) -> Case:
    """A case with one event, one run that asks for a refund, and its log."""
    now = desk.clock.now()
    subject = Subject(kind=SubjectKind.ORDER, channel=SHOP, ref=f"gid://shopify/Order/{name}")
    event = _event(subject, tenant, delivery=f"delivery-{name}", at=now)
    case = Case(
        id=case_id(tenant, subject.key(), event.id),
        tenant=tenant,
        subject=subject.key(),
        status=CaseStatus.OPEN,
        specialist="support",
        generation=1,
        wake=1,
        inbox_seq=1,
        seen_seq=1,
        opened_at=now,
        updated_at=now,
    )
    desk.cases.open(case, event, ())
    opened = NewEntry(kind=EntryKind.CASE_OPENED, tenant=tenant, at=now, actor="dispatcher", ref=case.id)
    desk.log.append(case.id, opened)
    return case


def another_event(desk: Desk, case: Case) -> None:
    """One more event joins the case."""
    kind, channel, ref = case.subject.split(":", 2)
    subject = Subject(kind=SubjectKind(kind), channel=ChannelId(channel), ref=ref)
    event = _event(subject, case.tenant, delivery=f"second-{case.id}", at=desk.clock.now())
    desk.cases.join(desk.cases.get(case.id), event, (), signals=())


def _event(subject: Subject, tenant: TenantId, *, delivery: str, at: datetime) -> Event:
    return Event(
        id=event_id(tenant, SHOP, delivery),
        tenant=tenant,
        channel=SHOP,
        kind=EventKind.ORDER_UPDATED,
        subject=subject,
        delivery=delivery,
        body_digest=delivery.ljust(64, "0"),
        body_ref=f"{tenant}/{SHOP}/{delivery}",
        received_at=at,
        detail=OrderDetail(order_ref=subject.ref),
    )


def ask_for_refund(desk: Desk, case: Case, *, requester: str = "support") -> Approval:
    """The case's run waits for a person's answer to a refund of 80.00 EUR."""
    now, run = desk.clock.now(), run_id(case.id, 1)
    amount = Money(amount=8000, currency="EUR")
    who = Principal(id=requester, role="support", kind="specialist" if requester == "support" else "person")
    step = Step.model_validate(
        {
            "id": REFUND_STEP,
            "tool": "payments.refund",
            "channel": SHOP,
            "args": payments.REFUND.example,
            "limit": amount.model_dump(),
        }
    )
    plan = Plan(name="refund", steps=(step,))
    proposal = Proposal(
        run=run, tenant=case.tenant, case=case.id, wake=1, generation=1, subject=case.subject,
        customer="c-1", requester=who, proposed_by="playbook:refund@1", plan=plan,
        digest=plan.digest(), proposed_at=now,
    )  # fmt: skip
    verdict = Verdict(
        run=run, tenant=case.tenant, plan_digest=proposal.digest, policy_version=1,
        decision=Decision.ASK, tier=Tier.APPROVE,
        steps=(
            StepVerdict(step=step.id, decision=Decision.ASK, tier=Tier.APPROVE, rule="tier", limit=amount),
        ),
        moves=(
            Move(index=0, next="ask"),
            Move(index=1, next="one", lanes=(Lane(adapter="shopify", steps=(step.id,)),)),
        ),
        decided_at=now,
    )  # fmt: skip
    desk.runs.propose(proposal)
    desk.runs.give(verdict)
    asked = AskedStep(
        step=step.id, tool=step.tool, tool_version="1", channel=SHOP, args=dict(step.args),
        rule="tier", tier=Tier.APPROVE, money=amount,
    )  # fmt: skip
    digest = asked_digest((asked,), 1)
    approval = Approval(
        id=approval_id(run, digest), tenant=case.tenant, run=run, case=case.id, subject=case.subject,
        requester=who, summary="refund 80.00 EUR", steps=(asked,), digest=digest, policy_version=1,
        at_risk=amount, asked_at=now, expires_at=now + timedelta(hours=1),
    )  # fmt: skip
    return desk.approvals.ask(approval, "a-token-nobody-waits-on", 1)
