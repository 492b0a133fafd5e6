"""Plans, facts and tools that the gate's tests vary."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightshift.gate.facts import ChannelFacts, GateFacts, day_began
from nightshift.gate.policies import parse_policy
from nightshift.gate.windows import window_keys
from nightshift.ids import CaseId, ChannelId, RunId, StepId, TenantId
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.tool import EffectClass, ToolSpec
from nightshift.money import Money
from nightshift.ports.windows import WindowCounter, WindowUse
from nightshift.tools.contracts import ALL

if TYPE_CHECKING:
    from nightshift.model.policy import Policy

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TENANT = TenantId("acme")
SHOP = ChannelId("shopify-eu")
DESK = ChannelId("desk")
SUPPORT = Principal(id="support", role="support", kind="specialist")
DEFAULT_POLICY = parse_policy((ROOT / "policies/default.toml").read_text(encoding="utf-8"))

_OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": False}


def tool(name: str, effect: EffectClass, **fields: object) -> ToolSpec:
    """A tool that the catalog does not have (yet)."""
    plain: dict[str, Any] = {
        "name": name, "summary": "x", "effect": effect, "permission": "orders:edit", "money": False,
        "customer_visible": False, "irreversible": False, "sensitive": (), "version": "1", "errors": (),
        "input_schema": {**_OBJECT, "title": "In", "properties": {}},
        "output_schema": {**_OBJECT, "title": "Out", "properties": {}},
        "example": {}, "adapters": ("shopify",),
    }  # fmt: skip
    return ToolSpec.model_validate(plain | fields)


TOOLS: dict[str, ToolSpec] = {
    name: contract.spec(("contact",) if name.startswith("messaging.") else ("shopify",))
    for name, contract in ALL.items()
} | {
    "catalog.fetch_page": tool(
        "catalog.fetch_page", EffectClass.READ, permission="orders:read", sensitive=("url",),
        input_schema={**_OBJECT, "title": "In", "properties": {"url": {"type": "string"}}},
    ),
    "inventory.adjust": tool("inventory.adjust", EffectClass.WRITE),
    "support.lookup": tool(
        "support.lookup", EffectClass.READ, permission="orders:read", adapters=("contact",)
    ),
}  # fmt: skip

LIVE = {
    SHOP: ChannelFacts(adapter="shopify", live_tools=frozenset(TOOLS)),
    DESK: ChannelFacts(adapter="contact", live_tools=frozenset(TOOLS)),
}


def money(amount: int, currency: str = "EUR") -> Money:
    return Money(amount=amount, currency=currency)


def step(id_: str, tool_: str, args: dict[str, Any] | None = None, **fields: object) -> Step:
    channel = DESK if tool_.startswith("messaging.") else SHOP
    plain = {"id": id_, "tool": tool_, "channel": channel, "args": args or {}}
    return Step.model_validate(plain | fields)


ORDER = step("order", "orders.get", {"order": "${inputs.order}"})
QUOTE = step(
    "quote", "payments.quote_refund", {"order": "${steps.order.id}", "everything": True}, needs=("order",)
)


def refund(limit: int | Money | None = 2000, id_: str = "refund", **args: object) -> Step:
    """A refund of what was quoted."""
    quoted = {
        "order": "${steps.order.id}",
        "amount": "${steps.quote.amount}",
        "expected_refunded": "${steps.quote.refunded}",
        "lines": "${steps.quote.lines}",
        "transactions": "${steps.quote.transactions}",
        "restock": "no_restock",
    }
    bound = money(limit) if isinstance(limit, int) else limit
    return step(id_, "payments.refund", quoted | args, needs=("order", "quote"), limit=bound)


def cancel(limit: int | Money = 4200, **args: object) -> Step:
    """A cancellation of the order that was read."""
    plain = {
        "order": "${steps.order.id}",
        "reason": "customer",
        "amount": "${steps.order.captured}",
        "expected_refunded": "${steps.order.refunded}",
        "restock": True,
    }
    bound = money(limit) if isinstance(limit, int) else limit
    return step("cancel", "orders.cancel", plain | args, needs=("order",), limit=bound)


def reply(id_: str = "reply", template: str = "refund_done@1", **fields: object) -> Step:
    args = {"conversation": "conv-1", "template": template, "fields": {"order": "#1001"}}
    return step(id_, "messaging.reply", args | fields.pop("args", {}), **fields)


def set_address(**fields: object) -> Step:
    address = {"line1": "Lindenstr. 5", "city": "Berlin", "postcode": "10969", "country": "DE"}
    args = {"order": "gid://shopify/Order/1", "address": address} | fields.pop("args", {})
    return step("move", "orders.set_address", args, **fields)


LOOKUP = step("lookup", "support.lookup", channel=DESK)

STANDARD = (ORDER, QUOTE, refund())


def proposal(*steps: Step, **fields: object) -> Proposal:
    inputs = fields.pop("inputs", {"order": "gid://shopify/Order/1"})
    plan = Plan(name="refund", inputs=inputs, steps=steps)
    plain = {
        "run": RunId("run_1"), "tenant": TENANT, "case": CaseId("case_1"), "wake": 1, "generation": 1,
        "subject": "order:shopify-eu:1", "customer": "cus-1", "requester": SUPPORT,
        "proposed_by": "playbook:refund@1", "plan": plan, "digest": plan.digest(), "proposed_at": NOW,
    }  # fmt: skip
    return Proposal.model_validate(plain | fields)


def facts(given: Proposal, **changes: object) -> GateFacts:
    """The facts of a live tenant with the default policy, where nothing was used yet."""
    policy: Policy = changes.pop("policy", DEFAULT_POLICY)
    uses: dict[tuple[str, str], tuple[WindowUse, ...]] = changes.pop("uses", {})
    role = policy.roles.get(given.requester.role)
    counters = tuple(
        WindowCounter(key=key, version=1, uses=uses.get((key.customer or "tenant", key.tool), ()))
        for key in window_keys(given, policy, tools=TOOLS)
    )
    plain = {
        "now": NOW, "day_began": day_began(NOW, policy.timezone), "tenant": TENANT, "policy": policy,
        "requester": given.requester, "permissions": role.permissions if role else None, "tools": TOOLS,
        "channels": LIVE, "halted": False, "locked": False, "tainted": frozenset(given.tainted),
        "counters": counters, "two_factor": False,
    }  # fmt: skip
    return GateFacts.model_validate(plain | changes)


def use(amount: int | Money, at: datetime, *, run: str = "run_0", state: str = "done") -> WindowUse:
    paid = money(amount) if isinstance(amount, int) else amount
    plain = {"run": RunId(run), "step": StepId("refund"), "amount": paid, "at": at, "state": state}
    return WindowUse.model_validate(plain)
