"""Refunds: quoted by Shopify, made over the payments that were captured, done when they have settled."""

from pydantic import JsonValue

from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.models.state import (
    MoneyStateNode,
    QuoteAnswer,
    QuoteNode,
    RefundAnswer,
    RefundNode,
    RefundStateAnswer,
    RefundStateNode,
    SettlementNode,
)
from functions.adapters.shopify.queries import QUOTE, REFUND_CREATE, REFUND_STATE
from functions.adapters.shopify.state import (
    is_order_gid,
    mark,
    money_state,
    not_found,
    refuse_changed,
    refuse_edited,
    reread_money,
    unless_refused,
)
from nightshift.errors import OutcomeUnknown, Rejected
from nightshift.ids import IdempotencyKey, as_uuid
from nightshift.money import Money
from nightshift.outbound import TimeLeft
from nightshift.tools.binding import Call, Done, Found, Room
from nightshift.tools.contracts.payments import (
    PaymentRefunded,
    QuoteRefund,
    RefundLine,
    RefundPayment,
    RefundQuote,
    RefundTransaction,
    Restock,
)

__all__ = ["QUOTE_SECONDS", "REFUND_SECONDS", "probe_refund", "quote_refund", "refund", "room"]

QUOTE_SECONDS = 6.0
REFUND_SECONDS = 18.0
_NOTE_LIMIT = 255
_REFUNDS_READ = 50
_RESTOCK = {Restock.NO_RESTOCK: "NO_RESTOCK", Restock.RETURN: "RETURN", Restock.CANCEL: "CANCEL"}


def quote_refund(call: Call[ShopifyClient]) -> Done:
    """Shopify's own suggestion for these lines, for everything, or for one captured payment."""
    args: QuoteRefund = call.args
    if not is_order_gid(args.order):
        raise not_found()
    order = call.client.send(
        QUOTE, _quote_variables(args), QuoteAnswer, call.client.within(QUOTE_SECONDS)
    ).order
    if order is None:
        raise not_found()
    if order.left().amount == 0:
        raise _nothing_left(order)
    refuse_edited(order)
    if args.payment is not None:
        return Done(output=_quote(order, (), (_payment_quote(order, args.payment),)))
    suggested = order.suggested_refund
    if suggested is None:
        raise _nothing_left(order)
    lines = tuple(
        RefundLine(line=each.line_item.id, quantity=each.quantity)
        for each in suggested.refund_line_items
        if each.quantity > 0
    )
    payments = tuple(
        RefundTransaction(
            parent=each.parent_transaction.id, gateway=each.gateway or "", amount=each.amount_set.money()
        )
        for each in suggested.suggested_transactions
        if each.parent_transaction is not None and each.amount_set.money().amount > 0
    )
    return Done(output=_quote(order, lines, payments))


def refund(call: Call[ShopifyClient]) -> Done:
    """Refund exactly this, once: what was seen is compared before, what happened is re-read after."""
    args: RefundPayment = call.args
    time_left = call.client.within(REFUND_SECONDS)
    state = _refund_state(call.client, args, time_left)
    mine = _marked(state, call.key)
    if mine is not None:
        return _settled(state, mine, args)
    _refuse(state, args)
    variables: dict[str, JsonValue] = {"input": _input(state, args, call.key), "key": as_uuid(call.key)}
    answer = call.client.send(REFUND_CREATE, variables, RefundAnswer, time_left).refund_create
    unless_refused(answer.user_errors if answer.refund is None else (), what="the refund")
    if answer.refund is None:
        message = "Shopify took the refund and named none"
        raise OutcomeUnknown(message, code="vendor.shape")
    after = reread_money(call.client, args.order, time_left)
    made = next((each for each in after.refunds if each.id == answer.refund.id), None)
    if made is None:
        message = "Shopify named a refund that the order does not show yet"
        raise OutcomeUnknown(message, code="vendor.unconfirmed")
    return _settled(after, made, args)


