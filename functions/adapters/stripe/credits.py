"""Credit notes: previewed by Stripe, issued once, done when their money has gone back."""

from pydantic import JsonValue

from functions.adapters.stripe.amounts import money, units
from functions.adapters.stripe.client import KEY_SPENT, StripeClient
from functions.adapters.stripe.models.credits import CreditNoteNode, PreviewNode
from functions.adapters.stripe.models.payments import InvoiceNode, RefundNode
from functions.adapters.stripe.operations import CREDIT, CREDIT_PREVIEW, CREDITS, REFUND
from functions.adapters.stripe.ownership import refuse_owned, standing_of_invoice
from functions.adapters.stripe.payments import ASK_SECONDS, READ_SECONDS, REFUND_SECONDS
from functions.adapters.stripe.state import (
    KEY_FIELD,
    PaymentState,
    invoice_of,
    payment_state,
    refuse_disputed,
    standing_of,
)
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled
from nightshift.ids import IdempotencyKey
from nightshift.money import Money
from nightshift.outbound import TimeLeft
from nightshift.tools.binding import Call, Done, Found, Room
from nightshift.tools.contracts.processor import (
    CreditLine,
    CreditQuote,
    CreditSettlement,
    InvoiceCredited,
    IssueCredit,
    QuoteCredit,
)

__all__ = ["credit", "probe_credit", "quote_credit", "room"]


def quote_credit(call: Call[StripeClient]) -> Done:
    """Stripe's own preview for these lines, this amount, or all that is left."""
    args: QuoteCredit = call.args
    time_left = call.client.within(READ_SECONDS)
    invoice = invoice_of(call.client, args.invoice, time_left)
    settlement = _settlement(invoice)
    state = _paid_by(call.client, invoice, settlement, time_left)
    _refuse_standing(call.client, invoice, state, time_left)
    left = _left(invoice, state)
    amount = args.amount or (_lines_total(invoice, args.lines) if args.lines else left)
    if not _fits(amount, left):
        message = f"{left} of the invoice are left to credit"
        raise Rejected(message, code="credit.nothing_left")
    params = _form(args.invoice, args.lines, amount, settlement)
    previewed = call.client.send(CREDIT_PREVIEW, PreviewNode, time_left, params=params).value()
    if not _fits(previewed, left):
        message = f"the credit note would come to {previewed}; {left} are left"
        raise Rejected(message, code="credit.nothing_left")
    quote = CreditQuote(
        invoice=invoice.id,
        payment=state.id if state is not None else "",
        settlement=settlement,
        amount=previewed,
        credited=invoice.credited(),
        creditable=left,
        lines=args.lines,
    )
    return Done(output=quote)


def credit(call: Call[StripeClient]) -> Done:
    """Issue exactly this credit note, once; what was seen is compared before, re-read after."""
    args: IssueCredit = call.args
    time_left = call.client.within(REFUND_SECONDS)
    invoice = invoice_of(call.client, args.invoice, time_left)
    notes, listed = _notes(call.client, args.invoice, time_left)
    mine = _marked(notes, call.key)
    if mine is None:
        if not listed:
            message = "the invoice has more credit notes than can be looked through"
            raise Rejected(message, code="credit.not_possible")
        _refuse(call.client, invoice, args, time_left)
        mine = _made(call, args, time_left)
    return _settled(call.client, mine, args, time_left)


def probe_credit(call: Call[StripeClient]) -> Done | Found:
    """Look for the credit note that carries this key in its metadata.

    ABSENT only when every credit note of the invoice was seen; one whose refund has not settled is UNSURE.
    """
    args: IssueCredit = call.args
    time_left = call.client.within(ASK_SECONDS)
    notes, listed = _notes(call.client, args.invoice, time_left)
    mine = _marked(notes, call.key)
    if mine is None:
        return Found.ABSENT if listed else Found.UNSURE
    try:
        return _settled(call.client, mine, args, time_left)
    except OutcomeUnknown:
        return Found.UNSURE


def room(call: Call[StripeClient]) -> Room:
    """What can still be credited: of the invoice, and of its payment where money goes back.

    Raises:
        Rejected: `state.changed`: the payment or the way is another than was quoted.
    """
    args: IssueCredit = call.args
    time_left = call.client.within(ASK_SECONDS)
    invoice = invoice_of(call.client, args.invoice, time_left)
    state = _paid_by(call.client, invoice, _settlement(invoice), time_left)
    _refuse_moved(invoice, state, args)
    return Room(left=_left(invoice, state).amount)


