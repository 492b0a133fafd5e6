"""Payments and their refunds: read, quoted, made once, done when the money has gone back."""

from datetime import UTC, datetime

from pydantic import JsonValue

from functions.adapters.stripe.amounts import units
from functions.adapters.stripe.client import KEY_SPENT, StripeClient
from functions.adapters.stripe.models.payments import DisputeNode, RefundNode
from functions.adapters.stripe.operations import DISPUTE, REFUND_CREATE
from functions.adapters.stripe.ownership import refuse_owned
from functions.adapters.stripe.state import (
    KEY_FIELD,
    PaymentState,
    invoice_named,
    marked,
    not_found,
    payment_state,
    refuse_disputed,
    reread,
    standing_of,
)
from nightshift.errors import OutcomeUnknown, Rejected
from nightshift.model.payment import Dispute, GivenBack, GivenBackState, Payment
from nightshift.money import Money
from nightshift.outbound import TimeLeft
from nightshift.tools.binding import Call, Done, Found, Room
from nightshift.tools.contracts.payments import (
    PaymentRefunded,
    QuoteRefund,
    RefundPayment,
    RefundQuote,
    RefundTransaction,
    Restock,
)
from nightshift.tools.contracts.processor import GetDispute, GetPayment

__all__ = [
    "ASK_SECONDS",
    "READ_SECONDS",
    "REFUND_SECONDS",
    "get_dispute",
    "get_payment",
    "probe_refund",
    "quote_refund",
    "refund",
    "room",
]

READ_SECONDS = 10.0
ASK_SECONDS = 6.0
REFUND_SECONDS = 16.0
GATEWAY = "stripe"
_ID_PREFIXES = ("pi_", "ch_", "py_", "in_")


def get_payment(call: Call[StripeClient]) -> Done:
    """The payment behind an intent, a charge or an invoice, by Stripe's id or the invoice's number."""
    args: GetPayment = call.args
    time_left = call.client.within(READ_SECONDS)
    ref = args.payment
    if not ref.startswith(_ID_PREFIXES):
        ref = invoice_named(call.client, ref, time_left).id
    state = payment_state(call.client, ref, time_left)
    return Done(output=_payment(state, standing_of(call.client, state, time_left)))


def get_dispute(call: Call[StripeClient]) -> Done:
    """One dispute."""
    args: GetDispute = call.args
    time_left = call.client.within(READ_SECONDS)
    if not args.dispute.startswith(("dp_", "du_")):
        raise not_found()
    return Done(output=_dispute(call.client.send(DISPUTE, DisputeNode, time_left, ref=args.dispute)))


def quote_refund(call: Call[StripeClient]) -> Done:
    """What the payment still has: all of it, because a payment has no lines."""
    args: QuoteRefund = call.args
    if args.lines or args.shipping:
        message = "a payment has no lines: ask for everything"
        raise Rejected(message, code="refund.no_lines")
    time_left = call.client.within(READ_SECONDS)
    state = payment_state(call.client, args.order, time_left)
    if args.payment not in {None, state.charge.id}:
        raise not_found()
    refuse_owned(standing_of(call.client, state, time_left))
    refuse_disputed(state)
    left = state.left()
    if left.amount == 0:
        raise _nothing_left()
    quote = RefundQuote(
        order=state.id,
        amount=left,
        captured=state.captured(),
        refunded=state.refunded(),
        refundable=left,
        lines=(),
        transactions=(RefundTransaction(parent=state.charge.id, gateway=GATEWAY, amount=left),),
    )
    return Done(output=quote)


def refund(call: Call[StripeClient]) -> Done:
    """Refund exactly this, once: what was seen is compared before, what happened is re-read after."""
    args: RefundPayment = call.args
    time_left = call.client.within(REFUND_SECONDS)
    state = payment_state(call.client, args.order, time_left)
    mine = marked(state, call.key)
    if mine is not None:
        return _settled(state, mine, args)
    _refuse(state, args)
    refuse_owned(standing_of(call.client, state, time_left))
    made = _made(call, state, time_left)
    after = reread(call.client, state, time_left)
    again = marked(after, call.key)
    if again is None or again.id != made.id:
        message = "Stripe named a refund that its list does not show yet"
        raise OutcomeUnknown(message, code="vendor.unconfirmed")
    return _settled(after, again, args)


def probe_refund(call: Call[StripeClient]) -> Done | Found:
    """Look for the refund that carries this key in its metadata.

    ABSENT only when every refund of the charge was seen, or when the one found has come back to the
    store; a refund that has not settled is UNSURE.
    """
    args: RefundPayment = call.args
    state = payment_state(call.client, args.order, call.client.within(ASK_SECONDS))
    mine = marked(state, call.key)
    if mine is None:
        return Found.ABSENT if state.listed else Found.UNSURE
    try:
        return _settled(state, mine, args)
    except OutcomeUnknown:
        return Found.UNSURE
    except Rejected:
        return Found.ABSENT


def room(call: Call[StripeClient]) -> Room:
    """What is left of what was captured; refunds that are under way count as gone."""
    state = payment_state(call.client, call.args.order, call.client.within(ASK_SECONDS))
    return Room(left=state.left().amount)


