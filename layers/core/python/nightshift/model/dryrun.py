"""What a dry run foresees of a plan: reads carried out, writes predicted, nothing changed."""

from enum import StrEnum

from pydantic import Field, JsonValue

from nightshift.ids import ChannelId, StepId
from nightshift.model.base import Noun
from nightshift.model.plan import ToolName
from nightshift.model.verdict import Finding, Verdict
from nightshift.money import Money

__all__ = ["DryRun", "Foreseen", "Prospect", "TestResult"]


class Prospect(StrEnum):
    """What a dry run can say of a step."""

    READ = "READ"  # it was carried out: it only reads
    WOULD_RUN = "WOULD_RUN"
    SKIPPED = "SKIPPED"  # its `when` is false, or what it needs is skipped
    DEPENDS = "DEPENDS"  # whether it runs is known only when it does
    WOULD_FAIL = "WOULD_FAIL"  # it cannot be read, or its arguments do not fit
    CONTROL = "CONTROL"  # a wait, or a question to a person


class Foreseen(Noun):
    """One step as it would run now.

    `before` and `after` hold what a write changes, as far as it is known. An argument that is known
    only when the step runs stands as the plan writes it and is named in `open`.
    """

    step: StepId
    tool: ToolName
    channel: ChannelId
    prospect: Prospect
    args: dict[str, JsonValue] = Field(default_factory=dict)
    open: tuple[str, ...] = ()
    output: dict[str, JsonValue] | None = Field(default=None, description="what a read gave back")
    before: dict[str, JsonValue] = Field(default_factory=dict)
    after: dict[str, JsonValue] = Field(default_factory=dict)
    money: Money | None = Field(default=None, description="what it would move; its limit, while that is open")
    undoable: bool = Field(default=True, description="false: nothing takes it back")
    why: str = ""


class TestResult(Noun):
    """Whether a test of the plan holds of its dry run; None: it cannot be judged."""

    __test__ = False  # no class of tests, whatever pytest thinks of its name

    name: str
    holds: bool | None
    why: str = ""


class DryRun(Noun):
    """A whole plan as it would run now.

    Args:
        verdict: what the gate would say now; nothing was reserved. Of a refused plan nothing is read.
        passed: the gate would not refuse it, its reads went through and all its tests hold.
        findings: what keeps it from passing beside the verdict's own.
        at_risk: what its steps could move together, per currency.
    """

    verdict: Verdict
    passed: bool
    steps: tuple[Foreseen, ...] = ()
    tests: tuple[TestResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    at_risk: tuple[Money, ...] = ()
