"""The payment of a case whose subject is one: re-read, and what about it is for a person."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from nightshift.errors import Rejected, Retryable, WireError
from nightshift.ids import ChannelId
from nightshift.model.case import Case
from nightshift.model.event import Event, EventKind, PaymentDetail, SubjectKind
from nightshift.model.payment import Dispute, GivenBackState, Payment
from nightshift.ports.flow import ReadTools

__all__ = ["PaymentRead", "person_by_payment", "read_payment"]


@dataclass(frozen=True, kw_only=True)
class PaymentRead:
    """The payment as re-read, or why it could not be; `channel` is where it was looked up."""

    payment: Payment | None = None
    channel: ChannelId | None = None
    problem: str = ""


def read_payment(tools: ReadTools, case: Case, *, must: bool) -> PaymentRead:
    """The payment of the case's subject.

    Args:
        tools: how reads are made.
        case: whose subject names channel and payment.
        must: a wire error is raised, for the saga to try again.

    Raises:
        WireError: it could not be read now.
    """
    kind, channel, ref = case.subject.split(":", 2)
    if kind != SubjectKind.PAYMENT:
        return PaymentRead()
    where = ChannelId(channel)
    try:
        output = tools.read(case.tenant, where, "payments.get", {"payment": ref})
        return PaymentRead(payment=Payment.model_validate(output), channel=where)
    except Rejected:
        return PaymentRead(channel=where, problem="the payment cannot be found")
    except ValidationError as exc:
        if must:
            raise Retryable("the payment came back in another shape", code="payment.shape") from exc
    except WireError:
        if must:
            raise
    return PaymentRead(channel=where, problem="the payment could not be read")


def person_by_payment(events: tuple[Event, ...], payment: Payment | None) -> str | None:
    """Why a person takes a case about a payment: its bank asks for it back, or a refund bounced.

    What the processor says now decides; what an event said counts only where it cannot be asked.
    """
    standing = [each for each in payment.disputes if each.open] if payment is not None else []
    if standing:
        return _disputed(standing[0])
    told = [event for event in events if event.kind is EventKind.DISPUTE_OPENED]
    if told:
        return _told(told[-1], payment)
    if any(event.kind is EventKind.REFUND_FAILED for event in events):
        return _bounced(payment)
    return None


def _disputed(dispute: Dispute) -> str:
    until = _until(dispute.evidence_due_at)
    return f"the payment is disputed ({dispute.reason}, {dispute.amount}); {until}"


def _told(event: Event, payment: Payment | None) -> str:
    if payment is not None:
        return "a dispute was opened; the processor shows none that is open now"
    due = event.detail.due_at if isinstance(event.detail, PaymentDetail) else None
    return f"the payment is disputed, and could not be read; {_until(due)}"


def _until(due: datetime | None) -> str:
    if due is None:
        return "no date is set until which evidence is taken"
    return f"evidence is taken until {due:%Y-%m-%d %H:%M} UTC"


def _bounced(payment: Payment | None) -> str:
    failed = [each for each in payment.refunds if each.state is GivenBackState.FAILED] if payment else []
    if payment is not None and not failed:
        return "a refund was reported as failed; the processor shows none that is"
    amount = f" of {failed[-1].amount}" if failed else ""
    return f"a refund{amount} failed: its money is back with the store, and the customer has not got it"
