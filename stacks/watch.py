"""What an operator is woken for, in the order of the path."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn

from stacks.constructs.alarms import Alarms
from stacks.metrics import our_metric
from stacks.stage import Stage

__all__ = ["Watched", "watch"]

_MINUTE = Duration.minutes(1)
_FIVE_MINUTES = Duration.minutes(5)
_LATE_SECONDS = 60  # a case that needs a person reaches one inside a minute
_ANCHOR_LATE = Duration.minutes(30)
_SHARE_OF_ERRORS = 0.2
_FEW_ERRORS = 5
_THROTTLES = 'SELECT SUM(KINDThrottleEvents) FROM SCHEMA("AWS/DynamoDB", TableName)'


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Everything of a stage that is looked at."""

    stage: Stage
    api: apigatewayv2.IHttpApi
    queues: Mapping[str, sqs.IQueue]
    dead: Mapping[str, sqs.IQueue]
    machines: Mapping[str, sfn.StateMachine]
    ticking: Mapping[str, lambda_.IFunction]
    anchor: lambda_.IFunction
    backups: cloudwatch.IMetric | None


def watch(alarms: Alarms, watched: Watched) -> None:
    """Make every alarm."""
    _the_way_in(alarms, watched)
    _the_cases(alarms, watched)
    _the_vendors(alarms, watched)
    _the_log(alarms, watched)
    _the_machine_room(alarms)
    if watched.backups:
        means = "A night's backup did not come about; point-in-time recovery is all there is."
        alarms.above("backup-failed", watched.backups, bound=0, means=means)


def _the_way_in(alarms: Alarms, watched: Watched) -> None:
    for name, dead in watched.dead.items():
        alarms.above(
            f"{name}-dead",
            dead.metric_approximate_number_of_messages_visible(period=_MINUTE, statistic="Maximum"),
            bound=0,
            means="A message was tried again and again and given up: nothing works on it any more.",
        )
    for name, queue in watched.queues.items():
        alarms.above(
            f"{name}-late",
            queue.metric_approximate_age_of_oldest_message(period=_MINUTE, statistic="Maximum"),
            bound=_LATE_SECONDS,
            means="Messages wait longer than the minute within which a person must have a case.",
        )
    alarms.above(
        "deliveries-parked",
        our_metric(watched.stage, "DELIVERIES_PARKED"),
        bound=0,
        means="A stored delivery could not be turned into an event, or not be taken by its case.",
    )
    alarms.above(
        "api-failing",
        watched.api.metric_server_error(period=_FIVE_MINUTES, statistic="Sum"),
        bound=_FEW_ERRORS,
        means="Webhooks or staff are answered with 5xx: vendors repeat, and some give up.",
    )


def _the_cases(alarms: Alarms, watched: Watched) -> None:
    stage = watched.stage
    for name, machine in watched.machines.items():
        ends = {
            "failed": machine.metric_failed(period=_MINUTE),
            "timed-out": machine.metric_timed_out(period=_MINUTE),
        }
        for end, metric in ends.items():
            means = f"A {name} ended without a person having it (Stranded, Unsettled); recovery takes it up."
            alarms.above(f"{name}-{end}", metric, bound=0, means=means)
    alarms.above(
        "handoff-late",
        our_metric(stage, "HANDOFF_SECONDS", statistic="p99"),
        bound=_LATE_SECONDS,
        means="A case that needed a person reached one later than a minute after its event.",
    )
    counted = {
        "recovery-given-up": (
            "RECOVERY_GIVEN_UP",
            "A case was started again too often and lies with a person now.",
        ),
        "reconcile-pending": (
            "RECONCILE_PENDING",
            "A run ended and it is unknown whether an effect happened, perhaps one with money.",
        ),
        "undo-failed": (
            "UNDO_FAILED",
            "A run failed, and what it had done could not all be taken back: a person has to see to it.",
        ),
        "runs-not-done": (
            "RUNS_FAILED",
            "A run without a case did not go through, and no case tells a person of it.",
        ),
        "workflows-paused": (
            "WORKFLOWS_PAUSED",
            "A workflow does not run any more: its owner is gone, or may not run plans now.",
        ),
    }
    _any_at_all(alarms, stage, counted)
    for name, function in watched.ticking.items():
        means = f"What got lost stays lost while the {name} does not do its work every minute."
        alarms.above(f"{name}-failing", function.metric_errors(period=_FIVE_MINUTES), bound=2, means=means)
        alarms.silent(f"{name}-silent", function.metric_invocations(period=_FIVE_MINUTES), means=means)


