"""Calls eBay's tools by name, with plain arguments."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from functions.adapters.ebay.client import EbayClient
from functions.adapters.ebay.tools import ADAPTER
from nightshift.errors import WireError
from nightshift.tools.binding import Binding, Call, Done, Found

__all__ = ["EbayDesk", "listing_of"]


class EbayDesk:
    """Calls tools by name with plain arguments."""

    def __init__(self, client: EbayClient) -> None:
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

    def code(self, tool: str, *, key: str = "key_one", **args: JsonValue) -> str:
        """The class and code of the error that a call ends with."""
        with pytest.raises(WireError) as caught:
            self.call(tool, key=key, **args)
        return f"{type(caught.value).__name__}:{caught.value.code}"

    def _binding(self, tool: str) -> Binding:
        found = ADAPTER.binding(tool)
        assert found is not None
        return found

    def _call(self, binding: Binding, key: str, args: dict[str, JsonValue]) -> Call[EbayClient]:
        return Call(client=self.client, args=binding.contract.input.model_validate(args), key=key)


def listing_of(sku: str, **more: JsonValue) -> dict[str, Any]:
    return {
        "sku": sku,
        "category": "20625",
        "title": "Blue mug",
        "description": "A mug. It is blue.",
        "brand": "Acme",
        "price": {"amount": 1250, "currency": "EUR"},
        "quantity": 42,
        "gtin": "4006381333931",
        "images": ["https://cdn.acme.example/mug.jpg"],
        "details": [{"name": "Farbe", "value": "Blau"}],
        **more,
    }
