"""The catalogue: reading a product by its SKU, setting its price and its stock.

A SKU is not unique in a shop, and the search also gives near ones: what is written to is the one variant
that carries exactly this SKU, or nothing.
"""

from typing import TypeVar

from pydantic import JsonValue

from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.models.catalog import (
    InventoryAnswer,
    LevelNode,
    PriceAnswer,
    VariantAnswer,
    VariantNode,
    WordsAnswer,
)
from functions.adapters.shopify.models.wire import UserError
from functions.adapters.shopify.queries import INVENTORY_SET, PRICE_SET, VARIANT, VARIANT_WORDS
from nightshift.errors import BadInput, OutcomeUnknown, Rejected, WireError
from nightshift.ids import as_uuid
from nightshift.money import Money
from nightshift.outbound import TimeLeft
from nightshift.tools.binding import Call, Done, Found
from nightshift.tools.contracts.catalog import GetProduct, Product
from nightshift.tools.contracts.inventory import QuantitySet, SetQuantity
from nightshift.tools.contracts.pricing import PriceSet, SetPrice

__all__ = [
    "CATALOG_SECONDS",
    "SET_SECONDS",
    "get_product",
    "probe_price",
    "probe_quantity",
    "set_price",
    "set_quantity",
]

V = TypeVar("V", bound=VariantNode)

CATALOG_SECONDS = 6.0
SET_SECONDS = 10.0

_GONE = frozenset({"PRODUCT_DOES_NOT_EXIST", "PRODUCT_VARIANT_DOES_NOT_EXIST", "INVALID_INVENTORY_ITEM"})
_STOCK_REFUSALS: dict[str, tuple[type[WireError], str]] = {
    "CHANGE_FROM_QUANTITY_STALE": (Rejected, "state.changed"),
    "ITEM_NOT_STOCKED_AT_LOCATION": (Rejected, "location.not_found"),
    "INVALID_LOCATION": (Rejected, "location.not_found"),
    "NON_MUTABLE_INVENTORY_ITEM": (Rejected, "inventory.held_by_vendor"),
    "IDEMPOTENCY_CONCURRENT_REQUEST": (OutcomeUnknown, "vendor.in_progress"),
}


def get_product(call: Call[ShopifyClient]) -> Done:
    """The one variant with this SKU, its price in the shop's currency and its stock over all locations."""
    args: GetProduct = call.args
    time_left = call.client.within(CATALOG_SECONDS)
    answer = call.client.send(VARIANT_WORDS, _search(args.sku), WordsAnswer, time_left)
    found = _only(answer.product_variants.nodes, args.sku, what="product")
    product = found.product
    return Done(
        output=Product(
            sku=args.sku,
            product=found.id,
            title=product.title,
            description=product.description,
            brand=product.vendor,
            gtin=found.barcode or "",
            images=product.images(),
            active=product.for_sale(),
            price=Money.parse(found.price, answer.shop.currency_code),
            quantity=found.inventory_quantity if found.inventory_item.tracked else None,
        )
    )


def set_price(call: Call[ShopifyClient]) -> Done:
    """Set the variant's price if it is still the one that the plan had seen; done as Shopify answers it."""
    args: SetPrice = call.args
    time_left = call.client.within(SET_SECONDS)
    variant, now = _priced(call.client, args.sku, time_left)
    if now.currency != args.price.currency:
        message = f"this shop's prices are in {now.currency}"
        raise Rejected(message, code="price.currency")
    if now == args.price:
        return _price_is_set(variant, args, before=now)
    if args.expected_price is not None and now != args.expected_price:
        message = f"the price is {now}, not {args.expected_price}"
        raise Rejected(message, code="state.changed")
    variables: dict[str, JsonValue] = {
        "productId": variant.product.id,
        "variants": [{"id": variant.id, "price": args.price.decimal()}],
    }
    change = call.client.send(PRICE_SET, variables, PriceAnswer, time_left).change
    _unless_refused(change.user_errors)
    shown = next((each.price for each in change.product_variants or () if each.id == variant.id), "")
    if not _is(shown, args.price):
        message = "Shopify accepted the price and shows another one"
        raise OutcomeUnknown(message, code="vendor.unconfirmed")
    return _price_is_set(variant, args, before=now)


def probe_price(call: Call[ShopifyClient]) -> Done | Found:
    """Whether the variant has this price; what it had before is what the plan had seen."""
    args: SetPrice = call.args
    variant, now = _priced(call.client, args.sku, call.client.within(CATALOG_SECONDS))
    return _price_is_set(variant, args, before=args.expected_price) if now == args.price else Found.ABSENT


