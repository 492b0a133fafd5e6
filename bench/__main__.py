"""`make bench`: what nightshift costs and how fast it is, as tables, and as JSON with `--json`.

    case      the standard case: transitions, calls, units, processor time, money; and what idles
    cold      every handler's init above an empty interpreter, with and without bytecode; package sizes
    gate      processor time of one decision on a plan of fifty steps
    load      webhooks at a steady rate: how fast they are acknowledged, none lost, none doubled
    sleepers  thousands of sleeping cases: how long the first resume takes

Without `--only` it measures case and cold. Figures go with the machine they were measured on.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench import load
from bench.case_report import case_table, standard_case
from bench.cold import cold_starts
from bench.gate import gate_cost
from demo.assembly import ROOT, assembly
from demo.shop import open_shop
from drills.floor import open_floor
from drills.sleepers import sleepers

_PRICES: Final = Path(__file__).parent / "prices.toml"
_NOISE_TRIES: Final = 20
_DRILL_SPEED: Final = 1.0

Say = Callable[[str], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if something was lost, doubled, or a bound was not held."""
    given = _parse(arguments)
    progress = Console(stderr=True, highlight=False)
    before = _machine()
    reports = {part: _PARTS[part](given, progress.print) for part in given.only.split(",")}
    report = {"machine": {"before": before, "after": _machine()}, **reports}
    if given.json:
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
    else:
        _show(report, Console())
    return 0 if all(part.get("ok", True) for part in reports.values()) else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="case,cold", help="parts, by commas: " + ", ".join(_PARTS))
    parser.add_argument(
        "--cases", type=int, default=10, help="at 80.00 EUR; policy lets 2,000.00 a day go out"
    )
    parser.add_argument("--burst", type=int, default=40, help="twice, at 5.00 EUR")
    parser.add_argument("--rate", type=float, default=50, help="webhooks a second")
    parser.add_argument("--seconds", type=float, default=20, help="how long they come")
    parser.add_argument("--sleepers", type=int, default=10_000, help="how many cases sleep")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.only.split(",")) - set(_PARTS))
    if unknown:
        parser.error(f"--only: no part {', '.join(unknown)}; there are {', '.join(_PARTS)}")
    return given


def _machine() -> dict[str, Any]:
    """What was measured on, and how much one and the same thing differs on it: its noise."""
    tries = []
    for _ in range(_NOISE_TRIES):
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-S", "-c", "sum(range(300_000))"], check=True)  # no shell
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        tries.append((now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime) * 1000)
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "same_work_cpu_ms": {
            "min": round(min(tries), 1),
            "median": round(statistics.median(tries), 1),
            "max": round(max(tries), 1),
        },
    }


def _case(given: argparse.Namespace, say: Say) -> dict[str, Any]:
    prices = tomllib.loads(_PRICES.read_text(encoding="utf-8"))
    return standard_case(prices, cases=given.cases, burst=given.burst, say=say)


def _cold(given: argparse.Namespace, say: Say) -> dict[str, Any]:
    del given
    say("cold starts: some seconds for each function")
    found = [asdict(each) for each in cold_starts(assembly(), ROOT / "build" / "layers" / "host")]
    late = [f["function"] for f in found if f["limit"] is not None and f["beyond_client"] > f["limit"]]
    unwanted = [f["function"] for f in found if f["unwanted"]]
    return {"functions": found, "beyond_limit": late, "unwanted": unwanted, "ok": not late and not unwanted}


def _gate(given: argparse.Namespace, say: Say) -> dict[str, Any]:
    del given
    say("gate: a plan of fifty steps, judged two hundred times")
    cost = gate_cost()
    return {**asdict(cost), "words": cost.words()}


def _load(given: argparse.Namespace, say: Say) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, open_shop(Path(folder) / "state", say=say) as shop:
        measured = load.run(shop, rate=given.rate, seconds=given.seconds, say=say)
    return {**load.as_json(measured), "ok": not measured.problems}


def _sleepers(given: argparse.Namespace, say: Say) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as folder,
        open_floor(Path(folder) / "state", speed=_DRILL_SPEED, say=say) as floor,
    ):
        slept = sleepers(floor, given.sleepers)
    return {**asdict(slept), "words": slept.words(), "ok": slept.no_slower}


_PARTS: Final[dict[str, Callable[[argparse.Namespace, Say], dict[str, Any]]]] = {
    "case": _case,
    "cold": _cold,
    "gate": _gate,
    "load": _load,
    "sleepers": _sleepers,
}


def _show(report: dict[str, Any], console: Console) -> None:
    if "case" in report:
        console.print(case_table(report["case"]))
    if "cold" in report:
        console.print(_cold_table(report["cold"]))
    if "gate" in report:
        console.print(f"gate: {report['gate']['words']}")
    if "load" in report:
        speed = report["load"]["speed"]
        console.print(
            f"load: {speed['accepted']} accepted at {speed['rate']:.0f}/s, acknowledged in "
            f"{speed['p50_ms']:.0f} ms (p99 {speed['p99_ms']:.0f}, most {speed['max_ms']:.0f}); "
            f"problems: {report['load']['problems'] or 'none'}"
        )
    if "sleepers" in report:
        console.print(f"sleepers: {report['sleepers']['words']}")
    for when, machine in report["machine"].items():
        console.print(f"machine {when}: {machine}")


def _cold_table(report: dict[str, Any]) -> Table:
    table = Table(title="init, ms of processor time above an empty interpreter", title_justify="left")
    table.add_column("function")
    for what in ("bytecode", "without", "beyond the AWS client", "limit", "code kB", "layers MB"):
        table.add_column(what, justify="right")
    for each in report["functions"]:
        limit = "" if each["limit"] is None else f"{each['limit']:.0f}"
        figures = (each["with_bytecode"], each["without_bytecode"], each["beyond_client"])
        sizes = (f"{each['code_kb']:.0f}", f"{each['layers_mb']:.1f}")
        table.add_row(each["function"], *(f"{ms:.0f}" for ms in figures), limit, *sizes)
    return table


if __name__ == "__main__":
    raise SystemExit(main())
