"""Amazon's listings, prices and stock: accepted is not done, and nothing is said that was not seen."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import AmazonFake
from functions.adapters.amazon.attributes import with_price
from functions.adapters.amazon.client import AmazonClient
from functions.adapters.amazon.models import money_of
from nightshift.errors import Rejected
from nightshift.model.tenant import Channel
from nightshift.money import Money
from nightshift.tools.binding import Done, Found
from nightshift.tools.contracts.listings import Severity
from tests.adapters.amazon_desk import AmazonDesk, eur, new_mug

MUG = "MUG-BLUE"
LOOKS = 4  # how often the adapter looks at what was accepted


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the adapter waited between looks."""
    return []


@pytest.fixture
def desk(amazon: AmazonFake, amazon_channel: Channel, waits: list[float]) -> AmazonDesk:
    return AmazonDesk(AmazonClient(amazon_channel, amazon.access_token, pause=waits.append))


def requests(amazon: AmazonFake, operation: str) -> int:
    return amazon.books.requests[f"{operation}ListingsItem"]


# --- reading ----------------------------------------------------------------------------------------


def test_a_listing_is_read_with_its_offer_state_and_issues(amazon: AmazonFake, desk: AmazonDesk):
    item = amazon.books.list_item(MUG, price="19.99", quantity=3)
    item.issues.append(
        {"code": "18027", "message": "Logo", "severity": "WARNING", "categories": ["INVALID_IMAGE"]}
    )
    found = desk.call("listings.get", sku=MUG)
    assert (found.product, found.category, found.quantity, found.active) == (
        item.asin,
        "DRINKING_CUP",
        3,
        True,
    )
    assert found.price == Money(amount=1999, currency="EUR")
    assert found.content.title == "Blue mug"
    assert [(each.code, each.severity) for each in found.issues] == [("18027", Severity.WARNING)]


@pytest.mark.parametrize("does", ["listings.get", "pricing.set", "inventory.set", "listings.update"])
def test_what_is_not_listed_is_not_found(desk: AmazonDesk, does: str):
    more: dict[str, Any] = {
        "pricing.set": {"price": eur(1)}, "inventory.set": {"quantity": 1},
        "listings.update": {"content": {"title": "x"}},
    }.get(does, {})  # fmt: skip
    assert desk.code(does, sku=MUG, **more) == "Rejected:listing.not_found"


# --- accepted is not done ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("does", "args"),
    [
        ("listings.create", new_mug()),
        ("listings.update", {"sku": MUG, "content": {"title": "Mug, blue"}}),
        ("listings.end", {"sku": MUG}),
        ("pricing.set", {"sku": MUG, "price": eur(1190)}),
        ("inventory.set", {"sku": MUG, "quantity": 7}),
    ],
)
class TestAccepted:
    def arrange(self, amazon: AmazonFake, does: str, lag: int) -> None:
        if does != "listings.create":
            amazon.books.list_item(MUG)
        amazon.books.lag = lag

    def test_what_shows_within_a_few_looks_is_done(
        self, amazon: AmazonFake, desk: AmazonDesk, waits: list[float], does: str, args: dict[str, Any]
    ):
        self.arrange(amazon, does, LOOKS - 1)
        desk.call(does, **args)
        assert len(amazon.books.changes) == 1
        assert waits[0] < waits[-1]

    def test_what_does_not_show_yet_is_unknown_found_later_and_sent_once(
        self, amazon: AmazonFake, desk: AmazonDesk, does: str, args: dict[str, Any]
    ):
        self.arrange(amazon, does, LOOKS + 1)
        assert desk.code(does, **args) == "OutcomeUnknown:listing.pending"
        assert isinstance(desk.probe(does, **args), Found)
        assert isinstance(desk.probe(does, **args), Done)
        assert [each.sku for each in amazon.books.changes] == [MUG]

    def test_the_same_again_asks_for_nothing_new(
        self, amazon: AmazonFake, desk: AmazonDesk, does: str, args: dict[str, Any]
    ):
        self.arrange(amazon, does, 0)
        of_the_first = {"before": None, "made": None}  # what was there, and whether this call changed it
        first = desk.call(does, **args).model_copy(update=of_the_first)
        assert first == desk.call(does, **args).model_copy(update=of_the_first)
        assert sum(requests(amazon, verb) for verb in ("put", "patch", "delete")) == 1

    def test_not_being_able_to_look_does_not_mean_that_nothing_happened(
        self, amazon: AmazonFake, desk: AmazonDesk, does: str, args: dict[str, Any]
    ):
        self.arrange(amazon, does, 0)
        desk.client.pause = lambda _: None
        seen = requests(amazon, "get")
        amazon.fail("slow", "getListingsItem", seconds=0)  # the look before
        amazon.fail("503", "getListingsItem")  # the look after
        assert desk.code(does, **args) == "OutcomeUnknown:vendor.unconfirmed"
        assert requests(amazon, "get") == seen + 1
        assert isinstance(desk.probe(does, **args), Done)


