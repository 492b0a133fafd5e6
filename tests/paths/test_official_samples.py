"""Shopify's own fixtures and samples through the running system, and its schema over every request we make.

Each body is signed as Shopify signs and posted to the ingress: what is about an order with a case ends in
its inbox, other news is noted, what nobody acts on is kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fakes.shopify_hooks import sign_shopify
from functions.adapters.shopify import queries
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind
from tests.adapters.official import CONTRACTS, IN_CI, OFFICIAL
from tests.paths.neighbour import CONTACT, SHOP, Neighbour
from tests.support.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.shop import Shop
    from nightshift.model.view import CaseLine

pytestmark = pytest.mark.xdist_group("shop")

SHOPIFY = CONTRACTS / "shopify"
PERSON = CaseStatus.WITH_PERSON
ORDER = 450789469  # of the REST fixtures
TEST_ORDER = 820982911946154508  # of Shopify's test notifications: more than a float can hold

ORDERS = "rest_fixtures/order.json"
CUSTOMER = "rest_fixtures/customer.json"


def official(name: str) -> Any:  # noqa: ANN401  # JSON of any shape
    """One of the official bodies."""
    path = SHOPIFY / name
    if not path.exists() and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    found = json.loads(path.read_bytes())
    wrapped = name.startswith("rest_fixtures/") and isinstance(found, dict) and len(found) == 1
    return next(iter(found.values())) if wrapped else found


@pytest.fixture(scope="module")
def store(installed: Installation, shop: Shop) -> Iterator[Neighbour]:
    """A tenant whose shop is Shopify's example."""
    del shop
    made = Neighbour(installed, "official")
    yield made
    made.close()


@pytest.fixture(scope="module")
def about_order(store: Neighbour, installed: Installation) -> CaseLine:
    """A case about the fixtures' order, opened by a message that names it."""
    post(store, "orders/create", official(ORDERS), delivery="placed-first")
    became(store, installed, "placed-first", "noted")
    said = store.store.message("conversation-official", "I want my money back.", order_name="1001")
    assert store.post(said, CONTACT).status_code == 200
    case = store.wait_for_case(f"order:{SHOP}:gid://shopify/Order/{ORDER}", PERSON)
    assert case.handoff_reason == "the order cannot be found"  # the stand-in shop has other orders
    return case


def post(store: Neighbour, topic: str, body: object, *, delivery: str) -> None:
    raw = json.dumps(body).encode()
    secret, domain = store.shop.webhook_secret, store.shop.shop
    signed = sign_shopify(raw, secret=secret, topic=topic, shop=domain, delivery=delivery)
    assert store.post(signed, SHOP).status_code == 200


def became(store: Neighbour, installed: Installation, delivery: str, wanted: str) -> None:
    """Wait until a delivery became what it should; what it is now tells the rest of the story."""

    def now() -> str:
        record = store.ingress(delivery, SHOP) or {}
        if "parked" in record:
            return "parked"
        case = record.get("case", {}).get("S", "")
        if case:
            return "noted" if case == "none" else "in an inbox"
        return "under way" if "pending_of" in record else "kept"

    def look() -> bool | None:
        return now() == wanted or None

    installed.shop.wait_for(look, f"{delivery} to be {wanted}", seen=now)


@pytest.mark.guarantee("ingress:nothing-accepted-is-lost")
@pytest.mark.parametrize(
    ("topic", "sample"),
    [
        ("orders/updated", ORDERS),
        ("orders/cancelled", ORDERS),
        ("refunds/create", "rest_fixtures/refund.json"),
    ],
)
def test_news_of_an_order_with_a_case_end_in_its_inbox(
    store: Neighbour, installed: Installation, about_order: CaseLine, topic: str, sample: str
) -> None:
    name = f"inbox-{topic.replace('/', '-')}"
    post(store, topic, official(sample), delivery=name)
    became(store, installed, name, "in an inbox")
    entries = store.as_("mia").log(about_order.id).entries
    joined = [e.detail["delivery"] for e in entries if e.kind is EntryKind.CASE_JOINED]
    assert name in joined


