"""A price's worker at Amazon is killed before every line from intent to outcome.

As `test_crash.py` does it with Shopify. Amazon takes no idempotency key and works later than it answers:
what was done is known only by reading the listing again. The seller's own books must show one change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pytest
from typing_extensions import override

from functions.adapters.amazon import listings as listing_code
from functions.adapters.amazon import offers as offer_code
from functions.adapters.amazon import state as state_code
from functions.adapters.amazon.tools import ADAPTER
from nightshift.ids import ChannelId, RunId, StepId
from nightshift.model.plan import Step
from nightshift.tools import effect as effect_code
from tests.adapters.amazon_desk import eur, new_mug
from tests.support.killing import AGAIN, ENDED, KILLED, LEASE, STRANGE, TENANT, ForkedWorker, Trail, at_work
from tests.support.matrix import instants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydantic import JsonValue

    from fakes import AmazonFake
    from nightshift.model.tenant import Channel
    from nightshift.tools.door import StepCall
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

CHANNEL = ChannelId("amazon-de")
EFFECT = StepId("effect")
PRICE, CREATE = "pricing.set", "listings.create"
OPERATION = {PRICE: "patchListingsItem", CREATE: "putListingsItem"}
SETTLE = 301
# What comes before an effect's attempt, and the ledger's own lines, `test_crash.py` goes through; the new
# listing is killed at the lines that the price does not pass.
ON_THE_PATH = {PRICE: Trail(effect_code, offer_code, state_code), CREATE: Trail(listing_code, state_code)}


@dataclass
class Seller(ForkedWorker):
    """A seller at Amazon, where listings are made and priced."""

    adapter = ADAPTER
    patience: ClassVar[float] = max(LEASE, SETTLE)  # what Amazon may take

    @property
    def amazon(self) -> AmazonFake:
        return self.vendors.amazon()

    @override
    def channel(self) -> Channel:
        return self.live_channel(
            CHANNEL, account=self.amazon.account, base_url=self.vendors.amazon_url(), tools=OPERATION
        )

    @override
    def secret(self) -> dict[str, str]:
        app = {"client_id": self.amazon.client_id, "client_secret": self.amazon.client_secret}
        return {**app, "refresh_token": self.amazon.refresh_token}

    @override
    def trail(self, call: StepCall) -> Trail:
        return ON_THE_PATH[self.door().runs.proposal(call.run).plan.steps[0].tool]

    @override
    def first_calls(self) -> Iterator[StepCall]:
        for tool in OPERATION:
            yield self.authorised(tool, "warm")

    def authorised(self, tool: str, name: str) -> StepCall:
        """A run whose plan sets a listing's price, or makes a listing."""
        step = Step(id=EFFECT, tool=tool, channel=CHANNEL, args=self._args(tool, name))
        run = RunId(f"run_{tool.rsplit('.', maxsplit=1)[-1]}_{name}")
        subject = f"sku:{CHANNEL}:{run}"
        return self.authorise(
            step, run=run, subject=subject, plan="sell", role="operations", rule="allowance:test"
        )

    def _args(self, tool: str, name: str) -> dict[str, JsonValue]:
        sku = f"{tool} {name}"
        if tool == CREATE:
            return new_mug(sku=sku)
        self.amazon.books.list_item(sku)
        return {"sku": sku, "price": eur(1190), "expected_price": eur(1250)}

    def made(self, tool: str, name: str) -> list[str]:
        """What the seller's books show of one run's effects."""
        changes = self.amazon.books.changes
        return [each.operation for each in changes if each.sku == f"{tool} {name}"]


@pytest.fixture
def seller_at_work(tables: Tables, clock: FixedClock, endpoint: str) -> Iterator[Seller]:
    with at_work(clock, lambda vendors: Seller(vendors, tables, clock, endpoint)) as made:
        yield made


def _assert_one(seller: Seller, call: StepCall, tool: str, name: str) -> None:
    assert seller.made(tool, name) == [OPERATION[tool]]
    seller.assert_settled_once(call)


@pytest.mark.guarantee("effects:at-most-once")
@pytest.mark.parametrize("share", range(4))
@pytest.mark.parametrize("tool_name", [PRICE, CREATE])
def test_a_listing_killed_between_any_two_lines_is_changed_once(
    seller_at_work: Seller,
    tool_name: str,
    share: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    seller = seller_at_work
    lines = seller.lines_on_the_trail(seller.authorised(tool_name, "undisturbed"), tmp_path / "lines")
    assert lines > 20
    died_after_amazon_changed = 0
    for line in instants(lines, share=share, shares=4):
        call = seller.authorised(tool_name, str(line))
        assert seller.call_in_a_child(call, kill_before=line) == KILLED
        died_after_amazon_changed += len(seller.made(tool_name, str(line)))
        assert seller.carried_on(call) == ENDED, f"killed before line {line}"
        _assert_one(seller, call, tool_name, str(line))
    record_property("lines", lines)
    assert died_after_amazon_changed > 0


@pytest.mark.parametrize("fault", ["drop_after", "500", "html", "shape", "empty", "drop_before", "503"])
@pytest.mark.parametrize("tool_name", [PRICE, CREATE])
def test_a_listing_whose_answer_is_lost_is_settled_by_looking(
    seller_at_work: Seller, tool_name: str, fault: str
) -> None:
    seller, call = seller_at_work, seller_at_work.authorised(tool_name, "one")
    seller.amazon.fail(fault, OPERATION[tool_name])
    assert seller.call_in_a_child(call) == AGAIN
    if fault in STRANGE:  # drift stops a channel's writes until a person lets them go on
        seller.door().limits.release(TENANT, CHANNEL)
    assert seller.carried_on(call) == ENDED
    _assert_one(seller, call, tool_name, "one")


@pytest.mark.parametrize("tool_name", [PRICE, CREATE])
def test_what_amazon_works_at_for_long_is_asked_for_once_and_found(
    seller_at_work: Seller, tool_name: str
) -> None:
    seller, call = seller_at_work, seller_at_work.authorised(tool_name, "late")
    seller.amazon.books.lag = 6
    assert seller.call_in_a_child(call) == AGAIN
    seller.clock.advance(LEASE + 1)
    assert seller.call_in_a_child(call) == AGAIN
    assert seller.made(tool_name, "late") == []
    assert seller.carried_on(call) == ENDED
    assert seller.amazon.books.requests[OPERATION[tool_name]] == 2, "the warm-up and this"
    _assert_one(seller, call, tool_name, "late")
