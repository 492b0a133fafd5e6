"""A small vendor with books of its own, bound to the real contracts, for tests of `tools.run`.

Its quirks are switches: whether it honours keys, at which point which error comes, what a probe may know,
whether it checks what had been refunded before, how long a lookup lags behind the books (with a clock),
which tokens it knows (`valid`; None: any), how much of a rate budget it says is `left`.
`requests` counts every write that reached it; `refunds` and `messages` are what really happened.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected
from nightshift.model.order import Address, Customer, FulfilmentState, Order, OrderLine
from nightshift.money import Money
from nightshift.tools.binding import Adapter, Binding, Call, Done, Found, Room
from nightshift.tools.contracts import messaging, orders, payments
from nightshift.tools.heard import Heard

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightshift.clock import Clock
    from nightshift.ids import IdempotencyKey
    from nightshift.model.tenant import Channel

__all__ = ["Book", "BookOrder", "BookRefund", "Fault", "VendorClient", "vendor"]

EMAIL = "maria.musterfrau@example.com"
STREET = "Lindenstrasse 5"


@dataclass
class BookOrder:
    """One order in the vendor's books, in minor units of EUR."""

    captured: int = 5000
    refunded: int = 0
    line_price: int = 1250


@dataclass(frozen=True)
class BookRefund:
    id: str
    order: str
    amount: int
    key: str
    seen_from: datetime | None = None


@dataclass(frozen=True)
class Fault:
    """One error for one call: raised before anything happens, or after the books have changed.

    A function is called at that point, for what happens elsewhere meanwhile, and gives the error.
    """

    error: Exception | Callable[[], Exception]
    when: Literal["before", "after"] = "before"


@dataclass
class Book:
    """What the vendor knows, and how it behaves."""

    orders: dict[str, BookOrder] = field(default_factory=lambda: {"order-1": BookOrder()})
    refunds: list[BookRefund] = field(default_factory=list)
    messages: list[tuple[str, str, str]] = field(default_factory=list)
    honours_keys: bool = False
    pending: bool = False
    finds: Literal["truth", "absent", "unsure"] = "truth"
    probe_error: Exception | None = None
    odd_shape: bool = False
    checks_state: bool = True
    lag: timedelta = timedelta(0)
    clock: Clock | None = None
    faults: deque[Fault] = field(default_factory=deque)
    requests: int = 0
    reads: int = 0
    probes: int = 0
    tokens: set[str] = field(default_factory=set)
    valid: set[str] | None = None
    left: float | None = None

    def heard(self, client: VendorClient) -> None:
        """One request: counted, its credentials looked at, the vendor's own budget told."""
        client.heard.sent()
        if self.left is not None:
            client.heard.budget(left=self.left)
        if self.valid is not None and client.token not in self.valid:
            raise Misconfigured("the vendor does not know the token", code="vendor.credentials")

    def fault(self, when: Literal["before", "after"]) -> None:
        if self.faults and self.faults[0].when == when:
            error = self.faults.popleft().error
            raise error() if callable(error) else error

    def order(self, order: str) -> BookOrder:
        if order not in self.orders:
            raise Rejected("no such order", code="order.not_found")
        return self.orders[order]


@dataclass(frozen=True)
class VendorClient:
    book: Book
    token: str
    heard: Heard = field(default_factory=Heard)


def _eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def _at() -> datetime:
    return datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def _get(call: Call[VendorClient]) -> Done:
    book: Book = call.client.book
    book.reads += 1
    book.heard(call.client)
    book.tokens.add(call.client.token)
    book.fault("before")
    known = book.order(call.args.order)
    line = OrderLine(
        id="line-1", title="Mug", quantity=4, refundable_quantity=4, unit_price=_eur(known.line_price)
    )
    order = Order(
        id=call.args.order,
        name="#1001",
        placed_at=_at(),
        updated_at=_at(),
        total=_eur(known.captured),
        captured=_eur(known.captured),
        refunded=_eur(known.refunded),
        editable=True,
        fulfilment=FulfilmentState.DELIVERED,
        customer=Customer(id="cust-1", email=EMAIL, name="Maria Musterfrau"),
        shipping_address=Address(line1=STREET, city="Berlin", country="DE"),
        lines=(line,),
    )
    return Done(output=order)


