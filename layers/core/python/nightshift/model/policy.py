"""Policy: a versioned document that says what may run, who must agree and who may ask."""

from typing import Literal

from pydantic import Field, model_validator

from nightshift.model.base import Document, Noun
from nightshift.model.plan import ToolName
from nightshift.model.verdict import Decision, Tier
from nightshift.money import Currency, Money

__all__ = ["Allowance", "ApprovalRules", "Policy", "Role", "TierRule", "TriageRules", "Window"]


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
    """A cumulative bound: more than `count` effects or `amount` within `days` leads to `then`."""

    name: str
    tool: ToolName
    per: Literal["customer", "tenant"]
    days: int = Field(ge=1, le=400)
    count: int | None = Field(default=None, ge=0)
    amount: Money | None = None
    then: Literal[Decision.ASK, Decision.REFUSE]


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
