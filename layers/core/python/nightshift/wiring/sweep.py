"""The sweep of stored deliveries that reached no inbox."""

from dataclasses import dataclass

from nightshift.aws.client import client
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.queue import SqsEventQueue
from nightshift.cases.sweep import Swept, sweep
from nightshift.clock import Clock, SystemClock
from nightshift.model.metric import Metric
from nightshift.ports.deliveries import Deliveries
from nightshift.ports.flow import EventQueue
from nightshift.ports.metrics import Metrics
from nightshift.settings import Settings
from nightshift.telemetry import logger, metrics

__all__ = ["SweepSettings", "Sweeper", "wire"]


class SweepSettings(Settings):
    """Settings of the sweep."""

    table_ingress: str
    queue_events: str


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Sweeps with these."""

    deliveries: Deliveries
    queue: EventQueue
    clock: Clock
    metrics: Metrics

    def sweep(self) -> Swept:
        """Sweep once, and say in the log what was found."""
        swept = sweep(self.deliveries, self.queue, self.clock)
        self.metrics.count(Metric.DELIVERIES_RESENT, swept.sent)
        self.metrics.count(Metric.DELIVERIES_PARKED, swept.parked)
        said = logger.warning if swept.parked or swept.unsent else logger.info
        said("deliveries swept", sent=swept.sent, unsent=swept.unsent, parked=swept.parked)
        return swept


def wire(settings: SweepSettings) -> Sweeper:
    """Put the sweep together."""
    clock = SystemClock()
    return Sweeper(
        deliveries=DynamoDeliveries(settings.table_ingress, client("dynamodb"), clock),
        queue=SqsEventQueue(settings.queue_events, client("sqs")),
        clock=clock,
        metrics=metrics,
    )
