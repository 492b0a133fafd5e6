"""A tenant that sells on Shopify, Amazon and eBay and watches competitors, with a clock that tests move."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from demo.assembly import ROOT
from demo.tenant import STAGE
from nightshift.aws.dryrun import LambdaDryRuns
from nightshift.aws.launch import StepFunctionsLaunch
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.workflows import DynamoWorkflows
from nightshift.cli.connection import Connection
from nightshift.clock import SystemClock
from nightshift.gate.policies import parse_policy
from nightshift.identity.token import Identity, issue
from nightshift.ids import ChannelId, TenantId
from nightshift.model.policy import Allowance
from nightshift.model.rundesk import RunDetail, RunLines, RunSummary
from nightshift.model.tenant import Channel, Staff, Tenant
from nightshift.model.workflow import NewWorkflow, Schedule
from nightshift.model.workflowdesk import WorkflowView
from nightshift.workflows.desk import Clockwork
from nightshift.workflows.tick import Ticked, tick
from nightshift.workflows.times import missed
from tests.support.heard import Heard

if TYPE_CHECKING:
    from datetime import datetime

    from nightshift.model.plan import Plan
    from tests.support.installation import Installation

__all__ = ["EXAMPLES", "SKU", "Seller"]

SKU: Final = "MUG-BLUE"
EXAMPLES: Final = ROOT / "workflows"
SHOP, AMAZON, EBAY, MARKET = (ChannelId(each) for each in ("shopify-eu", "amazon-de", "ebay-de", "market"))
_LIVE: Final = {
    SHOP: frozenset({"pricing.set", "inventory.set"}),
    AMAZON: frozenset({"listings.create", "pricing.set", "inventory.set"}),
    EBAY: frozenset({"listings.create", "pricing.set", "inventory.set"}),
    MARKET: frozenset(),
}
_ENDED: Final = frozenset({"RUNNING", "WAITING"})


class MovedClock:
    """The machine's clock, moved ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


