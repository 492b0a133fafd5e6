"""A price's worker at Amazon is killed before every line from intent to outcome.

As `test_crash.py` does it with Shopify. Amazon takes no idempotency key and works later than it answers:
what was done is known only by reading the listing again. The seller's own books must show one change.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from fakes import FakeVendors
from functions.adapters.amazon import client as client_code
from functions.adapters.amazon import listings as listing_code
from functions.adapters.amazon import offers as offer_code
from functions.adapters.amazon import state as state_code
from functions.adapters.amazon.tools import ADAPTER
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
from tests.adapters.amazon_desk import eur, new_mug
from tests.adapters.test_crash import AGAIN, BROKEN, ENDED, KILLED, LEASE, TENANT, Shop
from tests.support.matrix import instants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from pydantic import JsonValue

    from fakes import AmazonFake
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

CHANNEL = ChannelId("amazon-de")
EFFECT = StepId("effect")
PRICE, CREATE = "pricing.set", "listings.create"
OPERATION = {PRICE: "patchListingsItem", CREATE: "putListingsItem"}
SETTLE = 301
# What comes before an effect's attempt, and the ledger's own lines, `test_crash.py` goes through; the new
# listing is killed at the lines that the price does not pass.
ON_THE_PATH = {
    PRICE: {module.__file__ for module in (effect_code, offer_code, state_code)},
    CREATE: {module.__file__ for module in (listing_code, state_code)},
}


class _Secrets:
    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def get(self, ref: str, *, fresh: bool = False) -> dict[str, str]:
        del ref, fresh
        return dict(self._fields)

    def beside(self, ref: str) -> tuple[dict[str, str], ...]:
        del ref
        return ()

    def put(self, ref: str, fields: dict[str, str]) -> None:
        raise AssertionError(ref, sorted(fields))


@dataclass
class Seller(Shop):
    """The same with a seller at Amazon in the shop's place."""

    @property
    def amazon(self) -> AmazonFake:
        return self.vendors.amazon()

    @override
    def warm_up(self) -> None:
        for tool in OPERATION:
            run_step(self.door(child=True), self.authorised(tool, "warm"))
        self._in_children._endpoint.http_session.close()
        client_code._http().close()
        client_code._http.cache_clear()
        client_code._http()

    @override
    def door(self, *, child: bool = False) -> Door:
        base = super().door(child=child)
        app = {"client_id": self.amazon.client_id, "client_secret": self.amazon.client_secret}
        secrets = _Secrets({**app, "refresh_token": self.amazon.refresh_token})
        tokens = Tokens(secrets, base.limits, self.clock)
        return replace(base, adapter=ADAPTER, secrets=secrets, tokens=tokens)

    def authorised(self, tool: str, name: str) -> StepCall:
        """A run whose plan sets a listing's price, or makes a listing."""
        step = Step(id=EFFECT, tool=tool, channel=CHANNEL, args=self._args(tool, name))
        run = RunId(f"run_{tool.rsplit('.', maxsplit=1)[-1]}_{name}")
        plan = Plan(name="sell", steps=(step,))
        door = self.door()
        door.runs.propose(
            Proposal(
                run=run,
                tenant=TENANT,
                case=None,
                wake=1,
                generation=1,
                subject=f"sku:{CHANNEL}:{run}",
                customer=None,
                requester=Principal(id="specialist:operations", role="operations", kind="specialist"),
                proposed_by="playbook:test@1",
                plan=plan,
                digest=plan.digest(),
                proposed_at=self.clock.now(),
            )
        )
        lane = Move(index=0, next="one", lanes=(Lane(adapter="amazon", steps=(EFFECT,)),))
        allowed = StepVerdict(step=EFFECT, decision=Decision.ALLOW, tier=Tier.AUTO, rule="allowance:test")
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
        return StepCall(run=run, generation=1, step=EFFECT)

    def _args(self, tool: str, name: str) -> dict[str, JsonValue]:
        sku = f"{tool} {name}"
        if tool == CREATE:
            return new_mug(sku=sku)
        self.amazon.books.list_item(sku)
        return {"sku": sku, "price": eur(1190), "expected_price": eur(1250)}

    @override
    def _in_the_child(self, call: StepCall, kill_before: int, count: Path | None) -> int:
        try:
            door = self.door(child=True)
            tool = door.runs.proposal(call.run).plan.steps[0].tool
            tracer = _Tracer(kill_before, ON_THE_PATH[tool])
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

    def made(self, tool: str, name: str) -> list[str]:
        """What the seller's books show of one run's effects."""
        changes = self.amazon.books.changes
        return [each.operation for each in changes if each.sku == f"{tool} {name}"]

    def carried_on(self, call: StepCall) -> int | str:
        """The same call, each time after what Amazon may take, until it says how it ended."""
        ended: int | str = AGAIN
        for _ in range(6):
            self.clock.advance(max(LEASE, SETTLE) + 1)
            ended = self.call_in_a_child(call)
            if ended != AGAIN:
                break
        return ended


