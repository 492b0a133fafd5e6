"""A FIFO queue with its dead-letter queue."""

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.dead_queue import TAKE
from stacks.constructs.grant import Grant

__all__ = ["FifoQueue"]

_MAX_RECEIVES = 5  # then a message goes to the dead-letter queue, and an alarm to a person
_KEPT_DEAD = Duration.days(14)  # SQS allows no more


class FifoQueue(Construct):
    """Encrypted by SQS's own key: it costs nothing per message, and messages live for minutes.

    Args:
        scope: the stack.
        name: of the setting and the output: `events`.
        consumer_timeout: seconds its consumer may take; a message stays hidden six times as long.
    """

    def __init__(self, scope: Construct, name: str, *, consumer_timeout: int) -> None:
        super().__init__(scope, name.capitalize())
        self._name = name
        self.dead = sqs.Queue(
            self,
            "Dead",
            fifo=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=_KEPT_DEAD,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            fifo=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.seconds(6 * consumer_timeout),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead, max_receive_count=_MAX_RECEIVES),
        )
        for label, queue in (("Queue", self.queue), ("DeadQueue", self.dead)):
            output = CfnOutput(self, f"{label}Url", value=queue.queue_url)
            output.override_logical_id(f"{label}{name.capitalize()}")

    @property
    def setting(self) -> tuple[str, str]:
        """The environment variable that gives a function the queue's URL."""
        return f"QUEUE_{self._name.upper()}", self.queue.queue_url

    @property
    def dead_setting(self) -> tuple[str, str]:
        """The environment variable that gives a function the dead-letter queue's URL."""
        return f"QUEUE_{self._name.upper()}_DEAD", self.dead.queue_url

    def may_send(self) -> Grant:
        """Send messages."""
        return Grant(actions=("sqs:SendMessage",), resources=(self.queue.queue_arn,))

    def may_consume(self) -> Grant:
        """What an event source mapping needs."""
        actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
        return Grant(
            actions=(*actions, "sqs:GetQueueAttributes"),
            resources=(self.queue.queue_arn,),
        )

    def may_take_the_dead(self) -> Grant:
        """Receive and delete what was given up."""
        return Grant(
            actions=TAKE,
            resources=(self.dead.queue_arn,),
        )

    def may_count(self) -> Grant:
        """See how many messages wait, here and among the dead."""
        return Grant(
            actions=("sqs:GetQueueAttributes",),
            resources=(self.queue.queue_arn, self.dead.queue_arn),
        )