def probe_refund(call: Call[ShopifyClient]) -> Done | Found:
    """Look for the refund that carries this key in its note.

    ABSENT only when every refund of the order was seen; a refund that has not settled is UNSURE.
    """
    args: RefundPayment = call.args
    state = money_state(call.client, args.order, call.client.within(QUOTE_SECONDS))
    mine = _marked(state, call.key)
    if mine is None:
        return Found.UNSURE if len(state.refunds) >= _REFUNDS_READ else Found.ABSENT
    try:
        return _settled(state, mine, args)
    except OutcomeUnknown:
        return Found.UNSURE


def room(call: Call[ShopifyClient]) -> Room:
    """What is left of everything captured for the order; refunds that are under way count as gone."""
    state = money_state(call.client, call.args.order, call.client.within(QUOTE_SECONDS))
    return Room(left=state.left().amount)


def _quote_variables(args: QuoteRefund) -> dict[str, JsonValue]:
    lines: list[JsonValue] = [
        {"lineItemId": each.line, "quantity": each.quantity, "restockType": "NO_RESTOCK"}
        for each in args.lines
    ]
    everything = args.everything or args.payment is not None
    return {"id": args.order, "lines": lines, "shipping": args.shipping or everything, "full": everything}


def _payment_quote(order: QuoteNode, payment: str) -> RefundTransaction:
    """What one captured payment still has, never more than the gateway or the whole order gives back."""
    taken = next((each for each in order.transactions if each.id == payment), None)
    if taken is None or taken.kind not in {"SALE", "CAPTURE"} or not taken.succeeded:
        message = f"order {order.name} has no such captured payment"
        raise Rejected(message, code="refund.nothing_left")
    bounds = [order.left_of(taken), order.left(), *_gateway_bound(order, taken)]
    amount = min(bounds, key=lambda money: money.amount)
    if amount.amount == 0:
        raise _nothing_left(order)
    return RefundTransaction(parent=taken.id, gateway=taken.gateway or "", amount=amount)


def _gateway_bound(order: QuoteNode, taken: SettlementNode) -> list[Money]:
    suggested = order.suggested_refund.suggested_transactions if order.suggested_refund else ()
    return [
        each.maximum_refundable_set.money()
        for each in suggested
        if each.maximum_refundable_set is not None
        and each.parent_transaction is not None
        and each.parent_transaction.id == taken.id
    ]


def _quote(
    order: QuoteNode, lines: tuple[RefundLine, ...], transactions: tuple[RefundTransaction, ...]
) -> RefundQuote:
    amount = Money.zero(order.captured().currency)
    for each in transactions:
        amount = amount + each.amount
    if amount.amount == 0:
        raise _nothing_left(order)
    return RefundQuote(
        order=order.id,
        amount=amount,
        captured=order.captured(),
        refunded=order.refunded(),
        refundable=order.left(),
        lines=lines,
        transactions=transactions,
    )


def _refund_state(client: ShopifyClient, args: RefundPayment, time_left: TimeLeft) -> RefundStateNode:
    if not is_order_gid(args.order):
        raise not_found()
    variables: dict[str, JsonValue] = {
        "id": args.order,
        "lines": [
            {"lineItemId": each.line, "quantity": each.quantity, "restockType": _RESTOCK[args.restock]}
            for each in args.lines
        ],
        "restock": args.restock is not Restock.NO_RESTOCK and bool(args.lines),
    }
    state = client.send(REFUND_STATE, variables, RefundStateAnswer, time_left).order
    if state is None:
        raise not_found()
    return state


