"""Samples of strange answers in the bucket of raw bodies, below `drift/`: encrypted as all of it is."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.aws.client import client as aws_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["S3Samples"]


class S3Samples:
    """The `Samples` port on one bucket; its client is built when the first sample is kept."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._client = client

    def keep(self, name: str, body: bytes) -> str | None:
        """Keep a body; its key, or None where S3 did not take it."""
        try:
            s3 = self._client or aws_client("s3")
            s3.put_object(Bucket=self._bucket, Key=name, Body=body, ContentType="application/octet-stream")
        except (ClientError, BotoCoreError):
            return None
        return name