def _quote(call: Call[VendorClient]) -> Done:
    book: Book = call.client.book
    book.reads += 1
    book.heard(call.client)
    book.fault("before")
    known = book.order(call.args.order)
    amount = _eur(known.line_price * sum(line.quantity for line in call.args.lines))
    left = known.captured - known.refunded
    if left <= 0:
        raise Rejected("nothing is left to refund", code="refund.nothing_left")
    quote = payments.RefundQuote(
        order=call.args.order,
        amount=amount,
        captured=_eur(known.captured),
        refunded=_eur(known.refunded),
        refundable=_eur(left),
        lines=call.args.lines,
        transactions=(payments.RefundTransaction(parent="txn-1", gateway="card", amount=amount),),
    )
    return Done(output=_order_shaped(call) if book.odd_shape else quote)


def _order_shaped(call: Call[VendorClient]) -> messaging.MessageSent:
    return messaging.MessageSent(message=call.key, sent_at=_at())


def _refunded(book: Book, refund: BookRefund) -> Done:
    output = payments.PaymentRefunded(
        refund=refund.id,
        order=refund.order,
        amount=_eur(refund.amount),
        refunded_in_all=_eur(book.orders[refund.order].refunded),
    )
    return Done(output=output, vendor_ref=refund.id)


def _by_key(book: Book, key: IdempotencyKey) -> BookRefund | None:
    return next((refund for refund in book.refunds if refund.key == key), None)


def _refund(call: Call[VendorClient]) -> Done:
    book: Book = call.client.book
    book.requests += 1
    book.heard(call.client)
    book.fault("before")
    known = _by_key(book, call.key) if book.honours_keys else None
    if known is None:
        order, amount = book.order(call.args.order), call.args.amount.amount
        if book.checks_state and order.refunded != call.args.expected_refunded.amount:
            raise Rejected("refunded since it was quoted", code="state.changed")
        if amount > order.captured - order.refunded:
            raise Rejected("more than is left", code="refund.too_much")
        order.refunded += amount
        number, seen_from = len(book.refunds) + 1, book.clock.now() + book.lag if book.clock else None
        known = BookRefund(f"refund-{number}", call.args.order, amount, call.key, seen_from)
        book.refunds.append(known)
    book.fault("after")
    if book.pending:
        raise OutcomeUnknown("the refund is not settled yet", code="refund.pending")
    return Done(output=_order_shaped(call)) if book.odd_shape else _refunded(book, known)


def _find_refund(call: Call[VendorClient]) -> Done | Found:
    book: Book = call.client.book
    book.probes += 1
    book.heard(call.client)
    if book.probe_error is not None:
        raise book.probe_error
    known = _by_key(book, call.key)
    if book.finds == "unsure" or book.pending:
        return Found.UNSURE
    lags = known is not None and book.clock and known.seen_from and book.clock.now() < known.seen_from
    if known is None or lags or book.finds == "absent":
        return Found.ABSENT
    return Done(output=_order_shaped(call)) if book.odd_shape else _refunded(book, known)


def _room(call: Call[VendorClient]) -> Room:
    order = call.client.book.order(call.args.order)
    return Room(left=order.captured - order.refunded)


def _reply(call: Call[VendorClient]) -> Done:
    book: Book = call.client.book
    book.requests += 1
    book.heard(call.client)
    book.fault("before")
    book.messages.append((call.args.conversation, call.args.template, call.key))
    book.fault("after")
    return Done(
        output=messaging.MessageSent(message=f"message-{len(book.messages)}", sent_at=_at()),
        vendor_ref=f"message-{len(book.messages)}",
    )


def vendor(
    book: Book, *, probes: bool = True, takes_key: bool = False, settle_after: float = 10.0
) -> Adapter:
    """The adapter of this vendor over one book.

    `probes`: the refund can be looked up by its key. Replies never can.
    """
    return Adapter(
        name="vendor",
        bindings=(
            Binding(contract=orders.GET, call=_get),
            Binding(contract=payments.QUOTE_REFUND, call=_quote),
            Binding(
                contract=payments.REFUND,
                call=_refund,
                probe=_find_refund if probes else None,
                takes_key=takes_key,
                settle_after=settle_after,
                room=_room,
            ),
            Binding(contract=messaging.REPLY, call=_reply),
        ),
        connect=lambda channel, secret: _connect(book, channel, secret),
    )


def _connect(book: Book, channel: Channel, secret: dict[str, str]) -> VendorClient:
    if channel.account != "acme.example":
        raise Rejected("another account", code="account.other")
    return VendorClient(book=book, token=secret["token"])
