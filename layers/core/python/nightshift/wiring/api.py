"""The HTTP API's composition root."""

from nightshift.api.desk import Desk
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.executions import StepFunctions
from nightshift.aws.health import AwsHealth
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.secrets import ManagedSecrets
from nightshift.catalog import catalog
from nightshift.clock import Clock, SystemClock
from nightshift.errors import Misconfigured
from nightshift.settings import Settings

__all__ = ["ApiSettings", "identity_key", "wire"]

_KEY = "key"


class ApiSettings(Settings):
    """Settings of the HTTP API."""

    table_cases: str
    table_ingress: str
    table_runs: str
    table_log: str
    table_approvals: str
    table_config: str
    queue_events: str
    queue_events_dead: str
    queue_approvals: str
    queue_approvals_dead: str
    secret_identity: str


def wire(settings: ApiSettings) -> Desk:
    """Put the API together.

    Raises:
        Misconfigured: the identity secret is missing or has no `key`.
    """
    db, clock = client("dynamodb"), SystemClock()
    queues = {
        "events": (settings.queue_events, settings.queue_events_dead),
        "approvals": (settings.queue_approvals, settings.queue_approvals_dead),
    }
    return Desk(
        cases=DynamoCases(settings.table_cases, settings.table_ingress, db, clock),
        runs=DynamoRuns(settings.table_runs, db),
        approvals=DynamoApprovals(settings.table_approvals, db),
        log=DynamoActionLog(settings.table_log, db),
        config=DynamoConfig(settings.table_config, db),
        deliveries=DynamoDeliveries(settings.table_ingress, db, clock),
        executions=StepFunctions("", client("stepfunctions")),  # it resumes; it starts nothing
        health=AwsHealth(queues, secrets=client("secretsmanager"), sqs=client("sqs")),
        clock=clock,
        identity_key=identity_key(settings.secret_identity, clock),
        tools=tuple(catalog().values()),
    )


def identity_key(ref: str, clock: Clock) -> str:
    """The key that signs staff identities.

    Raises:
        Misconfigured: the secret is missing, may not be read or has no `key`.
    """
    fields = ManagedSecrets(client("secretsmanager"), clock).get(ref)
    if not fields.get(_KEY):
        message = f"the secret {ref} must have the field {_KEY}"
        raise Misconfigured(message, code="secret.shape")
    return fields[_KEY]
