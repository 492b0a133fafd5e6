"""A bucket nobody outside the account sees: encrypted, over TLS alone, accesses logged."""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from stacks.constructs.grant import Grant

__all__ = ["PrivateBucket", "kept_for"]

_OLD_VERSION_DAYS = 7


def kept_for(days: int, *, below: str = "") -> s3.LifecycleRule:
    """Objects (`below` a prefix) end after so many days, a broken upload or an old version much sooner."""
    return s3.LifecycleRule(
        prefix=below or None,
        expiration=Duration.days(days),
        noncurrent_version_expiration=Duration.days(_OLD_VERSION_DAYS),
        abort_incomplete_multipart_upload_after=Duration.days(1),
    )


class PrivateBucket:
    """One of the buckets of `docs/tables.md`, and what may be granted on it.

    Args:
        scope: the stack with the data; its other stacks see the bucket by an export with a name, so that
            an acknowledged wildcard reads the same on both sides.
        name: of the setting and the output: `bodies`.
        key: encrypts the objects; without one S3's own key does.
        access_log: where S3 writes who did what.
        removal: what a deletion of the stack does to it.
        lifecycle: when objects end.
        lock: Object Lock that every object gets when it is written.
        versioned: an overwritten or deleted object can be brought back.
    """

    def __init__(
        self,
        scope: Stack,
        name: str,
        *,
        key: kms.IKey | None,
        access_log: s3.IBucket,
        removal: RemovalPolicy,
        lifecycle: Sequence[s3.LifecycleRule] = (),
        lock: s3.ObjectLockRetention | None = None,
        versioned: bool = True,
    ) -> None:
        self._name = name
        self._key = key
        self.bucket = s3.Bucket(
            scope,
            name.capitalize(),
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=versioned,
            object_lock_default_retention=lock,
            server_access_logs_bucket=access_log,
            removal_policy=removal,
            lifecycle_rules=list(lifecycle),
        )
        self.arn = scope.export_value(self.bucket.bucket_arn, name=f"{scope.stack_name}:{name}")
        CfnOutput(scope, f"Bucket{name.capitalize()}", value=self.bucket.bucket_name)

    @property
    def setting(self) -> tuple[str, str]:
        """The environment variable that names this bucket to a function."""
        return f"BUCKET_{self._name.upper()}", self.bucket.bucket_name

    def may(self, *actions: str, why: str, below: str = "") -> Grant:
        """Operations on objects (`GetObject`, `PutObject`), perhaps `below` a prefix; `why` on any there."""
        return self._grant(actions, f"{self.arn}/{below}*", why)

    def may_list(self, *actions: str) -> Grant:
        """Operations on the bucket (`ListBucket`, `ListBucketVersions`)."""
        return self._grant(actions, self.arn, "")

    def _grant(self, actions: Sequence[str], resource: str, why: str) -> Grant:
        return Grant(
            actions=tuple(f"s3:{action}" for action in actions),
            resources=(resource,),
            key=self._key,
            via="s3" if self._key else "",
            wildcard=why,
        )
