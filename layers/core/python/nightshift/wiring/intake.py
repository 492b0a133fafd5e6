"""Intake: what vendors do not send is pulled."""

from dataclasses import dataclass

from nightshift.aws.blobs import S3Blobs
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.queue import SqsEventQueue
from nightshift.aws.readtools import LambdaReadTools
from nightshift.aws.watches import DynamoWatches
from nightshift.clock import SystemClock
from nightshift.ingress.prices import Looked, Lookout, look
from nightshift.settings import Settings
from nightshift.telemetry import logger, metrics

__all__ = ["Intake", "IntakeSettings", "wire"]


class IntakeSettings(Settings):
    """Settings of the function."""

    table_config: str
    table_ingress: str
    bucket_bodies: str
    queue_events: str
    adapter_prefix: str


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Pulls with these."""

    lookout: Lookout

    def pull(self) -> Looked:
        """Look once at everything that is due, and say in the log what was found."""
        looked = look(self.lookout)
        said = logger.warning if looked.failed else logger.info
        said("feeds looked at", seen=looked.feeds, sent=looked.events, unsent=looked.failed)
        return looked


def wire(settings: IntakeSettings) -> Intake:
    """Put it together."""
    db, clock = client("dynamodb"), SystemClock()
    config = DynamoConfig(settings.table_config, db)
    return Intake(
        lookout=Lookout(
            watches=DynamoWatches(settings.table_config, settings.table_ingress, db),
            config=config,
            tools=LambdaReadTools(settings.adapter_prefix, config, client("lambda")),
            blobs=S3Blobs(settings.bucket_bodies, client("s3")),
            deliveries=DynamoDeliveries(settings.table_ingress, db, clock),
            queue=SqsEventQueue(settings.queue_events, client("sqs")),
            metrics=metrics,
            clock=clock,
        )
    )
