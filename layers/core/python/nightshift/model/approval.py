"""An approval: the durable record of one question to a person. A card or a page is a view of it."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field, JsonValue

from nightshift.ids import ApprovalId, CaseId, RunId, StepId, TenantId
from nightshift.model.base import Document, Noun, canonical_digest
from nightshift.model.plan import Principal, ToolName
from nightshift.model.verdict import Tier
from nightshift.money import Money

__all__ = ["Approval", "ApprovalStatus", "AskedStep", "asked_digest"]


class ApprovalStatus(StrEnum):
    """Where the question stands. Everything but PENDING is final."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"  # the world changed underneath, or the case was taken from automation


class AskedStep(Noun):
    """One step exactly as it will run: resolved arguments, nothing left to fill in."""

    step: StepId
    tool: ToolName
    tool_version: str
    channel: str
    args: dict[str, JsonValue]
    rule: str
    tier: Tier
    money: Money | None = None


def asked_digest(steps: tuple[AskedStep, ...], policy_version: int) -> str:
    """What an approval is bound to: tools, versions, resolved arguments, policy version.

    The observed state is part of it because tools take what was seen as arguments
    (`expected_refunded`, …) and refuse when the vendor says otherwise.
    """
    return canonical_digest(
        {"policy": policy_version, "steps": [step.model_dump(mode="json") for step in steps]}
    )


class Approval(Document):
    """One question, with everything needed to decide it."""

    id: ApprovalId
    tenant: TenantId
    run: RunId
    case: CaseId | None
    subject: str
    requester: Principal
    summary: str
    steps: tuple[AskedStep, ...] = Field(min_length=1)
    digest: str
    policy_version: int
    at_risk: Money | None
    evidence: tuple[str, ...] = ()
    status: ApprovalStatus = ApprovalStatus.PENDING
    asked_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    decided_by: Principal | None = None
    note: str = Field(default="", max_length=1000)
