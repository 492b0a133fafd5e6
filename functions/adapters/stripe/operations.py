"""Every request this adapter makes: its verb, its path, what is expanded. `ALL` is what tests check."""

from dataclasses import dataclass

__all__ = [
    "ACCOUNT",
    "ALL",
    "API_VERSION",
    "CHARGE",
    "CREDIT",
    "CREDITS",
    "CREDIT_PREVIEW",
    "DISPUTE",
    "DISPUTES",
    "ENDPOINTS",
    "ENDPOINT_CREATE",
    "ENDPOINT_UPDATE",
    "INTENT",
    "INVOICE",
    "INVOICES_NAMED",
    "REFUND",
    "REFUNDS",
    "REFUND_CREATE",
    "REGISTERED",
    "SESSIONS",
    "Operation",
]

API_VERSION = "2023-08-16"
"""Sent with every request, so that answers keep this shape whatever version the account is on."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One kind of request.

    Args:
        name: for messages: `refunds.create`.
        method: the verb; everything but `GET` changes something.
        path: with the id's place as `{id}`, as Stripe's specification writes it but for the id's name.
        expand: what is given whole instead of as an id.
    """

    name: str
    method: str
    path: str
    expand: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether it could change something."""
        return self.method != "GET"


REGISTERED = (
    "charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn", "charge.dispute.updated", "charge.refund.updated", "charge.refunded",
    "charge.succeeded", "credit_note.created", "credit_note.updated", "credit_note.voided", "invoice.paid",
    "refund.created", "refund.updated",
)  # fmt: skip
"""The events we ask for: all that `webhooks.py` reads but `refund.failed`, which came after our version.

`refund.updated` says the same.
"""

INTENT = Operation(
    name="payment_intents.retrieve",
    method="GET",
    path="/v1/payment_intents/{id}",
    expand=("latest_charge", "invoice"),
)
CHARGE = Operation(
    name="charges.retrieve", method="GET", path="/v1/charges/{id}", expand=("payment_intent", "invoice")
)
INVOICE = Operation(name="invoices.retrieve", method="GET", path="/v1/invoices/{id}")
INVOICES_NAMED = Operation(name="invoices.search", method="GET", path="/v1/invoices/search")
REFUNDS = Operation(name="refunds.list", method="GET", path="/v1/refunds")
REFUND = Operation(name="refunds.retrieve", method="GET", path="/v1/refunds/{id}")
REFUND_CREATE = Operation(name="refunds.create", method="POST", path="/v1/refunds")
SESSIONS = Operation(name="checkout.sessions.list", method="GET", path="/v1/checkout/sessions")
DISPUTES = Operation(name="disputes.list", method="GET", path="/v1/disputes")
DISPUTE = Operation(name="disputes.retrieve", method="GET", path="/v1/disputes/{id}")
CREDITS = Operation(name="credit_notes.list", method="GET", path="/v1/credit_notes")
CREDIT_PREVIEW = Operation(name="credit_notes.preview", method="GET", path="/v1/credit_notes/preview")
CREDIT = Operation(name="credit_notes.create", method="POST", path="/v1/credit_notes")
ACCOUNT = Operation(name="account.retrieve", method="GET", path="/v1/account")
ENDPOINTS = Operation(name="webhook_endpoints.list", method="GET", path="/v1/webhook_endpoints")
ENDPOINT_CREATE = Operation(name="webhook_endpoints.create", method="POST", path="/v1/webhook_endpoints")
ENDPOINT_UPDATE = Operation(name="webhook_endpoints.update", method="POST", path="/v1/webhook_endpoints/{id}")

ALL = (
    INTENT, CHARGE, INVOICE, INVOICES_NAMED, REFUNDS, REFUND, REFUND_CREATE, SESSIONS, DISPUTES, DISPUTE,
    CREDITS, CREDIT_PREVIEW, CREDIT, ACCOUNT, ENDPOINTS, ENDPOINT_CREATE, ENDPOINT_UPDATE,
)  # fmt: skip
