"""Another tenant of the running installation, with a shop, a contact form and staff of its own.

What is sent wrong, and what is parked for it, happens here: the demo's own tenant stays as its stories
expect it, and nothing of a neighbour changes while a test does not change it.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from demo.assembly import ROOT
from demo.tenant import STAGE
from nightshift.cli.connection import Connection
from nightshift.clock import SystemClock
from nightshift.gate.policies import parse_policy
from nightshift.identity.token import Identity, issue
from nightshift.ids import ChannelId, TenantId
from nightshift.model.tenant import Channel, Staff, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.contact import ContactFake
    from fakes.shopify import ShopifyFake
    from fakes.shopify_hooks import Delivery
    from nightshift.model.case import CaseStatus
    from nightshift.model.view import CaseLine, ParkedLine
    from tests.support.installation import Installation

__all__ = ["CONTACT", "SHOP", "Neighbour"]

SHOP, CONTACT = ChannelId("shop"), ChannelId("form")
_LIVE = {
    SHOP: frozenset({"payments.refund", "orders.cancel", "orders.set_address"}),
    CONTACT: frozenset({"messaging.reply"}),
}
_STAFF = {"mia": "manager", "vic": "viewer"}


class Neighbour:
    """One more tenant, entered as the demo's is.

    Attributes:
        id: of the tenant.
        shop: its shop at the vendor.
        store: its contact form.
    """

    def __init__(self, installed: Installation, name: str) -> None:
        self.id = TenantId(name)
        self._installed = installed
        fakes = installed.shop.fakes
        self.shop: ShopifyFake = fakes.shopify(f"{name}.myshopify.com")
        self.store: ContactFake = fakes.contact(name)
        self._http = httpx.Client(base_url=installed.shop.api, timeout=30, trust_env=False)
        self._enter(fakes.shopify_url(self.shop.shop), fakes.contact_url(self.store.store))
        self._connections = {who: Connection(installed.shop.api, self.token(who)) for who in _STAFF}

    def close(self) -> None:
        """Give up the connections."""
        self._http.close()
        for connection in self._connections.values():
            connection.close()

    def _enter(self, shop_url: str, store_url: str) -> None:
        config = self._installed.config
        policy = parse_policy((ROOT / "policies" / "default.toml").read_text(encoding="utf-8"))
        config.put_policy(self.id, policy)
        config.put_tenant(
            Tenant(
                id=self.id,
                name="Next door",
                policy_version=policy.version,
                order_channel=SHOP,
                reply_channel=CONTACT,
            )
        )
        for person, role in _STAFF.items():
            config.put_staff(Staff(id=person, tenant=self.id, name=person.capitalize(), role=role))
        access = {"access_token": self.shop.access_token, "webhook_secret": self.shop.webhook_secret}
        self._channel(SHOP, "shopify", account=self.shop.shop, base_url=shop_url, secret=access)
        access = {"api_token": self.store.api_token, "webhook_secret": self.store.webhook_secret}
        self._channel(CONTACT, "contact", account=self.store.store, base_url=store_url, secret=access)

    def _channel(
        self, name: ChannelId, adapter: str, *, account: str, base_url: str, secret: dict[str, str]
    ) -> None:
        ref = f"nightshift/{STAGE}/{adapter}/{self.id}/{name}"
        secrets = self._installed.shop.stack.client("secretsmanager")
        secrets.create_secret(Name=ref, SecretString=json.dumps(secret))
        self._installed.config.put_channel(
            Channel(
                id=name,
                tenant=self.id,
                adapter=adapter,
                account=account,
                base_url=base_url,
                secret_ref=ref,
                live_tools=_LIVE[name],
            )
        )

    # -- who asks

    def token(self, person: str, *, age: timedelta = timedelta(0), key: str | None = None) -> str:
        """A signed identity, good for an hour from its issue, `age` ago."""
        now = SystemClock().now()
        who = Identity(tenant=self.id, staff=person)
        return issue(key or self.identity_key(), who, at=now - age, lasts=timedelta(hours=1))

    def identity_key(self) -> str:
        """The key that signs identities."""
        secrets = self._installed.shop.stack.client("secretsmanager")
        stored = secrets.get_secret_value(SecretId=f"nightshift/{STAGE}/identity")["SecretString"]
        return str(json.loads(stored)["key"])

    def as_(self, person: str) -> Connection:
        """The API as one of the staff: `mia` manages, `vic` only looks."""
        return self._connections[person]

    def request(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Any request, as it stands."""
        return self._http.request(method, path, content=body, headers=headers)

    # -- what comes in

    def path(self, channel: ChannelId) -> str:
        """Where a channel's webhooks go."""
        return f"/webhooks/{'shopify' if channel == SHOP else 'contact'}/{self.id}/{channel}"

    def post(self, delivery: Delivery, channel: ChannelId, **headers: str | None) -> httpx.Response:
        """Post a webhook with some headers changed (`X_Shopify_Topic`), or left out (None)."""
        changed = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        merged = {name.lower(): value for name, value in delivery.headers.items()} | changed
        sent = {name: value for name, value in merged.items() if value is not None}
        return self.request("POST", self.path(channel), body=delivery.body, headers=sent)

    # -- what became of it

    def records(self) -> list[str]:
        """Everything that is stored of this tenant, but for its configuration."""
        tables = {
            "TABLE_INGRESS",
            "TABLE_CASES",
            "TABLE_RUNS",
            "TABLE_LEDGER",
            "TABLE_LOG",
            "TABLE_APPROVALS",
        }
        stored = (
            json.dumps(item, sort_keys=True) for table in tables for item in self._installed.items(table)
        )
        bodies = (key for key in self._installed.bodies() if key.startswith(f"{self.id}/"))
        return sorted([*(text for text in stored if self.id in text), *bodies])

    def parked(self) -> dict[str, str]:
        """Why deliveries are parked, by delivery, as staff see it."""
        lines: tuple[ParkedLine, ...] = self.as_("mia").parked().parked
        return {line.delivery: line.reason for line in lines}

    def ingress(self, delivery: str, channel: ChannelId) -> dict[str, Any] | None:
        """The record of one delivery."""
        pk = f"delivery#{self.id}#{channel}#{delivery}"
        return next((i for i in self._installed.items("TABLE_INGRESS") if i["pk"]["S"] == pk), None)

    def cases(self) -> list[CaseLine]:
        """All its cases, oldest first."""
        return sorted(self.as_("mia").cases(limit=200).cases, key=lambda line: line.opened_at)

    def wait_for_case(self, subject: str, *statuses: CaseStatus) -> CaseLine:
        """The newest case about a subject, once it has one of these statuses.

        Raises:
            NeverHappened: it did not within a minute.
        """

        def look() -> CaseLine | None:
            found = [line for line in self.cases() if line.subject == subject]
            return found[-1] if found and found[-1].status in statuses else None

        seen: Callable[[], str] = lambda: str([(line.subject, line.status) for line in self.cases()])  # noqa: E731  # read when it fails
        return self._installed.shop.wait_for(look, f"a case about {subject}", seen=seen)
