"""Listings, prices and stock on eBay: made once, only what the plan had seen, found again."""

from __future__ import annotations

import pytest

from fakes import EbayFake
from functions.adapters.ebay.client import EbayClient, connect, grant
from functions.adapters.ebay.onboard import ONBOARD
from nightshift.errors import Misconfigured
from nightshift.model.tenant import Channel
from nightshift.tools.binding import Done, Found
from nightshift.tools.contracts.listings import Condition
from nightshift.tools.oauth import granted_once
from tests.adapters.ebay_desk import EbayDesk, listing_of

EUR_1190 = {"amount": 1190, "currency": "EUR"}
EUR_1250 = {"amount": 1250, "currency": "EUR"}


@pytest.fixture
def desk(ebay_client: EbayClient) -> EbayDesk:
    return EbayDesk(ebay_client)


def test_a_listing_is_made_of_item_offer_and_publication(seller: EbayFake, desk: EbayDesk):
    made = desk.call("listings.create", **listing_of("MUG-1"))
    offer = next(iter(seller.books.offers.values()))
    assert made.product == offer["listing"]
    assert seller.books.published == ["MUG-1"]
    found = desk.call("listings.get", sku="MUG-1")
    assert (found.active, found.quantity, str(found.price)) == (True, 42, "12.50 EUR")
    assert (found.condition, found.category, found.product) == (Condition.NEW, "20625", made.product)
    assert found.content.images == ("https://cdn.acme.example/mug.jpg",)


@pytest.mark.parametrize("operation", ["createOrReplaceInventoryItem", "createOffer", "publishOffer"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_creation_that_broke_off_is_carried_on_without_a_second_offer(
    seller: EbayFake, desk: EbayDesk, operation: str, kind: str
):
    seller.fail(kind, operation)
    assert desk.code("listings.create", **listing_of("MUG-1")) == "OutcomeUnknown:vendor.dropped"
    happened = (operation, kind) == ("publishOffer", "drop_after")
    assert isinstance(desk.probe("listings.create", **listing_of("MUG-1")), Done) is happened
    desk.call("listings.create", **listing_of("MUG-1"))
    assert len(seller.books.offers) == 1
    assert seller.books.published == ["MUG-1"]


def test_a_listing_that_stands_as_wanted_is_not_touched_though_some_of_it_was_sold(
    seller: EbayFake, desk: EbayDesk
):
    made = desk.call("listings.create", **listing_of("MUG-1"))
    seller.books.items["MUG-1"]["availability"] = {"shipToLocationAvailability": {"quantity": 41}}
    assert isinstance(desk.probe("listings.create", **listing_of("MUG-1")), Done)
    assert desk.call("listings.create", **listing_of("MUG-1")).product == made.product
    assert seller.books.published == ["MUG-1"]


@pytest.mark.parametrize("other", [{"title": "Red mug"}, {"price": EUR_1190}, {"condition": "open_box"}])
def test_another_listing_of_the_sku_is_left_alone(seller: EbayFake, desk: EbayDesk, other: dict[str, object]):
    desk.call("listings.create", **listing_of("MUG-1"))
    before = (dict(seller.books.items), dict(seller.books.offers))
    assert desk.code("listings.create", **(listing_of("MUG-1") | other)) == "Rejected:listing.exists"
    assert (seller.books.items, seller.books.offers) == before


def test_a_variation_of_a_listing_is_left_alone(seller: EbayFake, desk: EbayDesk):
    seller.books.items["MUG-1"] = {"product": {"title": "Mug"}, "inventoryItemGroupKeys": ["MUGS"]}
    assert desk.code("listings.create", **listing_of("MUG-1")) == "Rejected:listing.exists"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"price": {"amount": 1250, "currency": "USD"}}, "price.currency"),
        ({"title": "x" * 81}, "listing.invalid"),
        ({"sku": "M" * 51}, "listing.invalid"),
        ({"category": "DRINKING_CUP"}, "listing.invalid"),
        ({"gtin": "04006381333931"}, "listing.invalid"),
        ({"images": []}, "listing.invalid"),
    ],
)
def test_what_ebay_cannot_take_is_refused_before_anything_is_sent(
    seller: EbayFake, desk: EbayDesk, wrong: dict[str, object], code: str
):
    assert desk.code("listings.create", **(listing_of("MUG-1") | wrong)) == f"Rejected:{code}"
    assert seller.books.requests.total() == 0


