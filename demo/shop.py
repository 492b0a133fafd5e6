"""The running system as a story sees it: a shop, its customers, its staff, and what happens to cases."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from demo.assembly import assembly
from demo.tenant import CONTACT, MAIL, MAILBOX, SHOP, TENANT, seed, shop_of, store_of, tokens
from fakes.contact import ContactFake
from fakes.serve import FakeVendors
from fakes.shopify import ShopifyFake
from fakes.shopify_books import OrderRecord
from fakes.shopify_hooks import Delivery
from local.stack import LocalStack
from nightshift.aws.config import DynamoConfig
from nightshift.aws.setup import DynamoSetup
from nightshift.cli.connection import Connection
from nightshift.ids import CaseId
from nightshift.model.approval import Approval
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind, LogEntry
from nightshift.model.view import CaseLine
from nightshift.ports.setup import AddressOwner

__all__ = ["NeverHappened", "Shop", "open_shop"]

T = TypeVar("T")
Say = Callable[[str], None]

_PATIENCE_SECONDS: Final = 60.0
_LOOK_EVERY_SECONDS: Final = 0.15
_NEWEST: Final = 200
_USUAL_PORT: Final = 4566


class NeverHappened(Exception):
    """What a story waited for did not come; the message says what was seen instead."""


class Shop:
    """One running installation with one demo tenant.

    Attributes:
        stack: the local AWS.
        fakes: the stand-in vendors.
        api: base URL of the HTTP API, for webhooks too.
        people: signed identities by staff id.
    """

    def __init__(self, *, stack: LocalStack, fakes: FakeVendors, api: str, people: dict[str, str]) -> None:
        self.stack = stack
        self.fakes = fakes
        self.api = api
        self.people = people
        self._connections: dict[str, Connection] = {}
        self._ingress = httpx.Client(base_url=api, timeout=30, trust_env=False)

    def close(self) -> None:
        """Give up the connections."""
        self._ingress.close()
        for connection in self._connections.values():
            connection.close()

    @property
    def vendor(self) -> ShopifyFake:
        """The shop at its vendor: its books are the truth of what was done."""
        return shop_of(self.fakes)

    @property
    def store(self) -> ContactFake:
        """The store's contact form: its outbox is what customers were told."""
        return store_of(self.fakes)

    def as_(self, person: str) -> Connection:
        """The API as one of the staff."""
        if person not in self._connections:
            self._connections[person] = Connection(self.api, self.people[person])
        return self._connections[person]

    def place_order(self, **fields: Any) -> OrderRecord:  # noqa: ANN401  # the fields of the fake's OrderSpec
        """A customer buys; the shop tells us by `orders/create`."""
        order = self.vendor.create_order(**fields)
        self.webhook("orders/create", order)
        return order

    def webhook(self, topic: str, order: OrderRecord | None = None, **extra: Any) -> Delivery:  # noqa: ANN401
        """The shop sends a webhook; it must be accepted."""
        delivery = self.vendor.delivery(topic, order, **extra)
        self._accepted(delivery, self.post(delivery, "shopify", SHOP))
        return delivery

    def message(self, order: OrderRecord, text: str, *, photo: bool = False) -> Delivery:
        """The order's own customer writes through the contact form; it must be accepted."""
        picture = {"name": "photo.jpg", "media_type": "image/jpeg", "ref": f"upload-{order.name}"}
        delivery = self.store.message(
            f"conversation-{order.name.removeprefix('#')}",
            text,
            sender=order.customer["email"] if order.customer else "",
            order_name=order.name,
            attachments=(picture,) if photo else (),
        )
        self._accepted(delivery, self.post(delivery, "contact", CONTACT))
        return delivery

    def post(self, delivery: Delivery, adapter: str, channel: str) -> int:
        """Post a webhook as it stands; the status of the answer."""
        path = f"/webhooks/{adapter}/{TENANT}/{channel}"
        return self._ingress.post(path, content=delivery.body, headers=dict(delivery.headers)).status_code

    @staticmethod
    def _accepted(delivery: Delivery, status: int) -> None:
        if status != httpx.codes.OK:
            message = f"the webhook {delivery.topic} was answered with {status}"
            raise NeverHappened(message)

    def cases_about(self, order: OrderRecord) -> list[CaseLine]:
        """The cases about an order, oldest first."""
        subjects = {f"order:{SHOP}:{order.id}", f"order:{SHOP}:{order.name}"}
        found = [line for line in self.as_("ana").cases(limit=_NEWEST).cases if line.subject in subjects]
        return sorted(found, key=lambda line: line.opened_at)

    def wait_for_case(
        self,
        order: OrderRecord,
        *statuses: CaseStatus,
        nth: int = 1,
        patience: float = _PATIENCE_SECONDS,
    ) -> CaseLine:
        """The nth case about an order, once it has one of these statuses.

        Raises:
            NeverHappened: it did not within so many seconds.
        """

        def look() -> CaseLine | None:
            lines = self.cases_about(order)
            there = len(lines) >= nth and lines[nth - 1].status in statuses
            return lines[nth - 1] if there else None

        wanted = " or ".join(statuses)
        what = f"case {nth} about {order.name} to be {wanted}"
        return self.wait_for(look, what, seen=self._seen(order), patience=patience)

    def wait_for_approval(self, order: OrderRecord) -> Approval:
        """The question that a case about an order asks.

        Raises:
            NeverHappened: none was asked within a minute.
        """

        def look() -> Approval | None:
            cases = {line.id for line in self.cases_about(order)}
            waiting = self.as_("ana").approvals().approvals
            return next((one for one in waiting if one.case in cases), None)

        return self.wait_for(look, f"a question about {order.name}", seen=self._seen(order))

    def wait_for_log(self, case: CaseId, kind: EntryKind, times: int = 1) -> None:
        """Wait until a case's log has so many entries of a kind.

        Raises:
            NeverHappened: it had not within a minute.
        """

        def look() -> bool | None:
            return self.kinds(case).count(kind) >= times or None

        self.wait_for(look, f"{times} entries {kind} in {case}", seen=lambda: ", ".join(self.kinds(case)))

    def wait_for(
        self,
        look: Callable[[], T | None],
        what: str,
        *,
        seen: Callable[[], str],
        patience: float = _PATIENCE_SECONDS,
    ) -> T:
        """Look again and again until there is something.

        Raises:
            NeverHappened: there was nothing within so many seconds; says what was seen.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if (found := look()) is not None:
                return found
            time.sleep(_LOOK_EVERY_SECONDS)
        message = f"waited {patience:.0f} s for {what}; seen: {seen() or 'nothing'}"
        raise NeverHappened(message)

    def _seen(self, order: OrderRecord) -> Callable[[], str]:
        def seen() -> str:
            lines = self.cases_about(order)
            return "; ".join(f"{line.id} {line.status} {line.handoff_reason or ''}" for line in lines)

        return seen

    def timeline(self, case: CaseId) -> tuple[LogEntry, ...]:
        """The log of a case, by time."""
        return self.as_("ana").log(case).entries

    def kinds(self, case: CaseId) -> list[EntryKind]:
        """What the log of a case says happened, in order."""
        return [entry.kind for entry in self.timeline(case)]


@contextlib.contextmanager
def open_shop(
    state: Path,
    *,
    port: int = 0,
    time_scale: float = 1.0,
    enforce_iam: bool = False,
    say: Say = lambda _: None,
) -> Iterator[Shop]:
    """Start everything, deploy the synthesised templates unchanged, enter the tenant; end it all at the end.

    Args:
        state: where the local AWS keeps logs and caches.
        port: of the local AWS; 0 takes a free one.
        time_scale: how long a second of waiting takes in the state machines.
        enforce_iam: whether every call is checked against the role of the function or machine that makes it.
        say: told of each step when it is done.
    """
    folder = assembly()
    say("templates synthesised")
    with (
        FakeVendors() as fakes,
        LocalStack.start(
            state,
            port=port,
            time_scale=time_scale,
            enforce_iam=enforce_iam,
            cache_dir=state.parent / "cache",
            fresh=True,
        ) as stack,
    ):
        say("local AWS and stand-in vendors up")
        outputs = {key: value for stack_ in stack.deploy(folder).values() for key, value in stack_.items()}
        say("templates deployed, unchanged")
        secrets = stack.client("secretsmanager")
        table, db = outputs["TableConfig"], stack.client("dynamodb")
        seed(DynamoConfig(table, db), secrets, fakes)
        DynamoSetup(table, db).claim_address(MAILBOX, AddressOwner(tenant=TENANT, channel=MAIL))
        say("tenant entered, tools turned on")
        shop = Shop(stack=stack, fakes=fakes, api=stack.http_url(outputs["ApiUrl"]), people=tokens(secrets))
        try:
            yield shop
        finally:
            shop.close()
