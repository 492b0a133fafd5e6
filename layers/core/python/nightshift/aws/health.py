"""Health from what AWS says about secrets and queues; no secret's value is read."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from nightshift.model.view import QueueDepth

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

__all__ = ["AwsHealth"]

_MISSING = {"ResourceNotFoundException"}


class AwsHealth:
    """The `Health` port on Secrets Manager and SQS.

    Args:
        queues: by the name people see, the URL of a queue (empty: a function is invoked) and that of what
            it gave up on.
        secrets: used for `DescribeSecret` only.
        sqs: used for `GetQueueAttributes` only.
    """

    def __init__(
        self, queues: dict[str, tuple[str, str]], *, secrets: "SecretsManagerClient", sqs: "SQSClient"
    ) -> None:
        self._queues = queues
        self._secrets = secrets
        self._sqs = sqs

    def secret_present(self, ref: str) -> bool:
        """Whether a secret with a value stands under this name and is not being deleted."""
        try:
            found = self._secrets.describe_secret(SecretId=ref)
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") in _MISSING:
                return False
            raise
        return "DeletedDate" not in found

    def queues(self) -> tuple[QueueDepth, ...]:
        """How full the queues are, approximately."""
        return tuple(self._depth(name, *urls) for name, urls in self._queues.items())

    def _depth(self, name: str, url: str, dead: str) -> QueueDepth:
        waiting, under_way = self._counts(url) if url else (0, 0)
        return QueueDepth(queue=name, waiting=waiting, under_way=under_way, dead=sum(self._counts(dead)))

    def _counts(self, url: str) -> tuple[int, int]:
        found = self._sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return (
            int(found["ApproximateNumberOfMessages"]),
            int(found["ApproximateNumberOfMessagesNotVisible"]),
        )
