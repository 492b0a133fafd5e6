"""Everything that outlives a deployment: the tables, the raw bodies, the identity secret, their key."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Acknowledgment, CfnOutput, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.grant import Grant
from stacks.constructs.table import Index, RecordTable
from stacks.stage import Stage

__all__ = ["TABLES", "DataStack"]

TABLES: Final[Mapping[str, Mapping[str, Index]]] = {
    "ingress": {"pending": ("pending_of", "pending", "N")},
    "cases": {"tenant": ("tenant", "opened", "S")},
    "runs": {},
    "ledger": {},
    "log": {"case": ("case", "at", "S")},
    "approvals": {"waiting": ("waiting_of", "asked", "S"), "case": ("case", "asked", "S")},
    "memory": {},
    "config": {},
}
"""The tables of `docs/tables.md` and their indexes."""

_KEY_BYTES = 64  # of the identity key: HS256 asks for 32 at least
_ACCESS_LOG_DAYS = 90


class DataStack(Stack):
    """The stateful stack; in a stage that keeps its data it refuses to be deleted."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, stage.stack("data"), termination_protection=stage.keep_data)
        self._removal = RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY
        self.key = kms.Key(
            self,
            "Key",
            description=f"{stage.prefix}: records and raw bodies",
            enable_key_rotation=True,
            removal_policy=self._removal,
        )
        tables = {
            name: RecordTable(self, name, key=self.key, keep=stage.keep_data, indexes=indexes)
            for name, indexes in TABLES.items()
        }
        self.ingress = tables["ingress"]
        self.cases = tables["cases"]
        self.runs = tables["runs"]
        self.ledger = tables["ledger"]
        self.log = tables["log"]
        self.approvals = tables["approvals"]
        self.memory = tables["memory"]
        self.config = tables["config"]
        self.bodies = self._bodies(stage)
        # By an export with a name, so that the acknowledged wildcard reads the same on both sides.
        self._bodies_arn = self.export_value(self.bodies.bucket_arn, name=f"{self.stack_name}:bodies")
        self._identity(stage)

    @property
    def bodies_setting(self) -> tuple[str, str]:
        """The environment variable that names the bucket of raw bodies."""
        return "BUCKET_BODIES", self.bodies.bucket_name

    def may_store_bodies(self) -> Grant:
        """Put raw bodies; nothing reads or deletes one."""
        return Grant(
            actions=("s3:PutObject",),
            resources=(f"{self._bodies_arn}/*",),
            key=self.key,
            via="s3",
            wildcard="An object's key names tenant, channel and delivery, which come with the request.",
        )

    def _bodies(self, stage: Stage) -> s3.Bucket:
        access_log = s3.Bucket(
            self,
            "AccessLog",
            encryption=s3.BucketEncryption.S3_MANAGED,  # S3 delivers no access logs to one with our own key
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            removal_policy=self._removal,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(_ACCESS_LOG_DAYS))],
        )
        bodies = s3.Bucket(
            self,
            "Bodies",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            server_access_logs_bucket=access_log,
            removal_policy=self._removal,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(stage.body_days),
                    noncurrent_version_expiration=Duration.days(7),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
        )
        CfnOutput(self, "BucketBodies", value=bodies.bucket_name)
        return bodies

    def _identity(self, stage: Stage) -> None:
        secret = secretsmanager.Secret(
            self,
            "Identity",
            secret_name=stage.identity_secret,
            description="Signs staff identities (HS256)",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106  # a document to put the generated key into
                generate_string_key="key",
                password_length=_KEY_BYTES,
                exclude_punctuation=True,
            ),
            removal_policy=self._removal,
        )
        Validations.of(secret).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SMG4",
                reason="A new key ends every session at once: it is changed by hand, to shut somebody out.",
            )
        )
        CfnOutput(self, "SecretIdentity", value=stage.identity_secret)
