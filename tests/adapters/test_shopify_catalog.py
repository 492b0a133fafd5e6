"""Products, prices and stock of a shop: exactly one variant, only what the plan had seen, found again."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fakes import ShopifyFake
from functions.adapters.shopify.client import ShopifyClient
from nightshift.money import Money
from nightshift.tools.binding import Done, Found
from nightshift.tools.contracts.pricing import SetPrice
from tests.adapters.desk import Desk, eur

MAIN, OTHER = "gid://shopify/Location/1", "gid://shopify/Location/2"


@pytest.fixture
def desk(client: ShopifyClient) -> Desk:
    return Desk(client)


def test_a_product_is_read_with_words_pictures_price_and_stock(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="MUG-1", stock={MAIN: 40, OTHER: 2})
    found = desk.call("catalog.get_product", sku="MUG-1")
    assert (found.title, found.brand, found.gtin) == ("Blue mug", "Acme", "4006381333931")
    assert (found.price, found.quantity, found.active) == (Money(amount=1250, currency="EUR"), 42, True)
    assert found.images == ("https://cdn.shopify.example/mug-1.jpg",)


def test_what_shopify_does_not_count_has_no_quantity(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="EBOOK", tracked=False, status="DRAFT")
    found = desk.call("catalog.get_product", sku="EBOOK")
    assert (found.quantity, found.active) == (None, False)
    assert desk.code("inventory.set", sku="EBOOK", quantity=1) == "Rejected:inventory.untracked"


@pytest.mark.parametrize("sku", ["MUG-1", 'MUG "blue"', "back\\slash", "a:b OR *"])
def test_only_exactly_this_sku_is_meant(shop: ShopifyFake, desk: Desk, sku: str):
    for each in (f"{sku}0", sku.swapcase(), sku):
        shop.create_product(sku=each)
    found = desk.call("catalog.get_product", sku=sku)
    assert shop.books.shelf.variants[found.product].spec.sku == sku
    assert desk.code("catalog.get_product", sku=f"{sku}-2") == "Rejected:product.not_found"


def test_a_sku_of_two_variants_is_nobodys(shop: ShopifyFake, desk: Desk):
    for _ in range(2):
        shop.create_product(sku="MUG-1")
    assert desk.code("catalog.get_product", sku="MUG-1") == "Rejected:product.ambiguous"
    assert desk.code("pricing.set", sku="MUG-1", price=eur(1)) == "Rejected:listing.ambiguous"
    assert desk.code("inventory.set", sku="MUG-1", quantity=1) == "Rejected:listing.ambiguous"


def test_a_price_is_set_and_set_back(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="MUG-1")
    made = desk.call("pricing.set", sku="MUG-1", price=eur(1190), expected_price=eur(1250))
    assert (str(made.before), str(made.price)) == ("12.50 EUR", "11.90 EUR")
    back = made.before.model_dump()
    desk.call("pricing.set", key="key_back", sku="MUG-1", price=back, expected_price=eur(1190))
    assert shop.books.shelf.price_changes == [("MUG-1", "11.90"), ("MUG-1", "12.50")]


def test_a_price_that_is_as_wanted_is_not_written(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="MUG-1")
    made = desk.call("pricing.set", sku="MUG-1", price=eur(1250), expected_price=eur(1300))
    assert made.before == made.price
    assert shop.books.shelf.price_changes == []


def test_a_price_that_moved_is_left_alone(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="MUG-1", price="12.00")
    said = desk.code("pricing.set", sku="MUG-1", price=eur(1190), expected_price=eur(1250))
    assert said == "Rejected:state.changed"
    assert shop.books.shelf.price_changes == []


def test_another_currency_is_refused(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="MUG-1")
    dollars = {"amount": 1250, "currency": "USD"}
    assert desk.code("pricing.set", sku="MUG-1", price=dollars) == "Rejected:price.currency"


@pytest.mark.parametrize("amount", [0, -1, 10**12])
def test_nothing_is_given_away(amount: int):
    with pytest.raises(ValidationError):
        SetPrice.model_validate({"sku": "MUG-1", "price": eur(amount)})


def test_a_price_is_found_again_with_what_the_plan_had_seen_before_it(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="MUG-1")
    args = {"sku": "MUG-1", "price": eur(1190), "expected_price": eur(1250)}
    assert desk.probe("pricing.set", **args) is Found.ABSENT
    desk.call("pricing.set", **args)
    found = desk.probe("pricing.set", **args)
    assert isinstance(found, Done)
    assert str(found.output.before) == "12.50 EUR"  # type: ignore[attr-defined]  # a PriceSet


def test_a_quantity_is_set_at_the_only_location(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="MUG-1")
    made = desk.call("inventory.set", sku="MUG-1", quantity=0, expected_quantity=42)
    assert (made.before, made.quantity, made.location) == (42, 0, MAIN)
    assert shop.books.shelf.adjustments == [("MUG-1", MAIN, 42, 0)]


def test_one_of_several_locations_has_to_be_named(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="MUG-1", stock={MAIN: 40, OTHER: 2})
    assert desk.code("inventory.set", sku="MUG-1", quantity=5) == "Rejected:location.ambiguous"
    nowhere = desk.code("inventory.set", sku="MUG-1", quantity=5, location="gid://shopify/Location/9")
    assert nowhere == "Rejected:location.not_found"
    desk.call("inventory.set", sku="MUG-1", quantity=5, location=OTHER, expected_quantity=2)
    assert shop.books.shelf.adjustments == [("MUG-1", OTHER, 2, 5)]


def test_a_quantity_that_moved_is_left_alone(shop: ShopifyFake, desk: Desk):
    shop.create_product(sku="MUG-1", stock={MAIN: 41})
    said = desk.code("inventory.set", sku="MUG-1", quantity=40, expected_quantity=42)
    assert said == "Rejected:state.changed"
    assert shop.books.shelf.adjustments == []


def test_a_unit_sold_between_reading_and_writing_is_not_overwritten(
    shop: ShopifyFake, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    variant = shop.create_product(sku="MUG-1")
    execute = shop.books.shelf.set_quantities

    def sold_first(given: dict[str, object], key: str) -> object:
        variant.stock[MAIN] = 41
        return execute(given, key)

    monkeypatch.setattr(shop.books.shelf, "set_quantities", sold_first)
    said = desk.code("inventory.set", sku="MUG-1", quantity=40, expected_quantity=42)
    assert said == "Rejected:state.changed"
    assert variant.stock == {MAIN: 41}


@pytest.mark.parametrize("honours_keys", [True, False])
def test_a_quantity_whose_answer_was_lost_is_set_once(
    shop: ShopifyFake,
    desk: Desk,
    honours_keys: bool,  # noqa: FBT001  # a parameter of the test
):
    shop.books.shelf.honour_keys = honours_keys
    shop.create_product(sku="MUG-1")
    args = {"sku": "MUG-1", "quantity": 40, "expected_quantity": 42}
    shop.fail("drop_after", "inventorySetQuantities")
    assert desk.code("inventory.set", **args) == "OutcomeUnknown:vendor.dropped"
    assert isinstance(desk.probe("inventory.set", **args), Done)
    desk.call("inventory.set", **args)
    assert len(shop.books.shelf.adjustments) == 1
