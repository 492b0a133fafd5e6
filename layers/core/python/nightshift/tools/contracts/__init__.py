"""The contracts of all tools, one module per domain; `ALL` lists them by name."""

from typing import Any

from nightshift.tools.contract import ToolContract
from nightshift.tools.contracts import (
    catalog,
    competitors,
    inventory,
    listings,
    messaging,
    orders,
    payments,
    pricing,
    processor,
)

__all__ = ["ALL"]

ALL: dict[str, ToolContract[Any, Any]] = {
    contract.name: contract
    for module in (orders, payments, processor, messaging, catalog, pricing, inventory, listings, competitors)
    for contract in vars(module).values()
    if isinstance(contract, ToolContract)
}
