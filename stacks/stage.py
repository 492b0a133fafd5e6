"""What tells one stage from another, and the names that follow from it."""

from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_logs as logs

__all__ = ["PROJECT", "Stage"]

PROJECT = "nightshift"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One installation. Every difference between stages is a field of this class, set in `app.py`.

    Args:
        name: part of every name.
        keep_data: the stateful stack refuses to be deleted and its resources outlive it.
        log_retention: how long functions' and machines' logs are kept.
        body_days: how long raw webhook bodies are kept for replay.
        requests_per_second: what the HTTP API lets through, with a burst of twice as much.
    """

    name: str
    keep_data: bool
    log_retention: logs.RetentionDays
    body_days: int
    requests_per_second: int

    @property
    def prefix(self) -> str:
        """What every name starts with."""
        return f"{PROJECT}-{self.name}"

    @property
    def adapter_prefix(self) -> str:
        """A tools function's name is this and the adapter's name."""
        return f"{self.prefix}-adapter-"

    @property
    def secrets(self) -> str:
        """The folder of this stage's secrets."""
        return f"{PROJECT}/{self.name}"

    @property
    def identity_secret(self) -> str:
        """The name of the secret that signs staff identities."""
        return f"{self.secrets}/identity"

    def stack(self, concern: str) -> str:
        """The name of the stack of one concern."""
        return f"{self.prefix}-{concern}"

    def function(self, name: str) -> str:
        """The name of a function."""
        return f"{self.prefix}-{name}"

    def function_arn(self, name: str) -> str:
        """The ARN of a function, by its explicit name."""
        return _arn("lambda", f"function:{self.function(name)}")

    def secret_arn(self, name: str) -> str:
        """The ARN pattern of a secret: Secrets Manager appends a dash and six characters to its name."""
        return _arn("secretsmanager", f"secret:{name}")


def _arn(service: str, resource: str) -> str:
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"
