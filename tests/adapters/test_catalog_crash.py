"""The worker of a price, a quantity or a listing is killed before every line from intent to outcome.

As `test_crash.py` does it with a refund: a forked child sends itself SIGKILL right before its n-th line on
the path; time passes; the same call is made until it says how it ended. The vendor's own books must show
one change, whether or not the vendor honours idempotency keys (eBay has none), and a listing of one offer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from functions.adapters.ebay import listings as listings_code
from functions.adapters.ebay import offers as offers_code
from functions.adapters.ebay.tools import ADAPTER as EBAY
from functions.adapters.shopify import catalog as catalog_code
from functions.adapters.shopify.tools import ADAPTER as SHOPIFY
from nightshift.ids import ChannelId, RunId, StepId
from nightshift.model.plan import Step
from nightshift.tools import effect as effect_code
from tests.adapters.ebay_desk import listing_of
from tests.adapters.official import OFFICIAL
from tests.adapters.official_ebay import OFFICIAL_EBAY
from tests.support.killing import AGAIN, ENDED, KILLED, STRANGE, TENANT, ForkedWorker, Trail, at_work
from tests.support.matrix import instants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nightshift.model.tenant import Channel
    from nightshift.tools.binding import Adapter
    from nightshift.tools.door import StepCall
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

CHANGE = StepId("change")
EFFECTS = [
    "shopify:pricing.set",
    "shopify:inventory.set",
    "ebay:listings.create",
    "ebay:listings.end",
    "ebay:pricing.set",
    "ebay:inventory.set",
]
OPERATION = {
    "shopify:pricing.set": "productVariantsBulkUpdate",
    "shopify:inventory.set": "inventorySetQuantities",
    "ebay:listings.create": "publishOffer",
    "ebay:listings.end": "withdrawOffer",
    "ebay:pricing.set": "bulkUpdatePriceQuantity",
    "ebay:inventory.set": "bulkUpdatePriceQuantity",
}
ADAPTERS = {"shopify": SHOPIFY, "ebay": EBAY}
# What comes before an effect's attempt, and the ledger's own lines, `test_crash.py` goes through.
ON_THE_PATH = Trail(effect_code, catalog_code, listings_code, offers_code)


@dataclass
class Stall(ForkedWorker):
    """One seller's shop or marketplace, where one tool is used."""

    effect: str = EFFECTS[0]

    @property
    def vendor(self) -> str:
        return self.effect.partition(":")[0]

    @property
    def tool(self) -> str:
        return self.effect.partition(":")[2]

    @property
    @override
    def adapter(self) -> Adapter:
        return ADAPTERS[self.vendor]

    @override
    def channel(self) -> Channel:
        shopify = self.vendor == "shopify"
        return self.live_channel(
            ChannelId(f"{self.vendor}-eu"),
            account="acme.myshopify.com" if shopify else "EBAY_DE",
            base_url=self.vendors.shopify_url() if shopify else self.vendors.ebay_url(),
            tools=[self.tool],
        )

    @override
    def secret(self) -> dict[str, str]:
        if self.vendor == "shopify":
            return {"access_token": self.vendors.shopify().access_token}
        seller = self.vendors.ebay()
        return {"access_token": seller.access_token, **seller.terms()}

    @override
    def trail(self, call: StepCall) -> Trail:
        return ON_THE_PATH

    @override
    def first_calls(self) -> Iterator[StepCall]:
        OFFICIAL_EBAY.warm()
        if OFFICIAL.path.exists():
            _ = OFFICIAL.schema
        yield self.authorised("warm")

    def authorised(self, name: str) -> StepCall:
        """Something to change, and a run whose plan changes it."""
        sku, channel = f"MUG-{name}", self.channel().id
        step = Step(id=CHANGE, tool=self.tool, channel=channel, args=self._args(sku))
        subject = f"product:{channel}:{sku}"
        return self.authorise(
            step, run=RunId(f"run_{name}"), subject=subject, plan="change", role="operations", rule="allowed"
        )

    def _args(self, sku: str) -> dict[str, Any]:
        if self.tool == "listings.create":
            return listing_of(sku)
        if self.vendor == "shopify":
            self.vendors.shopify().create_product(sku=sku)
        else:
            self.vendors.ebay().books.list_it(sku)
        price, seen = {"amount": 1190, "currency": "EUR"}, {"amount": 1250, "currency": "EUR"}
        more: dict[str, dict[str, Any]] = {
            "pricing.set": {"price": price, "expected_price": seen},
            "inventory.set": {"quantity": 40, "expected_quantity": 42},
            "listings.end": {},
        }
        return {"sku": sku, **more[self.tool]}

    def made(self, call: StepCall) -> int:
        """How often the vendor's books show the change of one run."""
        sku = f"MUG-{call.run.removeprefix('run_')}"
        shelf, seller = self.vendors.shopify().books.shelf, self.vendors.ebay().books
        done: dict[str, list[str]] = {
            "shopify:pricing.set": [name for name, _ in shelf.price_changes],
            "shopify:inventory.set": [name for name, *_ in shelf.adjustments],
            "ebay:listings.create": [
                name for name in seller.published if sum(o["sku"] == sku for o in seller.offers.values()) == 1
            ],
            "ebay:listings.end": seller.withdrawn,
            "ebay:pricing.set": [name for name, _ in seller.prices],
            "ebay:inventory.set": [name for name, _ in seller.quantities],
        }
        return done[self.effect].count(sku)


@pytest.fixture(params=EFFECTS)
def stall(
    request: pytest.FixtureRequest, tables: Tables, clock: FixedClock, endpoint: str
) -> Iterator[Stall]:
    with at_work(clock, lambda vendors: Stall(vendors, tables, clock, endpoint, request.param)) as made:
        yield made


def _assert_one(stall: Stall, call: StepCall) -> None:
    assert stall.made(call) == 1
    stall.assert_settled_once(call)


@pytest.mark.guarantee("effects:at-most-once")
def test_a_change_killed_between_any_two_lines_is_made_once(
    stall: Stall, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    stall.vendors.shopify().books.shelf.honour_keys = False
    lines = stall.lines_on_the_trail(stall.authorised("undisturbed"), tmp_path / "lines")
    assert lines > 40
    died_after_the_vendor_booked = 0
    for line in instants(lines):
        call = stall.authorised(str(line))
        assert stall.call_in_a_child(call, kill_before=line) == KILLED
        died_after_the_vendor_booked += stall.made(call)
        assert stall.carried_on(call) == ENDED, f"killed before line {line}"
        _assert_one(stall, call)
    record_property("lines", lines)
    assert died_after_the_vendor_booked > 0


@pytest.mark.parametrize("fault", ["drop_after", "500", "html", "shape", "empty", "drop_before", "409"])
@pytest.mark.guarantee("effects:unknown-is-reconciled")
def test_a_change_whose_answer_is_lost_is_settled_by_asking(stall: Stall, fault: str) -> None:
    call = stall.authorised("one")
    vendor = stall.vendors.shopify() if stall.vendor == "shopify" else stall.vendors.ebay()
    vendor.fail(fault, OPERATION[stall.effect])
    assert stall.call_in_a_child(call) == AGAIN
    if fault in STRANGE:  # drift stops a channel's writes until a person lets them go on
        stall.door().limits.release(TENANT, stall.channel().id)
    assert stall.carried_on(call) == ENDED
    _assert_one(stall, call)