def test_what_ebay_refuses_to_publish_is_told_by_number_and_can_be_mended(seller: EbayFake, desk: EbayDesk):
    assert desk.code("listings.create", **listing_of("MUG-1", quantity=0)) == "Rejected:listing.refused"
    assert seller.books.published == []
    assert desk.call("listings.get", sku="MUG-1").active is False
    desk.call("listings.create", **listing_of("MUG-1"))
    assert (seller.books.published, len(seller.books.offers)) == (["MUG-1"], 1)


def test_a_listing_ends_and_can_be_made_again(seller: EbayFake, desk: EbayDesk):
    made = desk.call("listings.create", **listing_of("MUG-1"))
    said = desk.code("listings.end", sku="MUG-1", expected_product="another")
    assert said == "Rejected:state.changed"
    desk.call("listings.end", sku="MUG-1", expected_product=made.product)
    desk.call("listings.end", sku="MUG-1", expected_product=made.product)
    assert seller.books.withdrawn == ["MUG-1"]
    desk.call("listings.create", **listing_of("MUG-1", price=EUR_1190))
    assert str(desk.call("listings.get", sku="MUG-1").price) == "11.90 EUR"


def test_a_held_listing_says_so(seller: EbayFake, desk: EbayDesk):
    seller.books.list_it("MUG-1", hold=True)
    found = desk.call("listings.get", sku="MUG-1")
    assert (found.active, [issue.code for issue in found.issues]) == (False, ["on_hold"])


def test_what_is_not_there_is_not_found(desk: EbayDesk):
    price = {"price": EUR_1190}
    for tool, args in (("listings.get", {}), ("pricing.set", price), ("inventory.set", {"quantity": 1})):
        for sku in ("MUG-1", "M" * 51):
            assert desk.code(tool, sku=sku, **args) == "Rejected:listing.not_found"


def test_a_price_is_set_if_it_is_what_the_plan_had_seen(seller: EbayFake, desk: EbayDesk):
    seller.books.list_it("MUG-1")
    changed = desk.code("pricing.set", sku="MUG-1", price=EUR_1190, expected_price={**EUR_1250, "amount": 1})
    assert changed == "Rejected:state.changed"
    made = desk.call("pricing.set", sku="MUG-1", price=EUR_1190, expected_price=EUR_1250)
    assert (str(made.before), seller.books.prices) == ("12.50 EUR", [("MUG-1", "11.90")])
    again = desk.call("pricing.set", sku="MUG-1", price=EUR_1190, expected_price=EUR_1250)
    assert (again.before, len(seller.books.prices)) == (again.price, 1)
    dollars = {"amount": 1190, "currency": "USD"}
    assert desk.code("pricing.set", sku="MUG-1", price=dollars) == "Rejected:price.currency"


def test_stock_is_set_in_item_and_offer_alike(seller: EbayFake, desk: EbayDesk):
    offer = seller.books.list_it("MUG-1", availableQuantity=30)
    args = {"sku": "MUG-1", "quantity": 35, "expected_quantity": 30}
    assert desk.probe("inventory.set", **args) is Found.ABSENT  # type: ignore[arg-type]
    made = desk.call("inventory.set", **args)  # type: ignore[arg-type]
    assert (made.before, made.quantity) == (30, 35)
    assert offer["availableQuantity"] == 35
    assert seller.books.quantities == [("MUG-1", 35)]
    assert desk.code("inventory.set", sku="MUG-1", quantity=1, expected_quantity=9).endswith("state.changed")
    assert desk.code("inventory.set", sku="MUG-1", quantity=1, location="x").endswith("location.not_found")


