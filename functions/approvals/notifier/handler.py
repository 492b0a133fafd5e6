"""Stores what runs ask, message by message."""

from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from nightshift.approvals.ask import Asking, Question, ask
from nightshift.telemetry import entrypoint
from nightshift.wiring.notifier import NotifierSettings, wire

__all__ = ["handler"]


@entrypoint(NotifierSettings, wire)
def handler(event: dict[str, Any], asking: Asking) -> dict[str, Any]:
    """An SQS batch → the ids of the messages to try again."""

    def one(record: SQSRecord) -> None:
        ask(asking, Question.model_validate_json(record.body))

    # A run's later question must not be stored before its earlier one: the newest token wins.
    processor = SqsFifoPartialProcessor(skip_group_on_error=True)
    return dict(process_partial_response(event, one, processor, None))
