"""The stand-in shop's own books: orders, payments, refunds, jobs. Everything it knows and does."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.model.order import Address
from nightshift.money import Money

__all__ = [
    "CustomerSpec",
    "LineRecord",
    "LineSpec",
    "OrderRecord",
    "OrderSpec",
    "PaymentSpec",
    "RefundRecord",
    "ShopBooks",
]

FIRST_ID = 2**53 + 1009  # ids do not fit a float: whoever reads them as one notices


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CustomerSpec(_Spec):
    """Who bought."""

    email: str = "kim@example.com"
    name: str = "Kim Jansen"
    orders_count: int = 1
    locale: str = "en"
    id: int | None = None


class LineSpec(_Spec):
    """One line; `price` is per unit, tax included."""

    title: str = "Mug"
    sku: str = "MUG-1"
    quantity: int = Field(default=1, ge=1)
    price: str = "42.00"


class PaymentSpec(_Spec):
    """One payment; `authorization` is not captured."""

    amount: str
    gateway: str = "shopify_payments"
    kind: Literal["sale", "capture", "authorization"] = "sale"


class TrackingSpec(_Spec):
    """Where a parcel can be followed."""

    company: str = "DHL"
    number: str = "00340434161094000001"
    url: str = "https://tracking.example/00340434161094000001"


class OrderSpec(_Spec):
    """The compact form of an order; everything but its name has a default."""

    name: str
    id: int | None = None
    currency: str = "EUR"
    shop_currency: str | None = None
    customer: CustomerSpec | None = CustomerSpec()
    lines: tuple[LineSpec, ...] = (LineSpec(),)
    shipping: str = "0"
    payments: tuple[PaymentSpec, ...] | None = None
    fulfilment: Literal["unfulfilled", "in_progress", "partial", "shipped", "delivered"] = "unfulfilled"
    tracking: TrackingSpec | None = None
    risk: Literal["none", "low", "medium", "high"] = "none"
    address: Address | None = Address(
        name="Kim Jansen", line1="Lindenstr. 5", city="Berlin", postcode="10969", country="DE"
    )
    placed_at: datetime | None = None
    editable: bool = True


@dataclass
class LineRecord:
    """One line in the books; `left` are the units not refunded."""

    id: str
    sku: str
    title: str
    quantity: int
    left: int
    price: Money


@dataclass
class _Transaction:
    id: str
    kind: str
    status: str
    gateway: str
    amount: Money
    parent: str | None = None


@dataclass
class RefundRecord:
    """One refund in the books."""

    id: str
    order: str
    order_name: str
    amount: Money
    note: str
    key: str | None
    created_at: datetime
    lines: tuple[tuple[str, int], ...]
    transactions: list[_Transaction]

    @property
    def status(self) -> str:
        """`SUCCESS` when all its money has moved, else the first other status."""
        return next((t.status for t in self.transactions if t.status != "SUCCESS"), "SUCCESS")


@dataclass
class OrderRecord:
    """One order in the books."""

    id: str
    name: str
    currency: str
    shop_currency: str
    customer: dict[str, Any] | None
    lines: list[LineRecord]
    shipping: Money
    transactions: list[_Transaction]
    fulfilment: str
    tracking: TrackingSpec | None
    risk: str
    address: dict[str, str | None] | None
    created_at: datetime
    updated_at: datetime
    editable: bool
    refunds: list[RefundRecord] = field(default_factory=list)
    cancelled_at: datetime | None = None
    staff_note: str | None = None

    def total(self) -> Money:
        """What the lines and the shipping come to."""
        total = self.shipping
        for line in self.lines:
            total = total + Money(amount=line.price.amount * line.quantity, currency=self.currency)
        return total

    def summed(self, kinds: set[str], statuses: set[str], parent: str | None = None) -> Money:
        """The sum of transactions of some kinds, in some states, of one parent or of any."""
        total = Money.zero(self.currency)
        for each in self.transactions:
            wanted = each.kind in kinds and each.status in statuses
            if wanted and parent in {None, each.parent}:
                total = total + each.amount
        return total

    def captured(self) -> Money:
        """Received from the customer."""
        return self.summed({"SALE", "CAPTURE"}, {"SUCCESS"})

    def left(self) -> Money:
        """Captured minus what has gone back or is on its way."""
        return self.captured() - self.summed({"REFUND"}, {"SUCCESS", "PENDING"})

    def left_of(self, payment: _Transaction) -> Money:
        """What one payment still has."""
        return payment.amount - self.summed({"REFUND"}, {"SUCCESS", "PENDING"}, payment.id)

    def payments(self) -> list[_Transaction]:
        """The captured payments."""
        return [t for t in self.transactions if t.kind in {"SALE", "CAPTURE"} and t.status == "SUCCESS"]


@dataclass
class _Job:
    id: str
    looks_left: int
    finish: Callable[[], None]
    done: bool = False


class ShopBooks:
    """The state of one shop.

    Attributes:
        honour_keys: whether a second refund with the same key gives the first one back.
        pending_refunds: refund transactions stay PENDING until `settle_refunds`.
        job_polls: how many requests a cancellation takes to finish.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.lock = threading.RLock()
        self.now = now
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
        self._last_id = FIRST_ID

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
                address=_address(spec.address),
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
            order.address = {**_NO_ADDRESS, **address}
            order.updated_at = self.now()
            return order, None

    def suggest(
        self, order: OrderRecord, lines: Sequence[Mapping[str, Any]], *, shipping: bool, full: bool
    ) -> tuple[list[tuple[LineRecord, int]], list[tuple[_Transaction, Money]]]:
        """Which units a refund would take back, and how much over which payments."""
        units = [(line, line.left) for line in order.lines if line.left] if full else []
        for each in lines if not full else []:
            line = next((x for x in order.lines if x.id == each["lineItemId"]), None)
            if line is not None:
                units.append((line, min(each["quantity"], line.left)))
        wanted = order.shipping.amount if shipping or full else 0
        wanted += sum(line.price.amount * quantity for line, quantity in units)
        wanted = min(wanted, order.left().amount)
        over: list[tuple[_Transaction, Money]] = []
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
    ) -> _Transaction:
        pending = kind == "REFUND" and self.pending_refunds
        entry = _Transaction(
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
        entries: list[_Transaction],
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


_NO_ADDRESS: dict[str, str | None] = dict.fromkeys(
    (
        "firstName",
        "lastName",
        "address1",
        "address2",
        "city",
        "province",
        "provinceCode",
        "zip",
        "countryCode",
    )
)


def _address(address: Address | None) -> dict[str, str | None] | None:
    if address is None:
        return None
    first, _, last = address.name.rpartition(" ")
    return {
        "firstName": first,
        "lastName": last,
        "address1": address.line1,
        "address2": address.line2,
        "city": address.city,
        "province": address.region,
        "provinceCode": None,
        "zip": address.postcode,
        "countryCode": address.country,
    }
