"""What the gate says of a plan, once, for the whole of it."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from nightshift.ids import RunId, StepId, TenantId
from nightshift.model.base import Document, Noun
from nightshift.money import Money

__all__ = ["Decision", "Finding", "Lane", "Move", "RunState", "StepVerdict", "Tier", "Verdict"]


class Decision(StrEnum):
    """May it run?"""

    ALLOW = "ALLOW"
    ASK = "ASK"
    REFUSE = "REFUSE"


class Tier(StrEnum):
    """Who has to agree."""

    AUTO = "AUTO"
    APPROVE = "APPROVE"
    TWO_FACTOR = "TWO_FACTOR"


class Finding(Noun):
    """One thing the gate found: where, which rule, what is wrong, what would be accepted."""

    rule: str
    step: StepId | None = None
    field: str = ""
    problem: str
    fix: str
    decision: Decision = Decision.REFUSE


class StepVerdict(Noun):
    """The verdict on one step, with the rule that decided and the bound it was given for."""

    step: StepId
    decision: Decision
    tier: Tier
    rule: str
    limit: Money | None = None


class Lane(Noun):
    """Steps that one adapter's Lambda carries out in one invocation, in this order."""

    adapter: str
    steps: tuple[StepId, ...] = Field(min_length=1)


class Move(Noun):
    """What the run saga does next. `index` counts the moves of a verdict from 0.

    `one` and `many` carry out lanes, `ask` asks people, `wait` holds the run for its `step`, `settle` ends
    it; `undo`, which no verdict lists, takes back what a run did that failed.
    """

    index: int
    next: Literal["one", "many", "ask", "wait", "undo", "settle"]
    lanes: tuple[Lane, ...] = ()
    step: StepId | None = Field(default=None, description="of a wait: the control step")


class Verdict(Document):
    """The gate's answer, bound to the plan's digest and to the policy it was decided under."""

    run: RunId
    tenant: TenantId
    plan_digest: str
    policy_version: int
    decision: Decision
    tier: Tier
    findings: tuple[Finding, ...] = ()
    steps: tuple[StepVerdict, ...] = ()
    moves: tuple[Move, ...] = ()
    shadow: bool = Field(default=False, description="effects are proposed and logged, none is made")
    ask_seconds: int = Field(default=86_400, description="how long a person has to answer")
    decided_at: datetime

    def of(self, step: StepId) -> StepVerdict:
        """The verdict on one step.

        Raises:
            KeyError: the gate said nothing of it.
        """
        for verdict in self.steps:
            if verdict.step == step:
                return verdict
        raise KeyError(step)


class RunState(Noun):
    """What crosses the states of `run.asl.json`: ids and the next move, nothing else.

    `wait_seconds`: how long the run is held before that move. `error`: the name of what broke it.
    """

    run: RunId
    generation: int
    move: Move
    ask_seconds: int = 86_400
    wait_seconds: int = 0
    error: str = ""
