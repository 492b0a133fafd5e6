"""What people send and see of runs without a case: the shapes of the HTTP API, which the CLI reads back."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field, JsonValue

from nightshift.ids import ChannelId, RunId, StepId
from nightshift.model.approval import Approval
from nightshift.model.base import Noun
from nightshift.model.case import RunOutcome
from nightshift.model.dryrun import TestResult
from nightshift.model.plan import Plan, Proposal, ToolName
from nightshift.model.verdict import Decision, Finding, Verdict
from nightshift.money import Money

__all__ = [
    "Launched",
    "PlanDocument",
    "RunDetail",
    "RunLines",
    "RunOrder",
    "RunSummary",
    "Stands",
    "StepLine",
    "StepState",
    "UndoPlan",
    "Undone",
    "Why",
]


class PlanDocument(Noun):
    """A plan to look at."""

    plan: Plan


class RunOrder(Noun):
    """A plan to run. The same `key` of the same person again is the same run, so that no try doubles it."""

    plan: Plan
    key: str = Field(pattern=r"^[A-Za-z0-9._:-]{8,100}$", description="of this request, chosen by its sender")


class Why(Noun):
    """Why a person steps in; kept in the log."""

    note: str = Field(min_length=1, max_length=500)


class Launched(Noun):
    """Whether a run began. A plan whose tests do not hold does not: `findings` say why."""

    started: bool
    run: RunId | None = None
    tests: tuple[TestResult, ...] = ()
    findings: tuple[Finding, ...] = ()


class Stands(Noun):
    """An effect that is not taken back.

    `code` says why: `irreversible`; `undo.nothing`: it changed nothing; `undo.unknown`: nobody knows what to
    put back, a person has to see to it.
    """

    step: StepId
    tool: ToolName
    channel: ChannelId
    code: str


class UndoPlan(Noun):
    """What takes back what a run did, the last effect first; null: nothing is left to take back."""

    plan: Plan | None
    stands: tuple[Stands, ...] = ()


class Undone(Noun):
    """The run that takes a run back; null: there was nothing to take back."""

    run: RunId | None
    plan: Plan | None
    stands: tuple[Stands, ...] = ()


class RunSummary(Noun):
    """A run in a list.

    `status` is RUNNING until it is settled, WAITING while a person is asked, PAUSED while a person has it
    stopped.
    """

    run: RunId
    name: str
    proposed_by: str
    proposed_at: datetime
    status: str


class RunLines(Noun):
    """Runs without a case, newest first."""

    runs: tuple[RunSummary, ...]
    next: str = Field(default="", description="the `cursor` of the next page; empty on the last")


class StepState(StrEnum):
    """How far a step is."""

    PENDING = "PENDING"
    WAITING = "WAITING"  # for a person's answer
    RUNNING = "RUNNING"
    DONE = "DONE"
    TAKEN_BACK = "TAKEN_BACK"  # done, and undone when the run failed
    SHADOW = "SHADOW"  # logged and not made: its tool is not live
    SKIPPED = "SKIPPED"
    REJECTED = "REJECTED"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"


class StepLine(Noun):
    """One step of a run as it stands."""

    step: StepId
    tool: ToolName
    channel: ChannelId
    state: StepState
    decision: Decision | None = Field(default=None, description="the gate's; null: it has not decided")
    rule: str = ""
    limit: Money | None = None
    code: str = ""
    message: str = ""
    output: dict[str, JsonValue] = Field(default_factory=dict)
    settled_at: datetime | None = None


class RunDetail(Noun):
    """One run with everything that is kept of it."""

    run: RunId
    status: str = Field(description="as in a list of runs")
    proposal: Proposal
    verdict: Verdict | None
    steps: tuple[StepLine, ...]
    approvals: tuple[Approval, ...]
    outcome: RunOutcome | None
    compensation: RunId | None = Field(default=None, description="the run that took back what it had done")
