"""A payment as it is now: what a write looks at before and after, and how it finds its own traces."""

import re
from dataclasses import dataclass, replace

from functions.adapters.stripe.amounts import money
from functions.adapters.stripe.client import StripeClient
from functions.adapters.stripe.models.payments import (
    ChargeNode,
    DisputeNode,
    IntentNode,
    InvoiceNode,
    RefundNode,
    SessionNode,
)
from functions.adapters.stripe.models.wire import Page
from functions.adapters.stripe.operations import (
    CHARGE,
    DISPUTES,
    INTENT,
    INVOICE,
    INVOICES_NAMED,
    REFUNDS,
    SESSIONS,
)
from functions.adapters.stripe.ownership import Standing, standing
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled
from nightshift.ids import IdempotencyKey
from nightshift.money import Money
from nightshift.outbound import TimeLeft

__all__ = [
    "KEY_FIELD",
    "PaymentState",
    "invoice_named",
    "invoice_of",
    "is_invoice",
    "marked",
    "not_found",
    "payment_state",
    "refuse_disputed",
    "reread",
    "standing_of",
]

KEY_FIELD = "nightshift_key"
"""The metadata by which an effect is found again."""

_INTENT = re.compile(r"pi_[A-Za-z0-9_]{1,100}")
_CHARGE = re.compile(r"(?:ch|py)_[A-Za-z0-9_]{1,100}")
_INVOICE = re.compile(r"in_[A-Za-z0-9_]{1,100}")
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,39}")


@dataclass(frozen=True, kw_only=True)
class PaymentState:
    """One charge that took money, with all that hangs on it.

    Args:
        charge: what took the money.
        intent: what it was taken for; charges made the old way have none.
        invoice: what it paid, if it paid one.
        refunds: all of the charge's that Stripe listed.
        listed: whether these are all there are.
        disputes: of the charge.
    """

    charge: ChargeNode
    intent: IntentNode | None
    invoice: InvoiceNode | None
    refunds: tuple[RefundNode, ...]
    listed: bool
    disputes: tuple[DisputeNode, ...]

    @property
    def id(self) -> str:
        """The one id writes take: the intent's, or the charge's where there is no intent."""
        return self.intent.id if self.intent is not None else self.charge.id

    def captured(self) -> Money:
        """What was taken from the customer."""
        return self.charge.taken()

    def refunded(self) -> Money:
        """What has gone back or is on its way: pending refunds count, failed ones do not."""
        said = money(self.charge.amount_refunded, self.charge.currency)
        counted = Money.zero(said.currency)
        for each in self.refunds:
            if each.succeeded or each.pending:
                counted = counted + each.value()
        return max(counted, said)

    def left(self) -> Money:
        """Captured minus refunded, never below nothing; nothing while a dispute stands."""
        left = self.captured() - self.refunded()
        blocked = left.amount < 0 or any(each.blocks for each in self.disputes)
        return Money.zero(left.currency) if blocked else left


def not_found() -> Rejected:
    """There is no such payment."""
    return Rejected("Stripe has no such payment", code="payment.not_found")


def is_invoice(ref: str) -> bool:
    """Whether this is Stripe's own id of an invoice."""
    return _INVOICE.fullmatch(ref) is not None


def payment_state(client: StripeClient, ref: str, time_left: TimeLeft) -> PaymentState:
    """The payment that a Stripe id names: an intent's, a charge's or an invoice's.

    Raises:
        Rejected: `payment.not_found`: there is none, or nothing was ever charged for it.
    """
    charge, intent, invoice = _found(client, ref, time_left)
    refunds, listed = client.pages(REFUNDS, RefundNode, time_left, {"charge": charge.id})
    disputes: tuple[DisputeNode, ...] = ()
    if charge.disputed:
        disputes, _ = client.pages(DISPUTES, DisputeNode, time_left, {"charge": charge.id})
    return PaymentState(
        charge=charge, intent=intent, invoice=invoice, refunds=refunds, listed=listed, disputes=disputes
    )


