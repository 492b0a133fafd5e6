"""Every request of the adapter, and every answer of the stand-in, against eBay's specifications."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fakes import EBAY_ANSWERED, EBAY_ASKED, EbayAnswer, EbayFake, EbayRequest
from functions.adapters.ebay import operations
from functions.adapters.ebay.client import EbayClient
from functions.adapters.ebay.onboard import ONBOARD
from tests.adapters.ebay_desk import EbayDesk, listing_of
from tests.adapters.official import IN_CI
from tests.adapters.official_ebay import OfficialEbay


@pytest.fixture
def judge() -> Iterator[OfficialEbay]:
    found = OfficialEbay()
    if not found.present and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    found.warm()
    EBAY_ASKED.append(found.check)
    EBAY_ANSWERED.append(found.look)
    try:
        yield found
    finally:
        EBAY_ASKED.remove(found.check)
        EBAY_ANSWERED.remove(found.look)


def test_every_operation_was_sent_and_found_valid(
    judge: OfficialEbay, seller: EbayFake, ebay_client: EbayClient
) -> None:
    desk = EbayDesk(ebay_client)
    desk.call("listings.create", **listing_of("MUG/1 blue", product="987654321"))
    desk.call("listings.get", sku="MUG/1 blue")
    desk.call("pricing.set", sku="MUG/1 blue", price={"amount": 1190, "currency": "EUR"})
    desk.call("inventory.set", sku="MUG/1 blue", quantity=40)
    desk.call("listings.end", sku="MUG/1 blue")
    desk.call("listings.create", **listing_of("MUG/1 blue", title="Blue mug, again"))
    assert seller.books.published == ["MUG/1 blue", "MUG/1 blue"]
    seller.books.offers[next(iter(seller.books.offers))]["revisions"] = 250
    assert desk.code("pricing.set", sku="MUG/1 blue", price={"amount": 1, "currency": "EUR"}).startswith(
        "Rej"
    )
    ONBOARD.check(ebay_client)
    assert judge.problems == []
    wanted = {each.name for each in operations.ALL}
    assert set(judge.asked) == wanted
    assert set(judge.answered) == wanted


def test_the_judge_finds_what_is_wrong(judge: OfficialEbay) -> None:
    base = "/sell/inventory/v1"
    good = EbayRequest(
        method="POST",
        path=f"{base}/offer",
        query={},
        headers={"content-type": "application/json", "content-language": "de-DE"},
        body={"sku": "MUG-1", "marketplaceId": "EBAY_DE", "format": "FIXED_PRICE"},
    )
    assert judge.check(good) is None
    wrong = {
        "unknown field": replace(good, body={"sku": "MUG-1", "price": "12.50"}),
        "wrong type": replace(good, body={"sku": "MUG-1", "availableQuantity": "many"}),
        "deep down": replace(good, body={"pricingSummary": {"price": {"value": "1", "amount": 1}}}),
        "no language": replace(good, headers={"content-type": "application/json"}),
        "no body": replace(good, body=None),
        "unknown parameter": replace(good, query={"dry_run": "true"}),
        "no such operation": replace(good, path=f"{base}/offers"),
    }
    for what, request in wrong.items():
        assert judge.check(request) is not None, what
    judge.look(EbayAnswer(request=good, status=201, body={"offer": "1"}))
    judge.look(EbayAnswer(request=good, status=202, body={}))
    assert len(judge.problems) == len(wrong) + 2
