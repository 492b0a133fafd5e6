"""Alarms: each says what it means and where its page of the runbook is, and tells the topic."""

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from stacks.stage import Stage

__all__ = ["RUNBOOK", "Alarms"]

RUNBOOK = "docs/runbook"
_COMPARE = cloudwatch.ComparisonOperator
_SILENCE = cloudwatch.TreatMissingData


class Alarms:
    """All alarms of a stage.

    Args:
        scope: the stack they stand in.
        stage: for their names.
        topic: is told when one goes off and when it is over.
    """

    def __init__(self, scope: Stack, *, stage: Stage, topic: sns.ITopic) -> None:
        self._scope = scope
        self._stage = stage
        self._action = actions.SnsAction(topic)
        self.made: list[cloudwatch.Alarm] = []

    def above(
        self, name: str, metric: cloudwatch.IMetric, *, bound: float, means: str, times: int = 1
    ) -> None:
        """Goes off above a bound, `times` periods in a row; silence is as good as zero."""
        self._alarm(
            name, metric, _COMPARE.GREATER_THAN_THRESHOLD, bound, means, times, _SILENCE.NOT_BREACHING
        )

    def silent(self, name: str, metric: cloudwatch.IMetric, *, means: str) -> None:
        """Goes off when a thing that always counts counts nothing."""
        self._alarm(name, metric, _COMPARE.LESS_THAN_THRESHOLD, 1, means, 1, _SILENCE.BREACHING)

    def _alarm(  # noqa: PLR0917  # both callers stand above
        self,
        name: str,
        metric: cloudwatch.IMetric,
        compare: cloudwatch.ComparisonOperator,
        bound: float,
        means: str,
        times: int,
        silence: cloudwatch.TreatMissingData,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self._scope,
            "".join(word.capitalize() for word in name.split("-")),
            alarm_name=f"{self._stage.prefix}-{name}",
            alarm_description=f"{means} Runbook: {RUNBOOK}/{name}.md",
            metric=metric,
            evaluation_periods=times,
            threshold=bound,
            comparison_operator=compare,
            treat_missing_data=silence,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        self.made.append(alarm)
