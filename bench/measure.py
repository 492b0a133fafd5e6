"""Counts of one measured stretch: transitions, invocations, AWS calls, units, CPU."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.idle import Tick

__all__ = ["BY_THE_CLOCK", "Counts", "LogMark", "counts_since", "mark_logs", "ticks_of"]

# What is called every minute whatever happens, and with which input.
BY_THE_CLOCK: Mapping[str, bytes] = {
    "intake": b"{}",
    "recovery": b'{"op": "sweep"}',
    "sweep": b"{}",
    "workflows": b'{"op": "tick"}',
}
_BESIDE_THE_CASE = (*BY_THE_CLOCK, "anchor")  # anchors batches of entries, however many cases they are of


@dataclass
class Counts:
    """What happened between a mark and now, summed over all cases of the stretch.

    Attributes:
        transitions: per state machine.
        invocations: per function.
        calls: per `service.Action` (by functions and state machines; not by the bench itself).
        units: DynamoDB capacity units, `read` and `write`, as the tables reported them to the functions.
        cpu_ms: per function, one number an invocation.
        wall_ms: over all functions: what Lambda bills, cold starts aside.
        logged_bytes: what functions wrote to their logs.
    """

    transitions: Counter[str] = field(default_factory=Counter)
    invocations: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)
    wall_ms: float = 0.0
    logged_bytes: int = 0


LogMark = dict[Path, int]


def mark_logs(logs: Path) -> LogMark:
    """Where each function's log ends now."""
    return {path: path.stat().st_size for path in logs.glob("*.log")}


def _short(function: str) -> str:
    return function.split("-", 2)[-1]


def _metered(logs: Path, since: LogMark) -> Iterator[tuple[str, dict[str, Any], int]]:
    for path in sorted(logs.glob("*.log")):
        with path.open("rb") as log:
            log.seek(since.get(path, 0))
            for line in log:
                if not line.startswith(b"{"):
                    continue
                record = json.loads(line)
                yield _short(path.stem), record, len(line)


def _units(action: str) -> str:
    read = ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems")
    return "read" if action in read else "write"


def counts_since(stats: dict[str, Any], logs: Path, since: LogMark) -> Counts:
    """Everything counted since the marks; `stats` is the local stack's report."""
    found = Counts()
    for machine, transitions in stats["machines"].items():
        found.transitions[machine.rsplit("-", 1)[-1]] += transitions
    for function, seen in stats["lambdas"].items():
        if _short(function) not in _BESIDE_THE_CASE:
            found.invocations[_short(function)] += seen["invocations"]
    for call in stats["calls"]:
        if call["caller"] and _short(call["caller"]) not in _BESIDE_THE_CASE:
            found.calls[f"{call['service']}.{call['action']}"] += call["count"]
    time.sleep(0.2)  # the last lines are still on their way through the pipes
    for function, record, size in _metered(logs, since):
        if function not in _BESIDE_THE_CASE:
            found.logged_bytes += size
            _add_meter(found, function, record)
    return found


def ticks_of(logs: Path) -> dict[str, Tick]:
    """What a call by the clock takes on average, without the first: that one is a cold start."""
    found: dict[str, list[tuple[dict[str, Any], int]]] = {}
    for function, record, size in _metered(logs, {}):
        if function in BY_THE_CLOCK:
            found.setdefault(function, []).append((record, size))
    return {function: _tick(lines) for function, lines in found.items()}


def _tick(lines: list[tuple[dict[str, Any], int]]) -> Tick:
    meters = [record for record, _ in lines if record.get("message") == "metered"]
    warm = meters[1:] or meters
    units: Counter[str] = Counter()
    for record in warm:
        for key, amount in record["aws"].items():
            _, action, *rest = key.split(".")
            if rest == ["units"]:
                units[_units(action)] += amount
    return Tick(
        wall_ms=sum(record["wall_ms"] for record in warm) / len(warm),
        read_units=units["read"] / len(warm),
        write_units=units["write"] / len(warm),
        logged_bytes=sum(size for _, size in lines) / len(meters),
    )


def _add_meter(found: Counts, function: str, record: dict[str, Any]) -> None:
    if record.get("message") != "metered":
        return
    found.cpu_ms.setdefault(function, []).append(record["cpu_ms"])
    found.wall_ms += record["wall_ms"]
    for key, amount in record["aws"].items():
        service, action, *rest = key.split(".")
        if service == "dynamodb" and rest == ["units"]:
            found.units[_units(action)] += amount
