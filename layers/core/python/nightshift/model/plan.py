"""The Plan: one JSON document, one schema, one digest, whoever wrote it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from nightshift.ids import CaseId, ChannelId, RunId, StepId, TenantId
from nightshift.model.base import Document, Noun, canonical_digest
from nightshift.model.event import EventKind
from nightshift.money import Money

__all__ = [
    "CONTROL",
    "After",
    "Close",
    "HandOff",
    "Plan",
    "PlanTest",
    "Principal",
    "Proposal",
    "Sleep",
    "Step",
    "ToolName",
]

ToolName = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z][a-z_]*$")]
_StepId = Annotated[StepId, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


CONTROL = frozenset({"wait.for", "wait.until", "ask.person"})
"""Steps that the run saga carries out itself; they name no channel and no adapter has them.

`wait.for` takes `{"seconds": n}`, `wait.until` `{"at": ISO 8601 with its offset}`, `ask.person`
`{"question": text}`: a person agrees before any step that needs it.
"""

_Condition = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class Step(Noun):
    """One call of one tool over one channel, or a control step.

    `args` may hold `${...}` as whole values: references `${inputs.name}` and `${steps.id.field}`, or CEL
    over `inputs`, `steps` and `event` (which is `inputs.event`) with the functions of `money`. `when` is
    CEL that must be true for the step to run; else it is skipped, and so is what needs it. `limit` is
    the literal upper bound of the money a step may move, which the gate tiers on and `tools.run` enforces.
    """

    id: _StepId
    tool: ToolName
    channel: ChannelId = Field(default=ChannelId(""), description="empty for a control step only")
    args: dict[str, JsonValue] = Field(default_factory=dict)
    needs: tuple[_StepId, ...] = ()
    when: _Condition | None = None
    limit: Money | None = None

    @property
    def is_control(self) -> bool:
        """Whether the run saga itself carries it out."""
        return self.tool in CONTROL


class PlanTest(Noun):
    """What must hold of a dry run before the gate is asked: CEL over `inputs`, `steps` and `event`.

    `steps.<id>` is what a read gave back, or `{args, before, after}` as a write would have it.
    """

    name: str = Field(min_length=1, max_length=200)
    that: _Condition


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
    tests: tuple[PlanTest, ...] = Field(default=(), max_length=50)

    def digest(self) -> str:
        """SHA-256 of the canonical form: what says nothing and came later is left out of it.

        So a plan that was stored before has the digest it was authorised under.
        """
        plain = self.model_dump(mode="json")
        if not self.tests:
            del plain["tests"]
        for step in plain["steps"]:
            if step["when"] is None:
                del step["when"]
        return canonical_digest(plain)

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
    workflow: str = Field(default="", description="name@version of the workflow it is an occurrence of")
    undoes: RunId | None = Field(default=None, description="the run whose effects it takes back")