def _made(call: Call[StripeClient], state: PaymentState, time_left: TimeLeft) -> RefundNode:
    """Ask for the refund.

    A key whose first answer was a failure gives that failure for a day. When nothing carries our mark, a
    second key, derived from the first, asks again.
    """
    args: RefundPayment = call.args
    try:
        return _asked(call, args, time_left, key=call.key)
    except OutcomeUnknown as exc:
        if exc.code != KEY_SPENT:
            raise
        looked = reread(call.client, state, time_left)
        found = marked(looked, call.key)
        if found is not None:
            return found
        if not looked.listed:
            raise
    return _asked(call, args, time_left, key=f"{call.key}-2")


def _asked(call: Call[StripeClient], args: RefundPayment, time_left: TimeLeft, *, key: str) -> RefundNode:
    metadata: dict[str, JsonValue] = {KEY_FIELD: call.key}
    if args.note:
        metadata["nightshift_note"] = args.note
    form: dict[str, JsonValue] = {
        "charge": args.transactions[0].parent,
        "amount": units(args.amount),
        "reason": "requested_by_customer",
        "metadata": metadata,
    }
    return call.client.send(REFUND_CREATE, RefundNode, time_left, params=form, key=key)


def _refuse(state: PaymentState, args: RefundPayment) -> None:
    """Everything that speaks against it, asked of Stripe's state a moment before."""
    if args.order != state.id:
        message = "the payment must be named by its payment intent, or by its charge where it has none"
        raise Rejected(message, code="payment.not_canonical")
    if args.lines or args.restock is not Restock.NO_RESTOCK:
        message = "a payment has no lines and no goods to restock"
        raise Rejected(message, code="refund.no_lines")
    refuse_disputed(state)
    if state.refunded() != args.expected_refunded:
        message = f"{state.refunded()} of the payment are refunded, not {args.expected_refunded}"
        raise Rejected(message, code="state.changed")
    if not state.listed or state.left().amount == 0:
        raise _nothing_left()
    wanted = args.transactions[0]
    one_payment = len(args.transactions) == 1 and wanted.parent == state.charge.id
    if not one_payment or wanted.amount != args.amount or not _fits(args.amount, state.left()):
        message = f"the payment has {state.left()} left; {args.amount} over other payments is refused"
        raise Rejected(message, code="refund.too_much")


def _fits(amount: Money, left: Money) -> bool:
    return amount.currency == left.currency and 0 < amount.amount <= left.amount


def _settled(state: PaymentState, made: RefundNode, args: RefundPayment) -> Done:
    """The refund as done, if its money has gone back.

    Raises:
        OutcomeUnknown: `refund.pending` or `refund.mismatch`.
        Rejected: `refund.failed`: the money came back to the store.
    """
    if made.failed:
        message = "the refund failed: its money is back with the store"
        raise Rejected(message, code="refund.failed")
    if not made.succeeded:
        message = "the refund is accepted and not paid out yet"
        raise OutcomeUnknown(message, code="refund.pending", retry_after=60)
    if made.value() != args.amount:
        message = f"the refund came to {made.value()} instead of {args.amount}"
        raise OutcomeUnknown(message, code="refund.mismatch")
    output = PaymentRefunded(
        refund=made.id, order=state.id, amount=made.value(), refunded_in_all=state.refunded()
    )
    return Done(output=output, vendor_ref=made.id)


def _payment(state: PaymentState, owned: str) -> Payment:
    charge, invoice = state.charge, state.invoice
    return Payment(
        id=state.id,
        name=(invoice.number if invoice else None) or charge.receipt_number or state.id,
        charge=charge.id,
        invoice=invoice.id if invoice else "",
        paid_at=_time(charge.created),
        captured=state.captured(),
        refunded=state.refunded(),
        refundable=state.left(),
        customer=charge.customer,
        email=charge.receipt_email
        or (invoice.customer_email if invoice else None)
        or charge.billing_details.email,
        owned=owned,
        refunds=tuple(_given_back(each) for each in state.refunds),
        disputes=tuple(_dispute(each) for each in state.disputes),
    )


def _given_back(node: RefundNode) -> GivenBack:
    state = GivenBackState.PENDING
    if node.succeeded:
        state = GivenBackState.SETTLED
    elif node.failed:
        state = GivenBackState.FAILED
    return GivenBack(id=node.id, amount=node.value(), state=state, created_at=_time(node.created))


def _dispute(node: DisputeNode) -> Dispute:
    from_details = node.evidence_details
    return Dispute(
        id=node.id,
        payment=node.payment_intent or node.charge or node.id,
        amount=node.value(),
        reason=node.reason,
        status=node.status,
        open=node.open,
        blocks_refunds=node.blocks,
        evidence_due_at=_time(from_details.due_by) if from_details.due_by else None,
        has_evidence=from_details.has_evidence,
        created_at=_time(node.created),
    )


def _time(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)


def _nothing_left() -> Rejected:
    return Rejected("nothing of the payment is left to refund", code="refund.nothing_left")