class Seller:
    """One seller: `sam` manages; the shop has 42 blue mugs at 12.50 EUR, and a competitor sells them too."""

    def __init__(self, installed: Installation, name: str = "seller") -> None:
        self.id = TenantId(name)
        self.clock = MovedClock()
        self._installed = installed
        self._aws = installed.shop.stack.client
        fakes = installed.shop.fakes
        self.shop = fakes.shopify(f"{name}.myshopify.com")
        self.amazon = fakes.amazon(f"A{name.upper().replace('-', '')}")
        self.ebay = fakes.ebay(name)
        self.feed = fakes.competitor(name)
        self._enter()
        self._mug = self.shop.create_product(sku=SKU)
        self.feed.enter(sku=SKU, price="12.50")
        self.api = Connection(installed.shop.api, self.token("sam"))

    def close(self) -> None:
        """Give up the connection."""
        self.api.close()

    def _enter(self) -> None:
        config, fakes = self._installed.config, self._installed.shop.fakes
        shipped = parse_policy((ROOT / "policies" / "default.toml").read_text(encoding="utf-8"))
        tools = sorted({tool for tools in _LIVE.values() for tool in tools})
        mine = tuple(Allowance(name=f"seller-{tool.replace('.', '-')}", tool=tool) for tool in tools)
        policy = shipped.model_copy(update={"allowances": (*shipped.allowances, *mine)})
        config.put_policy(self.id, policy)
        config.put_tenant(
            Tenant(id=self.id, name="Seller", policy_version=policy.version, order_channel=SHOP)
        )
        for person, role in (("sam", "manager"), ("vic", "viewer")):
            config.put_staff(Staff(id=person, tenant=self.id, name=person, role=role))
        shop, amazon, ebay, feed = self.shop, self.amazon, self.ebay, self.feed
        self._channel(
            SHOP, "shopify", shop.shop, fakes.shopify_url(shop.shop),
            {"access_token": shop.access_token, "webhook_secret": shop.webhook_secret},
        )  # fmt: skip
        app = {"client_id", "client_secret", "refresh_token"}
        self._channel(
            AMAZON, "amazon", amazon.account, fakes.amazon_url(amazon.seller),
            {name: getattr(amazon, name) for name in app},
        )  # fmt: skip
        self._channel(
            EBAY, "ebay", ebay.books.marketplace, fakes.ebay_url(ebay.account),
            {name: getattr(ebay, name) for name in app} | ebay.terms(),
        )  # fmt: skip
        self._channel(
            MARKET, "competitor", feed.account, fakes.competitor_url(feed.account),
            {"api_token": feed.api_token, "feed_secret": feed.feed_secret},
        )  # fmt: skip

    def _channel(self, name: ChannelId, adapter: str, account: str, url: str, secret: dict[str, str]) -> None:
        ref = f"nightshift/{STAGE}/{adapter}/{self.id}/{name}"
        self._aws("secretsmanager").create_secret(Name=ref, SecretString=json.dumps(secret))
        self._installed.config.put_channel(
            Channel(
                id=name,
                tenant=self.id,
                adapter=adapter,
                account=account,
                base_url=url,
                secret_ref=ref,
                live_tools=_LIVE[name],
            )
        )

    def token(self, person: str) -> str:
        """A signed identity, good for an hour."""
        stored = self._aws("secretsmanager").get_secret_value(SecretId=f"nightshift/{STAGE}/identity")
        key = str(json.loads(stored["SecretString"])["key"])
        who = Identity(tenant=self.id, staff=person)
        return issue(key, who, at=SystemClock().now(), lasts=timedelta(hours=1))

    def as_(self, person: str) -> Connection:
        """A connection of one of the staff; close it."""
        return Connection(self._installed.shop.api, self.token(person))

    # -- what the seller does

    @staticmethod
    def example(name: str) -> NewWorkflow:
        """A shipped example, as it stands."""
        text = Path(EXAMPLES / f"{name}.json").read_text(encoding="utf-8")
        return NewWorkflow.model_validate_json(text)

    def plan(self, name: str) -> Plan:
        """The plan of a shipped example."""
        return self.example(name).plan

    def save(self, name: str) -> WorkflowView:
        """Save a shipped example and switch it on."""
        given = self.example(name).model_copy(update={"enabled": True})
        return self.api.call(WorkflowView, "PUT", f"/v1/workflows/{name}", body=given)

    # -- the clocks

    def look(self) -> dict[str, Any]:
        """The minute in which the feed is looked at is over, and intake comes round."""
        table, db = self._installed.settings["TABLE_CONFIG"], self._aws("dynamodb")
        for item in self._installed.items("TABLE_CONFIG"):
            if item["pk"]["S"] == f"workflow#{self.id}" and item["sk"]["S"].startswith("watch#"):
                db.update_item(
                    TableName=table,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET due = :now",
                    ExpressionAttributeValues={":now": {"N": "0"}},
                )
        return self._invoke("intake", {})

    def a_day_passes(self) -> Ticked:
        """The scheduler's own code, a day later by its clock, over everything that is deployed."""
        self.clock.ahead += timedelta(days=1)
        settings, db = self._installed.settings, self._aws("dynamodb")
        states, lambdas = self._aws("stepfunctions"), self._aws("lambda")
        clockwork = Clockwork(
            workflows=DynamoWorkflows(settings["TABLE_CONFIG"], db),
            config=self._installed.config,
            launch=StepFunctionsLaunch(
                settings["TABLE_RUNS"], self._installed.machine("run"), db=db, states=states
            ),
            dry_runs=LambdaDryRuns(self._installed.function("dryrun"), lambdas),
            log=DynamoActionLog(settings["TABLE_LOG"], db),
            clock=self.clock,
            metrics=Heard(),
        )
        return tick(clockwork)

    def stock(self, units: int) -> None:
        """The shop has so many blue mugs."""
        with self.shop.books.lock:
            self._mug.stock = dict.fromkeys(self._mug.stock, units)

    def time_comes(self, name: str) -> dict[str, Any]:
        """A workflow's time has come, and the function that begins what is due comes round."""
        db, table = self._aws("dynamodb"), self._installed.settings["TABLE_CONFIG"]
        workflows = DynamoWorkflows(table, db)
        head = workflows.head(self.id, name)
        now = SystemClock().now()
        assert isinstance(head.trigger, Schedule)
        (last,) = missed(head.trigger, now - timedelta(days=2), now, most=1)
        workflows.change(head.model_copy(update={"next": last, "seq": head.seq + 1}), head)
        return self._invoke("workflows", {"op": "tick"})

    def _invoke(self, function: str, given: dict[str, Any]) -> dict[str, Any]:
        answer = self._aws("lambda").invoke(
            FunctionName=self._installed.function(function), Payload=json.dumps(given).encode()
        )
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said

    # -- what became of it

    def offered(self) -> int:
        """Blue mugs that eBay shows."""
        (offer,) = self.ebay.books.offers.values()
        return int(offer["availableQuantity"])

    def runs(self) -> tuple[RunSummary, ...]:
        """Its runs, the newest first."""
        return self.api.call(RunLines, "GET", "/v1/runs", params={"limit": "50"}).runs

    def ended(self, number: int) -> list[RunDetail]:
        """Its runs, the oldest first, once there are so many and all have ended."""

        def look() -> list[RunDetail] | None:
            found = self.runs()
            if len(found) < number or any(run.status in _ENDED for run in found):
                return None
            return [self.api.call(RunDetail, "GET", f"/v1/runs/{run.run}") for run in reversed(found)]

        return self._installed.shop.wait_for(look, f"{number} runs to end", seen=lambda: str(self.runs()))

    def noted(self, events: int) -> None:
        """Wait until so many price events have been taken by the dispatcher."""

        def look() -> bool | None:
            taken = [
                item
                for item in self._installed.items("TABLE_INGRESS")
                if item["pk"]["S"].startswith(f"delivery#{self.id}#{MARKET}#") and "case" in item
            ]
            return len(taken) >= events or None

        self._installed.shop.wait_for(look, f"{events} events to be taken", seen=str)
