"""The worker of a price, a quantity or a listing is killed before every line from intent to outcome.

As `test_crash.py` does it with a refund: a forked child sends itself SIGKILL right before its n-th line on
the path; time passes; the same call is made until it says how it ended. The vendor's own books must show
one change, whether or not the vendor honours idempotency keys (eBay has none), and a listing of one offer.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from fakes import FakeVendors
from functions.adapters.ebay import client as ebay_client_code
from functions.adapters.ebay import listings as listings_code
from functions.adapters.ebay import offers as offers_code
from functions.adapters.ebay.tools import ADAPTER as EBAY
from functions.adapters.shopify import catalog as catalog_code
from functions.adapters.shopify import client as shopify_client_code
from functions.adapters.shopify.tools import ADAPTER as SHOPIFY
from nightshift.actionlog.chain import step_stream, verify
from nightshift.errors import WireError
from nightshift.ids import ChannelId, RunId, StepId
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.tenant import Channel, Tenant
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Lane, Move, StepVerdict, Tier, Verdict
from nightshift.tools import effect as effect_code
from nightshift.tools.door import Door, StepCall
from nightshift.tools.oauth import Tokens
from nightshift.tools.run import run_step
from tests.adapters.ebay_desk import listing_of
from tests.adapters.official import OFFICIAL
from tests.adapters.official_ebay import OFFICIAL_EBAY
from tests.adapters.test_crash import AGAIN, BROKEN, ENDED, KILLED, LEASE, TENANT, Shop
from tests.support.matrix import instants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

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
CLIENTS = {"shopify": shopify_client_code, "ebay": ebay_client_code}
# What comes before an effect's attempt, and the ledger's own lines, `test_crash.py` goes through.
ON_THE_PATH = {module.__file__ for module in (effect_code, catalog_code, listings_code, offers_code)}


class _Secrets:
    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def get(self, ref: str, *, fresh: bool = False) -> dict[str, str]:
        del ref, fresh
        return self._fields

    def beside(self, ref: str) -> tuple[dict[str, str], ...]:
        del ref
        return ()

    def put(self, ref: str, fields: dict[str, str]) -> None:
        raise AssertionError(ref, sorted(fields))


@dataclass
class Stall(Shop):
    """One seller's shop or marketplace, where one tool is used."""

    effect: str = EFFECTS[0]

    @property
    def vendor(self) -> str:
        return self.effect.partition(":")[0]

    @property
    def tool(self) -> str:
        return self.effect.partition(":")[2]

    @property
    def channel(self) -> ChannelId:
        return ChannelId(f"{self.vendor}-eu")

    def secret(self) -> dict[str, str]:
        if self.vendor == "shopify":
            return {"access_token": self.vendors.shopify().access_token}
        seller = self.vendors.ebay()
        return {"access_token": seller.access_token, **seller.terms()}

    def open(self) -> None:
        """Enter the tenant and the channel."""
        shopify = self.vendor == "shopify"
        config = self.door().config
        config.put_tenant(Tenant(id=TENANT, name="Acme", policy_version=1))
        config.put_channel(
            Channel(
                id=self.channel,
                tenant=TENANT,
                adapter=self.vendor,
                account="acme.myshopify.com" if shopify else "EBAY_DE",
                base_url=self.vendors.shopify_url() if shopify else self.vendors.ebay_url(),
                secret_ref="unused",
                live_tools=frozenset({self.tool}),
            )
        )

    @override
    def warm_up(self) -> None:
        OFFICIAL_EBAY.warm()
        if OFFICIAL.path.exists():
            _ = OFFICIAL.schema
        run_step(self.door(child=True), self.authorised("warm"))
        self._in_children._endpoint.http_session.close()
        pool = CLIENTS[self.vendor]._http
        pool().close()
        pool.cache_clear()
        pool()

    @override
    def door(self, *, child: bool = False) -> Door:
        base = super().door(child=child)
        secrets = _Secrets(self.secret())
        tokens = Tokens(secrets, base.limits, self.clock)
        return replace(base, adapter=ADAPTERS[self.vendor], secrets=secrets, tokens=tokens)

    def authorised(self, name: str) -> StepCall:
        """Something to change, and a run whose plan changes it."""
        step = Step(id=CHANGE, tool=self.tool, channel=self.channel, args=self._args(f"MUG-{name}"))
        run = RunId(f"run_{name}")
        plan = Plan(name="change", steps=(step,))
        door = self.door()
        door.runs.propose(
            Proposal(
                run=run,
                tenant=TENANT,
                case=None,
                wake=1,
                generation=1,
                subject=f"product:{self.channel}:MUG-{name}",
                customer=None,
                requester=Principal(id="specialist:operations", role="operations", kind="specialist"),
                proposed_by="playbook:test@1",
                plan=plan,
                digest=plan.digest(),
                proposed_at=self.clock.now(),
            )
        )
        lane = Move(index=0, next="one", lanes=(Lane(adapter=self.vendor, steps=(CHANGE,)),))
        allowed = StepVerdict(step=CHANGE, decision=Decision.ALLOW, tier=Tier.AUTO, rule="allowed")
        door.runs.give(
            Verdict(
                run=run,
                tenant=TENANT,
                plan_digest=plan.digest(),
                policy_version=1,
                decision=Decision.ALLOW,
                tier=Tier.AUTO,
                steps=(allowed,),
                moves=(lane, Move(index=1, next="settle")),
                decided_at=self.clock.now(),
            )
        )
        return StepCall(run=run, generation=1, step=CHANGE)

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

    @override
    def _in_the_child(self, call: StepCall, kill_before: int, count: Path | None) -> int:
        tracer = _Tracer(kill_before)
        try:
            door = self.door(child=True)
            if kill_before or count:
                sys.settrace(tracer)
            run_step(door, call)
            sys.settrace(None)
            if count:
                count.write_text(str(tracer.lines), encoding="utf-8")
        except WireError:
            return AGAIN
        except BaseException:  # noqa: BLE001  # a fork must end here, whatever happened
            traceback.print_exc()
            return BROKEN
        return ENDED

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


