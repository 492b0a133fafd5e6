"""Every request of the adapter, and every answer of the stand-in, against Amazon's models."""

from __future__ import annotations

import json

import pytest
from pydantic import JsonValue

from fakes import AMAZON_ANSWERED, AMAZON_ASKED, AmazonFake, AmazonRequest
from functions.adapters.amazon import operations
from functions.adapters.amazon.client import AmazonClient
from functions.adapters.amazon.models import Item, Items, Participations, Submission, WireModel
from functions.adapters.amazon.onboard import ONBOARD
from nightshift.model.tenant import Channel
from tests.adapters.amazon_desk import AmazonDesk, eur, new_mug
from tests.adapters.official import IN_CI
from tests.adapters.official_amazon import MODELS, OfficialAmazon

ITEM = "/listings/2021-08-01/items/A3ACME/MUG"
HERE = {"marketplaceIds": "A1PA6795UKMFR9"}
PRICED = {"op": "replace", "path": "/attributes/purchasable_offer", "value": [{"currency": "EUR"}]}


@pytest.fixture(scope="module")
def judge() -> OfficialAmazon:
    if not MODELS.exists() and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    return OfficialAmazon()


def test_every_operation_was_sent_and_found_valid(
    judge: OfficialAmazon, amazon: AmazonFake, amazon_channel: Channel
) -> None:
    client = AmazonClient(amazon_channel, amazon.access_token, pause=lambda _: None)
    AMAZON_ASKED.append(judge.check)
    AMAZON_ANSWERED.append(judge.look)
    try:
        _send_everything(amazon, client)
    finally:
        AMAZON_ASKED.remove(judge.check)
        AMAZON_ANSWERED.remove(judge.look)
    assert judge.problems == []
    wanted = {each.name for each in operations.ALL}
    assert {judge.operations[name][1:3] for name in wanted} == {(x.method, x.path) for x in operations.ALL}
    assert set(judge.asked) == wanted
    assert set(judge.answered) == wanted
    assert sum(judge.asked.values()) > len(wanted)


def _send_everything(amazon: AmazonFake, client: AmazonClient) -> None:
    desk = AmazonDesk(client)
    details = [{"name": "country_of_origin", "value": "DE"}, {"name": "number_of_items", "value": 2}]
    desk.call("listings.create", **new_mug(sku="MUG/1 #blau", details=details))
    desk.call("listings.create", **new_mug(sku="MUG-2", product="B0FAKE0001", gtin=""))
    assert desk.code("listings.create", **new_mug(sku="MUG-3", category="cup")) == "Rejected:listing.refused"
    desk.call("pricing.set", sku="MUG/1 #blau", price=eur(1190), expected_price=eur(1250))
    desk.call("inventory.set", sku="MUG/1 #blau", quantity=0, expected_quantity=40)
    content = {"title": "Becher, blau & groß", "description": "300 ml", "images": []}
    desk.call("listings.update", sku="MUG/1 #blau", content=content)
    amazon.books.object_to("MUG/1 #blau", "item_name")
    code = desk.code("listings.update", sku="MUG/1 #blau", content={"title": "Other"})
    assert code == "OutcomeUnknown:listing.issues"
    assert desk.call("listings.get", sku="MUG/1 #blau").issues
    desk.call("listings.end", sku="MUG/1 #blau")
    ONBOARD.check(client)


@pytest.mark.parametrize(
    ("operation", "query", "body"),
    [
        ("getListingsItem", {}, None),
        ("getListingsItem", {**HERE, "includedData": "prices"}, None),
        ("getListingsItem", {**HERE, "surprise": "1"}, None),
        ("getListingsItem", HERE, {"productType": "CUP"}),
        ("putListingsItem", HERE, None),
        ("putListingsItem", HERE, {"productType": "CUP"}),
        ("putListingsItem", HERE, {"productType": "CUP", "attributes": {}, "requirements": "OFFER"}),
        ("patchListingsItem", HERE, {"productType": "CUP", "patches": []}),
        ("patchListingsItem", HERE, {"productType": "CUP", "patches": [{**PRICED, "op": "test"}]}),
        ("patchListingsItem", HERE, {"productType": "CUP", "patches": [{**PRICED, "from": "/a"}]}),
        ("patchListingsItem", HERE, {"patches": [PRICED]}),
        ("deleteListingsItem", {**HERE, "mode": "VALIDATION_PREVIEW"}, None),
    ],
)
def test_the_judge_finds_what_is_wrong(
    judge: OfficialAmazon, operation: str, query: dict[str, str], body: JsonValue
) -> None:
    verb = judge.operations[operation][1]
    assert OfficialAmazon().check(
        AmazonRequest(operation=operation, method=verb, path=ITEM, query=query, body=body)
    )


def test_the_judge_lets_right_requests_pass(judge: OfficialAmazon) -> None:
    body = {"productType": "CUP", "patches": [PRICED]}
    sent = AmazonRequest(operation="patchListingsItem", method="PATCH", path=ITEM, query=HERE, body=body)
    assert OfficialAmazon().check(sent) is None
    assert judge.present


@pytest.mark.parametrize(
    ("operation", "model"),
    [("getListingsItem", Item), ("searchListingsItems", Items), ("patchListingsItem", Submission),
     ("putListingsItem", Submission), ("deleteListingsItem", Submission),
     ("getMarketplaceParticipations", Participations)],
)  # fmt: skip
def test_our_models_read_amazons_own_examples(
    judge: OfficialAmazon, operation: str, model: type[WireModel]
) -> None:
    told = judge.operations[operation][3]["responses"]["200"]
    examples = [each["response"] for each in told.get("x-amzn-api-sandbox", {}).get("static", ())]
    examples += [told["examples"]] if "payload" in told.get("examples", {}) else []
    assert examples
    for each in examples:
        model.model_validate_json(json.dumps(each))
