"""Workflows as people read them."""

import json
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from nightshift.cli.show import pairs, table
from nightshift.cli.times import ago
from nightshift.model.workflow import Manual, OnEvent, Schedule, Trigger, WorkflowHead
from nightshift.model.workflowdesk import Ran, VersionLines, WorkflowDiff, WorkflowLines, WorkflowView

__all__ = ["diff", "lines", "one", "ran", "versions"]

_WHY = {"owner.gone": "its owner is gone", "owner.role": "its owner may not run plans any more"}


def lines(found: WorkflowLines, now: datetime) -> RenderableType:
    """A list of workflows."""
    if not found.workflows:
        return Text("No workflows.", style="dim")
    shown = table("workflow", "version", "runs", "state", "next", "owner", "changed")
    for head in found.workflows:
        upcoming = head.next.isoformat(sep=" ", timespec="minutes") if head.next else ""
        shown.add_row(
            head.name,
            str(head.version),
            Text(_trigger(head.trigger)),
            _state(head),
            upcoming,
            Text(head.owner),
            ago(head.changed_at, now),
        )
    return shown


def one(found: WorkflowView, now: datetime) -> RenderableType:
    """One workflow with its plan and its last runs."""
    head, workflow = found.head, found.workflow
    facts = pairs(
        (
            ("workflow", workflow.label),
            ("in force", "" if head.version == workflow.version else f"version {head.version}"),
            ("runs", _trigger(workflow.trigger)),
            ("state", _state(head).plain),
            ("next", head.next.isoformat() if head.next else ""),
            ("owner", workflow.owner),
            ("note", workflow.note),
            ("saved", ago(workflow.saved_at, now)),
        )
    )
    plan = Text(json.dumps(workflow.plan.model_dump(mode="json"), indent=2, ensure_ascii=False))
    began = [Text(f"{ago(each.at, now)}: {each.run} for {each.key}") for each in found.occurrences]
    return Group(facts, Text(""), plan, *began)


def versions(found: VersionLines, now: datetime) -> RenderableType:
    """The versions of a workflow."""
    shown = table("version", "saved", "by", "runs", "note")
    for each in found.versions:
        saved = ago(each.saved_at, now)
        shown.add_row(
            str(each.version), saved, Text(each.owner), Text(_trigger(each.trigger)), Text(each.note)
        )
    return shown


def diff(found: WorkflowDiff) -> RenderableType:
    """What changed, line by line."""
    if not found.lines:
        return Text("Nothing changed.", style="dim")
    style = {"+": "green", "-": "red", "@": "cyan"}
    return Group(*(Text(line, style=style.get(line[:1], "")) for line in found.lines))


def ran(found: Ran) -> RenderableType:
    """Whether it began."""
    if found.started:
        return Text(
            f"{found.run} began, with version {found.version}. `nightshift run {found.run}` shows it."
        )
    return Text(
        "It did not begin: " + "; ".join(f"“{name}” does not hold" for name in found.held), style="red"
    )


def _state(head: WorkflowHead) -> Text:
    if head.paused:
        return Text(f"paused: {_WHY.get(head.paused, head.paused)}", style="red")
    return Text("on", style="green") if head.enabled else Text("off", style="dim")


def _trigger(trigger: Trigger) -> str:
    match trigger:
        case Manual():
            return "by hand"
        case Schedule(cron=str(cron), timezone=timezone):
            return f"at {cron} ({timezone})"
        case Schedule(rate=rate):
            return f"every {rate}"
        case OnEvent(event=event, when=when):
            return f"on {event.value}{f' when {when}' if when else ''}"
