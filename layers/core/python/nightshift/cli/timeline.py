"""A case's log as a timeline: one line for each entry, in words."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pydantic import JsonValue, ValidationError
from rich.table import Table
from rich.text import Text

from nightshift.cli.times import clock_time, span
from nightshift.model.log import EntryKind, LogEntry
from nightshift.money import Money

__all__ = ["plain", "timeline", "told"]

_STYLES = {
    EntryKind.CASE_OPENED: "bold",
    EntryKind.PLAN_PROPOSED: "cyan",
    EntryKind.VERDICT_GIVEN: "cyan",
    EntryKind.APPROVAL_ASKED: "yellow",
    EntryKind.APPROVAL_DECIDED: "yellow",
    EntryKind.EFFECT_SETTLED: "green",
    EntryKind.STEP_FAILED: "red",
    EntryKind.CASE_LOCKED: "red",
    EntryKind.CASE_HANDED_OVER: "magenta",
    EntryKind.CASE_SLEPT: "blue",
    EntryKind.CASE_WOKEN: "blue",
    EntryKind.CASE_CLOSED: "bold green",
}
_FOR_MACHINES = {
    "args", "body_ref", "case", "digest", "evidence", "event", "generation", "heads", "key", "plan", "policy",
    "proposed_by", "run", "seq", "wake",
}  # fmt: skip
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_LONG = 72


def timeline(entries: Sequence[LogEntry], title: str = "") -> Table:
    """The entries as a table that fits 80 columns; times count from the first (its UTC: the caption)."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="dim")
    table.add_column("after", style="dim", justify="right", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("who: in particular", overflow="fold")
    for entry in entries:
        particular = Text.assemble((f"{entry.actor}: ", "dim"), told(entry))
        style = _STYLES.get(entry.kind, "")
        table.add_row(span(entries[0].at, entry.at), Text(entry.kind.value, style=style), particular)
    if entries:
        table.caption, table.caption_justify = f"from {clock_time(entries[0].at)} UTC", "left"
    return table


def told(entry: LogEntry) -> str:
    """What an entry says in particular, without digests and ids that only machines need."""
    step = entry.stream.rsplit("/", 1)[-1] if "/" in entry.stream else ""
    parts = [step] if step and step not in map(str, entry.detail.values()) else []
    parts += [f"{name} {plain(value)}" for name, value in entry.detail.items() if _worth(name, value)]
    return " · ".join(parts)


def _worth(name: str, value: JsonValue) -> bool:
    says_nothing = value in (None, False, "", [], {}) or (name == "attempt" and value == 1)
    for_machines = name in _FOR_MACHINES or name.endswith("_digest")
    return not says_nothing and not for_machines


def plain(value: JsonValue) -> str:
    """A value in words: money as money, instants in UTC, long vendor ids without their prefix."""
    for form in _FORMS:
        text = form(value)
        if text is not None:
            return text
    return str(value)


def _money(value: JsonValue) -> str | None:
    if not isinstance(value, dict) or set(value) != {"amount", "currency"}:
        return None
    try:
        return str(Money.model_validate(value))
    except ValidationError:
        return None


def _several(value: JsonValue) -> str | None:
    return ", ".join(plain(part) for part in value) if isinstance(value, list) else None


def _fields(value: JsonValue) -> str | None:
    if not isinstance(value, dict):
        return None
    return ", ".join(f"{name} {plain(part)}" for name, part in value.items() if _worth(name, part))


def _instant(value: JsonValue) -> str | None:
    if not isinstance(value, str) or not _INSTANT.match(value):
        return None
    return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _short(value: JsonValue) -> str | None:
    if not isinstance(value, str):
        return None
    bare = value.replace("gid://shopify/", "")
    return bare if len(bare) <= _LONG else f"{bare[: _LONG - 1]}…"


_FORMS: tuple[Callable[[JsonValue], str | None], ...] = (_money, _several, _fields, _instant, _short)
