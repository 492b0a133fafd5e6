"""Control steps: what each takes, and what is wrong with one."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from pydantic import AwareDatetime, Field

from nightshift.gate.arguments import check_arguments
from nightshift.gate.outline import Outline
from nightshift.gate.schemas import Node
from nightshift.ids import StepId
from nightshift.model.base import Noun
from nightshift.model.plan import CONTROL, Step
from nightshift.model.verdict import Decision, Finding

__all__ = [
    "ASK",
    "AskPerson",
    "WaitFor",
    "WaitUntil",
    "asked_findings",
    "control_findings",
    "control_input",
    "is_of_control",
]

ASK: Final = "ask.person"
_DOMAINS: Final = frozenset(name.partition(".")[0] for name in CONTROL)
_LONGEST_WAIT: Final = 30 * 24 * 3600  # a run lives at most so long: its reservations do


class WaitFor(Noun):
    """Wait so many seconds."""

    seconds: int = Field(ge=1, le=_LONGEST_WAIT, description="how long, at most 30 days")


class WaitUntil(Noun):
    """Wait until a moment; one that is past is no wait."""

    at: AwareDatetime = Field(
        description="ISO 8601 with its offset, e.g. 2026-12-24T08:00:00+01:00",
        json_schema_extra={"pattern": r"(Z|[+-]\d\d:\d\d)$"},
    )


class AskPerson(Noun):
    """Ask a person before whatever needs this step."""

    question: str = Field(min_length=1, max_length=500)


_INPUTS: Final[dict[str, type[Noun]]] = {"wait.for": WaitFor, "wait.until": WaitUntil, ASK: AskPerson}


def control_input(tool: str) -> type[Noun]:
    """What a control step takes.

    Raises:
        KeyError: it is no control step.
    """
    return _INPUTS[tool]


def is_of_control(step: Step) -> bool:
    """Whether a step is one of control, or means to be one: no tool of a vendor has such a name."""
    return step.tool.partition(".")[0] in _DOMAINS


@cache
def _schema(tool: str) -> Node:
    return Node.root(_INPUTS[tool].model_json_schema())


def control_findings(step: Step, outline: Outline) -> Iterator[Finding]:
    """All that is wrong with a control step; and that a person is asked, where it asks one."""
    if not step.is_control:
        problem, fix = f"there is no control step {step.tool}", f"Use one of: {', '.join(sorted(CONTROL))}."
        yield Finding(rule="control", step=step.id, field="tool", problem=problem, fix=fix)
        return
    if step.channel:
        problem = f"{step.tool} is carried out by the run itself and has no channel"
        yield Finding(rule="control", step=step.id, field="channel", problem=problem, fix="Leave it out.")
    if step.limit is not None:
        problem = f"{step.tool} moves no money and has no limit"
        yield Finding(rule="control", step=step.id, field="limit", problem=problem, fix="Leave it out.")
    yield from check_arguments(step, _schema(step.tool), outline, rule="control")
    if step.tool == ASK:
        yield _asks(step.id, "args.question", "the plan asks a person here")


def asked_findings(outline: Outline) -> Iterator[Finding]:
    """What a person is asked about because the plan wants it: every step that needs an `ask.person`."""
    asking = {step.id for step in outline.steps.values() if step.tool == ASK}
    for step in outline.steps.values():
        waits_for = sorted(asking & outline.before.get(step.id, frozenset()))
        if waits_for and not outline.reads(step) and not step.is_control:
            yield _asks(step.id, "needs", f"it needs {waits_for[0]}, in which the plan asks a person")


def _asks(step: StepId, field: str, problem: str) -> Finding:
    fix = "A person has to approve it."
    return Finding(rule="ask-person", step=step, field=field, problem=problem, fix=fix, decision=Decision.ASK)