def _settlement(invoice: InvoiceNode) -> CreditSettlement:
    """Where a credit goes: a paid invoice's back over its payment, an open one's off what is due."""
    if invoice.status == "open":
        return CreditSettlement.REDUCE
    paid_by_charge = invoice.payment_intent is not None or invoice.charge is not None
    if invoice.status != "paid" or invoice.paid_out_of_band or not paid_by_charge:
        message = "the invoice is neither open nor paid by a charge"
        raise Rejected(message, code="credit.not_possible")
    return CreditSettlement.REFUND


def _paid_by(
    client: StripeClient, invoice: InvoiceNode, settlement: CreditSettlement, time_left: TimeLeft
) -> PaymentState | None:
    if settlement is CreditSettlement.REDUCE:
        return None
    return payment_state(client, invoice.payment_intent or invoice.charge or "", time_left)


def _refuse_standing(
    client: StripeClient, invoice: InvoiceNode, state: PaymentState | None, time_left: TimeLeft
) -> None:
    refuse_owned(standing_of_invoice(invoice))
    if state is not None:
        refuse_owned(standing_of(client, state, time_left))
        refuse_disputed(state)


def _left(invoice: InvoiceNode, state: PaymentState | None) -> Money:
    bounds = [invoice.creditable(), state.left() if state is not None else invoice.remaining()]
    return min(bounds, key=lambda each: each.amount)


def _lines_total(invoice: InvoiceNode, lines: tuple[CreditLine, ...]) -> Money:
    """What lines came to with their taxes, for as many of each as divide evenly.

    Raises:
        Rejected: `credit.not_possible`: no such line, more than it had, or a share that does not divide.
    """
    by_id = {each.id: each for each in invoice.lines.data}
    total = 0
    for wanted in lines:
        line = by_id.get(wanted.line)
        had = (line.quantity or 1) if line is not None else 0
        if line is None or wanted.quantity > had or line.total() * wanted.quantity % had:
            message = "the invoice has no such line, fewer of it, or its share is no whole amount"
            raise Rejected(message, code="credit.not_possible")
        total += line.total() * wanted.quantity // had
    return money(total, invoice.currency)


def _form(
    invoice: str, lines: tuple[CreditLine, ...], amount: Money, settlement: CreditSettlement
) -> dict[str, JsonValue]:
    form: dict[str, JsonValue] = {"invoice": invoice}
    if lines:
        form["lines"] = [
            {"type": "invoice_line_item", "invoice_line_item": each.line, "quantity": each.quantity}
            for each in lines
        ]
    else:
        form["amount"] = units(amount)
    if settlement is CreditSettlement.REFUND:
        form["refund_amount"] = units(amount)
    return form


def _refuse(client: StripeClient, invoice: InvoiceNode, args: IssueCredit, time_left: TimeLeft) -> None:
    """Everything that speaks against it, asked of Stripe's state a moment before."""
    state = _paid_by(client, invoice, _settlement(invoice), time_left)
    _refuse_moved(invoice, state, args)
    _refuse_standing(client, invoice, state, time_left)
    if invoice.credited() != args.expected_credited:
        message = f"{invoice.credited()} of the invoice are credited, not {args.expected_credited}"
        raise Rejected(message, code="state.changed")
    left = _left(invoice, state)
    if not _fits(args.amount, left):
        message = f"{left} of the invoice are left to credit, not {args.amount}"
        raise Rejected(message, code="credit.too_much")


def _refuse_moved(invoice: InvoiceNode, state: PaymentState | None, args: IssueCredit) -> None:
    as_quoted = args.settlement is _settlement(invoice) and args.payment == (state.id if state else "")
    if not as_quoted:
        message = "the invoice was paid, or paid otherwise, since it was quoted"
        raise Rejected(message, code="state.changed")


