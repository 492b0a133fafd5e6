"""What people send and see of workflows: the shapes of the HTTP API, which the CLI reads back."""

from datetime import datetime

from pydantic import Field, JsonValue

from nightshift.ids import RunId
from nightshift.model.base import Noun
from nightshift.model.workflow import Occurrence, Trigger, Workflow, WorkflowHead, WorkflowName

__all__ = [
    "HandRun",
    "Ran",
    "VersionLine",
    "VersionLines",
    "WorkflowDiff",
    "WorkflowLines",
    "WorkflowView",
]


class WorkflowLines(Noun):
    """A tenant's workflows, by name."""

    workflows: tuple[WorkflowHead, ...]


class WorkflowView(Noun):
    """One workflow: how it stands, one of its versions, and some of its last occurrences."""

    head: WorkflowHead
    workflow: Workflow
    occurrences: tuple[Occurrence, ...] = ()


class VersionLine(Noun):
    """One version, without its plan."""

    version: int
    owner: str
    trigger: Trigger
    note: str
    digest: str = Field(description="of its plan")
    saved_at: datetime


class VersionLines(Noun):
    """The versions of a workflow, the newest first."""

    name: WorkflowName
    versions: tuple[VersionLine, ...]


class WorkflowDiff(Noun):
    """What changed between two versions, as lines of a unified diff; none: nothing did."""

    old: int
    new: int
    lines: tuple[str, ...]


class HandRun(Noun):
    """Run it now. The same `key` of the same person again is the same run, so that no try doubles it."""

    key: str = Field(pattern=r"^[A-Za-z0-9._:-]{8,100}$", description="of this request, chosen by its sender")
    event: dict[str, JsonValue] = Field(default_factory=dict, description="what `event` says in its plan")


class Ran(Noun):
    """Whether a run began; `held`: the tests of its plan that do not hold."""

    started: bool
    run: RunId | None = None
    version: int
    held: tuple[str, ...] = ()
