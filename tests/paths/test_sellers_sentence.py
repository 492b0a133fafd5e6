"""What a seller says, on the running installation: list on two marketplaces, sync daily, follow competitors.

"List this product on Amazon and eBay, sync the inventory daily, and update prices on Shopify when
competitors drop theirs by more than 5 %." Each part is a shipped example, run unchanged.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from nightshift.cli.connection import Failed
from nightshift.cli.main import Outside, build, run
from nightshift.clock import SystemClock
from nightshift.model.rundesk import Launched, RunOrder, StepState
from nightshift.model.workflow import WorkflowHead
from tests.paths.seller import SKU, Seller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.shop import Shop
    from nightshift.model.rundesk import RunDetail
    from tests.support.installation import Installation

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture
def seller(installed: Installation, shop: Shop) -> Iterator[Seller]:
    del shop  # that is: after the lasting ones have begun
    number = len([name for name in installed.shop.fakes.books()["competitor"] if name.startswith("seller-")])
    made = Seller(installed, f"seller-{number}")
    yield made
    made.close()


def states(run: RunDetail) -> dict[str, StepState]:
    return {str(line.step): line.state for line in run.steps}


def test_a_competitors_drop_of_six_percent_changes_the_price_once_and_one_of_four_changes_nothing(
    seller: Seller,
):
    seller.save("reprice-when-competitors-drop")
    assert seller.look() == {"feeds": 1, "events": 0, "failed": 0}
    prices = seller.shop.books.shelf.price_changes

    seller.feed.change(SKU, "12.00")  # 4 % down
    assert seller.look()["events"] == 1
    seller.noted(1)
    assert (prices, seller.runs()) == ([], ())

    seller.feed.change(SKU, "11.28")  # 6 % down
    assert seller.look()["events"] == 1
    (done,) = seller.ended(1)
    assert (done.status, states(done)) == ("DONE", {"product": StepState.DONE, "reprice": StepState.DONE})
    assert done.proposal.requester.id == "sam"
    assert done.proposal.workflow == "reprice-when-competitors-drop@1"
    assert prices == [(SKU, "11.28")]

    assert seller.look()["events"] == 0  # the price stays where it is
    seller.feed.change(SKU, "10.00")  # and drops again, on the same day
    assert seller.look()["events"] == 1
    seller.noted(3)
    assert len(seller.ended(1)) == 1
    assert prices == [(SKU, "11.28")]


def test_the_inventory_is_synced_once_a_day(seller: Seller):
    seller.amazon.books.list_item(SKU, price="12.50", quantity=1)
    seller.ebay.books.list_it(SKU, quantity=1)
    seller.save("sync-inventory-daily")
    for day, stock in enumerate((42, 40, 37), start=1):
        seller.stock(stock)
        assert seller.a_day_passes().begun == 1
        runs = seller.ended(day)
        assert [each.status for each in runs] == ["DONE"] * day
        assert seller.amazon.books.shown_quantity(SKU) == stock
        assert seller.offered() == stock
    times = {str(each.proposal.plan.inputs["event"]) for each in runs}
    assert len(times) == 3


def test_a_product_is_listed_on_amazon_and_ebay_by_a_plan_file(seller: Seller):
    order = RunOrder(plan=seller.plan("list-on-amazon-and-ebay"), key="list-the-mug")
    begun = [seller.api.call(Launched, "POST", "/v1/runs", body=order) for _ in range(2)]
    assert begun[0] == begun[1]
    assert begun[0].started, begun[0].findings
    (done,) = seller.ended(1)
    assert done.status == "DONE", [(line.step, line.state, line.code, line.message) for line in done.steps]
    assert seller.amazon.books.shown_price(SKU) == "12.50"
    assert seller.offered() == 42


@pytest.mark.parametrize(("price", "drop"), [("11.75", True), ("12.00", False)])
def test_the_whole_sentence_is_one_plan_file(
    seller: Seller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, price: str, *, drop: bool
):
    seller.feed.change(SKU, price)
    file = tmp_path / "plan.json"
    file.write_text(seller.plan("list-sync-reprice").model_dump_json(), encoding="utf-8")
    monkeypatch.setenv("NIGHTSHIFT_API", seller.api.base)
    monkeypatch.setenv("NIGHTSHIFT_TOKEN", seller.token("sam"))
    console = Console(file=io.StringIO())
    outside = Outside(clock=SystemClock(), identity_key=lambda _: "", console=console)
    assert run(build(outside), ["plan", "dry-run", str(file)]) == 0
    assert seller.runs() == ()
    assert run(build(outside), ["plan", "run", str(file), "--wait"]) == 0
    (found,) = seller.ended(1)
    assert states(found)["reprice"] is (StepState.DONE if drop else StepState.SKIPPED)
    assert seller.shop.books.shelf.price_changes == ([(SKU, price)] if drop else [])
    assert (seller.amazon.books.shown_price(SKU), seller.offered()) == ("12.50", 42)


def test_a_viewer_saves_nothing_and_switches_nothing_on(seller: Seller):
    seller.save("sync-inventory-daily")
    vic = seller.as_("vic")
    for method, path in (("PUT", ""), ("POST", "/enable"), ("POST", "/disable")):
        body = seller.example("sync-inventory-daily") if method == "PUT" else None
        with pytest.raises(Failed, match="plans:run"):
            vic.call(WorkflowHead, method, f"/v1/workflows/sync-inventory-daily{path}", body=body)
    vic.close()