def _made(call: Call[StripeClient], args: IssueCredit, time_left: TimeLeft) -> CreditNoteNode:
    try:
        return _asked(call, args, time_left, key=call.key)
    except OutcomeUnknown as exc:
        if exc.code != KEY_SPENT:
            raise
        notes, listed = _reread(call.client, args, time_left)
        found = _marked(notes, call.key)
        if found is not None:
            return found
        if not listed:
            raise
    return _asked(call, args, time_left, key=f"{call.key}-2")


def _asked(call: Call[StripeClient], args: IssueCredit, time_left: TimeLeft, *, key: str) -> CreditNoteNode:
    form = _form(args.invoice, args.lines, args.amount, args.settlement)
    form["reason"] = args.reason.value
    form["metadata"] = {KEY_FIELD: call.key}
    if args.memo:
        form["memo"] = args.memo
    return call.client.send(CREDIT, CreditNoteNode, time_left, params=form, key=key)


def _notes(
    client: StripeClient, invoice: str, time_left: TimeLeft
) -> tuple[tuple[CreditNoteNode, ...], bool]:
    return client.pages(CREDITS, CreditNoteNode, time_left, {"invoice": invoice})


def _reread(
    client: StripeClient, args: IssueCredit, time_left: TimeLeft
) -> tuple[tuple[CreditNoteNode, ...], bool]:
    try:
        return _notes(client, args.invoice, time_left)
    except (Retryable, Throttled, Rejected, Misconfigured) as exc:
        message = "Stripe accepted the write but could not be re-read"
        raise OutcomeUnknown(message, code="vendor.unconfirmed") from exc


def _marked(notes: tuple[CreditNoteNode, ...], key: IdempotencyKey) -> CreditNoteNode | None:
    return next((each for each in notes if (each.metadata or {}).get(KEY_FIELD) == key), None)


def _settled(client: StripeClient, made: CreditNoteNode, args: IssueCredit, time_left: TimeLeft) -> Done:
    """The credit note as done: it stands, and its refund, if it has one, was paid out.

    Raises:
        OutcomeUnknown: `refund.pending`, `refund.failed`, `credit.void`, `credit.mismatch`, or Stripe
            could not be re-read.
    """
    invoice = _looked_again(client, args, time_left)
    if made.status != "issued":
        raise _unsettled("the credit note was voided since", "credit.void")
    if made.value() != args.amount:
        raise _unsettled(f"the credit note came to {made.value()}, not {args.amount}", "credit.mismatch")
    refunds = args.settlement is CreditSettlement.REFUND
    if refunds != (made.refund is not None):
        raise _unsettled("the credit note went another way than was asked", "credit.mismatch")
    if made.refund is not None:
        _refuse_unpaid(client, made.refund, args, time_left)
    output = InvoiceCredited(
        credit_note=made.id,
        invoice=args.invoice,
        amount=made.value(),
        credited_in_all=invoice.credited(),
        refund=made.refund or "",
    )
    return Done(output=output, vendor_ref=made.id)


def _looked_again(client: StripeClient, args: IssueCredit, time_left: TimeLeft) -> InvoiceNode:
    try:
        return invoice_of(client, args.invoice, time_left)
    except (Retryable, Throttled, Rejected, Misconfigured) as exc:
        message = "Stripe accepted the write but could not be re-read"
        raise OutcomeUnknown(message, code="vendor.unconfirmed") from exc


def _refuse_unpaid(client: StripeClient, refund: str, args: IssueCredit, time_left: TimeLeft) -> None:
    try:
        paid = client.send(REFUND, RefundNode, time_left, ref=refund)
    except (Retryable, Throttled, Rejected, Misconfigured) as exc:
        message = "Stripe issued the credit note and its refund could not be re-read"
        raise OutcomeUnknown(message, code="vendor.unconfirmed") from exc
    if paid.failed:
        raise _unsettled("the credit note stands, but its refund failed", "refund.failed")
    if not paid.succeeded:
        message = "the credit note is issued and its refund not paid out yet"
        raise OutcomeUnknown(message, code="refund.pending", retry_after=60)
    if paid.value() != args.amount:
        raise _unsettled(f"the refund came to {paid.value()}, not {args.amount}", "refund.mismatch")


def _unsettled(message: str, code: str) -> OutcomeUnknown:
    return OutcomeUnknown(message, code=code)


def _fits(amount: Money, left: Money) -> bool:
    return amount.currency == left.currency and 0 < amount.amount <= left.amount
