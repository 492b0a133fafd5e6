"""What costs money while nothing happens, counted in the synthesised templates and in what ticks cost."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Tick", "idle_per_month"]

_PRICED = {
    "AWS::KMS::Key": "kms.key",
    "AWS::SecretsManager::Secret": "secretsmanager.secret",
    "AWS::CloudWatch::Dashboard": "cloudwatch.dashboard",
}
_MINUTES_A_MONTH = 30 * 24 * 60
_POLLERS = 5  # Lambda keeps five long polls of 20 s open on a queue that is empty
_POLLS_A_MINUTE = 3
_MEMORY_GB = 0.5
_RUNTIME_LINES = 400  # bytes that Lambda itself logs of an invocation: START, END, REPORT


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What one call by the clock takes, as the running system measured it."""

    wall_ms: float
    read_units: float
    write_units: float
    logged_bytes: float


def idle_per_month(
    assembly: Path, ticks: Mapping[str, Tick], idle: Mapping[str, float], per_unit: Mapping[str, float]
) -> dict[str, float]:
    """Dollars a month for each kind of thing that idles: `"3 x kms.key"` → 3.0.

    Args:
        assembly: the folder with a stage's templates.
        ticks: by function that the clock calls each minute.
        idle: prices a month.
        per_unit: prices of what ticks use.
    """
    resources = [
        resource
        for path in sorted(assembly.glob("*.template.json"))
        for resource in json.loads(path.read_text(encoding="utf-8"))["Resources"].values()
    ]
    kinds = Counter(str(resource["Type"]) for resource in resources)
    costs = {
        f"{kinds[kind]} x {name}": kinds[kind] * idle[name] for kind, name in _PRICED.items() if kinds[kind]
    }
    watched = _metrics_watched(resources)
    alarms = kinds["AWS::CloudWatch::Alarm"]
    costs[f"{alarms} x cloudwatch.alarm on {watched} metrics"] = watched * idle["cloudwatch.alarm"]
    for function, tick in sorted(ticks.items()):
        costs[f"1 x {function} a minute"] = _MINUTES_A_MONTH * _of_one(tick, per_unit)
    queues = sum(_is_of_a_queue(resource) for resource in resources)
    polls = queues * _POLLERS * _POLLS_A_MINUTE * _MINUTES_A_MONTH
    costs[f"{queues} x empty polls of a queue"] = polls * per_unit["sqs.fifo_request"]
    rounded = {name: round(cost, 3) for name, cost in costs.items()}
    return rounded | {"in all": round(sum(costs.values()), 2)}


def _of_one(tick: Tick, per_unit: Mapping[str, float]) -> float:
    return (
        per_unit["scheduler.invocation"]
        + per_unit["lambda.request"]
        + tick.wall_ms / 1000 * _MEMORY_GB * per_unit["lambda.gb_second"]
        + tick.read_units * per_unit["dynamodb.read_unit"]
        + tick.write_units * per_unit["dynamodb.write_unit"]
        + (tick.logged_bytes + _RUNTIME_LINES) / 1e9 * per_unit["logs.gb_ingested"]
    )


def _metrics_watched(resources: Iterable[dict[str, Any]]) -> int:
    """An alarm costs by the metrics it looks at; a query costs for those it finds, here: one at least."""
    watched = 0
    for resource in resources:
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            metrics = resource["Properties"].get("Metrics", [])
            watched += max(1, sum("MetricStat" in metric for metric in metrics))
    return watched


def _is_of_a_queue(resource: dict[str, Any]) -> bool:
    """Polling a table's stream is free."""
    mapping = resource["Type"] == "AWS::Lambda::EventSourceMapping"
    return mapping and "StartingPosition" not in resource["Properties"]