def reread(client: StripeClient, before: PaymentState, time_left: TimeLeft) -> PaymentState:
    """The same after a write: not being able to look does not mean that nothing happened.

    Raises:
        OutcomeUnknown: Stripe could not be asked.
    """
    try:
        refunds, listed = client.pages(REFUNDS, RefundNode, time_left, {"charge": before.charge.id})
        charge = client.send(CHARGE, ChargeNode, time_left, ref=before.charge.id)
    except (Retryable, Throttled, Rejected, Misconfigured) as exc:
        message = "Stripe accepted the write but could not be re-read"
        raise OutcomeUnknown(message, code="vendor.unconfirmed") from exc
    return replace(before, charge=charge, refunds=refunds, listed=listed)


def standing_of(client: StripeClient, state: PaymentState, time_left: TimeLeft) -> Standing:
    """Why the payment is not ours to move; empty: it is. Looks for the page it was paid on."""
    sessions: tuple[SessionNode, ...] = ()
    if state.intent is not None:
        page = client.send(
            SESSIONS, Page[SessionNode], time_left, params={"payment_intent": state.intent.id, "limit": 10}
        )
        sessions = page.data
    return standing(state.charge, state.intent, state.invoice, sessions)


def refuse_disputed(state: PaymentState) -> None:
    """Refuse while a bank holds, or has taken, the money.

    Raises:
        Rejected: `payment.disputed`.
    """
    if any(each.blocks for each in state.disputes):
        message = "the payment is disputed: its money is with the customer's bank"
        raise Rejected(message, code="payment.disputed")


def marked(state: PaymentState, key: IdempotencyKey) -> RefundNode | None:
    """The refund that carries this key."""
    return next((each for each in state.refunds if (each.metadata or {}).get(KEY_FIELD) == key), None)


def invoice_of(client: StripeClient, ref: str, time_left: TimeLeft) -> InvoiceNode:
    """One invoice, by Stripe's id.

    Raises:
        Rejected: `payment.not_found`.
    """
    if not is_invoice(ref):
        raise not_found()
    return client.send(INVOICE, InvoiceNode, time_left, ref=ref)


def invoice_named(client: StripeClient, number: str, time_left: TimeLeft) -> InvoiceNode:
    """The one invoice with a number, as customers know it.

    Raises:
        Rejected: `payment.not_found`: none, or more than one.
    """
    if not _NUMBER.fullmatch(number):
        raise not_found()
    query = f'number:"{number}"'
    found = client.send(
        INVOICES_NAMED, Page[InvoiceNode], time_left, params={"query": query, "limit": 2}
    ).data
    if len(found) != 1:
        raise not_found()
    return found[0]


def _found(
    client: StripeClient, ref: str, time_left: TimeLeft
) -> tuple[ChargeNode, IntentNode | None, InvoiceNode | None]:
    if is_invoice(ref):
        paid = invoice_of(client, ref, time_left)
        ref = paid.payment_intent or paid.charge or ""
    if _INTENT.fullmatch(ref):
        intent = client.send(INTENT, IntentNode, time_left, ref=ref)
        charge = intent.latest_charge
        if not isinstance(charge, ChargeNode):
            raise not_found()
        return charge, intent, _whole(client, intent.invoice or charge.invoice, time_left)
    if _CHARGE.fullmatch(ref):
        charge = client.send(CHARGE, ChargeNode, time_left, ref=ref)
        behind = charge.payment_intent if isinstance(charge.payment_intent, IntentNode) else None
        return charge, behind, _whole(client, charge.invoice, time_left)
    raise not_found()


def _whole(
    client: StripeClient, invoice: InvoiceNode | str | None, time_left: TimeLeft
) -> InvoiceNode | None:
    return invoice_of(client, invoice, time_left) if isinstance(invoice, str) else invoice
