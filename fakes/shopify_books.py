"""The stand-in shop's own books: orders, payments, refunds, jobs. Everything it knows and does."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from fakes.shopify_records import (
    NO_ADDRESS,
    CustomerSpec,
    LineRecord,
    OrderRecord,
    OrderSpec,
    PaymentSpec,
    RefundRecord,
    TransactionRecord,
    address_as_shopify_keeps_it,
)
from fakes.shopify_shelf import Shelf
from nightshift.money import Money

__all__ = ["OrderRecord", "OrderSpec", "RefundRecord", "ShopBooks"]

FIRST_ID = 2**53 + 1009  # ids do not fit a float: whoever reads them as one notices


@dataclass
class _Job:
    id: str
    looks_left: int
    finish: Callable[[], None]
    done: bool = False


_ADDRESS = r"https://|http://127\.0\.0\.1|http://[a-z0-9.-]+\.localhost:"  # the local AWS has no TLS
SCOPES = (
    "read_orders", "write_orders", "read_all_orders", "read_customers", "read_fulfillments",
    "read_merchant_managed_fulfillment_orders", "read_third_party_fulfillment_orders", "read_locations",
    "read_returns", "read_customer_merge", "read_products", "write_products", "read_inventory",
    "write_inventory",
)  # fmt: skip


class ShopBooks:
    """The state of one shop.

    Attributes:
        honour_keys: whether a second refund with the same key gives the first one back.
        pending_refunds: refund transactions stay PENDING until `settle_refunds`.
        job_polls: how many requests a cancellation takes to finish.
        scopes: what the app's token may do.
        webhooks: its subscriptions, by id, with the schema's field names.
        shelf: its products, their prices and stock.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC), shop: str = "") -> None:
        self.lock = threading.RLock()
        self.now = now
        self.shop = shop
        self.reset()

    def reset(self) -> None:
        """An empty shop with the settings it starts with."""
        self.orders: dict[str, OrderRecord] = {}
        self.refunds: list[RefundRecord] = []
        self.cancellations: list[str] = []
        self.requests: Counter[str] = Counter()
        self.jobs: dict[str, _Job] = {}
        self.keys: dict[str, tuple[str, RefundRecord]] = {}
        self.honour_keys = True
        self.pending_refunds = False
        self.job_polls = 1
        self.scopes: list[str] = list(SCOPES)
        self.webhooks: dict[str, dict[str, Any]] = {}
        self._last_id = FIRST_ID
        self.shelf = Shelf(self.gid)

    def gid(self, kind: str, number: int | None = None) -> str:
        """A new id of a kind, or the one with a number."""
        if number is None:
            self._last_id += 1
            number = self._last_id
        return f"gid://shopify/{kind}/{number}"

    def create_order(self, spec: OrderSpec) -> OrderRecord:
        """Enter an order; a default payment captures its total."""
        with self.lock:
            money = spec.currency
            lines = [
                LineRecord(
                    self.gid("LineItem"), x.sku, x.title, x.quantity, x.quantity, Money.parse(x.price, money)
                )
                for x in spec.lines
            ]
            placed = spec.placed_at or self.now()
            order = OrderRecord(
                id=self.gid("Order", spec.id),
                name=spec.name,
                currency=money,
                shop_currency=spec.shop_currency or money,
                customer=self._customer(spec.customer),
                lines=lines,
                shipping=Money.parse(spec.shipping, money),
                transactions=[],
                fulfilment=spec.fulfilment,
                tracking=spec.tracking,
                risk=spec.risk,
                address=address_as_shopify_keeps_it(spec.address),
                created_at=placed,
                updated_at=placed,
                editable=spec.editable,
            )
            payments = spec.payments
            if payments is None:
                payments = (PaymentSpec(amount=order.total().decimal()),)
            for each in payments:
                amount = Money.parse(each.amount, money)
                self._enter(order, each.kind.upper(), amount, gateway=each.gateway)
            self.orders[order.id] = order
            return order

    def by_name(self, name: str) -> OrderRecord | None:
        """The order with a name."""
        return next((order for order in self.orders.values() if order.name == name), None)

    def refund(self, given: Mapping[str, Any], key: str | None) -> tuple[RefundRecord | None, str | None]:
        """Make a refund; gives the refund or the reason against it."""
        with self.lock:
            fingerprint = json.dumps(given, sort_keys=True)
            if key is not None and self.honour_keys and key in self.keys:
                known, made = self.keys[key]
                if known == fingerprint:
                    return made, None
                return None, "The same idempotency key cannot be used with different operation parameters."
            order = self.orders.get(given["orderId"])
            if order is None:
                return None, "Order does not exist"
            problem = _against(order, given)
            if problem is not None:
                return None, problem
            made = self._refund(order, given, key)
            if key is not None:
                self.keys[key] = (fingerprint, made)
            return made, None

    def cancel(self, given: Mapping[str, Any]) -> tuple[_Job | None, str | None, str | None]:
        """Start to cancel; gives the job, or the reason against it with its code."""
        with self.lock:
            order = self.orders.get(given["order_id"])
            if order is None:
                return None, "Order does not exist", "NOT_FOUND"
            if order.cancelled_at is not None:
                return None, "Cannot cancel an order that is already canceled", "INVALID"
            if order.fulfilment != "unfulfilled":
                return None, "Cannot cancel an order with fulfillments", "INVALID"
            refunds = bool((given.get("refund_method") or {}).get("originalPaymentMethodsRefund"))

            def finish() -> None:
                self._cancel(order, given.get("staff_note"), refunds=refunds)

            job = _Job(self.gid("Job"), self.job_polls, finish)
            self.jobs[job.id] = job
            self._look(job)
            return job, None, None

    def tick(self) -> None:
        """One more request came in: jobs come one step nearer to their end."""
        with self.lock:
            for job in self.jobs.values():
                if not job.done:
                    job.looks_left -= 1
                    self._look(job)

    def set_address(
        self, order_id: str, address: Mapping[str, str | None]
    ) -> tuple[OrderRecord | None, str | None]:
        """Set the shipping address; gives the order or the reason against it."""
        with self.lock:
            order = self.orders.get(order_id)
            if order is None:
                return None, "Order does not exist"
            if not address.get("address1") or not address.get("countryCode"):
                return None, "Shipping address address1 can't be blank"
            order.address = {**NO_ADDRESS, **address}
            order.updated_at = self.now()
            return order, None

    def suggest(
        self, order: OrderRecord, lines: Sequence[Mapping[str, Any]], *, shipping: bool, full: bool
    ) -> tuple[list[tuple[LineRecord, int]], list[tuple[TransactionRecord, Money]]]:
        """Which units a refund would take back, and how much over which payments."""
        units = [(line, line.left) for line in order.lines if line.left] if full else []
        for each in lines if not full else []:
            line = next((x for x in order.lines if x.id == each["lineItemId"]), None)
            if line is not None:
                units.append((line, min(each["quantity"], line.left)))
        wanted = order.shipping.amount if shipping or full else 0
        wanted += sum(line.price.amount * quantity for line, quantity in units)
        wanted = min(wanted, order.left().amount)
        over: list[tuple[TransactionRecord, Money]] = []
        for payment in order.payments():
            part = min(wanted, order.left_of(payment).amount)
            wanted -= part
            over.append((payment, Money(amount=part, currency=order.currency)))
        return units, over

    def settle_refunds(self, status: Literal["SUCCESS", "FAILURE", "ERROR"] = "SUCCESS") -> int:
        """Settle what is pending; says how many transactions that were."""
        with self.lock:
            pending = [t for o in self.orders.values() for t in o.transactions if t.status == "PENDING"]
            for each in pending:
                each.status = status
            return len(pending)

    def _customer(self, spec: CustomerSpec | None) -> dict[str, Any] | None:
        if spec is None:
            return None
        known = next(
            (o.customer for o in self.orders.values() if o.customer and o.customer["email"] == spec.email),
            None,
        )
        number = int(known["id"].rpartition("/")[2]) if known and spec.id is None else spec.id
        return {**spec.model_dump(), "id": self.gid("Customer", number)}

    def _enter(
        self, order: OrderRecord, kind: str, amount: Money, *, gateway: str, parent: str | None = None
    ) -> TransactionRecord:
        pending = kind == "REFUND" and self.pending_refunds
        entry = TransactionRecord(
            id=self.gid("OrderTransaction"),
            kind=kind,
            status="PENDING" if pending else "SUCCESS",
            gateway=gateway,
            amount=amount,
            parent=parent,
        )
        order.transactions.append(entry)
        return entry

    def _refund(self, order: OrderRecord, given: Mapping[str, Any], key: str | None) -> RefundRecord:
        lines = tuple((x["lineItemId"], x["quantity"]) for x in given.get("refundLineItems") or ())
        for line, quantity in lines:
            next(x for x in order.lines if x.id == line).left -= quantity
        entries = [
            self._enter(
                order,
                "REFUND",
                Money.parse(each["amount"], order.currency),
                gateway=each["gateway"],
                parent=each["parentId"],
            )
            for each in given.get("transactions") or ()
        ]
        return self._book(order, entries, lines=lines, note=given.get("note") or "", key=key)

    def _book(
        self,
        order: OrderRecord,
        entries: list[TransactionRecord],
        *,
        lines: tuple[tuple[str, int], ...],
        note: str,
        key: str | None,
    ) -> RefundRecord:
        amount = Money.zero(order.currency)
        for each in entries:
            amount = amount + each.amount
        made = RefundRecord(
            id=self.gid("Refund"),
            order=order.id,
            order_name=order.name,
            amount=amount,
            note=note,
            key=key,
            created_at=self.now(),
            lines=lines,
            transactions=entries,
        )
        order.refunds.append(made)
        order.updated_at = made.created_at
        self.refunds.append(made)
        return made

    def _cancel(self, order: OrderRecord, note: str | None, *, refunds: bool) -> None:
        entries = [
            self._enter(order, "REFUND", order.left_of(paid), gateway=paid.gateway, parent=paid.id)
            for paid in (order.payments() if refunds else [])
            if order.left_of(paid).amount
        ]
        lines = tuple((line.id, line.left) for line in order.lines if line.left)
        if entries:
            self._book(order, entries, lines=lines, note="", key=None)
        for line in order.lines:
            line.left = 0
        order.cancelled_at = order.updated_at = self.now()
        order.staff_note = note
        self.cancellations.append(order.id)

    def subscribe(self, topic: str, given: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        """A new webhook subscription, or what speaks against it."""
        uri = str(given.get("uri") or "")
        if not re.match(_ADDRESS, uri):
            return None, "Address is invalid"
        if any((each["topic"], each["uri"]) == (topic, uri) for each in self.webhooks.values()):
            return None, "Address for this topic has already been taken"
        name = self.gid("WebhookSubscription")
        usual: dict[str, Any] = {"format": "JSON", "filter": None, "includeFields": []}
        made = self.webhooks[name] = {"id": name, "topic": topic, **usual, **given}
        return made, None

    def resubscribe(
        self, subscription: str, given: Mapping[str, Any]
    ) -> tuple[dict[str, Any] | None, str | None]:
        """A changed webhook subscription, or what speaks against it."""
        if subscription not in self.webhooks:
            return None, "Webhook subscription does not exist"
        changed = {name: value or None if name == "filter" else value for name, value in given.items()}
        self.webhooks[subscription] |= changed
        return self.webhooks[subscription], None

    def _look(self, job: _Job) -> None:
        if job.looks_left <= 0 and not job.done:
            job.finish()
            job.done = True


def _against(order: OrderRecord, given: Mapping[str, Any]) -> str | None:
    """What speaks against a refund, in the shop's prose."""
    foreign = order.currency != order.shop_currency
    if (foreign or given.get("currency")) and given.get("currency") != order.currency:
        return "Currency must be the presentment currency of the order"
    units = {line.id: line.left for line in order.lines}
    for each in given.get("refundLineItems") or ():
        if each.get("restockType") == "LEGACY_RESTOCK":
            return "Restock type is not accepted"
        if each["quantity"] > units.get(each["lineItemId"], 0):
            return "Refund line items quantity cannot refund more items than were purchased"
    by_parent: Counter[str] = Counter()
    for each in given.get("transactions") or ():
        by_parent[str(each.get("parentId"))] += Money.parse(each["amount"], order.currency).amount
        problem = _against_payment(order, each, by_parent[str(each.get("parentId"))])
        if problem is not None:
            return problem
    return None


def _against_payment(order: OrderRecord, given: Mapping[str, Any], wanted: int) -> str | None:
    payment = next((x for x in order.payments() if x.id == given.get("parentId")), None)
    if payment is None or given["kind"] != "REFUND" or given["gateway"] != payment.gateway:
        return "Transactions parent is invalid"
    if order.left_of(payment).amount < wanted:
        return "Transactions amount is greater than the amount left on the parent transaction"
    return None
