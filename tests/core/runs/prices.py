"""A run of prices on real tables: a second small vendor beside the one of refunds, over the same channel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nightshift.errors import Rejected
from nightshift.ids import StepId
from nightshift.model.plan import Plan, Step
from nightshift.money import Money
from nightshift.runs.lane import LaneCall, run_lane
from nightshift.runs.settle import settle
from nightshift.runs.unwind import unwind
from nightshift.tools.binding import Binding, Call, Done, Found
from nightshift.tools.contracts import pricing
from tests.support import records
from tests.support.book import vendor
from tests.support.records import SHOP, eur

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import JsonValue

    from nightshift.ids import RunId
    from nightshift.model.case import RunOutcome
    from nightshift.model.verdict import RunState
    from tests.support.book import VendorClient
    from tests.support.scene import Scene

__all__ = ["OLD", "Prices", "changed", "price_step", "prices_plan"]

OLD, NEW = 1250, 1190


@dataclass
class Prices:
    """What the vendor asks for its goods; every change that was made, and what goes wrong with the next ones.

    `forgets`: an answer does not say what there was before. `then`: called after the next change was made.
    """

    prices: dict[str, int] = field(default_factory=dict)
    changes: list[tuple[str, int]] = field(default_factory=list)
    forgets: bool = False
    then: Callable[[str], Exception | None] | None = None

    def install(self, scene: Scene) -> None:
        """Serve `pricing.set` beside everything else."""
        binding = Binding(contract=pricing.SET_PRICE, call=self._set, probe=self._find)
        plain = vendor(scene.book)
        scene.with_adapter(replace(plain, bindings=(*plain.bindings, binding)))
        live = frozenset({*records.LIVE, "pricing.set"})
        scene.put_channel(records.channel(live=live))

    def _set(self, call: Call[VendorClient]) -> Done:
        args: pricing.SetPrice = call.args
        before = self.prices.setdefault(args.sku, OLD)
        if args.expected_price is not None and args.expected_price.amount != before:
            message = "the price is another one"
            raise Rejected(message, code="state.changed")
        self.prices[args.sku] = args.price.amount
        self.changes.append((args.sku, args.price.amount))
        problem = self.then(args.sku) if self.then is not None else None
        if problem is not None:
            raise problem
        return self._done(args, None if self.forgets else eur(before))

    def _find(self, call: Call[VendorClient]) -> Done | Found:
        args: pricing.SetPrice = call.args
        is_it = self.prices.get(args.sku, OLD) == args.price.amount
        return self._done(args, args.expected_price) if is_it else Found.ABSENT

    @staticmethod
    def _done(args: pricing.SetPrice, before: Money | None) -> Done:
        return Done(output=pricing.PriceSet(sku=args.sku, price=args.price, before=before))


def price_step(name: str, *, expected: int | None = None, needs: tuple[str, ...] = ()) -> Step:
    """Set the price of the product that is called like the step."""
    args: dict[str, JsonValue] = {"sku": name, "price": {"amount": NEW, "currency": "EUR"}}
    if expected is not None:
        args["expected_price"] = {"amount": expected, "currency": "EUR"}
    wanted = tuple(StepId(need) for need in needs)
    return Step(id=StepId(name), tool="pricing.set", channel=SHOP, args=args, needs=wanted)


def prices_plan(*steps: Step) -> Plan:
    return Plan(name="reprice", inputs={"order": records.ORDER}, steps=steps)


def changed(scene: Scene, *steps: str, run: RunId = records.RUN, generation: int = 1) -> RunState:
    """Steps carried out one by one, as lanes; then where the run goes on."""
    state: RunState | None = None
    for step in steps:
        call = LaneCall(run=run, generation=generation, move=0, steps=(StepId(step),))
        state = run_lane(scene.door, call)
        if state.move.next == "undo":
            return state
    assert state is not None
    return state


def to_the_end(scene: Scene, run: RunId = records.RUN, *, generation: int = 1, error: str = "") -> RunOutcome:
    """A failed run from where its saga takes back to its end, as the machine does it."""
    state = unwind(scene.settling, run, generation, error)
    while state.move.next == "one":
        (lane,) = state.move.lanes
        call = LaneCall(run=state.run, generation=generation, move=state.move.index, steps=lane.steps)
        state = run_lane(scene.door, call)
        if state.move.next == "undo":
            state = unwind(scene.settling, state.run, generation, "")
    assert state.move.next == "settle"
    return settle(scene.settling, state.run, generation, state.error or None)
