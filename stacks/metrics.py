"""The names of our own metrics, read from `nightshift/model/metric.py` as data: stacks import no runtime."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.layers import ROOT
from stacks.stage import Stage

__all__ = ["MetricUnknown", "names", "namespace", "our_metric"]

_FILE = ROOT / "layers" / "core" / "python" / "nightshift" / "model" / "metric.py"
_SERVICE = "nightshift"  # as telemetry.py says it


class MetricUnknown(Exception):
    """An alarm or a widget asks for a metric that nothing counts; the message names it."""


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _constants(body: list[ast.stmt]) -> Mapping[str, str]:
    """`NAME = "text"`, of a module or a class."""
    return {
        target.id: str(statement.value.value)
        for statement in body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def namespace(file: Path = _FILE) -> str:
    """The namespace of all of them."""
    return _constants(_tree(file).body)["NAMESPACE"]


def names(file: Path = _FILE) -> Mapping[str, str]:
    """Every metric's name in CloudWatch by its name in code: `BREAKER_OPENED` → `BreakerOpened`."""
    (enum,) = (node for node in _tree(file).body if isinstance(node, ast.ClassDef) and node.name == "Metric")
    return _constants(enum.body)


def our_metric(stage: Stage, name: str, *, statistic: str = "Sum", minutes: int = 1) -> cloudwatch.Metric:
    """One of our own metrics in one stage.

    Raises:
        MetricUnknown: there is none of that name.
    """
    if name not in names():
        message = f"{name} is not in {_FILE.name}"
        raise MetricUnknown(message)
    return cloudwatch.Metric(
        namespace=namespace(),
        metric_name=names()[name],
        dimensions_map={"service": _SERVICE, "stage": stage.name},
        statistic=statistic,
        period=Duration.minutes(minutes),
    )