def _the_vendors(alarms: Alarms, watched: Watched) -> None:
    alarms.above(
        "feeds-failed",
        our_metric(watched.stage, "FEEDS_FAILED", minutes=5),
        bound=_FEW_ERRORS,
        times=3,
        means="Prices that workflows follow cannot be read: what they would do does not happen.",
    )
    counted = {
        "breaker-open": (
            "BREAKER_OPENED",
            "A vendor failed again and again: calls stop until it recovers.",
        ),
        "shape-drifted": (
            "SHAPE_DRIFTED",
            "A vendor answered in an unexpected shape: its writes stop.",
        ),
        "credentials-refused": (
            "CREDENTIALS_REFUSED",
            "A vendor refuses a channel's credentials or scopes.",
        ),
    }
    _any_at_all(alarms, watched.stage, counted)


def _any_at_all(alarms: Alarms, stage: Stage, counted: Mapping[str, tuple[str, str]]) -> None:
    """Alarms on one of our metrics each, as soon as it counts anything: name → metric, and what it means."""
    for name, (metric, means) in counted.items():
        alarms.above(name, our_metric(stage, metric), bound=0, means=means)


def _the_log(alarms: Alarms, watched: Watched) -> None:
    alarms.above(
        "log-broken",
        our_metric(watched.stage, "LOG_BROKEN"),
        bound=0,
        means="An entry of the action log does not prove itself: it was changed, removed or forged.",
    )
    alarms.above(
        "anchor-late",
        watched.anchor.metric("IteratorAge", period=_FIVE_MINUTES, statistic="Maximum"),
        bound=_ANCHOR_LATE.to_milliseconds(),
        means="Entries of the log wait for their signature; after a day they leave the stream unproven.",
    )


def _the_machine_room(alarms: Alarms) -> None:
    """Of the whole account and region: concurrency is theirs, and one metric costs less than one each."""
    errors = lambda_.Function.metric_all_errors(period=_FIVE_MINUTES, statistic="Sum")
    invocations = lambda_.Function.metric_all_invocations(period=_FIVE_MINUTES, statistic="Sum")
    alarms.above(
        "functions-failing",
        cloudwatch.MathExpression(
            expression=f"IF(errors > {_FEW_ERRORS}, errors / invocations, 0)",
            using_metrics={"errors": errors, "invocations": invocations},
            period=_FIVE_MINUTES,
            label="share of failed invocations",
        ),
        bound=_SHARE_OF_ERRORS,
        times=3,
        means="More than a fifth of all invocations fails: a deployment, a permission or a service.",
    )
    alarms.above(
        "functions-throttled",
        lambda_.Function.metric_all_throttles(period=_FIVE_MINUTES, statistic="Sum"),
        bound=0,
        times=3,
        means="Lambda refuses invocations for want of concurrency, and goes on doing so.",
    )
    for kind in ("Read", "Write"):
        alarms.above(
            f"tables-throttled-{kind.lower()}s",
            # A query costs by the metrics it finds, and DynamoDB has this one only while it throttles.
            cloudwatch.MathExpression(
                expression=_THROTTLES.replace("KIND", kind),
                using_metrics={},
                period=_FIVE_MINUTES,
                label=f"throttled {kind.lower()}s",
            ),
            bound=_FEW_ERRORS,
            means=f"DynamoDB refuses {kind.lower()}s: one key is hot, or a limit of the account is reached.",
        )
