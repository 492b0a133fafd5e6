"""What a decision of the gate costs: processor time of `decide` on a plan of fifty steps, warm and first."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from nightshift.catalog import catalog
from nightshift.gate.decide import decide
from nightshift.gate.facts import ChannelFacts, GateFacts
from nightshift.gate.policies import parse_policy
from nightshift.gate.windows import window_keys
from nightshift.ids import ChannelId, RunId, TenantId
from nightshift.model.plan import Plan, Principal, Proposal
from nightshift.model.verdict import Decision
from nightshift.ports.windows import WindowCounter

__all__ = ["BOUND_MS", "GateCost", "fifty_steps", "gate_cost"]

BOUND_MS: Final = 10.0
_ROOT: Final = Path(__file__).parents[1]
_NOW: Final = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_SHOP: Final = ChannelId("shopify-eu")
_SKUS: Final = 12
_RUNS: Final = 200


@dataclass(frozen=True, kw_only=True)
class GateCost:
    """Milliseconds of processor time."""

    steps: int
    first: float
    median: float
    p95: float
    bound: float
    ok: bool

    def words(self) -> str:
        """The figures in one line."""
        return (
            f"{self.steps} steps: {self.median:.2f} ms (95 %: {self.p95:.2f}), bound {self.bound:.0f}; "
            f"the first in a process: {self.first:.1f} ms"
        )


def fifty_steps() -> Plan:
    """Per product a read, a wait, a new price and a new stock, all with expressions; two reads besides."""
    steps: list[dict[str, object]] = []
    for number in range(_SKUS):
        read, wait = f"product{number}", f"wait{number}"
        product = f"steps.{read}"
        lower = f"${{money.max(inputs.floor, money.scale({product}.price, '0.{80 + number}'))}}"
        drop = f"event.drop_percent > 5.0 && {product}.price.amount > inputs.floor.amount + {number}"
        steps += [
            {"id": read, "tool": "catalog.get_product", "channel": _SHOP,
             "args": {"sku": f"${{inputs.skus[{number}]}}"}},
            {"id": wait, "tool": "wait.for", "args": {"seconds": "${inputs.pause}"}, "needs": [read]},
            {"id": f"price{number}", "tool": "pricing.set", "channel": _SHOP, "needs": [wait], "when": drop,
             "args": {"sku": f"${{inputs.skus[{number}]}}", "price": lower,
                      "expected_price": f"${{{product}.price}}"}},
            {"id": f"stock{number}", "tool": "inventory.set", "channel": _SHOP, "needs": [wait],
             "args": {"sku": f"${{inputs.skus[{number}]}}",
                      "quantity": f"${{inputs.stock[{number}] + {number}}}"}},
        ]  # fmt: skip
    steps += [
        {"id": f"more{n}", "tool": "catalog.get_product", "channel": _SHOP, "args": {"sku": "EXTRA-1"}}
        for n in range(50 - len(steps))
    ]
    inputs = {
        "skus": [f"MUG-{n}" for n in range(_SKUS)], "stock": list(range(_SKUS)), "pause": 60,
        "floor": {"amount": 900, "currency": "EUR"}, "event": {"drop_percent": 6.5},
    }  # fmt: skip
    return Plan.model_validate({"name": "reprice-all", "inputs": inputs, "steps": steps})


def _case() -> tuple[Proposal, GateFacts]:
    plan = fifty_steps()
    asked = Proposal(
        run=RunId("run_bench"), tenant=TenantId("bench"), case=None, wake=0, generation=1, subject="",
        customer=None, requester=Principal(id="ops", role="manager", kind="person"),
        proposed_by="person:ops", plan=plan, digest=plan.digest(), proposed_at=_NOW,
    )  # fmt: skip
    policy = parse_policy((_ROOT / "policies" / "default.toml").read_text(encoding="utf-8"))
    tools = catalog()
    facts = GateFacts(
        now=_NOW, day_began=_NOW, tenant=asked.tenant, requester=asked.requester,
        permissions=policy.roles["manager"].permissions, policy=policy, tools=tools,
        channels={_SHOP: ChannelFacts(adapter="shopify", live_tools=frozenset(tools))}, halted=False,
        locked=False, tainted=frozenset(),
        counters=tuple(WindowCounter(key=k, version=0) for k in window_keys(asked, policy, tools=tools)),
        two_factor=False,
    )  # fmt: skip
    return asked, facts


def _spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


def gate_cost() -> GateCost:
    """Measure; not ok when the bound is not held, or the plan is not judged as it should be."""
    asked, facts = _case()
    judged = decide(asked, facts)
    is_sound = judged.decision is not Decision.REFUSE
    tries = sorted(_spent(lambda: decide(asked, facts)) for _ in range(_RUNS))
    median = statistics.median(tries)
    return GateCost(
        steps=len(asked.plan.steps),
        first=_first(),
        median=median,
        p95=tries[int(0.95 * _RUNS)],
        bound=BOUND_MS,
        ok=is_sound and median <= BOUND_MS,
    )


def _first() -> float:
    """The first decision of a process: nothing is parsed, compiled or loaded yet."""
    run = [sys.executable, "-m", "bench.gate"]
    done = subprocess.run(run, cwd=_ROOT, capture_output=True, text=True, check=True)  # noqa: S603  # ourselves
    return float(json.loads(done.stdout))


if __name__ == "__main__":
    given = _case()
    sys.stdout.write(json.dumps(_spent(lambda: decide(*given))))
