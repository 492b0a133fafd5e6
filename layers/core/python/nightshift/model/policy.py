"""Policy: a versioned document that says what may run, who must agree and who may ask."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from nightshift.model.base import Document, Noun
from nightshift.model.plan import ToolName
from nightshift.model.verdict import Decision, Tier
from nightshift.money import Currency, Money

__all__ = [
    "Allowance",
    "ApprovalRules",
    "BlastRadius",
    "Policy",
    "Role",
    "Rule",
    "TierRule",
    "TriageRules",
    "Window",
]

_RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]


class Role(Noun):
    """What a role may do: permissions such as `payments:refund`, `approvals:decide`, `cases:read`."""

    permissions: frozenset[str]


class TierRule(Noun):
    """Amounts up to `up_to` (inclusive; absent: any) of one tool and currency fall into `tier`."""

    tool: ToolName
    currency: Currency
    up_to: int | None = Field(default=None, ge=0, description="minor units")
    tier: Tier


class Window(Noun):
    """A cumulative bound, a budget: more than `count` effects or `amount` within `days` leads to `then`.

    `per` says whose uses are added up. A plan of no specialist, or of no workflow, draws on no budget of
    one; of an unknown customer nothing can be added up, so a person is asked.
    """

    name: str
    tool: ToolName | Literal["*"] = Field(description="`*`: every tool that changes something, together")
    per: Literal["customer", "tenant", "specialist", "workflow"]
    days: int = Field(ge=1, le=400, description="1: since midnight in the tenant's time zone")
    count: int | None = Field(default=None, ge=0)
    amount: Money | None = None
    then: Literal[Decision.ASK, Decision.REFUSE]

    @model_validator(mode="after")
    def _bounds_something(self) -> "Window":
        if self.count is None and self.amount is None:
            message = f"window {self.name} bounds nothing: give a count or an amount"
            raise ValueError(message)
        return self


class BlastRadius(Noun):
    """How much one plan may touch: beyond any of these bounds leads to `then`.

    A value that is not written out in the plan counts as one more SKU or customer.
    """

    name: _RuleName
    writes: int | None = Field(default=None, ge=0, description="steps that change something")
    skus: int | None = Field(default=None, ge=0, description="products that they name")
    customers: int | None = Field(default=None, ge=0, description="customers whose orders or words they name")
    money: Money | None = Field(default=None, description="sum of the limits in this currency")
    then: Literal[Decision.ASK, Decision.REFUSE]

    @model_validator(mode="after")
    def _bounds_something(self) -> "BlastRadius":
        if self.writes is None and self.skus is None and self.customers is None and self.money is None:
            message = f"blast radius {self.name} bounds nothing: give writes, skus, customers or money"
            raise ValueError(message)
        return self


class Rule(Noun):
    """What a tenant says of single steps: where `when` holds, the step asks or the plan is refused.

    `when` is CEL over `tool`, `channel`, `effect`, `args`, `limit`, `requester`, `customer`, `now` and
    `plan` (see `nightshift.gate.rules`); a rule that cannot be judged for a step is taken to hold.
    ASK and TWO_FACTOR look at steps that change something, REFUSE at every step.
    """

    name: _RuleName
    tools: tuple[ToolName, ...] = Field(default=(), description="the tools it looks at; empty: every tool")
    when: str | None = Field(default=None, max_length=1_000, description="CEL; absent: always")
    then: Literal[Decision.ASK, Decision.REFUSE, Tier.TWO_FACTOR]
    reason: str = Field(min_length=1, max_length=300, description="what the people who are asked read")


class Allowance(Noun):
    """A named rule that lets a `DESTRUCTIVE` or customer-visible tool run without a person."""

    name: str
    tool: ToolName
    templates: tuple[str, ...] = Field(default=(), description="for messaging: only these templates")


class ApprovalRules(Noun):
    """How people are asked."""

    expires_seconds: int = Field(default=86_400, gt=0, le=30 * 86_400)
    requester_may_decide: Literal[False] = False
    two_factor: Literal["unavailable"] = "unavailable"


class TriageRules(Noun):
    """Words and signs that send a case to a person before any model, per language."""

    legal: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    angry: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    distressed: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    fraud: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    first_order_review_from: Money | None = None


class Policy(Document):
    """One version of a tenant's policy. A tool no rule mentions is refused."""

    version: int = Field(ge=1)
    timezone: str = "UTC"
    roles: dict[str, Role]
    tiers: tuple[TierRule, ...]
    windows: tuple[Window, ...] = ()
    blast_radius: tuple[BlastRadius, ...] = ()
    rules: tuple[Rule, ...] = Field(default=(), max_length=100)
    allowances: tuple[Allowance, ...] = ()
    approvals: ApprovalRules = ApprovalRules()
    triage: TriageRules = TriageRules()

    @model_validator(mode="after")
    def _tiers_rise(self) -> "Policy":
        last: dict[tuple[str, str], int | None] = {}
        for rule in self.tiers:
            key = (rule.tool, rule.currency)
            if key in last:
                before = last[key]
                open_ended = before is None
                if open_ended or (rule.up_to is not None and rule.up_to <= (before or 0)):
                    message = f"tiers of {rule.tool} in {rule.currency} must rise, the open one last"
                    raise ValueError(message)
            last[key] = rule.up_to
        return self