def set_quantity(call: Call[ShopifyClient]) -> Done:
    """Set what a location has for sale; Shopify compares it with what was read a moment before."""
    args: SetQuantity = call.args
    time_left = call.client.within(SET_SECONDS)
    variant, level = _stocked(call.client, args, time_left)
    now = level.available()
    if now == args.quantity:
        return _quantity_is_set(variant, level, args, before=now)
    if args.expected_quantity is not None and now != args.expected_quantity:
        message = f"{now} units are for sale, not {args.expected_quantity}"
        raise Rejected(message, code="state.changed")
    wanted: JsonValue = {
        "inventoryItemId": variant.inventory_item.id,
        "locationId": level.location.id,
        "quantity": args.quantity,
        "changeFromQuantity": now,
    }
    variables: dict[str, JsonValue] = {
        "input": {"name": "available", "reason": "correction", "quantities": [wanted]},
        # a key stands for one request: what is compared with is part of it
        "key": as_uuid(f"{call.key}:{now}"),
    }
    _unless_refused(call.client.send(INVENTORY_SET, variables, InventoryAnswer, time_left).change.user_errors)
    return _quantity_is_set(variant, level, args, before=now)


def probe_quantity(call: Call[ShopifyClient]) -> Done | Found:
    """Whether the location has so many for sale; what it had before is what the plan had seen."""
    args: SetQuantity = call.args
    variant, level = _stocked(call.client, args, call.client.within(CATALOG_SECONDS))
    if level.available() != args.quantity:
        return Found.ABSENT
    return _quantity_is_set(variant, level, args, before=args.expected_quantity)


def _search(sku: str) -> dict[str, JsonValue]:
    quoted = sku.replace("\\", "\\\\").replace('"', '\\"')
    return {"query": f'sku:"{quoted}"'}


def _only(variants: tuple[V, ...], sku: str, *, what: str) -> V:
    exact = [each for each in variants if each.sku == sku]
    if not exact:
        message = "no variant of this shop has exactly this SKU"
        raise Rejected(message, code=f"{what}.not_found")
    if len(exact) > 1:
        message = "more than one variant of this shop has this SKU"
        raise Rejected(message, code=f"{what}.ambiguous")
    return exact[0]


def _priced(client: ShopifyClient, sku: str, time_left: TimeLeft) -> tuple[VariantNode, Money]:
    answer = client.send(VARIANT, _search(sku), VariantAnswer, time_left)
    variant = _only(answer.product_variants.nodes, sku, what="listing")
    return variant, Money.parse(variant.price, answer.shop.currency_code)


def _stocked(client: ShopifyClient, args: SetQuantity, time_left: TimeLeft) -> tuple[VariantNode, LevelNode]:
    """The variant, and what the wanted location has of it.

    Raises:
        Rejected: `inventory.untracked`, `location.not_found` or `location.ambiguous`.
    """
    answer = client.send(VARIANT, _search(args.sku), VariantAnswer, time_left)
    variant = _only(answer.product_variants.nodes, args.sku, what="listing")
    if not variant.inventory_item.tracked:
        message = "Shopify does not count the stock of this variant"
        raise Rejected(message, code="inventory.untracked")
    levels = variant.inventory_item.inventory_levels.nodes
    more = variant.inventory_item.inventory_levels.page_info.has_next_page
    fitting = [each for each in levels if args.location in {"", each.location.id}]
    if not fitting:
        message = "the variant is not stocked at this location"
        raise Rejected(message, code="location.not_found")
    if len(fitting) > 1 or (more and not args.location):
        message = "the variant is stocked at more than one location: name one"
        raise Rejected(message, code="location.ambiguous")
    return variant, fitting[0]


def _is(shown: str, price: Money) -> bool:
    try:
        return Money.parse(shown, price.currency) == price
    except BadInput:
        return False


def _price_is_set(variant: VariantNode, args: SetPrice, *, before: Money | None) -> Done:
    return Done(output=PriceSet(sku=args.sku, price=args.price, before=before), vendor_ref=variant.id)


def _quantity_is_set(
    variant: VariantNode, level: LevelNode, args: SetQuantity, *, before: int | None
) -> Done:
    output = QuantitySet(sku=args.sku, quantity=args.quantity, before=before, location=level.location.id)
    return Done(output=output, vendor_ref=variant.inventory_item.id)


def _unless_refused(errors: tuple[UserError, ...]) -> None:
    """Raise what Shopify's user errors mean; these mutations have codes of their own."""
    for error in errors:
        code = error.code or ""
        if code in _GONE:
            message = "Shopify has no such variant any more"
            raise Rejected(message, code="listing.not_found")
        if code in _STOCK_REFUSALS:
            kind, meaning = _STOCK_REFUSALS[code]
            message = f"Shopify refuses the quantity ({meaning})"
            raise kind(message, code=meaning)
    if errors:
        message = "Shopify refuses the change"
        raise Rejected(message, code="listing.refused")
