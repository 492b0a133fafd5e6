"""The stand-in shop's shelf: variants, what they cost, and what each location has of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nightshift.money import Money

__all__ = ["ProductSpec", "Shelf", "VariantRecord"]

MAIN = "gid://shopify/Location/1"


class ProductSpec(BaseModel):
    """A product with one variant, as it is entered; `stock` is by location."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sku: str
    title: str = "Blue mug"
    description: str = "A mug. It is blue."
    vendor: str = "Acme"
    barcode: str | None = "4006381333931"
    price: str = "12.50"
    stock: dict[str, int] = Field(default_factory=lambda: {MAIN: 42})
    tracked: bool = True
    status: str = "ACTIVE"
    images: tuple[str, ...] = ("https://cdn.shopify.example/mug-1.jpg",)


@dataclass
class VariantRecord:
    """One variant in the books."""

    id: str
    product: str
    item: str
    spec: ProductSpec
    price: Money
    stock: dict[str, int]


Problem = tuple[str, str]  # its code and its words


class Shelf:
    """All variants of one shop.

    Attributes:
        currency: of the shop, in which all prices are.
        variants: by id.
        price_changes: every price that was set, as (sku, decimal).
        adjustments: every quantity that was set, as (sku, location, before, after).
        honour_keys: whether the same key gives the first answer again.
    """

    def __init__(self, gid: Callable[[str], str]) -> None:
        self._gid = gid
        self.currency = "EUR"
        self.variants: dict[str, VariantRecord] = {}
        self.price_changes: list[tuple[str, str]] = []
        self.adjustments: list[tuple[str, str, int, int]] = []
        self.honour_keys = True
        self._keys: dict[str, tuple[str, str]] = {}

    def enter(self, spec: ProductSpec) -> VariantRecord:
        """Put a product on the shelf."""
        made = VariantRecord(
            id=self._gid("ProductVariant"),
            product=self._gid("Product"),
            item=self._gid("InventoryItem"),
            spec=spec,
            price=Money.parse(spec.price, self.currency),
            stock=dict(spec.stock),
        )
        self.variants[made.id] = made
        return made

    def find(self, words: str) -> list[VariantRecord]:
        """A SKU matches where it begins with the words, whatever their case, as Shopify's search does."""
        wanted = words.casefold()
        return [each for each in self.variants.values() if each.spec.sku.casefold().startswith(wanted)]

    def set_prices(
        self, product: str, given: Sequence[Mapping[str, Any]]
    ) -> tuple[list[VariantRecord], Problem | None]:
        """Set variants' prices, all or none."""
        chosen: list[tuple[VariantRecord, Money]] = []
        for each in given:
            variant = self.variants.get(str(each.get("id")))
            if variant is None or variant.product != product:
                return [], ("PRODUCT_VARIANT_DOES_NOT_EXIST", "Product variant does not exist")
            price = Money.parse(str(each["price"]), self.currency)
            if price.amount < 0:
                return [], ("NEGATIVE_PRICE_VALUE", "Price must be greater than or equal to 0")
            chosen.append((variant, price))
        for variant, price in chosen:
            variant.price = price
            self.price_changes.append((variant.spec.sku, price.decimal()))
        return [variant for variant, _ in chosen], None

    def set_quantities(self, given: Mapping[str, Any], key: str) -> tuple[str | None, Problem | None]:
        """Set quantities, all or none; gives the adjustment group's id."""
        fingerprint = json.dumps(given, sort_keys=True)
        known = self._keys.get(key) if self.honour_keys else None
        if known is not None:
            if known[0] == fingerprint:
                return known[1], None
            return None, ("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "The key was used with other parameters")
        changes = [(self._of_item(each["inventoryItemId"]), each) for each in given["quantities"]]
        problem = next(filter(None, (_against(variant, each) for variant, each in changes)), None)
        if problem is not None:
            return None, problem
        for variant, each in changes:
            if variant is not None:
                self._adjust(variant, each["locationId"], each["quantity"])
        group = self._gid("InventoryAdjustmentGroup")
        self._keys[key] = (fingerprint, group)
        return group, None

    def _adjust(self, variant: VariantRecord, location: str, quantity: int) -> None:
        self.adjustments.append((variant.spec.sku, location, variant.stock[location], quantity))
        variant.stock[location] = quantity

    def _of_item(self, item: str) -> VariantRecord | None:
        return next((each for each in self.variants.values() if each.item == item), None)

    def ledger(self) -> list[dict[str, Any]]:
        """The shelf as JSON."""
        return [
            {
                "id": each.id,
                "sku": each.spec.sku,
                "price": each.price.decimal(),
                "currency": each.price.currency,
                "stock": dict(each.stock),
            }
            for each in self.variants.values()
        ]


def _against(variant: VariantRecord | None, given: Mapping[str, Any]) -> Problem | None:
    if variant is None:
        return "INVALID_INVENTORY_ITEM", "The specified inventory item could not be found."
    if given["locationId"] not in variant.stock:
        return "ITEM_NOT_STOCKED_AT_LOCATION", "The item is not stocked at this location."
    if given["quantity"] < 0:
        return "INVALID_QUANTITY_NEGATIVE", "The quantity can't be negative."
    expected = given.get("changeFromQuantity")
    if expected is not None and expected != variant.stock[given["locationId"]]:
        return "CHANGE_FROM_QUANTITY_STALE", "The changeFromQuantity does not match the persisted quantity."
    return None
