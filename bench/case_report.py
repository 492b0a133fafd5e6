"""The standard case as figures: counts, times, and what they come to in money."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.idle import Tick, idle_per_month
from bench.measure import BY_THE_CLOCK, ticks_of
from bench.standard_case import Result, measure
from demo.assembly import assembly
from demo.shop import Shop, open_shop

__all__ = ["case_table", "standard_case"]

_MEMORY_GB = 0.5
_TICKS = 6


def standard_case(
    prices: dict[str, Any], *, cases: int, burst: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Run it on an installation of its own, and report.

    Args:
        prices: as `prices.toml` has them.
        cases: how many are measured one by one, with a person's answer each.
        burst: how many are sent at once, twice.
        say: told of each step.
    """
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        with open_shop(state, say=say) as shop:
            ticks = _ticks(shop, state / "logs")
            result = measure(shop, state / "logs", cases=cases, burst=burst, say=say)
    return _report(result, ticks, prices)


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


def _report(result: Result, ticks: dict[str, Tick], prices: dict[str, Any]) -> dict[str, Any]:
    counts, n = result.counts, result.cases
    rows = _per_case(result, prices["per_unit"])
    return {
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
                  "idle_per_month": idle_per_month(assembly(), ticks, prices["idle_per_month"],
                                                    prices["per_unit"])},
    }  # fmt: skip


def _spread(values: list[float]) -> dict[str, float]:
    return {"min": round(min(values)), "median": round(statistics.median(values)), "max": round(max(values))}


def case_table(report: dict[str, Any]) -> Table:
    """A report for people."""
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
    return table


def _ticks(shop: Shop, logs: Path) -> dict[str, Tick]:
    """What the clock's calls take while there is nothing to do, as nobody is there yet."""
    functions = shop.stack.client("lambda")
    for _ in range(_TICKS):
        for name, says in BY_THE_CLOCK.items():
            functions.invoke(FunctionName=f"nightshift-dev-{name}", Payload=says)
    time.sleep(0.5)  # the last lines are still on their way through the pipes
    return ticks_of(logs)
