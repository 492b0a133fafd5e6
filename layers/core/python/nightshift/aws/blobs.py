"""Raw bodies on S3."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from nightshift.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["S3Blobs"]


class S3Blobs:
    """The `Blobs` port on one bucket. What is said about a body is its object's own metadata."""

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self._bucket = bucket
        self._client = client

    def put(self, key: str, body: bytes, about: Mapping[str, str]) -> None:
        """Store a body with a few short fields about it."""
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=body,
            ContentType="application/octet-stream",
            Metadata={name: quote(value) for name, value in about.items()},
        )

    def get(self, key: str) -> bytes:
        """Read a body.

        Raises:
            NotFound: nothing is stored there.
        """
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey as exc:
            message = f"no body is stored under {key}"
            raise NotFound(message) from exc

    def about(self, key: str) -> dict[str, str]:
        """The fields a body was stored with.

        Raises:
            NotFound: nothing is stored there.
        """
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=key)["Metadata"]
        except ClientError as exc:
            if exc.response["ResponseMetadata"]["HTTPStatusCode"] not in _NOT_THERE:
                raise
            message = f"no body is stored under {key}"
            raise NotFound(message) from exc
        return {name: unquote(value) for name, value in found.items()}


_NOT_THERE = frozenset({403, 404})  # without the right to list, S3 does not say which
