"""The stand-in seller's books on eBay: inventory items, offers, listings, and what speaks against them."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from nightshift.money import Money

__all__ = ["EbayRefusal", "SellerBooks"]

POLICIES = {"fulfillment": "ship-6001", "payment": "pay-6002", "return": "back-6003"}
LOCATION = "berlin-mitte"
_MOST_REVISIONS = 250


class EbayRefusal(Exception):
    """An answer in eBay's `errors`."""

    def __init__(self, status: int, error_id: int, message: str, category: str = "REQUEST") -> None:
        super().__init__(message)
        self.status = status
        self.error_id = error_id
        self.category = category

    def node(self) -> dict[str, Any]:
        """The error as eBay words it."""
        return {
            "errorId": self.error_id,
            "domain": "API_INVENTORY",
            "category": self.category,
            "message": str(self),
            "longMessage": str(self),
        }


class SellerBooks:
    """One seller on one marketplace.

    Attributes:
        marketplace: its id.
        currency: it sells in.
        items: inventory items by SKU, as they were put.
        offers: by id.
        published: SKUs in the order in which they went live, once per publication.
        withdrawn: SKUs in the order in which they were taken off.
        prices: every price that was set by a bulk update, as (sku, decimal).
        quantities: every quantity that was set by a bulk update, as (sku, units).
        requests: counted by operation.
        location_status: of the only location.
    """

    def __init__(self, marketplace: str = "EBAY_DE", currency: str = "EUR") -> None:
        self.lock = threading.RLock()
        self.marketplace = marketplace
        self.currency = currency
        self.reset()

    def reset(self) -> None:
        """A seller who sells nothing."""
        self.items: dict[str, dict[str, Any]] = {}
        self.offers: dict[str, dict[str, Any]] = {}
        self.published: list[str] = []
        self.withdrawn: list[str] = []
        self.prices: list[tuple[str, str]] = []
        self.quantities: list[tuple[str, int]] = []
        self.requests: Counter[str] = Counter()
        self.location_status = "ENABLED"
        self._last = 8_000_000_000

    def list_it(self, sku: str, *, price: str = "12.50", quantity: int = 42, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # parts of the offer
        """Something that is sold already; gives its offer."""
        self.put_item(
            sku,
            {
                "condition": "NEW",
                "product": {
                    "title": "Blue mug",
                    "description": "A mug. It is blue.",
                    "imageUrls": ["https://cdn.acme.example/mug.jpg"],
                },
                "availability": {"shipToLocationAvailability": {"quantity": quantity}},
            },
        )
        offer = {
            "sku": sku,
            "marketplaceId": self.marketplace,
            "format": "FIXED_PRICE",
            "availableQuantity": quantity,
            "categoryId": "20625",
            "listingDescription": "A mug. It is blue.",
            "listingDuration": "GTC",
            "listingPolicies": {f"{kind}PolicyId": ref for kind, ref in POLICIES.items()},
            "merchantLocationKey": LOCATION,
            "pricingSummary": {"price": {"value": price, "currency": self.currency}},
            **more,
        }
        made = self.create_offer(offer)
        self.publish(made)
        self.published.clear()
        return self.offers[made]

    def item(self, sku: str) -> dict[str, Any]:
        """An item."""
        if sku not in self.items:
            raise EbayRefusal(404, 25710, "We didn't find the entity you are requesting.")
        return {"sku": sku, "locale": "de_DE", **self.items[sku]}

    def put_item(self, sku: str, given: Mapping[str, Any]) -> bool:
        """Make or replace an item, and with it what its listing shows; whether it is new."""
        _within(sku, 50, "sku")
        _within(str(given.get("product", {}).get("title", "")), 80, "title")
        new = sku not in self.items
        self.items[sku] = dict(given)
        for offer in self.offers.values():
            if offer["sku"] == sku:
                self._revise(offer)
        return new

    def offers_of(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """The offers of a SKU; eBay has no empty list of them."""
        wanted = {
            "sku": query.get("sku"),
            "marketplaceId": query.get("marketplace_id"),
            "format": query.get("format"),
        }
        found = [
            each
            for each in self.offers.values()
            if all(value is None or each[name] == value for name, value in wanted.items())
        ]
        if not found:
            raise EbayRefusal(404, 25713, "This Offer is not available.")
        return [self.shown(each) for each in found]

    def create_offer(self, given: Mapping[str, Any]) -> str:
        """A new offer."""
        if given["sku"] not in self.items:
            raise EbayRefusal(
                400, 25702, f"{given['sku']} could not be found or is not available in the system."
            )
        names = ("sku", "marketplaceId", "format")
        if any(all(each[n] == given[n] for n in names) for each in self.offers.values()):
            raise EbayRefusal(400, 25002, "A user error has occurred. Offer entity already exists.")
        ref = self._number()
        self.offers[ref] = {**given, "offerId": ref, "status": "UNPUBLISHED", "revisions": 0, "listing": None}
        return ref

    def update_offer(self, ref: str, given: Mapping[str, Any]) -> None:
        """Replace an offer but for what names it."""
        offer = self.offer(ref)
        kept = {
            n: offer[n]
            for n in ("offerId", "sku", "marketplaceId", "format", "status", "revisions", "listing")
        }
        self._revise(offer)
        self.offers[ref] = {**given, **kept}

    def offer(self, ref: str) -> dict[str, Any]:
        """An offer."""
        if ref not in self.offers:
            raise EbayRefusal(404, 25713, "This Offer is not available.")
        return self.offers[ref]

    def publish(self, ref: str) -> str:
        """Make a listing of an offer, if nothing is missing; a live one stays as it is."""
        offer = self.offer(ref)
        problem = self._missing(offer)
        if problem is not None:
            raise EbayRefusal(400, *problem)
        if offer["status"] == "PUBLISHED":
            return str(offer["listing"])
        offer |= {"status": "PUBLISHED", "listing": self._number()}
        self.published.append(offer["sku"])
        return str(offer["listing"])

    def withdraw(self, ref: str) -> str:
        """End the listing of an offer."""
        offer = self.offer(ref)
        if offer["status"] != "PUBLISHED":
            raise EbayRefusal(400, 25002, "A user error has occurred. The offer is not published.")
        listing = str(offer["listing"])
        offer |= {"status": "UNPUBLISHED", "listing": None}
        self.withdrawn.append(offer["sku"])
        return listing

    def bulk_update(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Change prices and quantities; each part has its own answer."""
        answers: list[dict[str, Any]] = []
        for request in given["requests"]:
            if "shipToLocationAvailability" in request:
                answers.append(self._stocked(request))
            answers += [self._offered(request["sku"], part) for part in request.get("offers", ())]
        return answers

    def shown(self, offer: Mapping[str, Any]) -> dict[str, Any]:
        """An offer as eBay shows it."""
        hidden = {"revisions", "listing", "hold"}
        told = {name: value for name, value in offer.items() if name not in hidden}
        if offer["listing"] is not None:
            stock = self.items[offer["sku"]]["availability"]["shipToLocationAvailability"]["quantity"]
            told["listing"] = {
                "listingId": offer["listing"],
                "listingStatus": "ACTIVE" if stock else "OUT_OF_STOCK",
                "listingOnHold": offer.get("hold", False),
                "soldQuantity": 0,
            }
        return told

    def _stocked(self, request: Mapping[str, Any]) -> dict[str, Any]:
        sku, units = request["sku"], request["shipToLocationAvailability"]["quantity"]
        if sku not in self.items:
            return _part(EbayRefusal(400, 25702, "The SKU could not be found."), sku=sku)
        availability = self.items[sku].setdefault("availability", {})
        availability["shipToLocationAvailability"] = {"quantity": units}
        self.quantities.append((sku, units))
        return {"statusCode": 200, "sku": sku}

    def _offered(self, sku: str, part: Mapping[str, Any]) -> dict[str, Any]:
        try:
            offer = self.offer(part["offerId"])
            self._revise(offer)
            if "price" in part:
                self._price(offer, part["price"])
            if "availableQuantity" in part:
                offer["availableQuantity"] = part["availableQuantity"]
        except EbayRefusal as exc:
            return _part(exc, sku=sku, offerId=part["offerId"])
        return {"statusCode": 200, "sku": sku, "offerId": part["offerId"]}

    def _price(self, offer: dict[str, Any], price: Mapping[str, str]) -> None:
        if price["currency"] != self.currency or Money.parse(price["value"], price["currency"]).amount <= 0:
            raise EbayRefusal(400, 25003, "The offer has an invalid price.")
        offer["pricingSummary"] = {"price": dict(price)}
        self.prices.append((offer["sku"], price["value"]))

    def _revise(self, offer: dict[str, Any]) -> None:
        if offer["status"] != "PUBLISHED":
            return
        if offer["revisions"] >= _MOST_REVISIONS:
            raise EbayRefusal(400, 25019, "Cannot revise listing: it was revised 250 times today.")
        offer["revisions"] += 1

    def _missing(self, offer: Mapping[str, Any]) -> tuple[int, str] | None:
        """What keeps an offer from being published."""
        item = self.items.get(offer["sku"], {})
        price = offer.get("pricingSummary", {}).get("price")
        policies = offer.get("listingPolicies", {})
        checks = (
            (not price or price["currency"] != self.currency, 25003, "invalid price"),
            (offer.get("availableQuantity", 0) < 1, 25004, "invalid quantity"),
            (not str(offer.get("categoryId", "")).isdecimal(), 25005, "invalid category ID"),
            (
                policies.get("fulfillmentPolicyId") != POLICIES["fulfillment"],
                25007,
                "invalid fulfillment policy",
            ),
            (policies.get("paymentPolicyId") != POLICIES["payment"], 25008, "invalid payment policy"),
            (policies.get("returnPolicyId") != POLICIES["return"], 25009, "invalid return policy"),
            (offer.get("merchantLocationKey") != LOCATION, 25012, "invalid inventory location"),
            (not item.get("product", {}).get("imageUrls"), 25014, "invalid pictures"),
            (not item.get("condition"), 25021, "invalid item condition"),
            (not item.get("product", {}).get("title"), 25022, "invalid attribute: title"),
            (not offer.get("listingDescription"), 25016, "the description is invalid"),
        )
        return next(((number, words) for is_so, number, words in checks if is_so), None)

    def _number(self) -> str:
        self._last += 1
        return str(self._last)


def _within(text: str, most: int, field: str) -> None:
    if not 0 < len(text) <= most:
        raise EbayRefusal(400, 25709, f"Invalid value for {field}.")


def _part(refusal: EbayRefusal, **named: str) -> dict[str, Any]:
    return {"statusCode": refusal.status, **named, "errors": [refusal.node()]}
