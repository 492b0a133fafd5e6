"""No log and no state of an execution holds what a customer wrote, a name, an address, a token or a secret.

Runs after everything else in its process (`pytest_collection_modifyitems`): what the stories, the bad
input and the failing vendors left behind is what is searched, and a few matters more, so that there is
always something to search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.shop import Shop
from nightshift.model.case import CaseStatus
from tests.support.installation import Installation
from tests.support.privacy import leaks, needles, written

if TYPE_CHECKING:
    from pathlib import Path

    from fakes.shopify_books import OrderRecord

pytestmark = pytest.mark.xdist_group("shop")

CLOSED, PERSON = CaseStatus.CLOSED, CaseStatus.WITH_PERSON
WHO = {"email": "wilhelmina.oosterhuis@example.com", "name": "Wilhelmina Oosterhuis", "orders_count": 3}
WHERE = {
    "name": "Wilhelmina Oosterhuis",
    "line1": "Sonnenblumenweg 77",
    "city": "Quakenbrück",
    "postcode": "49610",
    "country": "DE",
}
SAID = "My neighbour Ottokar von Ritterschlag saw nobody at the door, it never arrived: I want my money back."
MOVED = "Please change the shipping address to:\nHasenpfad 12, 60598 Frankfurt am Main, Germany"
ANGRY = "I am furious with you, my lawyer Doctor Zieselhuber hears of it on Monday."


@pytest.fixture(scope="module")
def told(shop: Shop, installed: Installation) -> list[OrderRecord]:
    """A refund over a vendor that breaks and quotes people, an address change, an angry customer, a crash."""
    refund, address, angry, crashed = orders = [
        installed.order(customer=WHO, address=WHERE, fulfilment=state)
        for state in ("delivered", "unfulfilled", "delivered", "delivered")
    ]
    shop.vendor.fail("html", "Order")
    shop.vendor.fail("shape", "Order")
    shop.message(refund, SAID)
    shop.wait_for_case(refund, CLOSED, PERSON)
    shop.message(address, MOVED)
    asked = shop.wait_for_approval(address)
    shop.as_("ana").decide(asked.id, "approve", "Wilhelmina rang me up about it herself")
    assert shop.wait_for_case(address, CLOSED, PERSON).status is CLOSED
    shop.message(angry, ANGRY)
    shop.wait_for_case(angry, PERSON)
    with installed.changed("planner", TABLE_RUNS="gone"):
        shop.message(crashed, SAID.replace("never arrived", "was missing"))
        shop.wait_for_case(crashed, PERSON)
    return orders


@pytest.mark.guarantee("privacy:no-personal-data-in-logs")
def test_nothing_personal_and_no_secret_stands_in_any_log_or_execution(
    installed: Installation, state: Path, told: list[OrderRecord]
) -> None:
    wanted, texts = needles(installed), written(installed, state)
    for known in ("Wilhelmina Oosterhuis", "Sonnenblumenweg 77", "My neighbour Ottokar von Ritterschlag"):
        assert known in wanted
    assert {"a task token", "a signed identity", "a customer's email", "a note of staff"} <= set(
        wanted.values()
    )
    cases = [line.id for order in told for line in installed.shop.cases_about(order)]
    assert len(cases) == len(told)
    for where in ("nightshift-dev-dispatcher.log", "the action log", "executions"):
        assert [case for case in cases if case not in texts[where]] == []
    assert leaks(texts, wanted) == []


def test_a_leak_would_be_found(installed: Installation, told: list[OrderRecord]) -> None:
    del told
    wanted = needles(installed)
    for text in (
        'order of {"customer": "Wilhelmina Oosterhuis"}',
        "ValidationError: 'wilhelmina.oosterhuis@example.com' is no number",
        "…, my lawyer Doctor Zieselhuber hears of …",
        f"Authorization: Bearer {installed.shop.people['ana']}",
    ):
        assert len(leaks({"a log": text}, wanted)) >= 1, text
    assert leaks({"a log": "a case of 5 events, closed"}, wanted) == []
