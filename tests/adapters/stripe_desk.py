"""Calls Stripe's tools by name, with plain arguments, and payments as refunds and credit notes take them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from fakes.stripe_records import Charge, Invoice
from functions.adapters.stripe.client import StripeClient
from functions.adapters.stripe.tools import ADAPTER
from nightshift.errors import WireError
from nightshift.tools.binding import Binding, Call, Done, Found

__all__ = ["StripeDesk", "credit_of", "money", "refund_of"]


def money(amount: int, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


class StripeDesk:
    """Calls tools by name with plain arguments."""

    def __init__(self, client: StripeClient) -> None:
        self.client = client

    def call(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> Any:  # noqa: ANN401  # each tool has its own output
        return self.done(tool, key=key, **args).output

    def done(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> Done:
        binding = self._binding(tool)
        return binding.call(self._call(binding, key, args))

    def probe(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> Done | Found:
        binding = self._binding(tool)
        assert binding.probe is not None
        return binding.probe(self._call(binding, key, args))

    def room(self, tool: str, **args: JsonValue) -> int:
        binding = self._binding(tool)
        assert binding.room is not None
        return binding.room(self._call(binding, "key_one", args)).left

    def code(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> str:
        """The code of the error that a call ends with."""
        with pytest.raises(WireError) as caught:
            self.call(tool, key=key, **args)
        return f"{type(caught.value).__name__}:{caught.value.code}"

    def _binding(self, tool: str) -> Binding:
        found = ADAPTER.binding(tool)
        assert found is not None
        return found

    def _call(self, binding: Binding, key: str, args: dict[str, JsonValue]) -> Call[StripeClient]:
        return Call(client=self.client, args=binding.contract.input.model_validate(args), key=key)


def refund_of(charge: Charge, amount: int = 1250, currency: str = "EUR", **more: JsonValue) -> dict[str, Any]:
    return {
        "order": charge.intent or charge.id,
        "amount": money(amount, currency),
        "expected_refunded": money(0, currency),
        "transactions": [{"parent": charge.id, "gateway": "stripe", "amount": money(amount, currency)}],
        "restock": "no_restock",
        **more,
    }


def credit_of(invoice: Invoice, amount: int, **more: JsonValue) -> dict[str, Any]:
    paid = invoice.status == "paid"
    return {
        "invoice": invoice.id,
        "payment": (invoice.intent or invoice.charge or "") if paid else "",
        "settlement": "refund" if paid else "reduce",
        "amount": money(amount),
        "expected_credited": money(0),
        "reason": "product_unsatisfactory",
        **more,
    }