def test_a_price_that_is_asked_and_not_shown_proves_nothing(amazon: AmazonFake, desk: AmazonDesk):
    amazon.books.list_item(MUG)
    args = {"sku": MUG, "price": eur(1190), "expected_price": eur(1250)}
    assert desk.probe("pricing.set", **args) is Found.ABSENT
    amazon.books.lag = 50
    assert desk.code("pricing.set", **args) == "OutcomeUnknown:listing.pending"
    assert desk.probe("pricing.set", **args) is Found.UNSURE
    assert amazon.books.shown_price(MUG) == "12.50"


def test_words_that_are_said_and_not_shown_are_not_said_again(amazon: AmazonFake, desk: AmazonDesk):
    amazon.books.list_item(MUG)
    amazon.books.lag = 50
    for _ in range(2):
        code = desk.code("listings.update", sku=MUG, content={"title": "Mug, blue"})
        assert code == "OutcomeUnknown:listing.pending"
    assert requests(amazon, "patch") == 1


@pytest.mark.parametrize("keeps", [True, False], ids=["nothing-changed", "changed-and-suppressed"])
@pytest.mark.parametrize(
    ("does", "attribute", "args"),
    [
        ("pricing.set", "purchasable_offer", {"price": eur(1)}),
        ("inventory.set", "fulfillment_availability", {"quantity": 7}),
        ("listings.update", "item_name", {"content": {"title": "BEST MUG!!!"}}),
    ],
)
def test_errors_that_amazon_finds_after_accepting_are_for_a_person(
    amazon: AmazonFake,
    desk: AmazonDesk,
    does: str,
    attribute: str,
    args: dict[str, Any],
    keeps: bool,  # noqa: FBT001  # a parameter of the test
):
    amazon.books.list_item(MUG)
    amazon.books.object_to(MUG, attribute, keeps=keeps)
    assert desk.code(does, sku=MUG, **args) == "OutcomeUnknown:listing.issues"
    assert desk.probe(does, sku=MUG, **args) is Found.UNSURE


def test_an_error_in_something_else_does_not_keep_a_price_from_being_done(
    amazon: AmazonFake, desk: AmazonDesk
):
    amazon.books.list_item(MUG)
    amazon.books.object_to(MUG, "item_name", keeps=False)
    desk.call("pricing.set", sku=MUG, price=eur(1190))
    assert amazon.books.shown_price(MUG) == "11.90"


def test_a_new_listing_with_any_error_is_not_done(amazon: AmazonFake, desk: AmazonDesk):
    amazon.books.object_to(MUG, "some_attribute", keeps=False)
    assert desk.code("listings.create", **new_mug()) == "OutcomeUnknown:listing.issues"
    assert desk.probe("listings.create", **new_mug()) is Found.UNSURE
    assert desk.code("listings.create", **new_mug()) == "OutcomeUnknown:listing.issues"
    assert requests(amazon, "put") == 1


