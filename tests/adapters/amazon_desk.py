"""Calls Amazon's tools by name, with plain arguments."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from functions.adapters.amazon.client import AmazonClient
from functions.adapters.amazon.tools import ADAPTER
from nightshift.errors import WireError
from nightshift.tools.binding import Binding, Call, Done, Found

__all__ = ["AmazonDesk", "eur", "new_mug"]


def eur(amount: int) -> dict[str, JsonValue]:
    return {"amount": amount, "currency": "EUR"}


def new_mug(**changed: JsonValue) -> dict[str, JsonValue]:
    """A product to be listed."""
    said: dict[str, JsonValue] = {
        "sku": "MUG-BLUE",
        "category": "DRINKING_CUP",
        "title": "Blue mug",
        "brand": "Acme",
        "price": eur(1250),
        "quantity": 40,
        "gtin": "4006381333931",
        "images": ["https://cdn.acme.example/blue.jpg"],
    }
    return said | changed


class AmazonDesk:
    """Calls tools by name with plain arguments."""

    def __init__(self, client: AmazonClient) -> None:
        self.client = client

    def call(self, tool: str, **args: JsonValue) -> Any:  # noqa: ANN401  # each tool has its own output
        binding = self._binding(tool)
        return binding.call(self._call(binding, args)).output

    def probe(self, tool: str, **args: JsonValue) -> Done | Found:
        binding = self._binding(tool)
        assert binding.probe is not None
        return binding.probe(self._call(binding, args))

    def code(self, tool: str, **args: JsonValue) -> str:
        """The code of the error that a call ends with."""
        with pytest.raises(WireError) as caught:
            self.call(tool, **args)
        return f"{type(caught.value).__name__}:{caught.value.code}"

    def _binding(self, tool: str) -> Binding:
        found = ADAPTER.binding(tool)
        assert found is not None
        return found

    def _call(self, binding: Binding, args: dict[str, JsonValue]) -> Call[AmazonClient]:
        return Call(client=self.client, args=binding.contract.input.model_validate(args), key="key_one")
