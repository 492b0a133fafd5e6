"""`make bench`: the standard case measured on the local stack, as a table, and as JSON with `--json`."""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.idle import idle_per_month
from bench.standard_case import Result, measure
from demo.assembly import assembly
from demo.shop import open_shop

_HERE = Path(__file__).parent
_MEMORY_GB = 0.5


def _per_case(result: Result, prices: dict[str, float]) -> list[tuple[str, float, str, float]]:
    """(what, count a case, price key, dollars a case)."""
    counts, n = result.counts, result.cases
    gb_seconds = counts.wall_ms / 1000 * _MEMORY_GB
    sqs = sum(c for name, c in counts.calls.items() if name.startswith("sqs."))
    deliveries = counts.invocations["dispatcher"] + counts.invocations["approvals-notifier"]
    rows = [
        ("state transitions", sum(counts.transitions.values()), "states.transition"),
        ("Lambda requests", sum(counts.invocations.values()), "lambda.request"),
        ("Lambda GB-seconds (warm)", gb_seconds, "lambda.gb_second"),
        ("DynamoDB write units", counts.units["write"], "dynamodb.write_unit"),
        ("DynamoDB read units", counts.units["read"], "dynamodb.read_unit"),
        ("SQS FIFO requests (send, receive, delete)", sqs + 2 * deliveries, "sqs.fifo_request"),
        ("S3 puts", counts.calls["s3.PutObject"], "s3.put"),
        ("HTTP API requests", counts.invocations["webhook-shopify"] + counts.invocations["api"],
         "apigateway.http_request"),
        ("Secrets Manager requests", counts.calls["secretsmanager.GetSecretValue"], "secretsmanager.request"),
        ("log GB ingested", counts.logged_bytes / 1e9, "logs.gb_ingested"),
    ]  # fmt: skip
    return [(what, total / n, key, total / n * prices[key]) for what, total, key in rows]


def _report(result: Result, prices: dict[str, Any]) -> dict[str, Any]:
    counts, n = result.counts, result.cases
    rows = _per_case(result, prices["per_unit"])
    return {
        "machine": {"python": platform.python_version(), "processors": os.cpu_count(),
                    "load_1m": round(os.getloadavg()[0], 2)},
        "cases": n,
        "transitions": {name: total / n for name, total in counts.transitions.items()},
        "transitions_in_all": sum(counts.transitions.values()) / n,
        "invocations": {name: total / n for name, total in counts.invocations.items()},
        "invocations_in_all": sum(counts.invocations.values()) / n,
        "calls": {name: total / n for name, total in sorted(counts.calls.items())},
        "units": {name: total / n for name, total in counts.units.items()},
        "cpu_ms": {f: round(statistics.median(ms), 1) for f, ms in sorted(counts.cpu_ms.items())},
        "event_to_question_ms": _spread(result.to_question_ms),
        "answer_to_done_ms": _spread(result.to_done_ms),
        "cases_per_second": round(result.drained[0] / result.drained[1], 2),
        "money": {"prices_as_of": prices["as_of"], "region": prices["region"],
                  "per_1000_cases": {what: round(cost * 1000, 4) for what, _, _, cost in rows},
                  "per_1000_cases_in_all": round(sum(cost for *_, cost in rows) * 1000, 3),
                  "idle_per_month": idle_per_month(assembly(), prices["idle_per_month"], prices["per_unit"])},
    }  # fmt: skip


def _spread(values: list[float]) -> dict[str, float]:
    return {"min": round(min(values)), "median": round(statistics.median(values)), "max": round(max(values))}


def _show(report: dict[str, Any], console: Console) -> None:
    table = Table(title=f"the standard case, mean of {report['cases']}", title_justify="left")
    table.add_column("what")
    table.add_column("a case", justify="right")
    table.add_row("state transitions", f"{report['transitions_in_all']:.1f}  {report['transitions']}")
    table.add_row("Lambda invocations", f"{report['invocations_in_all']:.1f}  {report['invocations']}")
    for name, count in report["calls"].items():
        table.add_row(f"  {name}", f"{count:.1f}")
    table.add_row("DynamoDB units", str({k: round(v, 1) for k, v in report["units"].items()}))
    for function, ms in report["cpu_ms"].items():
        table.add_row(f"  CPU ms, median: {function}", f"{ms}")
    table.add_row("event → question, ms", str(report["event_to_question_ms"]))
    table.add_row("answer → done, ms", str(report["answer_to_done_ms"]))
    table.add_row("cases/s, unattended burst", str(report["cases_per_second"]))
    for what, cost in report["money"]["per_1000_cases"].items():
        table.add_row(f"  $ per 1,000: {what}", f"{cost:.4f}")
    table.add_row(f"$ per 1,000 cases ({report['money']['prices_as_of']})",
                  f"{report['money']['per_1000_cases_in_all']:.3f}")  # fmt: skip
    for what, cost in report["money"]["idle_per_month"].items():
        table.add_row(f"  $ a month, idle: {what}", f"{cost:.2f}")
    console.print(table)
    console.print(f"machine: {report['machine']}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=10, help="at 80.00 EUR; policy lets 2,000.00 a day go out"
    )
    parser.add_argument("--burst", type=int, default=40, help="twice, at 5.00 EUR")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    prices = tomllib.loads((_HERE / "prices.toml").read_text(encoding="utf-8"))
    progress = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        with open_shop(state, say=progress.print) as shop:
            result = measure(shop, state / "logs", cases=given.cases, burst=given.burst, say=progress.print)
    report = _report(result, prices)
    if given.json:
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
    else:
        _show(report, Console())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