# --- what is refused changes nothing ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"details": [{"name": "fake_attribute", "value": "x"}]}, "listing.refused"),
        ({"category": "no such type"}, "listing.refused"),
        ({"details": [{"name": "purchasable_offer", "value": "1"}]}, "listing.invalid"),
    ],
)
def test_a_listing_that_amazon_does_not_take_is_refused(
    amazon: AmazonFake, desk: AmazonDesk, changed: dict[str, Any], code: str
):
    assert desk.code("listings.create", **new_mug(**changed)) == f"Rejected:{code}"
    assert desk.probe("listings.create", **new_mug(**changed)) is Found.ABSENT
    assert amazon.books.changes == []


def test_a_refusal_names_codes_and_attributes_and_quotes_nothing(amazon: AmazonFake, desk: AmazonDesk):
    said = new_mug(title="Kim's mug", details=[{"name": "fake_attribute", "value": "kim@example.com"}])
    with pytest.raises(Rejected) as caught:
        desk.call("listings.create", **said)
    assert "90000900 (fake_attribute)" in str(caught.value)
    assert "im" not in str(caught.value).replace("Amazon", "")
    assert amazon.books.items == {}


def test_another_listing_under_the_same_sku_is_left_alone(amazon: AmazonFake, desk: AmazonDesk):
    amazon.books.list_item(MUG, title="Red mug")
    assert desk.code("listings.create", **new_mug()) == "Rejected:listing.exists"
    assert desk.probe("listings.create", **new_mug()) is Found.UNSURE
    assert requests(amazon, "put") == 0


@pytest.mark.parametrize(
    ("does", "args", "code"),
    [
        ("pricing.set", {"price": eur(1190), "expected_price": eur(1300)}, "state.changed"),
        ("pricing.set", {"price": {"amount": 1190, "currency": "USD"}}, "price.currency"),
        ("inventory.set", {"quantity": 7, "expected_quantity": 41}, "state.changed"),
        ("inventory.set", {"quantity": 7, "location": "Hamburg"}, "location.not_found"),
        ("listings.update", {"content": {"title": "A"}, "expected": {"title": "B"}}, "state.changed"),
        ("listings.end", {"expected_product": "B0OTHER001"}, "state.changed"),
    ],
)
def test_a_listing_that_is_not_as_it_was_seen_is_left_alone(
    amazon: AmazonFake, desk: AmazonDesk, does: str, args: dict[str, Any], code: str
):
    amazon.books.list_item(MUG)
    assert desk.code(does, sku=MUG, **args) == f"Rejected:{code}"
    assert sum(requests(amazon, verb) for verb in ("put", "patch", "delete")) == 0


def test_units_in_amazons_warehouse_are_amazons_to_count(amazon: AmazonFake, desk: AmazonDesk):
    amazon.books.list_item(MUG, fulfilled_by="AMAZON_EU")
    assert desk.call("listings.get", sku=MUG).quantity is None
    assert desk.code("inventory.set", sku=MUG, quantity=7) == "Rejected:inventory.held_by_vendor"
    assert amazon.books.changes == []


def test_a_price_beside_a_sale_is_left_alone(amazon: AmazonFake, desk: AmazonDesk):
    on_sale = {**amazon.books.offer("12.50"), "discounted_price": [{"schedule": [{"value_with_tax": 9.9}]}]}
    amazon.books.list_item(MUG, purchasable_offer=[on_sale])
    assert desk.code("pricing.set", sku=MUG, price=eur(1190)) == "Rejected:price.discounted"
    assert amazon.books.changes == []


# --- a patch replaces, so that the rest is said again ---------------------------------------------------


