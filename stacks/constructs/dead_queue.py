"""Where an asynchronous call ends that failed again and again."""

from aws_cdk import Acknowledgment, CfnOutput, Duration, Validations
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.grant import Grant

__all__ = ["TAKE", "DeadQueue"]

TAKE = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)
"""What one needs to send dead letters again, one by one."""


class DeadQueue(sqs.Queue):
    """A standard queue, for Lambda puts its failures into no other; kept as long as SQS keeps anything.

    Args:
        scope: the stack.
        name: of the setting `QUEUE_<NAME>_DEAD` and the output `DeadQueue<Name>`: `mail`.
    """

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(
            scope,
            f"{name.capitalize()}Dead",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        self._name = name
        Validations.of(self).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SQS3", reason="It is itself where failed calls end; an alarm watches it."
            )
        )
        output = CfnOutput(self, "Url", value=self.queue_url)
        output.override_logical_id(f"DeadQueue{name.capitalize()}")

    @property
    def setting(self) -> tuple[str, str]:
        """The environment variable that gives a function the queue's URL."""
        return f"QUEUE_{self._name.upper()}_DEAD", self.queue_url

    def may_take_the_dead(self) -> Grant:
        """Receive and delete what was given up."""
        return Grant(
            actions=TAKE,
            resources=(self.queue_arn,),
        )

    def may_send(self) -> Grant:
        """Send messages, as Lambda does in the name of the function that failed."""
        return Grant(actions=("sqs:SendMessage",), resources=(self.queue_arn,))
