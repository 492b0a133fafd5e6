"""The HTTP API's composition root."""

from nightshift.api.desk import Desk, LogProof
from nightshift.aws.again import DynamoReruns
from nightshift.aws.anchors import DynamoFingerPosts, KmsPublicKey, S3Anchors
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.dead_letters import DeadQueue, SqsDeadLetters
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.dryrun import LambdaDryRuns
from nightshift.aws.executions import StepFunctions
from nightshift.aws.health import AwsHealth
from nightshift.aws.launch import StepFunctionsLaunch
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.queue import SqsEventQueue
from nightshift.aws.replays import LambdaReplays
from nightshift.aws.restore import LambdaRecoveries
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.sealing import KmsSealing
from nightshift.aws.steer import LambdaSteering
from nightshift.aws.workflows import DynamoWorkflows
from nightshift.catalog import catalog
from nightshift.clock import SystemClock
from nightshift.onboarding.shipped import adapters
from nightshift.settings import Settings
from nightshift.wiring.identity import identity_key

__all__ = ["ApiSettings", "wire"]


class ApiSettings(Settings):
    """Settings of the HTTP API."""

    table_cases: str
    table_ingress: str
    table_runs: str
    table_log: str
    table_approvals: str
    table_config: str
    table_ledger: str
    table_limits: str
    table_subjects: str
    bucket_anchors: str
    key_anchors: str
    key_subjects: str
    queue_events: str
    queue_events_dead: str
    queue_approvals: str
    queue_approvals_dead: str
    queue_mail_dead: str
    function_mail: str
    webhook_prefix: str
    secret_identity: str
    function_recovery: str
    function_dryrun: str
    function_again: str
    machine_run: str


def wire(settings: ApiSettings) -> Desk:
    """Put the API together.

    Raises:
        Misconfigured: the identity secret is missing or has no `key`.
    """
    db, clock = client("dynamodb"), SystemClock()
    sqs, lambdas = client("sqs"), client("lambda")
    dead = {
        "events": DeadQueue(dead=settings.queue_events_dead, source=settings.queue_events),
        "approvals": DeadQueue(dead=settings.queue_approvals_dead, source=settings.queue_approvals),
        "mail": DeadQueue(dead=settings.queue_mail_dead, function=settings.function_mail),
    }
    queues = {name: (queue.source, queue.dead) for name, queue in dead.items()}
    ledger = LedgerTables(
        ledger=settings.table_ledger,
        runs=settings.table_runs,
        cases=settings.table_cases,
        config=settings.table_config,
    )
    sealing = KmsSealing(
        settings.table_subjects, settings.key_subjects, db=db, kms=lambda: client("kms"), clock=clock
    )
    proof = LogProof(
        anchors=S3Anchors(settings.bucket_anchors, lambda: client("s3")),
        posts=DynamoFingerPosts(settings.table_subjects, db),
        key=KmsPublicKey(settings.key_anchors, lambda: client("kms")),
        sealing=sealing,
    )
    return Desk(
        cases=DynamoCases(settings.table_cases, settings.table_ingress, db, clock),
        runs=DynamoRuns(settings.table_runs, db),
        approvals=DynamoApprovals(settings.table_approvals, db),
        log=DynamoActionLog(settings.table_log, db, sealing),
        proof=proof,
        config=DynamoConfig(settings.table_config, db),
        deliveries=DynamoDeliveries(settings.table_ingress, db, clock),
        executions=StepFunctions("", client("stepfunctions")),  # it resumes; it starts nothing
        launch=StepFunctionsLaunch(
            settings.table_runs, settings.machine_run, db=db, states=client("stepfunctions")
        ),
        dry_runs=LambdaDryRuns(settings.function_dryrun, lambdas),
        reruns=DynamoReruns(ledger=settings.table_ledger, runs=settings.table_runs, client=db),
        steering=LambdaSteering(settings.function_again, lambdas),
        workflows=DynamoWorkflows(settings.table_config, db),
        recoveries=LambdaRecoveries(settings.function_recovery, client("lambda")),
        health=AwsHealth(queues, secrets=client("secretsmanager"), sqs=sqs),
        ledger=DynamoLedger(ledger, db),
        limits=DynamoLimits(settings.table_limits, db),
        dead=SqsDeadLetters(dead, sqs=sqs, lambdas=lambdas),
        replays=LambdaReplays(settings.webhook_prefix, lambdas),
        queue=SqsEventQueue(settings.queue_events, sqs),
        by_mail=frozenset(name for name, spec in adapters().items() if spec.addresses),
        clock=clock,
        identity_key=identity_key(settings.secret_identity, clock),
        tools=tuple(catalog().values()),
    )
