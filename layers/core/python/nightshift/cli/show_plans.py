"""Plans and runs, as people read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue
from rich.console import Group, RenderableType
from rich.text import Text

from nightshift.cli.show import pairs, table
from nightshift.cli.show_repair import more
from nightshift.cli.timeline import plain
from nightshift.cli.times import ago
from nightshift.model.dryrun import DryRun, Foreseen, Prospect, TestResult
from nightshift.model.rundesk import (
    Launched,
    RunDetail,
    RunLines,
    Stands,
    StepLine,
    StepState,
    Undone,
    UndoPlan,
)
from nightshift.model.steer import Steered
from nightshift.model.verdict import Decision, Finding, Verdict

__all__ = [
    "dry_run", "launched", "run", "runs", "steered", "step_line", "undo_plan", "undone", "verdict",
]  # fmt: skip

_DECISION = {Decision.ALLOW: "green", Decision.ASK: "yellow", Decision.REFUSE: "red"}
_PROSPECT = {Prospect.WOULD_FAIL: "red", Prospect.SKIPPED: "dim", Prospect.DEPENDS: "yellow"}
_STATE = {
    StepState.DONE: "green",
    StepState.RUNNING: "cyan",
    StepState.WAITING: "yellow",
    StepState.TAKEN_BACK: "magenta",
    StepState.REJECTED: "red",
    StepState.NOT_DONE: "red",
    StepState.UNKNOWN: "bold red",
}
_STATUS = {"DONE": "green", "RUNNING": "cyan", "WAITING": "yellow", "PAUSED": "yellow"}
_SHORT = 12  # `run_` and eight letters tell runs apart
_LONG = 90


def verdict(found: Verdict) -> RenderableType:
    """What the gate would say."""
    decided = Text.assemble(
        "The gate would ",
        (_WORDS[found.decision], _DECISION[found.decision]),
        f" this plan ({found.tier}).\n",
    )
    shadow = Text("Some of its tools are not live: they would be logged, not carried out.\n" * found.shadow)
    steps = table("step", "decision", "because")
    for step in found.steps:
        steps.add_row(step.step, Text(step.decision, style=_DECISION[step.decision]), Text(step.rule))
    return Group(decided, shadow, steps, Text(""), _findings(found.findings))


_WORDS = {Decision.ALLOW: "allow", Decision.ASK: "ask a person about", Decision.REFUSE: "refuse"}


def _findings(found: Sequence[Finding]) -> RenderableType:
    if not found:
        return Text("")
    shown = table("", "where", "what", "fix")
    for each in found:
        where = " ".join(part for part in (each.step or "", each.field) if part)
        mark = Text(each.decision, style=_DECISION[each.decision])
        shown.add_row(mark, Text(where or each.rule), Text(each.problem), Text(each.fix))
    return shown


def dry_run(found: DryRun) -> RenderableType:
    """How a plan would run now."""
    if not found.steps:
        return Group(verdict(found.verdict), Text("Nothing was read: the gate would refuse the plan."))
    steps = table("step", "what", "it", "before", "after", "")
    for step in found.steps:
        about = Text(step.prospect.replace("_", " ").lower(), style=_PROSPECT.get(step.prospect, ""))
        steps.add_row(step.step, step.tool, about, _values(step.before), _values(step.after), _note(step))
    at_risk = ", ".join(map(str, found.at_risk))
    end = Text(
        "It passes." if found.passed else "It does not pass.", style="green" if found.passed else "red"
    )
    return Group(
        verdict(found.verdict),
        steps,
        pairs((("money at risk", at_risk),)),
        _tests(found.tests),
        _findings(found.findings),
        end,
    )


def _note(step: Foreseen) -> Text:
    notes = [step.why, f"known when it runs: {', '.join(step.open)}" if step.open else ""]
    notes += [] if step.undoable else ["nothing takes it back"]
    notes += [str(step.money)] if step.money else []
    return Text("; ".join(note for note in notes if note))


def _values(values: Mapping[str, JsonValue]) -> Text:
    shown = ", ".join(f"{name} {plain(value)}" for name, value in values.items())
    return Text(shown if len(shown) <= _LONG else f"{shown[:_LONG]}…")


def _tests(tests: Sequence[TestResult]) -> RenderableType:
    if not tests:
        return Text("")
    shown = table("test", "holds")
    for each in tests:
        word = {True: "yes", False: "no", None: each.why or "cannot be judged"}[each.holds]
        shown.add_row(Text(each.name), Text(word, style="green" if each.holds else "red"))
    return shown


def launched(found: Launched) -> RenderableType:
    """Whether a run began."""
    if found.run is not None:
        return Group(
            _tests(found.tests), Text(f"Run {found.run} began; `nightshift run {found.run}` shows it.")
        )
    return Group(
        _tests(found.tests), _findings(found.findings), Text("No run began: nothing was done.", style="red")
    )


def runs(page: RunLines, now: datetime) -> RenderableType:
    """A list of runs."""
    if not page.runs:
        return Text("No runs.", style="dim")
    shown = table("run", "plan", "status", "by", "when")
    for line in page.runs:
        status = Text(line.status, style=_STATUS.get(line.status, "red"))
        by = Text(line.proposed_by)
        shown.add_row(line.run[:_SHORT], line.name, status, by, ago(line.proposed_at, now))
    return Group(shown, more("nightshift runs", page.next))


def run(found: RunDetail, now: datetime) -> RenderableType:
    """One run, step by step."""
    proposal, outcome = found.proposal, found.outcome
    head = pairs(
        (
            ("run", found.run),
            ("plan", proposal.plan.name),
            ("status", found.status),
            ("because", outcome.reason if outcome else ""),
            ("by", f"{proposal.proposed_by} ({proposal.requester.role}), {ago(proposal.proposed_at, now)}"),
            ("takes back", proposal.undoes or ""),
            ("taken back", ", ".join(outcome.undone) if outcome else ""),
            ("left standing", ", ".join(outcome.left) if outcome else ""),
            ("taken back by", found.compensation or ""),
            ("case", proposal.case or ""),
            ("money moved", str(outcome.money_moved) if outcome and outcome.money_moved else ""),
        )
    )
    steps = table("step", "what", "state", "in particular")
    for step in found.steps:
        steps.add_row(step.step, Text(_over(step)), _state(step), _particular(step))
    waiting = [a for a in found.approvals if a.status == "PENDING"]
    ask = [Text(f"Waits for a person: `nightshift approval {a.id}`", style="yellow") for a in waiting]
    refused = found.verdict is not None and found.verdict.decision is Decision.REFUSE
    findings = _findings(found.verdict.findings) if refused and found.verdict else Text("")
    return Group(head, Text(""), steps, *ask, findings)


def steered(found: Steered) -> RenderableType:
    """How a run stands after a person stepped in."""
    if found.status:
        return Text(f"{found.run} ended: {found.status}.")
    if found.stopped:
        return Text(f"{found.run} is stopped; `nightshift run-resume {found.run}` carries it on.")
    return Text(f"{found.run} goes on; `nightshift run {found.run} --follow` shows it.")


def undo_plan(found: UndoPlan) -> RenderableType:
    """What would take a run back, and what stands for good."""
    if found.plan is None:
        return Group(Text("There is nothing to take back."), _stands(found.stands))
    steps = table("takes back", "by", "over", "with")
    for step in found.plan.steps:
        steps.add_row(step.id, step.tool, Text(step.channel), _values(step.args))
    return Group(steps, _stands(found.stands))


def undone(found: Undone) -> RenderableType:
    """The run that takes a run back."""
    shown = undo_plan(UndoPlan(plan=found.plan, stands=found.stands))
    if found.run is None:
        return shown
    return Group(
        shown, Text(f"Run {found.run} takes it back; `nightshift run {found.run} --follow` shows it.")
    )


_WHY = {
    "irreversible": "nothing takes it back",
    "undo.nothing": "it changed nothing",
    "undo.unknown": "nobody knows what to put back: a person has to see to it",
}


def _stands(stands: Sequence[Stands]) -> RenderableType:
    if not stands:
        return Text("")
    shown = table("stands", "what", "because")
    for each in stands:
        shown.add_row(
            each.step, Text(f"{each.tool} over {each.channel}"), Text(_WHY.get(each.code, each.code))
        )
    return shown


def step_line(step: StepLine) -> RenderableType:
    """One step whose state changed."""
    return Text.assemble(f"{step.step}: ", _state(step), " ", _particular(step))


def _over(step: StepLine) -> str:
    return f"{step.tool} over {step.channel}" if step.channel else step.tool


def _state(step: StepLine) -> Text:
    return Text(step.state.replace("_", " "), style=_STATE.get(step.state, "dim"))


def _particular(step: StepLine) -> Text:
    if step.code or step.message:
        return Text(": ".join(part for part in (step.code, step.message) if part))
    return _values(step.output)
