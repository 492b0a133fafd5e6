"""What starts a function: a queue, a table's stream, an event, the clock."""

from collections.abc import Mapping

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler

from stacks.constructs.fifo_queue import FifoQueue
from stacks.constructs.grant import make_role
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.table import RecordTable

__all__ = ["consumes", "every_minute", "hears_events", "reads_stream"]

_BATCH = 10  # SQS FIFO allows no more
_STREAM_BATCH = 1000


def consumes(consumer: PythonFunction, queue: FifoQueue) -> None:
    """Messages of a queue, in batches of which single ones may fail."""
    lambda_.EventSourceMapping(
        consumer,
        "Messages",
        target=consumer.function,
        event_source_arn=queue.queue.queue_arn,
        batch_size=_BATCH,
        report_batch_item_failures=True,
    )


def reads_stream(reader: PythonFunction, table: RecordTable, *, gathered_seconds: int) -> None:
    """New items of a table, gathered for a while; what fails comes again until it leaves the stream."""
    mapping = lambda_.CfnEventSourceMapping(
        reader,
        "Stream",
        function_name=reader.function.function_name,
        event_source_arn=table.stream_arn,
        starting_position="TRIM_HORIZON",
        batch_size=_STREAM_BATCH,
        maximum_batching_window_in_seconds=gathered_seconds,
        maximum_retry_attempts=-1,
        function_response_types=["ReportBatchItemFailures"],
        filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
            filters=[lambda_.CfnEventSourceMapping.FilterProperty(pattern='{"eventName":["INSERT"]}')]
        ),
    )
    mapping.node.add_dependency(reader.role)


def every_minute(function: PythonFunction, *, says: str = "{}", tries_again: int = 0) -> None:
    """A tick carries nothing of its own, and the next comes in a minute: a lost one is none.

    Args:
        function: is called.
        says: the input, as JSON.
        tries_again: how often a call that failed is repeated, where others than the clock call it too.
    """
    lambda_.EventInvokeConfig(
        Stack.of(function),
        f"{function.node.id}Ticks",
        function=function.function,
        retry_attempts=tries_again,
        max_event_age=Duration.minutes(1 + 4 * tries_again),
    )
    role = make_role(function, "ScheduleRole", service="scheduler", grants=[function.may_invoke()])
    schedule = scheduler.CfnSchedule(
        function,
        "EveryMinute",
        schedule_expression="rate(1 minute)",
        flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=scheduler.CfnSchedule.TargetProperty(
            arn=function.function.function_arn,
            role_arn=role.role_arn,
            input=says,
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_retry_attempts=0, maximum_event_age_in_seconds=60
            ),
        ),
    )
    schedule.node.add_dependency(role)


def hears_events(function: PythonFunction, name: str, pattern: Mapping[str, object]) -> None:
    """Events of the account's default bus that look so, one call each."""
    rule = events.CfnRule(
        function,
        name,
        event_pattern=pattern,
        targets=[events.CfnRule.TargetProperty(id="Function", arn=function.function.function_arn)],
    )
    lambda_.CfnPermission(
        function,
        f"{name}MayInvoke",
        action="lambda:InvokeFunction",
        function_name=function.function.function_arn,
        principal="events.amazonaws.com",
        source_account=Aws.ACCOUNT_ID,
        source_arn=rule.attr_arn,
    )
