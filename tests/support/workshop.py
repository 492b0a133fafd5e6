"""Workflows on real tables, with a launcher in memory that can be down."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.workflows import DynamoWorkflows
from nightshift.errors import Retryable
from nightshift.ids import ChannelId, TenantId, event_id, opaque
from nightshift.model.dryrun import DryRun, TestResult
from nightshift.model.event import Event, EventKind, PriceDetail, Subject, SubjectKind
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.policy import Policy, Role
from nightshift.model.tenant import Channel, Staff, Tenant
from nightshift.model.verdict import Decision, Tier, Verdict
from nightshift.model.workflow import NewWorkflow, Workflow
from nightshift.money import Money
from nightshift.workflows.desk import Clockwork
from nightshift.workflows.keep import save
from tests.support.heard import Heard

if TYPE_CHECKING:
    from nightshift.ids import RunId
    from nightshift.ports.launch import RunLine
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

ACME = TenantId("acme")
FEED = ChannelId("feed")
SHOP = ChannelId("shop")
ANA = Principal(id="ana", role="manager", kind="person")
BEN = Principal(id="ben", role="manager", kind="person")
PLAN = Plan(
    name="reprice",
    inputs={"sku": "MUG"},
    steps=(Step(id="product", tool="catalog.get_product", channel=SHOP, args={"sku": "${inputs.sku}"}),),
)


@dataclass
class Launcher:
    """The `Launch` port: the first plan of a run stands; `starts` counts starts. It can be down."""

    plans: dict[RunId, Proposal] = field(default_factory=dict)
    starts: int = 0
    down: bool = False

    def launch(self, proposal: Proposal) -> Proposal:
        if self.down:
            raise Retryable("down", code="launch.unavailable")
        self.starts += proposal.run not in self.plans
        return self.plans.setdefault(proposal.run, proposal)

    def again(self, proposal: Proposal, generation: int) -> None:
        raise AssertionError(proposal, generation)

    def stop(self, run: RunId, generation: int, why: str) -> None:
        raise AssertionError(run, generation, why)

    def listed(self, tenant: TenantId, limit: int, cursor: str) -> tuple[tuple[RunLine, ...], str]:
        raise AssertionError(tenant, limit, cursor)

    def events(self) -> list[Any]:
        """What the runs began for, in order."""
        return [proposal.plan.inputs["event"] for proposal in self.plans.values()]


@dataclass
class Rehearsals:
    """The `DryRuns` port: every test of a plan holds unless it is named in `failing`."""

    failing: set[str] = field(default_factory=set)
    asked: int = 0

    def check(self, proposal: Proposal) -> Verdict:
        raise AssertionError(proposal)

    def dry_run(self, proposal: Proposal) -> DryRun:
        self.asked += 1
        tests = tuple(
            TestResult(name=test.name, holds=test.name not in self.failing) for test in proposal.plan.tests
        )
        verdict = Verdict(
            run=proposal.run,
            tenant=proposal.tenant,
            plan_digest=proposal.digest,
            decision=Decision.ALLOW,
            tier=Tier.AUTO,
            steps=(),
            findings=(),
            policy_version=1,
            decided_at=proposal.proposed_at,
        )
        return DryRun(verdict=verdict, passed=all(test.holds for test in tests), tests=tests)


@dataclass
class Workshop:
    """A tenant with staff, and everything workflows need."""

    desk: Clockwork
    launcher: Launcher
    heard: Heard
    clock: FixedClock
    config: DynamoConfig
    log: DynamoActionLog
    rehearsals: Rehearsals
    deliveries: int = 0

    def saved(self, trigger: dict[str, Any], *, name: str = "reprice", **fields: object) -> Workflow:
        """A workflow of ana's, switched on."""
        given = NewWorkflow.model_validate({"trigger": trigger, "plan": PLAN, "enabled": True, **fields})
        return save(self.desk, ACME, ANA, name=name, given=given)

    def price(self, drop: float, *, sku: str = "MUG") -> Event:
        """A competitor's price went down by so many percent."""
        self.deliveries += 1
        delivery = f"price-{self.deliveries}"
        return Event(
            id=event_id(ACME, FEED, delivery),
            tenant=ACME,
            channel=FEED,
            kind=EventKind.COMPETITOR_PRICE_CHANGED,
            subject=Subject(kind=SubjectKind.SKU, channel=FEED, ref=sku),
            delivery=delivery,
            body_digest=delivery,
            body_ref=delivery,
            received_at=self.clock.now(),
            detail=PriceDetail(
                sku=sku,
                rival=opaque("rival", "mugs-r-us"),
                before=Money(amount=10_000, currency="EUR"),
                after=Money(amount=10_000 - int(drop * 100), currency="EUR"),
                drop_percent=drop,
                seen_at=self.clock.now(),
            ),
        )

    def told(self, stream: str) -> list[str]:
        """The kinds of a stream's log, in order."""
        return [entry.kind.value for entry in self.log.read(stream)]


def make_workshop(tables: Tables, clock: FixedClock) -> Workshop:
    db = client("dynamodb")
    config, log = DynamoConfig(tables.config, db), DynamoActionLog(tables.log, db)
    roles = {
        "manager": Role(permissions=frozenset({"plans:run", "catalog:read"})),
        "viewer": Role(permissions=frozenset({"cases:read"})),
    }
    config.put_policy(ACME, Policy(version=1, roles=roles, tiers=()))
    config.put_tenant(Tenant(id=ACME, name="Acme", policy_version=1))
    for person in (ANA, BEN):
        config.put_staff(Staff(id=person.id, tenant=ACME, name=person.id, role=person.role))
    config.put_channel(
        Channel(
            id=FEED,
            tenant=ACME,
            adapter="competitor",
            account="acme",
            base_url="http://127.0.0.1:9",
            secret_ref="nightshift/test/competitor/acme/feed",
        )
    )
    launcher, heard, rehearsals = Launcher(), Heard(), Rehearsals()
    desk = Clockwork(
        workflows=DynamoWorkflows(tables.config, db),
        config=config,
        launch=launcher,
        dry_runs=rehearsals,
        log=log,
        metrics=heard,
        clock=clock,
    )
    return Workshop(
        desk=desk, launcher=launcher, heard=heard, clock=clock, config=config, log=log, rehearsals=rehearsals
    )


def utc(text: str) -> datetime:
    """An instant, `2026-03-29T01:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
