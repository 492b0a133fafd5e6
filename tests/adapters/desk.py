"""Calls Shopify's tools by name, with plain arguments, and orders as refunds and cancellations take them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from fakes import OrderRecord
from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.tools import ADAPTER
from nightshift.errors import WireError
from nightshift.model.tenant import Channel
from nightshift.tools.binding import Binding, Call, Done, Found


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


class Desk:
    """Calls tools by name with plain arguments."""

    def __init__(self, client: ShopifyClient) -> None:
        self.client = client

    def call(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> Any:  # noqa: ANN401  # each tool has its own output
        return self.done(tool, key=key, **args).output

    def done(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> Done:
        binding = ADAPTER.binding(tool)
        assert binding is not None
        return binding.call(self._call(binding, key, args))

    def probe(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> Done | Found:
        binding = ADAPTER.binding(tool)
        assert binding is not None
        assert binding.probe is not None
        return binding.probe(self._call(binding, key, args))

    def room(self, tool: str, **args: JsonValue) -> int:
        binding = ADAPTER.binding(tool)
        assert binding is not None
        assert binding.room is not None
        return binding.room(self._call(binding, "key_one", args)).left

    def code(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> str:
        """The code of the error that a call ends with."""
        with pytest.raises(WireError) as caught:
            self.call(tool, key=key, **args)
        return f"{type(caught.value).__name__}:{caught.value.code}"

    def _call(self, binding: Binding, key: str, args: dict[str, JsonValue]) -> Call[ShopifyClient]:
        return Call(client=self.client, args=binding.contract.input.model_validate(args), key=key)


def refund_of(order: OrderRecord, amount: int = 4200, **more: JsonValue) -> dict[str, Any]:
    payment = order.transactions[0]
    return {
        "order": order.id,
        "amount": eur(amount),
        "expected_refunded": eur(0),
        "transactions": [{"parent": payment.id, "gateway": payment.gateway, "amount": eur(amount)}],
        "restock": "no_restock",
        **more,
    }


def cancel_of(order: OrderRecord, amount: int = 4200, **more: JsonValue) -> dict[str, Any]:
    return {
        "order": order.id,
        "reason": "customer",
        "amount": eur(amount),
        "expected_refunded": eur(0),
        "restock": True,
        **more,
    }


def channel_of(client: ShopifyClient) -> Channel:
    base = client.url.partition("/admin/")[0]
    return Channel(
        id="late", tenant="acme", adapter="shopify", account="late", base_url=base, secret_ref="secret"
    )
