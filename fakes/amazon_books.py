"""The books of one stand-in seller: what was submitted, what Amazon made of it, what customers see."""

import copy
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Change", "ItemRecord", "Objection", "SellerBooks", "Submitted", "issue"]

_REQUIRED = {
    "LISTING": ("condition_type", "purchasable_offer", "fulfillment_availability", "item_name"),
    "LISTING_OFFER_ONLY": (
        "condition_type", "purchasable_offer", "fulfillment_availability", "merchant_suggested_asin",
    ),
    "LISTING_PRODUCT_ONLY": ("item_name",),
}  # fmt: skip

Attributes = dict[str, list[dict[str, Any]]]


@dataclass
class ItemRecord:
    """One SKU in the seller's marketplace.

    Attributes:
        attributes: what the seller said last; shown at once.
        live: what Amazon made of it: what customers see.
    """

    sku: str
    asin: str
    product_type: str
    attributes: Attributes
    live: Attributes
    created: datetime
    updated: datetime
    issues: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """Something that became different for customers."""

    operation: str
    sku: str


@dataclass
class Submitted:
    """A submission that was accepted; it shows after so many more reads of its SKU."""

    operation: str
    sku: str
    product_type: str
    attributes: Attributes
    left: int


@dataclass(frozen=True)
class Objection:
    """What Amazon will find wrong after it has accepted; `keeps`: what was before stays."""

    issue: dict[str, Any]
    keeps: bool


def issue(
    code: str, *attributes: str, severity: str = "ERROR", category: str = "INVALID_ATTRIBUTE"
) -> dict[str, Any]:
    """An issue as Amazon shows it."""
    message = f"The submitted value is not accepted ({code})."
    said = {"code": code, "message": message, "severity": severity, "categories": [category]}
    return said | ({"attributeNames": list(attributes)} if attributes else {})


class SellerBooks:
    """What happened, and the switches.

    Attributes:
        lag: how many reads of a SKU still show what was before an accepted submission.
        objections: by SKU: what the next submission leads to.
        changes: what became different, in order: the effects.
        requests: how often each operation was asked for.
    """

    def __init__(self, now: Callable[[], datetime], marketplace: str, currency: str) -> None:
        self.now = now
        self.marketplace = marketplace
        self.currency = currency
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Empty the books."""
        with self.lock:
            self.lag = 0
            self.items: dict[str, ItemRecord] = {}
            self.pending: list[Submitted] = []
            self.objections: dict[str, Objection] = {}
            self.changes: list[Change] = []
            self.requests: Counter[str] = Counter()
            self._made = 0

    def new_asin(self) -> str:
        """An ASIN that no other item has."""
        self._made += 1
        return f"B0FAKE{self._made:04}"

    def list_item(
        self,
        sku: str,
        *,
        price: str = "12.50",
        quantity: int = 40,
        title: str = "Blue mug",
        product_type: str = "DRINKING_CUP",
        fulfilled_by: str = "DEFAULT",
        **more: list[dict[str, Any]],
    ) -> ItemRecord:
        """Enter an item that is on sale; `more` are further attributes."""
        here = {"marketplace_id": self.marketplace}
        said: Attributes = {
            "item_name": [{"value": title, "language_tag": "de_DE", **here}],
            "condition_type": [{"value": "new_new", **here}],
            "purchasable_offer": [self.offer(price)],
            "fulfillment_availability": [{"fulfillment_channel_code": fulfilled_by, "quantity": quantity}],
            **more,
        }
        with self.lock:
            asin, now = self.new_asin(), self.now()
            self.items[sku] = ItemRecord(sku, asin, product_type, said, copy.deepcopy(said), now, now)
            return self.items[sku]

    def offer(self, price: str, audience: str = "ALL") -> dict[str, Any]:
        """The terms of an offer."""
        return {
            "marketplace_id": self.marketplace,
            "audience": audience,
            "currency": self.currency,
            "our_price": [{"schedule": [{"value_with_tax": float(price)}]}],
        }

    def object_to(self, sku: str, *attributes: str, code: str = "99010", keeps: bool = True) -> None:
        """Find fault with what is accepted next for a SKU."""
        with self.lock:
            self.objections[sku] = Objection(issue=issue(code, *attributes), keeps=keeps)

    def faults_of(self, requirements: str, attributes: Attributes) -> list[dict[str, Any]]:
        """What Amazon sees at once, so that it accepts nothing."""
        missing = [name for name in _REQUIRED[requirements] if name not in attributes]
        found = [issue("90220", name, category="MISSING_ATTRIBUTE") for name in missing]
        found += [issue("90000900", name) for name in attributes if name.startswith("fake_")]
        offers = attributes.get("purchasable_offer", [])
        if any(_price(each) <= 0 for each in offers):
            found.append(issue("90117", "purchasable_offer", category="INVALID_PRICE"))
        held = attributes.get("fulfillment_availability", [])
        if any(each["fulfillment_channel_code"].startswith("AMAZON_") for each in held):
            found.append(issue("90244", "fulfillment_availability"))
        return found

    def accept(self, operation: str, sku: str, product_type: str, attributes: Attributes) -> None:
        """Take a submission; it shows at once, or after so many reads as `lag` says."""
        item = self.items.get(sku)
        if item is not None and operation == "patchListingsItem":
            item.attributes = copy.deepcopy(attributes)
        self.pending.append(Submitted(operation, sku, product_type, attributes, self.lag))
        self._process(sku)

    def look(self, sku: str) -> ItemRecord | None:
        """What a read shows; work that is under way is one read nearer to its end afterwards."""
        with self.lock:
            self._process(sku)
            shown = copy.deepcopy(self.items.get(sku))
            for each in self.pending:
                if each.sku == sku:
                    each.left -= 1
            return shown

    def shown_price(self, sku: str) -> str:
        """What customers pay."""
        terms = _to_all(self.items[sku].live.get("purchasable_offer", []))
        return f"{_price(terms):.2f}"

    def shown_quantity(self, sku: str) -> int:
        """Units that customers can buy."""
        return int(self.items[sku].live["fulfillment_availability"][0]["quantity"])

    def _process(self, sku: str) -> None:
        for each in [x for x in self.pending if x.sku == sku and x.left <= 0]:
            self.pending.remove(each)
            self._apply(each)

    def _apply(self, each: Submitted) -> None:
        objection = self.objections.pop(each.sku, None)
        if each.operation == "deleteListingsItem":
            if self.items.pop(each.sku, None) is not None:
                self.changes.append(Change(each.operation, each.sku))
            return
        item, now = self.items.get(each.sku), self.now()
        if item is None:
            suggested = each.attributes.get("merchant_suggested_asin", [{}])[0].get("value")
            item = ItemRecord(
                each.sku, suggested or self.new_asin(), each.product_type, each.attributes, {}, now, now
            )
            self.items[each.sku] = item
        item.attributes = copy.deepcopy(each.attributes)
        item.issues = [objection.issue] if objection else []
        if (objection is None or not objection.keeps) and item.live != each.attributes:
            item.live, item.updated = copy.deepcopy(each.attributes), now
            self.changes.append(Change(each.operation, each.sku))


def _price(terms: dict[str, Any]) -> float:
    return float(terms["our_price"][0]["schedule"][0]["value_with_tax"])


def _to_all(offers: list[dict[str, Any]]) -> dict[str, Any]:
    return next(each for each in offers if each.get("audience", "ALL") == "ALL")