@pytest.mark.guarantee("ingress:nothing-accepted-is-lost")
@pytest.mark.parametrize(
    ("topic", "sample"),
    [
        ("orders/updated", "webhook_samples/orders_cancelled.test-notification.json"),
        ("orders/cancelled", "webhook_samples/orders_cancelled.test-notification.json"),
        ("refunds/create", "webhook_samples/refunds_create.abridged.json"),
    ],
)
def test_news_of_an_order_without_a_case_are_noted(
    store: Neighbour, installed: Installation, topic: str, sample: str
) -> None:
    name = f"noted-{topic.replace('/', '-')}"
    post(store, topic, official(sample), delivery=name)
    became(store, installed, name, "noted")
    event = json.loads(store.ingress(name, SHOP)["doc"]["S"])["event"]  # type: ignore[index]  # it is there
    assert event["subject"]["ref"] == f"gid://shopify/Order/{TEST_ORDER}"
    assert all(line.subject != f"order:{SHOP}:gid://shopify/Order/{TEST_ORDER}" for line in store.cases())


@pytest.mark.parametrize(
    ("topic", "sample"),
    [
        ("orders/delete", "webhook_samples/orders_delete.test-notification.json"),
        ("customers/update", CUSTOMER),
        ("fulfillments/create", "rest_fixtures/fulfillment.json"),
        ("products/update", "rest_fixtures/product.json"),
        ("inventory_levels/update", "rest_fixtures/inventory_level.json"),
        ("order_transactions/create", "rest_fixtures/transaction.json"),
        ("draft_orders/create", "rest_fixtures/draft_order.json"),
        ("disputes/create", "rest_fixtures/dispute.json"),
        ("checkouts/create", "rest_fixtures/checkouts.json"),
    ],
)
def test_what_nobody_acts_on_yet_is_kept(
    store: Neighbour, installed: Installation, topic: str, sample: str
) -> None:
    name = f"kept-{topic.replace('/', '-')}"
    body = official(sample)
    post(store, topic, body, delivery=name)
    became(store, installed, name, "kept")
    stored = [key for key in installed.bodies() if name in key]
    assert [json.loads(installed.body(key)) for key in stored] == [body]


@pytest.mark.guarantee("ingress:nothing-accepted-is-lost")
@pytest.mark.parametrize(
    ("topic", "sample"),
    [
        ("orders/edited", ORDERS),  # an order where its edit should be
        ("returns/request", ORDERS),
        ("refunds/create", CUSTOMER),
        ("orders/create", "rest_fixtures/orders.json"),
        ("customers/redact", CUSTOMER),
        ("customers/merge", CUSTOMER),
        ("shop/redact", "rest_fixtures/shop.json"),
    ],
)
def test_a_body_under_the_topic_of_another_is_parked(
    store: Neighbour, installed: Installation, topic: str, sample: str
) -> None:
    name = f"parked-{topic.replace('/', '-')}"
    post(store, topic, official(sample), delivery=name)
    became(store, installed, name, "parked")
    reason = store.parked()[name]
    assert reason.split(":")[0]
    assert "Norman" not in reason


def test_the_order_read_back_by_its_official_id_is_refunded_as_any_other(
    store: Neighbour, installed: Installation
) -> None:
    """The test notification's order, entered into the stand-in shop under its own id, beyond 2^53."""
    sample = official("webhook_samples/orders_cancelled.test-notification.json")
    order = store.shop.create_order(
        id=sample["id"],
        name=sample["name"],
        currency=sample["currency"],
        customer={"email": sample["customer"]["email"], "id": sample["customer"]["id"], "orders_count": 2},
        lines=({"title": "Demo course", "price": sample["total_price"]},),
        fulfilment="delivered",
    )
    post(store, "orders/create", sample, delivery="official-9999")
    became(store, installed, "official-9999", "noted")
    email = sample["customer"]["email"]
    said = store.store.message("conversation-9999", "I want my money back.", sender=email, order_name="#9999")
    assert store.post(said, CONTACT).status_code == 200
    case = store.wait_for_case(f"order:{SHOP}:{order.id}", PERSON, CaseStatus.CLOSED)
    assert (case.status, case.handoff_reason) == (CaseStatus.CLOSED, None)
    assert [made.amount.decimal() for made in store.shop.books.refunds] == ["5.00"]


def test_every_graphql_request_of_this_session_keeps_to_the_official_schema(shop: Shop) -> None:
    """Runs after the others: a refused request is answered 400, so a fault would also fail their cases."""
    del shop
    if not OFFICIAL.path.exists() and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    assert OFFICIAL.problems == []
    seen = {operation.name for operation in queries.ALL if OFFICIAL.validated[operation.document]}
    assert {"Order", "QuoteRefund", "MoneyState", "RefundState", "RefundCreate"} <= seen
