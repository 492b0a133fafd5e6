"""Stripe's adapter against the conformance suite."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from fakes import StripeFake
from functions.adapters.stripe import client as stripe_code
from functions.adapters.stripe.client import StripeClient
from functions.adapters.stripe.operations import API_VERSION, REGISTERED
from functions.adapters.stripe.tools import ADAPTER
from functions.adapters.stripe.webhooks import _TOPICS
from nightshift.errors import Rejected
from nightshift.model.tenant import Channel
from nightshift.outbound import CONNECT_SECONDS
from nightshift.tools.binding import Adapter
from tests.adapters.conformance import UNCLEAR, Conformance, Rig, Scenario


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


class _Scenarios:
    """Each arrangement enters a new payment, so that one test can show a tool many times."""

    def __init__(self, account: StripeFake) -> None:
        self.account = account

    def payment(self) -> dict[str, Any]:
        return {"payment": self.account.paid().intent}

    def dispute(self) -> dict[str, Any]:
        return {"dispute": self.account.books.dispute(self.account.paid().id).id}

    def quote(self) -> dict[str, Any]:
        return {"order": self.account.paid().intent, "everything": True}

    def refund(self) -> dict[str, Any]:
        charge = self.account.paid(amount=4200)
        return {
            "order": charge.intent,
            "amount": eur(1250),
            "expected_refunded": eur(0),
            "transactions": [{"parent": charge.id, "gateway": "stripe", "amount": eur(1250)}],
            "restock": "no_restock",
            "note": "Late",
        }

    def quote_credit(self) -> dict[str, Any]:
        charge = self.account.paid(origin="invoice", lines=[{"amount": 1000, "tax": 190, "quantity": 2}])
        invoice = self.account.books.invoices[charge.invoice or ""]
        return {"invoice": invoice.id, "lines": [{"line": invoice.lines[0].id, "quantity": 1}]}

    def credit(self) -> dict[str, Any]:
        charge = self.account.paid(origin="invoice", lines=[{"amount": 1000, "tax": 190}, {"amount": 500}])
        invoice = self.account.books.invoices[charge.invoice or ""]
        return {
            "invoice": invoice.id,
            "payment": charge.intent,
            "settlement": "refund",
            "amount": eur(1190),
            "expected_credited": eur(0),
            "lines": [{"line": invoice.lines[0].id, "quantity": 1}],
            "reason": "product_unsatisfactory",
            "memo": "As agreed",
        }

    def all(self) -> dict[str, Scenario]:
        books = self.account.books
        return {
            "payments.get": Scenario(arrange=self.payment, operation="payment_intents.retrieve"),
            "payments.get_dispute": Scenario(arrange=self.dispute, operation="disputes.retrieve"),
            "payments.quote_refund": Scenario(arrange=self.quote, operation="payment_intents.retrieve"),
            "payments.quote_credit": Scenario(arrange=self.quote_credit, operation="credit_notes.preview"),
            "payments.refund": Scenario(
                arrange=self.refund, operation="refunds.create", effects=lambda: len(books.refunds)
            ),
            "payments.credit_note": Scenario(
                arrange=self.credit, operation="credit_notes.create", effects=lambda: len(books.notes)
            ),
        }


class TestStripe(Conformance):
    ADAPTER: ClassVar[Adapter] = ADAPTER
    STATUS_TABLE = stripe_code.STATUSES
    PRODUCTION_URL = "https://api.stripe.com"

    @pytest.fixture
    def rig(self, account: StripeFake, account_channel: Channel) -> Rig:
        def client(channel: Channel, seconds: float) -> StripeClient:
            return StripeClient(channel, account.api_key, request_seconds=seconds)

        return Rig(
            channel=account_channel,
            secret={"api_key": account.api_key, "webhook_secret": account.webhook_secrets[0]},
            fail=account.fail,
            client=client,
            scenarios=_Scenarios(account).all(),
            personal=("kim@example.com", "Kim Jansen", "Lindenstr", "cus_kim"),
            differs={402: (Rejected, Rejected), 423: UNCLEAR, 430: UNCLEAR},
        )

    def test_its_version_and_topics_stand_in_adapter_toml(self) -> None:
        said = self.toml()
        assert said["api_version"] == API_VERSION
        assert set(said["topics"]) == set(_TOPICS)
        assert set(REGISTERED) == set(_TOPICS) - {"refund.failed"}
        assert said["timeouts"]["request"] == stripe_code.REQUEST_SECONDS
        assert said["timeouts"]["connect"] == CONNECT_SECONDS
