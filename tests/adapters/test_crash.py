"""A refund's worker is killed before every line from intent to outcome, and tried again.

The tool runs in a forked child that sends itself SIGKILL right before the n-th line it would execute
on the path (`tools/run.py`, the ledger, the adapter's refund). Nothing of it is left but what it wrote
to DynamoDB and what the shop booked. Then time passes and the same call is made until it says how it
ended. The shop's own books must show one refund: with a shop that honours idempotency keys, and with
one that ignores them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from functions.adapters.shopify import payments as refund_code
from functions.adapters.shopify.tools import ADAPTER
from nightshift.aws import ledger as ledger_code
from nightshift.ids import ChannelId, RunId, StepId
from nightshift.model.plan import Step
from nightshift.model.tool import Outcome
from nightshift.money import Money
from nightshift.tools import effect as effect_code
from nightshift.tools import line as line_code
from nightshift.tools import run as run_code
from tests.support.killing import AGAIN, ENDED, KILLED, LEASE, STRANGE, TENANT, ForkedWorker, Trail, at_work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nightshift.model.tenant import Channel
    from nightshift.tools.door import StepCall
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

CHANNEL = ChannelId("shopify-eu")
REFUND = StepId("refund")
ON_THE_PATH = Trail(
    run_code,
    effect_code,
    refund_code,
    parts={
        # Of the ledger, the lines around its writes: what comes before only builds the request.
        ledger_code: {"intend", "settle", "_transact", "take_over", "permit"},
        # Of the line to the vendor, what lies around the request and after the records.
        line_code: {"ask", "_noted", "report", "_report_breaker", "_report_budget"},
    },
)


@dataclass
class Shop(ForkedWorker):
    """A shop where orders are refunded."""

    adapter = ADAPTER

    @override
    def channel(self) -> Channel:
        return self.live_channel(
            CHANNEL,
            account="acme.myshopify.com",
            base_url=self.vendors.shopify_url(),
            tools=["payments.refund"],
        )

    @override
    def secret(self) -> dict[str, str]:
        return {"access_token": self.vendors.shopify().access_token, "webhook_secret": "unused"}

    @override
    def trail(self, call: StepCall) -> Trail:
        return ON_THE_PATH

    @override
    def first_calls(self) -> Iterator[StepCall]:
        yield self.authorised_refund("#warm")

    def authorised_refund(self, name: str) -> StepCall:
        """An order, and a run whose plan refunds it whole."""
        order = self.vendors.shopify().create_order(name=name, lines=[{"title": "Mug", "price": "12.50"}])
        amount = Money(amount=1250, currency="EUR")
        paid = order.payments()[0]
        step = Step(
            id=REFUND,
            tool="payments.refund",
            channel=CHANNEL,
            args={
                "order": order.id,
                "amount": amount.model_dump(),
                "expected_refunded": Money.zero("EUR").model_dump(),
                "lines": [{"line": order.lines[0].id, "quantity": 1}],
                "transactions": [{"parent": paid.id, "gateway": paid.gateway, "amount": amount.model_dump()}],
                "restock": "no_restock",
            },
            limit=amount,
        )
        run = RunId(f"run_{name.strip('#')}")
        return self.authorise(step, run=run, subject=f"order:{CHANNEL}:{order.id}", plan="refund")


@pytest.fixture
def shop(tables: Tables, clock: FixedClock, endpoint: str) -> Iterator[Shop]:
    with at_work(clock, lambda vendors: Shop(vendors, tables, clock, endpoint)) as made:
        yield made


@pytest.mark.guarantee("effects:at-most-once")
@pytest.mark.guarantee("log:intent-before-effect")
@pytest.mark.parametrize("share", range(4))
@pytest.mark.parametrize("honours_keys", [True, False], ids=["keys-honoured", "keys-ignored"])
def test_a_refund_killed_between_any_two_lines_is_made_once(
    shop: Shop,
    honours_keys: bool,  # noqa: FBT001  # a parameter of the test
    share: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    store = shop.vendors.shopify()
    store.books.honour_keys = honours_keys
    lines = shop.lines_on_the_trail(shop.authorised_refund("#undisturbed"), tmp_path / "lines")
    assert lines > 60
    store.books.requests.clear()
    died_after_the_shop_booked = 0
    for line in range(1 + share, lines + 1, 4):
        call = shop.authorised_refund(f"#{line}")
        assert shop.call_in_a_child(call, kill_before=line) == KILLED
        made = [r for r in store.books.refunds if r.order_name == f"#{line}"]
        died_after_the_shop_booked += len(made)
        ended = shop.carried_on(call)
        assert ended == ENDED, f"killed before line {line}: {ended}"
        _assert_one_refund(shop, call, f"#{line}")
    record_property("lines", lines)
    record_property("refund_requests", store.books.requests["refundCreate"])
    assert died_after_the_shop_booked > 0


def _assert_one_refund(shop: Shop, call: StepCall, name: str) -> None:
    refunds = [r for r in shop.vendors.shopify().books.refunds if r.order_name == name]
    assert [r.amount for r in refunds] == [Money(amount=1250, currency="EUR")]
    assert shop.assert_settled_once(call).output["refund"] == refunds[0].id


@pytest.mark.parametrize("fault", ["drop_after", "500", "html", "shape", "empty", "drop_before", "internal"])
@pytest.mark.parametrize("honours_keys", [True, False], ids=["keys-honoured", "keys-ignored"])
@pytest.mark.guarantee("effects:unknown-is-reconciled")
def test_a_refund_whose_answer_is_lost_is_settled_by_asking(
    shop: Shop,
    honours_keys: bool,  # noqa: FBT001  # a parameter of the test
    fault: str,
) -> None:
    store = shop.vendors.shopify()
    store.books.honour_keys = honours_keys
    call = shop.authorised_refund("#1001")
    store.fail(fault, "refundCreate")
    assert shop.call_in_a_child(call) == AGAIN
    shop.clock.advance(LEASE + 1)
    # An answer of another shape stops the channel's writes until a person releases them.
    assert shop.door().limits.release(TENANT, CHANNEL) is (fault in STRANGE)
    assert shop.call_in_a_child(call) == ENDED
    _assert_one_refund(shop, call, "#1001")


@pytest.mark.parametrize("fault", sorted(STRANGE))
def test_a_refund_whose_answer_is_strange_is_not_made_again_unless_a_person_releases_the_channel(
    shop: Shop, fault: str
) -> None:
    call = shop.authorised_refund("#1001")
    shop.vendors.shopify().fail(fault, "refundCreate")
    assert shop.call_in_a_child(call) == AGAIN
    shop.clock.advance(LEASE + 1)
    assert shop.call_in_a_child(call) == ENDED
    result = shop.door().runs.results(call.run)[REFUND]
    assert (result.outcome, result.code) == (Outcome.NOT_DONE, "channel.stopped")
    assert [r.order_name for r in shop.vendors.shopify().books.refunds] == ["#warm"]


@pytest.mark.parametrize("fault", ["429", "throttled"])
def test_a_refund_the_shop_puts_off_is_made_when_it_comes_back(shop: Shop, fault: str) -> None:
    call = shop.authorised_refund("#1001")
    shop.vendors.shopify().fail(fault, "refundCreate")
    assert shop.call_in_a_child(call) == AGAIN
    assert [r.order_name for r in shop.vendors.shopify().books.refunds] == ["#warm"]
    shop.clock.advance(3)
    assert shop.call_in_a_child(call) == ENDED
    _assert_one_refund(shop, call, "#1001")
