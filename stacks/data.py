"""Everything that outlives a deployment: tables, buckets, the identity secret, and their keys."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Acknowledgment, Aws, CfnOutput, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.grant import Grant
from stacks.constructs.private_bucket import PrivateBucket, kept_for
from stacks.constructs.table import Index, RecordTable, Shape
from stacks.stage import Stage

__all__ = ["TABLES", "DataStack"]

TABLES: Final[Mapping[str, Shape]] = {
    "ingress": Shape(indexes={"pending": Index(by="pending_of", sort="pending", kind="N")}),
    "cases": Shape(
        indexes={
            "tenant": Index(by="tenant", sort="opened"),
            "alive": Index(by="alive_of", sort="due", kind="N", keys_only=True),
        }
    ),
    "runs": Shape(),
    "ledger": Shape(indexes={"unknown": Index(by="unknown_of", sort="since")}),
    "log": Shape(indexes={"case": Index(by="case", sort="at")}, streamed=True),
    "approvals": Shape(
        indexes={"waiting": Index(by="waiting_of", sort="asked"), "case": Index(by="case", sort="asked")}
    ),
    "memory": Shape(),
    "limits": Shape(forgotten="Rates and breakers of the last minutes: an old state would be a wrong one."),
    "subjects": Shape(forgotten="A data key that was deleted must be gone: what it sealed is erased by it."),
    "config": Shape(indexes={"due": Index(by="due_of", sort="due", kind="N")}),
}
"""The tables of `docs/tables.md` and their indexes."""

_OF_SOMEBODY = {"kms:EncryptionContext:tenant": ["*"], "kms:EncryptionContext:subject": ["*"]}
_KEY_BYTES = 64  # of the identity key: HS256 asks for 32 at least
_ACCESS_LOG_DAYS = 90
_SAMPLE_DAYS = 30  # an answer that had an unexpected shape; where two rules meet, the shorter holds
_MEDIA_DAYS = 180  # attachments of a case that sleeps for months


def _root_of_the_account() -> str:
    return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:root"


class DataStack(Stack):
    """The stateful stack; in a stage that keeps its data it refuses to be deleted."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, stage.stack("data"), termination_protection=stage.keep_data)
        self._stage = stage
        self._removal = RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY
        self.key = self._key("Key", "records and raw bodies")
        self.key_subjects = self._key("KeySubjects", "wraps the data keys of customers")
        self.key_anchors = kms.Key(
            self,
            "KeyAnchors",
            description=f"{stage.prefix}: signs the heads of the action log",
            key_spec=kms.KeySpec.ECC_NIST_P256,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
            removal_policy=self._removal,
        )
        self._tables()
        self._buckets()
        self._identity()

    def _key(self, name: str, purpose: str) -> kms.Key:
        return kms.Key(
            self,
            name,
            description=f"{self._stage.prefix}: {purpose}",
            enable_key_rotation=True,
            removal_policy=self._removal,
        )

    def _tables(self) -> None:
        keep = self._stage.keep_data
        tables = {
            name: RecordTable(self, name, key=self.key, keep=keep, shape=shape)
            for name, shape in TABLES.items()
        }
        self.ingress = tables["ingress"]
        self.cases = tables["cases"]
        self.runs = tables["runs"]
        self.ledger = tables["ledger"]
        self.log = tables["log"]
        self.approvals = tables["approvals"]
        self.memory = tables["memory"]
        self.limits = tables["limits"]
        self.subjects = tables["subjects"]
        self.config = tables["config"]
        self.tables = tuple(tables.values())

    @property
    def key_subjects_setting(self) -> tuple[str, str]:
        """The environment variable that names the key that wraps customers' data keys."""
        return "KEY_SUBJECTS", self.key_subjects.key_arn

    @property
    def key_anchors_setting(self) -> tuple[str, str]:
        """The environment variable that names the key that signs heads."""
        return "KEY_ANCHORS", self.key_anchors.key_arn

    def may_use_subject_keys(self, *actions: str) -> Grant:
        """Make, wrap or unwrap (`GenerateDataKey`, `Encrypt`, `Decrypt`) the data keys of customers."""
        return Grant(
            actions=tuple(f"kms:{action}" for action in actions),
            resources=(self.key_subjects.key_arn,),
            conditions={"StringLike": _OF_SOMEBODY},
        )

    def may_sign_heads(self) -> Grant:
        """Sign."""
        return Grant(
            actions=("kms:Sign",),
            resources=(self.key_anchors.key_arn,),
            conditions={"StringEquals": {"kms:SigningAlgorithm": ["ECDSA_SHA_256"]}},
        )

    def may_check_signatures(self) -> Grant:
        """Read the public half of the key that signs heads."""
        return Grant(actions=("kms:GetPublicKey",), resources=(self.key_anchors.key_arn,))

    def _buckets(self) -> None:
        stage = self._stage
        access_log = s3.Bucket(
            self,
            "AccessLog",
            encryption=s3.BucketEncryption.S3_MANAGED,  # S3 delivers no access logs to one with our own key
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            removal_policy=self._removal,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(_ACCESS_LOG_DAYS))],
        )
        removal = self._removal
        self.bodies = PrivateBucket(
            self,
            "bodies",
            key=self.key,
            access_log=access_log,
            removal=removal,
            lifecycle=[kept_for(stage.body_days), kept_for(_SAMPLE_DAYS, below="drift/")],
        )
        self.mail = PrivateBucket(
            self,
            "mail",
            key=self.key,
            access_log=access_log,
            removal=removal,
            lifecycle=[kept_for(stage.body_days, below="inbound/"), kept_for(_MEDIA_DAYS, below="media/")],
            versioned=False,  # nothing is written twice, and what is forgotten must be gone
        )
        self._let_ses_store_mail()
        lock = {
            "GOVERNANCE": s3.ObjectLockRetention.governance,
            "COMPLIANCE": s3.ObjectLockRetention.compliance,
        }
        self.anchors = PrivateBucket(
            self,
            "anchors",
            key=None,  # heads are digests, no data; the proof must not depend on a key that can be deleted
            access_log=access_log,
            removal=removal,
            lock=lock[stage.anchor_lock](Duration.days(stage.anchor_days)),
        )

        self._write_heads_once()

    def _write_heads_once(self) -> None:
        """Object Lock keeps every version; these keep another version or a delete marker from hiding it."""
        anchors = self.anchors.bucket
        anchors.add_to_resource_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject"],
                resources=[anchors.arn_for_objects("*")],
                conditions={"Null": {"s3:if-none-match": "true"}},
            )
        )
        if self._stage.keep_data:
            anchors.add_to_resource_policy(
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    principals=[iam.AnyPrincipal()],
                    actions=["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"],
                    resources=[anchors.arn_for_objects("*")],
                    conditions={"ArnNotEquals": {"aws:PrincipalArn": _root_of_the_account()}},
                )
            )

    def _let_ses_store_mail(self) -> None:
        """Only the receipt rules of this stage's own rule set, wherever they are switched on."""
        ses = iam.ServicePrincipal("ses.amazonaws.com")
        conditions = {
            "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
            "ArnLike": {"aws:SourceArn": self._stage.receipt_rules_arn},
        }
        self.mail.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[ses],
                actions=["s3:PutObject"],
                resources=[self.mail.bucket.arn_for_objects("inbound/*")],
                conditions=conditions,
            )
        )
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[ses],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key's own policy: this key
                conditions=conditions,
            )
        )

    def _identity(self) -> None:
        stage = self._stage
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
