"""What tells one stage from another, and the names that follow from it."""

from dataclasses import dataclass
from typing import Literal

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
        anchor_lock: S3 Object Lock of the log's signed heads: `GOVERNANCE` yields to a person with the
            permission to bypass it, `COMPLIANCE` to nobody, the account's root included.
        anchor_days: how long each head is locked; a bucket that holds a locked one cannot be deleted.
        anchor_seconds: how long entries of the log gather before their heads are signed.
        traces: X-Ray follows a sample of calls through Lambda and Step Functions; no code is imported for it.
        budget_dollars: a month's spending of the account beyond which people are told.
        backup_days: how long nightly backups are kept; 0 makes none.
        internal_hosts: hosts a channel may name beside its vendor's own; empty but on one's own machine.
    """

    name: str
    keep_data: bool
    log_retention: logs.RetentionDays
    body_days: int
    requests_per_second: int
    anchor_lock: Literal["GOVERNANCE", "COMPLIANCE"]
    anchor_days: int
    anchor_seconds: int
    traces: bool
    budget_dollars: int
    backup_days: int
    internal_hosts: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """What every name starts with."""
        return f"{PROJECT}-{self.name}"

    @property
    def adapter_prefix(self) -> str:
        """A tools function's name is this and the adapter's name."""
        return f"{self.prefix}-adapter-"

    @property
    def webhook_prefix(self) -> str:
        """A webhook function's name is this and the adapter's name."""
        return f"{self.prefix}-webhook-"

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

    def machine(self, name: str) -> str:
        """The name of a state machine."""
        return f"{self.prefix}-{name}"

    def machine_arn(self, name: str) -> str:
        """The ARN of a state machine, by its explicit name."""
        return _arn("states", f"stateMachine:{self.machine(name)}")

    @property
    def receipt_rule_set(self) -> str:
        """The name of the SES rule set that takes this stage's mail in."""
        return f"{self.prefix}-mail"

    @property
    def receipt_rules_arn(self) -> str:
        """The ARN pattern of that rule set's rules."""
        return _arn("ses", f"receipt-rule-set/{self.receipt_rule_set}:receipt-rule/*")

    def secret_arn(self, name: str) -> str:
        """The ARN pattern of a secret: Secrets Manager appends a dash and six characters to its name."""
        return _arn("secretsmanager", f"secret:{name}")


def _arn(service: str, resource: str) -> str:
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"
