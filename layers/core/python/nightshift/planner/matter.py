"""What a case is about in money: the lines meant, and a payment taken twice."""

from typing import NamedTuple

from nightshift.model.event import MessageDetail, ReturnDetail
from nightshift.model.order import Order, OrderLine, Transaction, TransactionKind
from nightshift.money import Money
from nightshift.words import contains, fold

__all__ = ["Claimed", "claimed", "duplicate_charge", "returned"]

_CHARGES = frozenset({TransactionKind.SALE, TransactionKind.CAPTURE})


class Claimed(NamedTuple):
    """Lines of an order with how many of each, and what they cost together.

    `mentioned`: the customer named them; `known`: every line asked for is on the order and refundable.
    """

    lines: tuple[tuple[OrderLine, int], ...]
    total: Money
    mentioned: bool
    known: bool


def _of(order: Order, lines: tuple[tuple[OrderLine, int], ...], *, mentioned: bool, known: bool) -> Claimed:
    total = Money.zero(order.total.currency)
    for line, quantity in lines:
        total += Money(amount=line.unit_price.amount * quantity, currency=line.unit_price.currency)
    return Claimed(lines, total, mentioned, known)


def _is_named(line: OrderLine, text: tuple[str, ...]) -> bool:
    names = [fold(line.title), fold(line.sku or "")]
    return any(contains(text, name) for name in names)


def claimed(order: Order, messages: tuple[MessageDetail, ...]) -> Claimed:
    """The refundable lines that messages name by title or SKU; if they name none, the first one.

    The text only chooses among the order's own lines; prices and quantities are the order's.
    """
    open_lines = [line for line in order.lines if line.refundable_quantity > 0]
    texts = [fold(message.text) for message in messages]
    named = [line for line in open_lines if any(_is_named(line, text) for text in texts)]
    chosen = tuple((line, line.refundable_quantity) for line in named or open_lines[:1])
    return _of(order, chosen, mentioned=bool(named), known=bool(chosen))


def returned(order: Order, request: ReturnDetail) -> Claimed:
    """The lines of a return request, never more of one than is refundable."""
    by_id = {line.id: line for line in order.lines}
    wanted = [(by_id.get(asked.line), asked.quantity) for asked in request.lines]
    lines = tuple((line, n) for line, n in wanted if line and n <= line.refundable_quantity)
    return _of(order, lines, mentioned=True, known=bool(lines) and len(lines) == len(wanted))


def duplicate_charge(order: Order) -> Transaction | None:
    """The later of two successful charges of one amount, if the order was paid that much too often.

    What was refunded already counts against it: a duplicate that went back is none.
    """
    paid = [t for t in order.transactions if t.kind in _CHARGES and t.succeeded and not t.pending]
    left_over = order.captured.amount - order.refunded.amount - order.total.amount
    for at, charge in reversed(list(enumerate(paid))):
        twice = any(earlier.amount == charge.amount for earlier in paid[:at])
        if twice and 0 < charge.amount.amount <= left_over:
            return charge
    return None
