"""Records as the API shows them in version 2023-08-16: every field its specification requires."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fakes.stripe_records import (
    Charge,
    CreditNote,
    Dispute,
    Endpoint,
    Intent,
    Invoice,
    InvoiceLine,
    Refund,
    Session,
)

__all__ = [
    "charge_object",
    "credit_object",
    "dispute_object",
    "endpoint_object",
    "intent_object",
    "invoice_object",
    "listed",
    "refund_object",
    "session_object",
    "stamp",
]


def stamp(at: datetime) -> int:
    """Seconds since 1970, as Stripe counts."""
    return int(at.timestamp())


def listed(url: str, items: Sequence[Mapping[str, Any]], *, more: bool = False) -> dict[str, Any]:
    """A list object."""
    return {"object": "list", "url": url, "has_more": more, "data": list(items)}


def refund_object(refund: Refund) -> dict[str, Any]:
    """A refund."""
    shown: dict[str, Any] = {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": f"txn_{refund.id[3:]}",
        "charge": refund.charge,
        "created": stamp(refund.created),
        "currency": refund.currency,
        "metadata": refund.metadata,
        "payment_intent": refund.intent,
        "reason": refund.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": refund.status,
        "transfer_reversal": None,
    }
    if refund.status == "failed":
        shown["failure_reason"] = "expired_or_canceled_card"
    if refund.status == "requires_action":
        shown["next_action"] = {"type": "display_details"}
    return shown


def charge_object(charge: Charge, refunded: int) -> dict[str, Any]:
    """A charge, of which so much has gone back or is on its way."""
    return {
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount if charge.captured else 0,
        "amount_refunded": refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": f"txn_{charge.id[3:]}",
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": charge.email,
            "name": "Kim Jansen",
            "phone": None,
        },
        "captured": charge.captured,
        "created": stamp(charge.created),
        "currency": charge.currency,
        "customer": charge.customer,
        "description": charge.description,
        "disputed": charge.disputed,
        "failure_code": None,
        "failure_message": None,
        "invoice": charge.invoice,
        "livemode": False,
        "metadata": charge.metadata,
        "on_behalf_of": None,
        "paid": True,
        "payment_intent": charge.intent,
        "payment_method": "pm_1",
        "receipt_email": charge.email,
        "receipt_number": charge.receipt_number,
        "refunded": refunded >= charge.amount > 0,
        "shipping": None,
        "source_transfer": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
        **charge.more,
    }


def intent_object(intent: Intent) -> dict[str, Any]:
    """A payment intent."""
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_received": intent.amount if intent.status == "succeeded" else 0,
        "application": None,
        "capture_method": "automatic",
        "client_secret": f"{intent.id}_secret_never_logged",
        "confirmation_method": "automatic",
        "created": stamp(intent.created),
        "currency": intent.currency,
        "customer": intent.customer,
        "description": None,
        "invoice": intent.invoice,
        "latest_charge": intent.charge,
        "livemode": False,
        "metadata": intent.metadata,
        "on_behalf_of": None,
        "payment_method_types": ["card"],
        "receipt_email": intent.email,
        "status": intent.status,
        "transfer_data": None,
        "transfer_group": None,
        **intent.more,
    }


def _line_object(line: InvoiceLine, invoice: Invoice) -> dict[str, Any]:
    at = stamp(invoice.created)
    taxes = [{"amount": line.tax, "inclusive": False, "tax_rate": "txr_1"}] if line.tax else []
    return {
        "id": line.id,
        "object": "line_item",
        "amount": line.amount,
        "currency": invoice.currency,
        "description": line.description,
        "discount_amounts": [],
        "discountable": True,
        "livemode": False,
        "metadata": {},
        "period": {"start": at, "end": at},
        "proration": False,
        "quantity": line.quantity,
        "tax_amounts": taxes,
        "type": "invoiceitem",
    }


def invoice_object(invoice: Invoice) -> dict[str, Any]:
    """An invoice."""
    total, at = invoice.total(), stamp(invoice.created)
    paid = invoice.status == "paid"
    due = 0 if paid else max(0, total - invoice.before)
    subtotal = sum(line.amount for line in invoice.lines)
    lines = [_line_object(line, invoice) for line in invoice.lines]
    return {
        "id": invoice.id,
        "object": "invoice",
        "amount_due": total - invoice.before,
        "amount_paid": total - invoice.before if paid else 0,
        "amount_remaining": due,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 1,
        "attempted": True,
        "automatic_tax": {"enabled": False, "status": None},
        "billing_reason": "manual",
        "charge": invoice.charge,
        "collection_method": "charge_automatically" if paid else "send_invoice",
        "created": at,
        "currency": invoice.currency,
        "customer": invoice.customer,
        "customer_email": invoice.email,
        "default_tax_rates": [],
        "description": None,
        "lines": listed(f"/v1/invoices/{invoice.id}/lines", lines),
        "livemode": False,
        "metadata": invoice.metadata,
        "number": invoice.number,
        "on_behalf_of": None,
        "paid": paid,
        "paid_out_of_band": False,
        "payment_intent": invoice.intent,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": at,
        "period_start": at,
        "post_payment_credit_notes_amount": invoice.after,
        "pre_payment_credit_notes_amount": invoice.before,
        "receipt_number": None,
        "starting_balance": 0,
        "status": invoice.status,
        "status_transitions": {
            "finalized_at": at,
            "marked_uncollectible_at": None,
            "paid_at": at if paid else None,
            "voided_at": None,
        },
        "subtotal": subtotal,
        "total": total,
        "total_tax_amounts": [],
        "transfer_data": None,
        **invoice.more,
    }


def credit_object(note: CreditNote, customer: str | None) -> dict[str, Any]:
    """A credit note, issued or only previewed."""
    return {
        "id": note.id,
        "object": "credit_note",
        "amount": note.total,
        "amount_shipping": 0,
        "created": stamp(note.created),
        "currency": note.currency,
        "customer": customer or "cus_none",
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice": note.invoice,
        "lines": listed(f"/v1/credit_notes/{note.id}/lines", note.lines),
        "livemode": False,
        "memo": note.memo,
        "metadata": note.metadata,
        "number": f"{note.id}-CN-01",
        "out_of_band_amount": None,
        "pdf": f"https://pay.stripe.com/credit_notes/{note.id}/pdf",
        "reason": note.reason,
        "refund": note.refund,
        "status": note.status,
        "subtotal": note.total,
        "tax_amounts": [],
        "total": note.total,
        "type": note.kind,
        "voided_at": None,
    }


def dispute_object(dispute: Dispute) -> dict[str, Any]:
    """A dispute."""
    return {
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": [],
        "charge": dispute.charge,
        "created": stamp(dispute.created),
        "currency": dispute.currency,
        "evidence": {"customer_email_address": None},
        "evidence_details": {
            "due_by": stamp(dispute.due_by),
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": dispute.refundable,
        "livemode": False,
        "metadata": {},
        "payment_intent": dispute.intent,
        "reason": dispute.reason,
        "status": dispute.status,
    }


def session_object(session: Session) -> dict[str, Any]:
    """A Checkout session."""
    at = stamp(session.created)
    return {
        "id": session.id,
        "object": "checkout.session",
        "automatic_tax": {"enabled": False, "status": None},
        "client_reference_id": session.client_reference_id,
        "created": at,
        "custom_fields": [],
        "custom_text": {"shipping_address": None, "submit": None},
        "expires_at": at + 86400,
        "livemode": False,
        "metadata": session.metadata,
        "mode": "payment",
        "payment_intent": session.intent,
        "payment_link": session.payment_link,
        "payment_method_types": ["card"],
        "payment_status": "paid",
        "shipping_options": [],
        "status": "complete",
    }


def endpoint_object(endpoint: Endpoint, *, secret: bool = False) -> dict[str, Any]:
    """A webhook endpoint; its secret is shown once."""
    shown: dict[str, Any] = {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "api_version": endpoint.api_version,
        "application": None,
        "created": stamp(endpoint.created),
        "description": None,
        "enabled_events": endpoint.events,
        "livemode": False,
        "metadata": {},
        "status": endpoint.status,
        "url": endpoint.url,
    }
    return {**shown, "secret": endpoint.secret} if secret else shown
