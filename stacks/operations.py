"""The alarms that mean a person must look, and the topic that tells them."""

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.machine import Machine
from stacks.functions import FunctionsStack
from stacks.queues import QueuesStack
from stacks.stage import Stage

__all__ = ["OperationsStack"]

_MINUTE = Duration.minutes(1)
_LATE_SECONDS = 60  # a case that needs a person reaches one inside a minute


class OperationsStack(Stack):
    """Few alarms, each saying what it means and what to do first."""

    def __init__(
        self, scope: Construct, *, stage: Stage, queues: QueuesStack, functions: FunctionsStack
    ) -> None:
        super().__init__(scope, stage.stack("operations"))
        self._stage = stage
        self._topic = sns.Topic(self, "Alarms", enforce_ssl=True, display_name=f"{stage.prefix} alarms")
        for name, queue in (("events", queues.events), ("approvals", queues.approvals)):
            self._nothing_is_dead(name, queue.dead)
            self._nothing_is_late(name, queue.queue)
        self._no_execution_fails("case", functions.case_machine)
        self._no_execution_fails("run", functions.run_machine)
        self._the_sweep_runs(functions)
        CfnOutput(self, "AlarmTopic", value=self._topic.topic_arn)

    def _nothing_is_dead(self, name: str, dead: sqs.Queue) -> None:
        self._alarm(
            f"{name}-dead",
            dead.metric_approximate_number_of_messages_visible(period=_MINUTE, statistic="Maximum"),
            above=0,
            means="A message was tried five times and given up: park or redrive it.",
        )

    def _nothing_is_late(self, name: str, queue: sqs.Queue) -> None:
        self._alarm(
            f"{name}-late",
            queue.metric_approximate_age_of_oldest_message(period=_MINUTE, statistic="Maximum"),
            above=_LATE_SECONDS,
            means="Messages wait longer than the minute within which a person must have a case.",
        )

    def _no_execution_fails(self, name: str, machine: Machine) -> None:
        ends = {
            "failed": machine.machine.metric_failed(period=_MINUTE),
            "timed-out": machine.machine.metric_timed_out(period=_MINUTE),
            "aborted": machine.machine.metric_aborted(period=_MINUTE),
        }
        for end, metric in ends.items():
            self._alarm(
                f"{name}-{end}",
                metric,
                above=0,
                means=f"A {name} ended without a person having it (Stranded, Unsettled): recover the case.",
            )

    def _the_sweep_runs(self, functions: FunctionsStack) -> None:
        sweep = functions.sweep.function
        means = "Stored deliveries that reached no case stay stranded while the sweep does not run."
        self._alarm("sweep-failing", sweep.metric_errors(period=Duration.minutes(5)), above=2, means=means)
        self._alarm(
            "sweep-silent",
            sweep.metric_invocations(period=Duration.minutes(5)),
            below=1,
            means=means,
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.Metric,
        *,
        means: str,
        above: float | None = None,
        below: float | None = None,
    ) -> None:
        """An alarm above or below a bound; silence is as good as zero, so it trips only `below`."""
        compare = cloudwatch.ComparisonOperator
        silence = cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            self,
            "".join(word.capitalize() for word in name.split("-")),
            alarm_name=f"{self._stage.prefix}-{name}",
            alarm_description=means,
            metric=metric,
            evaluation_periods=1,
            threshold=above if above is not None else below or 0,
            comparison_operator=(
                compare.GREATER_THAN_THRESHOLD if above is not None else compare.LESS_THAN_THRESHOLD
            ),
            treat_missing_data=silence.NOT_BREACHING if above is not None else silence.BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