def test_stock_that_is_counted_by_location_is_left_alone(seller: EbayFake, desk: EbayDesk):
    seller.books.list_it("MUG-1")
    spread = {"quantity": 42, "availabilityDistributions": [{"merchantLocationKey": "a", "quantity": 42}]}
    seller.books.items["MUG-1"]["availability"] = {"shipToLocationAvailability": spread}
    assert desk.code("inventory.set", sku="MUG-1", quantity=1) == "Rejected:location.ambiguous"


def test_a_change_that_ebay_does_in_part_is_unknown_and_one_it_refuses_whole_is_refused(
    seller: EbayFake, desk: EbayDesk
):
    seller.books.list_it("MUG-1")["revisions"] = 250
    assert desk.code("inventory.set", sku="MUG-1", quantity=40) == "OutcomeUnknown:vendor.partial"
    assert desk.probe("inventory.set", sku="MUG-1", quantity=40) is Found.ABSENT
    assert desk.code("pricing.set", sku="MUG-1", price=EUR_1190) == "Rejected:listing.refused"


def test_a_refresh_token_is_used_again_and_again(seller: EbayFake, seller_channel: Channel):
    secret = {
        "client_id": seller.client_id,
        "client_secret": seller.client_secret,
        "refresh_token": seller.refresh_token,
        **seller.terms(),
    }
    tokens = set()
    for _ in range(2):
        fields = granted_once(grant, seller_channel, secret, refresh_lasts=True)
        tokens.add(fields["access_token"])
        assert ONBOARD.check(connect(seller_channel, fields)).account == "EBAY_DE"
    assert (len(tokens), seller.grants) == (2, 2)


@pytest.mark.parametrize("wrong", ["client_id", "client_secret", "refresh_token"])
def test_credentials_nobody_knows_are_a_misconfiguration(
    seller: EbayFake, seller_channel: Channel, wrong: str
):
    form = {
        "grant_type": "refresh_token",
        "client_id": seller.client_id,
        "client_secret": seller.client_secret,
        "refresh_token": seller.refresh_token,
    }
    with pytest.raises(Misconfigured) as caught:
        grant(seller_channel, {**form, wrong: "nobody's"})
    assert caught.value.code == "oauth.refused"
    assert "nobody's" not in str(caught.value)
    assert grant(seller_channel, form).expires_in == 7200


def test_a_token_that_expired_is_told_from_one_without_consent(seller: EbayFake, desk: EbayDesk):
    seller.access_token = "v^1.1-another"
    assert desk.code("listings.get", sku="MUG-1") == "Misconfigured:vendor.credentials"
    seller.access_token = desk.client._headers["Authorization"].removeprefix("Bearer ")
    seller.fail("403", "getOffers")
    assert desk.code("listings.get", sku="MUG-1") == "Misconfigured:vendor.unauthorised"


def test_a_channel_of_no_marketplace_is_a_misconfiguration(seller: EbayFake, seller_channel: Channel):
    elsewhere = seller_channel.model_copy(update={"account": "acme.myshopify.com"})
    with pytest.raises(Misconfigured) as caught:
        connect(elsewhere, {"access_token": "x", **seller.terms()})
    assert caught.value.code == "channel.account"


def test_a_secret_that_names_somebody_elses_policy_is_found_when_connecting(
    seller: EbayFake, seller_channel: Channel
):
    secret = {"access_token": seller.access_token, **seller.terms(), "fulfillment_policy": "6999"}
    with pytest.raises(Misconfigured) as caught:
        ONBOARD.check(connect(seller_channel, secret))
    assert caught.value.code == "vendor.set_up"
    seller.books.location_status = "DISABLED"
    found = ONBOARD.check(connect(seller_channel, {**secret, **seller.terms()}))
    assert (found.name, len(found.remarks)) == ("Berlin", 1)
    assert found.skew_seconds is not None
    assert abs(found.skew_seconds) < 5
