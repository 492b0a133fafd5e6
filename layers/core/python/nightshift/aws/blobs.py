"""Raw bodies on S3."""

from typing import TYPE_CHECKING

from nightshift.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["S3Blobs"]


class S3Blobs:
    """The `Blobs` port on one bucket."""

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self._bucket = bucket
        self._client = client

    def put(self, key: str, body: bytes) -> None:
        """Store a body."""
        self._client.put_object(
            Bucket=self._bucket, Key=key, Body=body, ContentType="application/octet-stream"
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