class _Tracer:
    """Counts the lines executed on the path and kills this process before one of them."""

    def __init__(self, kill_before: int, files: set[str | None]) -> None:
        self._kill_before = kill_before
        self._files = files
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> _Tracer | None:
        if frame.f_code.co_filename not in self._files:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


@pytest.fixture
def seller_at_work(tables: Tables, clock: FixedClock, endpoint: str) -> Iterator[Seller]:
    clock.at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    with FakeVendors(now=clock.now) as vendors:
        made = Seller(vendors=vendors, tables=tables, clock=clock, endpoint=endpoint)
        config = made.door().config
        config.put_tenant(Tenant(id=TENANT, name="Acme", policy_version=1))
        config.put_channel(
            Channel(
                id=CHANNEL,
                tenant=TENANT,
                adapter="amazon",
                account=vendors.amazon().account,
                base_url=vendors.amazon_url(),
                secret_ref="unused",
                live_tools=frozenset(OPERATION),
            )
        )
        made.warm_up()
        yield made


def _assert_one(seller: Seller, call: StepCall, tool: str, name: str) -> None:
    assert seller.made(tool, name) == [OPERATION[tool]]
    door = seller.door()
    assert door.runs.results(call.run)[EFFECT].outcome is Outcome.DONE
    entries = door.log.read(step_stream(call.run, call.run, EFFECT))
    assert verify(entries) == []
    kinds = [entry.kind for entry in entries]
    assert kinds[0] is EntryKind.EFFECT_INTENDED
    assert kinds.count(EntryKind.EFFECT_SETTLED) == 1


@pytest.mark.guarantee("effects:at-most-once")
@pytest.mark.parametrize("share", range(4))
@pytest.mark.parametrize("tool_name", [PRICE, CREATE])
def test_a_listing_killed_between_any_two_lines_is_changed_once(
    seller_at_work: Seller,
    tool_name: str,
    share: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    seller, count = seller_at_work, tmp_path / "lines"
    assert seller.call_in_a_child(seller.authorised(tool_name, "undisturbed"), count=count) == ENDED
    lines = int(count.read_text(encoding="utf-8"))
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
):
    seller, call = seller_at_work, seller_at_work.authorised(tool_name, "one")
    seller.amazon.fail(fault, OPERATION[tool_name])
    assert seller.call_in_a_child(call) == AGAIN
    if fault in {"html", "shape", "empty"}:  # drift stops a channel's writes until a person lets them go on
        seller.door().limits.release(TENANT, CHANNEL)
    assert seller.carried_on(call) == ENDED
    _assert_one(seller, call, tool_name, "one")


@pytest.mark.parametrize("tool_name", [PRICE, CREATE])
def test_what_amazon_works_at_for_long_is_asked_for_once_and_found(seller_at_work: Seller, tool_name: str):
    seller, call = seller_at_work, seller_at_work.authorised(tool_name, "late")
    seller.amazon.books.lag = 6
    assert seller.call_in_a_child(call) == AGAIN
    seller.clock.advance(LEASE + 1)
    assert seller.call_in_a_child(call) == AGAIN
    assert seller.made(tool_name, "late") == []
    assert seller.carried_on(call) == ENDED
    assert seller.amazon.books.requests[OPERATION[tool_name]] == 2, "the warm-up and this"
    _assert_one(seller, call, tool_name, "late")
