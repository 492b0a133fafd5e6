"""What the first two stages work with, on real tables: events of one store, and its state machine's edge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.log import DynamoActionLog
from nightshift.cases.dispatch import Desk
from nightshift.ids import CaseId, ChannelId, EventId, TenantId, body_digest, event_id
from nightshift.model.event import (
    Event,
    EventDetail,
    EventKind,
    MessageDetail,
    OrderDetail,
    Subject,
    SubjectKind,
)
from nightshift.model.policy import Policy, TriageRules
from nightshift.model.tenant import Tenant
from nightshift.ports.deliveries import Delivery
from tests.support.heard import Heard
from tests.support.machines import Machine

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

ACME = TenantId("acme")
SHOP = ChannelId("shopify-eu")
CHAT = ChannelId("contact-eu")
TRIAGE = TriageRules(legal={"en": ("lawyer",), "de": ("Anwalt",)}, distressed={"en": ("kill myself",)})
_MACHINE = Path(__file__).resolve().parents[2] / "statemachines" / "case.asl.json"


def order_subject(number: int) -> str:
    return f"order:{SHOP}:gid://shopify/Order/{number}"


@dataclass
class Source:
    """Makes events as ingress would, each with its own delivery; `detail` says what happened."""

    clock: FixedClock
    tenant: TenantId = ACME
    made: int = 0

    def event(self, kind: EventKind, subject: Subject, detail: EventDetail) -> Event:
        self.made += 1
        return self.again(
            Event(
                id=EventId("-"),
                tenant=self.tenant,
                channel=subject.channel,
                kind=kind,
                subject=subject,
                delivery="-",
                body_digest=body_digest(f"{self.tenant} body {self.made}".encode()),
                body_ref=f"{self.tenant}/{self.made}",
                received_at=self.clock.now(),
                detail=detail,
            ),
            delivery=f"d-{self.made}",
        )

    def again(self, event: Event, *, delivery: str) -> Event:
        """The same body under another delivery id."""
        made = event_id(event.tenant, event.channel, delivery)
        return event.model_copy(update={"id": made, "delivery": delivery})

    def message(
        self, text: str = "Where is it?", *, about: str | None = None, conversation: str = "c1"
    ) -> Event:
        return self.event(
            EventKind.MESSAGE_RECEIVED,
            Subject(kind=SubjectKind.CONVERSATION, channel=CHAT, ref=conversation),
            MessageDetail(
                conversation=conversation,
                text=text,
                sender="kim@example.com",
                verified_sender=True,
                order_name=about,
            ),
        )

    def order(self, kind: EventKind, number: int, **told: str | bool) -> Event:
        ref = f"gid://shopify/Order/{number}"
        return self.event(
            kind,
            Subject(kind=SubjectKind.ORDER, channel=SHOP, ref=ref),
            OrderDetail(order_ref=ref, order_name=f"#{1000 + number}").model_copy(update=told),
        )


@dataclass(frozen=True)
class Intake:
    """A dispatcher's desk on one test's tables, and what to look at afterwards."""

    tables: Tables
    clock: FixedClock
    desk: Desk
    cases: DynamoCases
    deliveries: DynamoDeliveries
    log: DynamoActionLog
    machine: Machine
    source: Source

    def stored(self, event: Event) -> Event:
        """Store an event's delivery, as ingress does before it sends it."""
        self.deliveries.keep(
            Delivery(
                tenant=event.tenant,
                channel=event.channel,
                delivery=event.delivery,
                topic=event.kind,
                body_ref=event.body_ref,
                body_digest=event.body_digest,
                received_at=event.received_at,
                event=event,
                pending=event.received_at,
            )
        )
        return event

    def delivery(self, event: Event) -> Delivery:
        """A delivery as it stands: what `keep` returns for one that is stored."""
        probe = Delivery(
            tenant=event.tenant,
            channel=event.channel,
            delivery=event.delivery,
            topic="",
            body_ref="",
            body_digest="",
            received_at=event.received_at,
        )
        return self.deliveries.keep(probe)

    def told(self, case: CaseId) -> list[str]:
        """The kinds of a case's log, in order."""
        return [entry.kind.value for entry in self.log.read(case)]


def make_intake(tables: Tables, clock: FixedClock, tenant: TenantId = ACME) -> Intake:
    db = client("dynamodb")
    config = DynamoConfig(tables.config, db)
    config.put_policy(tenant, Policy(version=1, roles={}, tiers=(), triage=TRIAGE))
    config.put_tenant(Tenant(id=tenant, name=tenant, policy_version=1, order_channel=SHOP))
    cases = DynamoCases(tables.cases, tables.ingress, db, clock)
    log = DynamoActionLog(tables.log, db)
    machine = Machine()
    return Intake(
        tables=tables,
        clock=clock,
        desk=Desk(cases=cases, config=config, executions=machine, log=log, metrics=Heard(), clock=clock),
        cases=cases,
        deliveries=DynamoDeliveries(tables.ingress, db, clock),
        log=log,
        machine=machine,
        source=Source(clock, tenant),
    )


def wait_for_token(table: str, case: CaseId, *, generation: int, wake: int, seen: int, token: str) -> bool:
    """What the state Sleep of `case.asl.json` does, with that file's own expressions; whether it waits."""
    db = client("dynamodb")
    asked = json.loads(_MACHINE.read_text(encoding="utf-8"))["States"]["Sleep"]["Arguments"]
    try:
        db.update_item(
            TableName=table,
            Key={"pk": {"S": f"case#{case}"}, "sk": {"S": "meta"}},
            UpdateExpression=asked["UpdateExpression"],
            ConditionExpression=asked["ConditionExpression"],
            ExpressionAttributeNames=asked["ExpressionAttributeNames"],
            ExpressionAttributeValues={
                ":token": {"S": token},
                ":seen": {"N": str(seen)},
                ":generation": {"N": str(generation)},
                ":wake": {"N": str(wake)},
            },
        )
    except db.exceptions.ConditionalCheckFailedException:
        return False
    return True