def test_a_new_price_leaves_its_bounds_and_the_offer_to_businesses_as_they_are(
    amazon: AmazonFake, desk: AmazonDesk
):
    floor = {"minimum_seller_allowed_price": [{"schedule": [{"value_with_tax": 8.0}]}]}
    business = amazon.books.offer("10.00", audience="B2B")
    item = amazon.books.list_item(MUG, purchasable_offer=[business, {**amazon.books.offer("12.50"), **floor}])
    done = desk.call("pricing.set", sku=MUG, price=eur(1190), expected_price=eur(1250))
    assert (done.price, done.before) == (
        Money(amount=1190, currency="EUR"),
        Money(amount=1250, currency="EUR"),
    )
    to_all = next(each for each in item.live["purchasable_offer"] if each["audience"] == "ALL")
    assert to_all["minimum_seller_allowed_price"] == floor["minimum_seller_allowed_price"]
    assert business in item.live["purchasable_offer"]
    assert amazon.books.shown_price(MUG) == "11.90"


def test_a_new_quantity_leaves_the_lead_time_as_it_is(amazon: AmazonFake, desk: AmazonDesk):
    slow = {"fulfillment_channel_code": "DEFAULT", "quantity": 4, "lead_time_to_ship_max_days": 5}
    item = amazon.books.list_item(MUG, fulfillment_availability=[slow])
    done = desk.call("inventory.set", sku=MUG, quantity=0)
    assert (done.quantity, done.before) == (0, 4)
    assert item.live["fulfillment_availability"] == [{**slow, "quantity": 0}]
    assert desk.call("listings.get", sku=MUG).active is False


def test_new_words_leave_other_languages_and_take_pictures_away(amazon: AmazonFake, desk: AmazonDesk):
    english = {"value": "Mug", "language_tag": "en_GB", "marketplace_id": amazon.marketplace}
    german = {**english, "value": "Becher", "language_tag": "de_DE"}
    picture = [{"media_location": "https://cdn.acme.example/1.jpg", "marketplace_id": amazon.marketplace}]
    item = amazon.books.list_item(MUG, item_name=[english, german], main_product_image_locator=picture)
    was = desk.call("listings.get", sku=MUG).content
    assert was.title == "Becher"
    done = desk.call(
        "listings.update", sku=MUG, content={"title": "Becher, blau"}, expected=was.model_dump(mode="json")
    )
    assert done.before == was
    assert {each["value"] for each in item.live["item_name"]} == {"Mug", "Becher, blau"}
    assert "main_product_image_locator" not in item.live


def test_an_undo_puts_back_what_was_there(amazon: AmazonFake, desk: AmazonDesk):
    item = amazon.books.list_item(MUG)
    done = desk.call("pricing.set", sku=MUG, price=eur(990))
    desk.call("pricing.set", sku=MUG, price=done.before.model_dump(), expected_price=done.price.model_dump())
    assert amazon.books.shown_price(MUG) == "12.50"
    told = desk.call("listings.update", sku=MUG, content={"title": "Other", "description": "d"})
    back = {"content": told.before.model_dump(mode="json"), "expected": told.content.model_dump(mode="json")}
    desk.call("listings.update", sku=MUG, **back)
    assert item.live["item_name"][0]["value"] == "Blue mug"
    assert "product_description" not in item.live


def test_an_offer_of_a_product_that_amazon_has_says_nothing_of_the_product(
    amazon: AmazonFake, desk: AmazonDesk
):
    done = desk.call("listings.create", **new_mug(product="B0KNOWN001", gtin=""))
    assert done.product == "B0KNOWN001"
    assert set(amazon.books.items[MUG].live) == {
        "condition_type", "purchasable_offer", "fulfillment_availability", "merchant_suggested_asin",
    }  # fmt: skip
    assert desk.call("listings.get", sku=MUG).content is None


@given(st.integers(min_value=1, max_value=10**11), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_every_price_comes_back_as_it_was_sent(amount: int, currency: str):
    price = Money(amount=amount, currency=currency)
    match with_price({}, price):
        case {"our_price": [{"schedule": [{"value_with_tax": float(sent)}]}]}:
            assert math.isfinite(sent)
            assert money_of(format(sent, "f") if sent >= 1e16 else str(sent), currency) == price
        case other:
            pytest.fail(str(other))
