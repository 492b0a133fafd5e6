"""The dispatcher: batches of the event queue, with partial failures per message group."""

from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.executions import StepFunctions
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.offers import LambdaOffers
from nightshift.aws.sealing import KmsSealing
from nightshift.aws.workflows import DynamoWorkflows
from nightshift.cases.dispatch import Desk
from nightshift.cases.take import Message, Origin, take
from nightshift.clock import SystemClock
from nightshift.errors import NightshiftError
from nightshift.ids import ChannelId, TenantId
from nightshift.model.metric import Metric
from nightshift.ports.deliveries import Deliveries
from nightshift.settings import Settings
from nightshift.telemetry import logger, metrics

__all__ = ["Dispatcher", "DispatcherSettings", "wire"]


class DispatcherSettings(Settings):
    """Settings of the dispatcher."""

    table_ingress: str
    table_cases: str
    table_config: str
    table_log: str
    table_subjects: str
    key_subjects: str
    machine_case: str
    function_workflows: str


@dataclass(frozen=True, kw_only=True)
class Dispatcher:
    """Takes batches. A message that fails stops its own group for now, and nothing else."""

    desk: Desk
    deliveries: Deliveries

    def batch(self, event: dict[str, Any]) -> dict[str, Any]:
        """Take every message of a batch; names those that must come again."""
        processor = SqsFifoPartialProcessor(skip_group_on_error=True)
        # an answer that names all of them says the same as an error, without looking like a crash
        processor.raise_on_entire_batch_failure = False
        with processor(records=event["Records"], handler=self._take):
            processor.process()
        return dict(processor.response())

    def _take(self, record: SQSRecord) -> None:
        try:
            taken = take(_message(record), self.desk, self.deliveries)
        except NightshiftError as exc:
            logger.warning("event comes again", message_id=record.message_id, error=type(exc).__name__)
            raise
        except Exception as exc:
            # no traceback: its messages may quote personal data
            logger.error("event failed", message_id=record.message_id, error=type(exc).__name__)
            raise
        if taken.outcome == "parked":
            self.desk.metrics.count(Metric.DELIVERIES_PARKED)
        said = logger.warning if taken.outcome == "parked" else logger.info
        said("event taken", message_id=record.message_id, **taken.model_dump())


def _message(record: SQSRecord) -> Message:
    given = {name: found.string_value for name, found in record.message_attributes.items()}
    tenant, channel, delivery = given.get("tenant"), given.get("channel"), given.get("delivery")
    origin = (
        Origin(tenant=TenantId(tenant), channel=ChannelId(channel), delivery=delivery)
        if tenant and channel and delivery
        else None
    )
    return Message(id=record.message_id, body=record.body, origin=origin)


def wire(settings: DispatcherSettings) -> Dispatcher:
    """Put the dispatcher together."""
    db, clock = client("dynamodb"), SystemClock()
    sealing = KmsSealing(
        settings.table_subjects, settings.key_subjects, db=db, kms=lambda: client("kms"), clock=clock
    )
    return Dispatcher(
        desk=Desk(
            cases=DynamoCases(settings.table_cases, settings.table_ingress, db, clock),
            config=DynamoConfig(settings.table_config, db),
            executions=StepFunctions(settings.machine_case, client("stepfunctions")),
            log=DynamoActionLog(settings.table_log, db, sealing),
            metrics=metrics,
            clock=clock,
            offers=LambdaOffers(
                DynamoWorkflows(settings.table_config, db),
                settings.function_workflows,
                lambda: client("lambda"),
                clock,
            ),
        ),
        deliveries=DynamoDeliveries(settings.table_ingress, db, clock),
    )