def _refuse(state: RefundStateNode, args: RefundPayment) -> None:
    """Everything that speaks against it, asked of the vendor's state a moment before."""
    refuse_changed(state, expected_refunded=args.expected_refunded)
    if state.left().amount == 0:
        raise _nothing_left(state)
    refuse_edited(state)
    total = Money.zero(args.amount.currency)
    by_parent: dict[str, Money] = {}
    for each in args.transactions:
        total = total + each.amount
        by_parent[each.parent] = by_parent.get(each.parent, Money.zero(total.currency)) + each.amount
    for parent, amount in by_parent.items():
        _refuse_payment(state, parent, amount)
    if total != args.amount or state.left() < args.amount:
        message = (
            f"order {state.name} has {state.left()} left; {args.amount} over payments of {total} is refused"
        )
        raise Rejected(message, code="refund.too_much")
    units = {each.id: each.refundable_quantity for each in state.line_items.nodes}
    if any(each.quantity > units.get(each.line, each.quantity) for each in args.lines):
        message = f"order {state.name} has fewer units left of a line"
        raise Rejected(message, code="refund.too_much")


def _refuse_payment(state: MoneyStateNode, parent: str, amount: Money) -> None:
    taken = next((each for each in state.transactions if each.id == parent), None)
    captured = taken is not None and taken.kind in {"SALE", "CAPTURE"} and taken.succeeded
    if taken is None or not captured or state.left_of(taken) < amount:
        message = f"order {state.name} has no captured payment with {amount} left"
        raise Rejected(message, code="refund.too_much")


def _input(state: RefundStateNode, args: RefundPayment, key: IdempotencyKey) -> dict[str, JsonValue]:
    trace = f"[{mark(key)}]"
    places = {
        each.line_item.id: each.location.id
        for each in (state.suggested_refund.refund_line_items if state.suggested_refund else ())
        if each.location is not None
    }
    return {
        "orderId": args.order,
        "currency": args.amount.currency,
        "note": f"{args.note[: _NOTE_LIMIT - len(trace) - 1]} {trace}".strip(),
        "notify": args.notify,
        "allowOverRefunding": False,
        "refundLineItems": [_line(each, args.restock, places) for each in args.lines],
        "transactions": [
            {
                "orderId": args.order,
                "parentId": each.parent,
                "gateway": each.gateway,
                "kind": "REFUND",
                "amount": each.amount.decimal(),
            }
            for each in args.transactions
        ],
    }


def _line(line: RefundLine, restock: Restock, places: dict[str, str]) -> JsonValue:
    said: dict[str, JsonValue] = {
        "lineItemId": line.line,
        "quantity": line.quantity,
        "restockType": _RESTOCK[restock],
    }
    if restock is not Restock.NO_RESTOCK and line.line in places:
        said["locationId"] = places[line.line]
    return said


def _marked(state: MoneyStateNode, key: IdempotencyKey) -> RefundNode | None:
    trace = mark(key)
    return next((each for each in state.refunds if trace in (each.note or "")), None)


def _settled(state: MoneyStateNode, made: RefundNode, args: RefundPayment) -> Done:
    """The refund as done, if its money has moved.

    Raises:
        OutcomeUnknown: `refund.pending`, `refund.failed` or `refund.mismatch`.
    """
    moved = made.transactions.nodes
    if any(each.pending for each in moved):
        message = "the refund is accepted and its payment still pending"
        raise OutcomeUnknown(message, code="refund.pending", retry_after=60)
    if not all(each.succeeded for each in moved):
        message = "the refund is recorded, but the payment provider did not pay it out"
        raise OutcomeUnknown(message, code="refund.failed")
    amount = Money.zero(args.amount.currency)
    for each in moved:
        amount = amount + each.amount_set.money()
    if amount != args.amount:
        message = f"the refund came to {amount} instead of {args.amount}"
        raise OutcomeUnknown(message, code="refund.mismatch")
    output = PaymentRefunded(
        refund=made.id, order=args.order, amount=amount, refunded_in_all=state.refunded()
    )
    return Done(output=output, vendor_ref=made.id)


def _nothing_left(order: MoneyStateNode) -> Rejected:
    message = f"nothing of order {order.name} is left to refund"
    return Rejected(message, code="refund.nothing_left")
