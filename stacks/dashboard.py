"""One page to look at, laid out by the path."""

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.metrics import our_metric
from stacks.stage import Stage
from stacks.watch import Watched

__all__ = ["dashboard"]

_WIDTH = 24
_HEIGHT = 6
_MINUTE = Duration.minutes(1)


def dashboard(scope: Stack, watched: Watched, alarms: Sequence[cloudwatch.IAlarm]) -> cloudwatch.Dashboard:
    """Alarms on top, then ingress, cases, tools, approvals, the log, the machine room."""
    stage = watched.stage
    page = cloudwatch.Dashboard(
        scope, "Dashboard", dashboard_name=stage.prefix, default_interval=Duration.hours(12)
    )
    page.add_widgets(
        cloudwatch.AlarmStatusWidget(title="what needs somebody", width=_WIDTH, height=4, alarms=list(alarms))
    )
    for title, graphs in (
        ("ingress", _ingress(watched)),
        ("cases", _cases(watched)),
        ("tools", _tools(stage)),
        ("approvals", _approvals(watched)),
        ("the log", _log(watched)),
        ("the machine room", _machine_room(stage)),
    ):
        page.add_widgets(cloudwatch.TextWidget(markdown=f"## {title}", width=_WIDTH, height=1))
        page.add_widgets(*graphs)
    return page


def _graph(title: str, *metrics: cloudwatch.IMetric, of: int = 3) -> cloudwatch.GraphWidget:
    """One of so many graphs in a row."""
    return cloudwatch.GraphWidget(title=title, width=_WIDTH // of, height=_HEIGHT, left=list(metrics))


def _ours(stage: Stage, *names: str, statistic: str = "Sum") -> list[cloudwatch.IMetric]:
    return [our_metric(stage, name, statistic=statistic, minutes=5) for name in names]


def _ingress(watched: Watched) -> list[cloudwatch.GraphWidget]:
    api, events = watched.api, watched.queues["events"]
    return [
        _graph("requests", api.metric_count(period=_MINUTE), api.metric_client_error(period=_MINUTE),
               api.metric_server_error(period=_MINUTE)),
        _graph("events: oldest, seconds", events.metric_approximate_age_of_oldest_message(period=_MINUTE)),
        _graph("repaired, parked and refused",
               *_ours(watched.stage, "DELIVERIES_RESENT", "DELIVERIES_PARKED", "MAIL_REFUSED")),
    ]  # fmt: skip


def _cases(watched: Watched) -> list[cloudwatch.GraphWidget]:
    stage, machines = watched.stage, watched.machines
    return [
        _graph("executions", *(m.metric_started(period=_MINUTE) for m in machines.values()),
               *(m.metric_failed(period=_MINUTE) for m in machines.values())),
        _graph("to a person, seconds", *_ours(stage, "HANDOFF_SECONDS", statistic="p50"),
               *_ours(stage, "HANDOFF_SECONDS", statistic="p99")),
        _graph("with a person, recovered, rolled over",
               *_ours(stage, "HANDED_OVER", "RECOVERED", "RECOVERY_GIVEN_UP", "ROLLED_OVER", "RUNS_FAILED",
                      "WORKFLOWS_PAUSED")),
    ]  # fmt: skip


def _tools(stage: Stage) -> list[cloudwatch.GraphWidget]:
    return [
        _graph("outcome unknown", *_ours(stage, "EFFECTS_UNKNOWN", "RECONCILE_PENDING", "UNDO_FAILED")),
        _graph("held back", *_ours(stage, "CALLS_THROTTLED", "BREAKER_OPENED")),
        _graph("vendors", *_ours(stage, "SHAPE_DRIFTED", "CREDENTIALS_REFUSED", "FEEDS_FAILED")),
    ]


def _approvals(watched: Watched) -> list[cloudwatch.GraphWidget]:
    queue = watched.queues["approvals"]
    return [
        _graph("questions: oldest, seconds",
               queue.metric_approximate_age_of_oldest_message(period=_MINUTE), of=2),
        _graph("dead letters", *(dead.metric_approximate_number_of_messages_visible(label=name)
                                 for name, dead in watched.dead.items()), of=2),
    ]  # fmt: skip


def _log(watched: Watched) -> list[cloudwatch.GraphWidget]:
    age = watched.anchor.metric("IteratorAge", statistic="Maximum", period=_MINUTE)
    return [
        _graph("heads anchored, log broken", *_ours(watched.stage, "ANCHORED", "LOG_BROKEN"), of=2),
        _graph("oldest entry not anchored, ms", age, of=2),
    ]


def _machine_room(stage: Stage) -> list[cloudwatch.GraphWidget]:
    """By function and by table, whichever there are: a search finds new ones too."""

    def search(schema: str, metric: str, statistic: str) -> cloudwatch.IMetric:
        terms = f'{{{schema}}} MetricName="{metric}" "{stage.prefix}-"'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{terms}', '{statistic}', 300)",
            using_metrics={},
            label="",
            period=Duration.minutes(5),
        )

    functions, tables = "AWS/Lambda,FunctionName", "AWS/DynamoDB,TableName"
    return [
        _graph("functions: errors", search(functions, "Errors", "Sum")),
        _graph("functions: p99, ms", search(functions, "Duration", "p99")),
        _graph("tables: write units", search(tables, "ConsumedWriteCapacityUnits", "Sum")),
    ]
