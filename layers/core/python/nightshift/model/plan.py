"""The Plan: one JSON document, one schema, one digest, whoever wrote it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from nightshift.ids import CaseId, ChannelId, RunId, StepId, TenantId
from nightshift.model.base import Document, Noun, canonical_digest
from nightshift.model.event import EventKind
from nightshift.money import Money

__all__ = [
    "After",
    "Close",
    "HandOff",
    "Plan",
    "Principal",
    "Proposal",
    "Sleep",
    "Step",
    "ToolName",
]

ToolName = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z][a-z_]*$")]
_StepId = Annotated[StepId, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Step(Noun):
    """One call of one tool over one channel.

    `args` may hold references `${inputs.name}` and `${steps.id.field}` as whole values; `limit` is the
    literal upper bound of the money a step may move, which the gate tiers on and `tools.run` enforces.
    """

    id: _StepId
    tool: ToolName
    channel: ChannelId
    args: dict[str, JsonValue] = Field(default_factory=dict)
    needs: tuple[_StepId, ...] = ()
    limit: Money | None = None


class Close(Noun):
    """Nothing is left to do."""

    kind: Literal["close"] = "close"


class Sleep(Noun):
    """Wait for one of these events about the subject, at most so many seconds."""

    kind: Literal["sleep"] = "sleep"
    events: tuple[EventKind, ...] = Field(min_length=1)
    seconds: int = Field(gt=0, le=300 * 24 * 3600)


class HandOff(Noun):
    """A person takes over, for this reason."""

    kind: Literal["handoff"] = "handoff"
    reason: str = Field(min_length=1, max_length=500)


After = Annotated[Close | Sleep | HandOff, Field(discriminator="kind")]


class Plan(Noun):
    """Steps to carry out, and what comes after them."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    steps: tuple[Step, ...] = Field(default=(), max_length=100)
    after: After = Close()

    def digest(self) -> str:
        """SHA-256 of the canonical form."""
        return canonical_digest(self)

    def step(self, step: StepId) -> Step:
        """The step with this id.

        Raises:
            KeyError: no such step.
        """
        for candidate in self.steps:
            if candidate.id == step:
                return candidate
        raise KeyError(step)


class Principal(Noun):
    """Who asks or decides: a person or a specialist, with the role policy knows."""

    id: str = Field(min_length=1, max_length=100)
    role: str = Field(min_length=1, max_length=50)
    kind: Literal["person", "specialist"]


class Proposal(Document):
    """A plan as it was proposed for one run; the first one stored for a run is *the* plan.

    `tainted` names the inputs whose values stem from customer or supplier text.
    """

    run: RunId
    tenant: TenantId
    case: CaseId | None
    wake: int
    generation: int
    subject: str
    customer: str | None
    requester: Principal
    proposed_by: str = Field(description="playbook:<id>@<version>, model:<name>, person:<id>")
    move: str = Field(default="", description="the playbook's move this plan is")
    plan: Plan
    digest: str
    tainted: tuple[str, ...] = ()
    proposed_at: datetime
    began: datetime | None = Field(default=None, description="when the first event of its case came in")
