"""Answers as people read them."""

import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightshift.cli.timeline import plain
from nightshift.cli.times import ago
from nightshift.model.approval import Approval, ApprovalStatus, AskedStep
from nightshift.model.case import CaseStatus
from nightshift.model.tool import ToolSpec
from nightshift.model.verdict import Decision
from nightshift.model.view import CaseLine, CaseView, DoctorReport, RunView
from nightshift.money import Money

__all__ = ["approval", "approvals", "case", "cases", "catalog", "doctor", "pairs", "table"]

_STATUS = {
    CaseStatus.OPEN: "cyan",
    CaseStatus.SLEEPING: "blue",
    CaseStatus.WITH_PERSON: "magenta",
    CaseStatus.CLOSED: "green",
}
_SHORT = 13  # `case_` and eight letters tell cases apart


def table(*columns: str) -> Table:
    """An empty table in our style."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def pairs(given: Sequence[tuple[str, str]]) -> Table:
    """Names and values; what is empty is left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in given:
        if value:
            table.add_row(name, Text(value))
    return table


def cases(lines: Sequence[CaseLine], now: datetime) -> RenderableType:
    """A list of cases."""
    if not lines:
        return Text("No cases.", style="dim")
    shown = table("case", "status", "intent", "about", "opened", "because")
    for line in lines:
        shown.add_row(
            line.id[:_SHORT],
            Text(line.status, style=_STATUS[line.status]),
            line.intent or "",
            Text(plain(line.subject)),
            ago(line.opened_at, now),
            Text(line.locked or line.handoff_reason or ""),
        )
    return shown


def case(view: CaseView, timeline: RenderableType, now: datetime) -> RenderableType:
    """One case with its timeline."""
    line = view.case
    head = pairs(
        (
            ("case", line.id),
            ("status", line.status),
            ("about", plain(line.subject)),
            ("intent", line.intent or ""),
            ("customer", line.customer or ""),
            ("opened", ago(line.opened_at, now)),
            ("closed", ago(line.closed_at, now) if line.closed_at else ""),
            ("wakes by itself", ago(line.deadline, now) if line.deadline else ""),
            ("locked", line.locked or ""),
            ("with a person because", line.handoff_reason or ""),
            ("signals", ", ".join(view.signals)),
            ("events", ", ".join(event.kind for event in view.events)),
        )
    )
    runs = [Text(_run(run)) for run in view.runs]
    asked = [approval(found, now) for found in view.approvals if found.status is ApprovalStatus.PENDING]
    return Group(head, Text(""), *runs, *asked, Text(""), timeline)


def _run(view: RunView) -> str:
    plan = view.proposal.plan
    parts = [f"{plan.name} ({len(plan.steps)} steps) by {view.proposal.proposed_by}"]
    if view.verdict:
        rules = sorted({step.rule for step in view.verdict.steps if step.decision is not Decision.ALLOW})
        because = f" by {', '.join(rules)}" if rules else ""
        parts.append(f"the gate: {view.verdict.decision}{because}")
    if view.outcome:
        parts.append(
            f"ended {view.outcome.status}{f': {view.outcome.reason}' if view.outcome.reason else ''}"
        )
    return " → ".join(parts)


def approvals(found: Sequence[Approval], now: datetime) -> RenderableType:
    """Questions that wait."""
    if not found:
        return Text("Nothing waits for a person.", style="dim")
    shown = table("approval", "what", "at risk", "rule", "asked", "expires")
    for one in found:
        shown.add_row(
            one.id[: _SHORT - 1],
            Text(one.summary),
            str(one.at_risk or ""),
            ", ".join(sorted({step.rule for step in one.steps})),
            ago(one.asked_at, now),
            ago(one.expires_at, now),
        )
    return shown


def approval(one: Approval, now: datetime) -> RenderableType:
    """One question with all it binds."""
    steps = [
        (
            f"step {step.step}",
            f"{_over(step)}, rule {step.rule}: {_whole(step.args)}",
        )
        for step in one.steps
    ]
    decided = (
        f"{ago(one.decided_at, now)} by {one.decided_by.id}" if one.decided_at and one.decided_by else ""
    )
    return pairs(
        (
            ("approval", one.id),
            ("status", one.status),
            ("what", one.summary),
            ("at risk", str(one.at_risk or "")),
            ("asked by", f"{one.requester.id} ({one.requester.role})"),
            *steps,
            ("evidence", "; ".join(one.evidence)),
            ("asked", ago(one.asked_at, now)),
            ("expires", ago(one.expires_at, now)),
            ("decided", decided),
            ("note", one.note),
        )
    )


def _over(step: AskedStep) -> str:
    return f"{step.tool} over {step.channel}" if step.channel else step.tool


def _whole(value: JsonValue) -> str:
    """Everything of a value: nothing may be approved that is not shown."""
    match value:
        case {"amount": int(amount), "currency": str(currency), **rest} if not rest:
            return str(Money(amount=amount, currency=currency))
        case dict():
            return "{" + ", ".join(f"{name}: {_whole(part)}" for name, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(_whole(part) for part in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def catalog(tools: Sequence[ToolSpec]) -> RenderableType:
    """Every tool."""
    shown = table("tool", "effect", "permission", "adapters", "what it does")
    for tool in tools:
        marks = " ".join(m for m, on in (("money", tool.money), ("irreversible", tool.irreversible)) if on)
        shown.add_row(
            tool.name,
            f"{tool.effect}{f' ({marks})' if marks else ''}",
            tool.permission,
            ", ".join(tool.adapters),
            Text(tool.summary),
        )
    return shown


def doctor(report: DoctorReport) -> RenderableType:
    """The state of the installation."""
    channels = table("channel", "adapter", "account", "secret", "live tools", "in shadow mode")
    for line in report.channels:
        secret = Text("present", style="green") if line.secret else Text("missing", style="red")
        channels.add_row(
            line.channel, line.adapter, line.account, secret, ", ".join(line.live), ", ".join(line.shadow)
        )
    queues = table("queue", "waiting", "under way", "given up")
    for queue in report.queues:
        queues.add_row(queue.queue, str(queue.waiting), str(queue.under_way), str(queue.dead))
    found = [Text(f"• {problem}", style="red") for problem in report.problems]
    return Group(channels, Text(""), queues, Text(""), *(found or [Text("All is well.", style="green")]))
