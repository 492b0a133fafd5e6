"""The two queues of the path, and where mail ends that nothing could read."""

from aws_cdk import Stack
from constructs import Construct

from stacks.constructs.dead_queue import DeadQueue
from stacks.constructs.fifo_queue import FifoQueue
from stacks.limits import QUEUE_CONSUMER_TIMEOUT
from stacks.stage import Stage

__all__ = ["QueuesStack"]


class QueuesStack(Stack):
    """`events` from ingress to the dispatcher, `approvals` from the run saga to the notifier."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, stage.stack("queues"), termination_protection=stage.keep_data)
        self.events = FifoQueue(self, "events", consumer_timeout=QUEUE_CONSUMER_TIMEOUT)
        self.mail_dead = DeadQueue(self, "mail")
        self.approvals = FifoQueue(self, "approvals", consumer_timeout=QUEUE_CONSUMER_TIMEOUT)
