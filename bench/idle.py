"""What costs money while nothing happens, counted in the synthesised templates."""

import json
from collections import Counter
from pathlib import Path

__all__ = ["idle_per_month"]

_PRICED = {
    "AWS::KMS::Key": "kms.key",
    "AWS::SecretsManager::Secret": "secretsmanager.secret",
    "AWS::CloudWatch::Alarm": "cloudwatch.alarm",
}
_MINUTES_A_MONTH = 30 * 24 * 60
_POLLERS = 5  # Lambda keeps five long polls of 20 s open on a queue that is empty
_POLLS_A_MINUTE = 3


def idle_per_month(assembly: Path, idle: dict[str, float], per_unit: dict[str, float]) -> dict[str, float]:
    """Dollars a month for each kind of thing that idles: `"3 x kms.key"` → 3.0."""
    kinds: Counter[str] = Counter()
    for path in sorted(assembly.glob("*.template.json")):
        resources = json.loads(path.read_text(encoding="utf-8"))["Resources"]
        kinds.update(resource["Type"] for resource in resources.values())
    costs = {
        f"{kinds[kind]} x {name}": kinds[kind] * idle[name] for kind, name in _PRICED.items() if kinds[kind]
    }
    schedules = kinds["AWS::Scheduler::Schedule"] + kinds["AWS::Events::Rule"]
    costs[f"{schedules} x sweep a minute"] = schedules * _MINUTES_A_MONTH * per_unit["lambda.request"]
    queues = kinds["AWS::Lambda::EventSourceMapping"]
    polls = queues * _POLLERS * _POLLS_A_MINUTE * _MINUTES_A_MONTH
    costs[f"{queues} x empty polls of a queue"] = polls * per_unit["sqs.fifo_request"]
    return {name: round(cost, 3) for name, cost in costs.items()}