class _Tracer:
    """Counts the lines executed on the path and kills this process before one of them."""

    def __init__(self, kill_before: int) -> None:
        self._kill_before = kill_before
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> _Tracer | None:
        if frame.f_code.co_filename not in ON_THE_PATH:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


@pytest.fixture(params=EFFECTS)
def stall(
    request: pytest.FixtureRequest, tables: Tables, clock: FixedClock, endpoint: str
) -> Iterator[Stall]:
    clock.at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    with FakeVendors(now=clock.now) as vendors:
        made = Stall(vendors=vendors, tables=tables, clock=clock, endpoint=endpoint, effect=request.param)
        made.open()
        made.warm_up()
        yield made


def _assert_one(stall: Stall, call: StepCall) -> None:
    assert stall.made(call) == 1
    door = stall.door()
    assert door.runs.results(call.run)[CHANGE].outcome is Outcome.DONE
    entries = door.log.read(step_stream(call.run, call.run, CHANGE))
    assert verify(entries) == []
    kinds = [entry.kind for entry in entries]
    assert kinds[0] is EntryKind.EFFECT_INTENDED
    assert kinds.count(EntryKind.EFFECT_SETTLED) == 1


def _carried_on(stall: Stall, call: StepCall) -> int | str:
    ended: int | str = AGAIN
    for _ in range(6):
        stall.clock.advance(LEASE + 1)
        ended = stall.call_in_a_child(call)
        if ended != AGAIN:
            break
    return ended


@pytest.mark.guarantee("effects:at-most-once")
def test_a_change_killed_between_any_two_lines_is_made_once(
    stall: Stall, tmp_path: Path, record_property: Callable[[str, object], None]
):
    stall.vendors.shopify().books.shelf.honour_keys = False
    count = tmp_path / "lines"
    assert stall.call_in_a_child(stall.authorised("undisturbed"), count=count) == ENDED
    lines = int(count.read_text(encoding="utf-8"))
    assert lines > 40
    died_after_the_vendor_booked = 0
    for line in instants(lines):
        call = stall.authorised(str(line))
        assert stall.call_in_a_child(call, kill_before=line) == KILLED
        died_after_the_vendor_booked += stall.made(call)
        assert _carried_on(stall, call) == ENDED, f"killed before line {line}"
        _assert_one(stall, call)
    record_property("lines", lines)
    assert died_after_the_vendor_booked > 0


@pytest.mark.parametrize("fault", ["drop_after", "500", "html", "shape", "empty", "drop_before", "409"])
@pytest.mark.guarantee("effects:unknown-is-reconciled")
def test_a_change_whose_answer_is_lost_is_settled_by_asking(stall: Stall, fault: str):
    call = stall.authorised("one")
    vendor = stall.vendors.shopify() if stall.vendor == "shopify" else stall.vendors.ebay()
    vendor.fail(fault, OPERATION[stall.effect])
    assert stall.call_in_a_child(call) == AGAIN
    if fault in {"html", "shape", "empty"}:  # drift stops a channel's writes until a person lets them go on
        stall.door().limits.release(TENANT, stall.channel)
    assert _carried_on(stall, call) == ENDED
    _assert_one(stall, call)
