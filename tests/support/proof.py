"""What the log's proof stands on in tests: real keys, a bucket with Object Lock, finger-posts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from nightshift.actionlog.anchor import Anchoring
from nightshift.api.desk import LogProof
from nightshift.aws.anchors import DynamoFingerPosts, KmsPublicKey, KmsSigner, S3Anchors
from nightshift.aws.client import client
from nightshift.aws.sealing import KmsSealing
from nightshift.aws.subject_keys import DynamoSubjectKeys

if TYPE_CHECKING:
    from nightshift.clock import Clock
    from nightshift.model.metric import Metric
    from tests.support.tables import Tables

__all__ = ["Counted", "Installed", "changes_of", "install"]


@cache
def _keys(endpoint: str) -> tuple[str, str]:
    """A signing key and a wrapping key, once per emulator."""
    del endpoint
    kms = client("kms")
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    wrapping = kms.create_key()
    return signing["KeyMetadata"]["Arn"], wrapping["KeyMetadata"]["Arn"]


@dataclass(frozen=True, kw_only=True)
class Installed:
    """One test's bucket, tables and keys."""

    bucket: str
    signing_key: str
    wrapping_key: str
    subjects: str
    clock: Clock

    @property
    def anchors(self) -> S3Anchors:
        return S3Anchors(self.bucket, lambda: client("s3"))

    @property
    def posts(self) -> DynamoFingerPosts:
        return DynamoFingerPosts(self.subjects, client("dynamodb"))

    @property
    def anchoring(self) -> Anchoring:
        signer = KmsSigner(self.signing_key, client("kms"))
        return Anchoring(store=self.anchors, posts=self.posts, signer=signer, clock=self.clock)

    @property
    def public_key(self) -> KmsPublicKey:
        return KmsPublicKey(self.signing_key, lambda: client("kms"))

    def sealing(self) -> KmsSealing:
        """A process's own: with its own cache of data keys."""
        return KmsSealing(
            self.subjects,
            self.wrapping_key,
            db=client("dynamodb"),
            kms=lambda: client("kms"),
            clock=self.clock,
        )

    @property
    def subject_keys(self) -> DynamoSubjectKeys:
        return DynamoSubjectKeys(self.subjects, client("dynamodb"))

    def proof(self) -> LogProof:
        return LogProof(anchors=self.anchors, posts=self.posts, key=self.public_key, sealing=self.sealing())


def install(tables: Tables, clock: Clock) -> Installed:
    """A bucket as the stacks make it (Object Lock, a day's retention), and keys."""
    bucket = f"anchors-{tables.subjects.rsplit('-', 1)[-1]}"
    s3 = client("s3")
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(
        Bucket=bucket,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    )
    signing, wrapping = _keys(s3.meta.endpoint_url)
    return Installed(
        bucket=bucket,
        signing_key=signing,
        wrapping_key=wrapping,
        subjects=tables.subjects,
        clock=clock,
    )


def changes_of(table: str, *, kind: str = "INSERT") -> list[dict[str, Any]]:
    """The log table's items as records of its stream, in the order of their streams."""
    items = client("dynamodb").scan(TableName=table)["Items"]
    items.sort(key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
    return [
        {
            "eventID": f"event-{n}",
            "eventName": kind,
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "Keys": {"pk": item["pk"], "sk": item["sk"]},
                "NewImage": item,
                "SequenceNumber": f"{n:021}",
                "StreamViewType": "NEW_IMAGE",
            },
        }
        for n, item in enumerate(items)
    ]


class Counted:
    """The `Metrics` port that keeps what was counted."""

    def __init__(self) -> None:
        self.counts: dict[Metric, float] = {}

    def count(self, metric: Metric, value: float = 1) -> None:
        self.counts[metric] = self.counts.get(metric, 0) + value
