"""Anchors: objects in an S3 bucket with Object Lock, signed by KMS; finger-posts in DynamoDB."""

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from pydantic import ValidationError

from nightshift.actionlog.anchor import digest_of
from nightshift.actionlog.chain import root_of
from nightshift.aws.items import key, number, query_all, text
from nightshift.errors import Retryable
from nightshift.ids import TenantId
from nightshift.model.anchor import Anchor, Head, Kept, Place, Signature

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client

__all__ = ["DynamoFingerPosts", "KmsPublicKey", "KmsSigner", "S3Anchors"]

_ALGORITHM: Final = "ECDSA_SHA_256"
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_BATCH = 25  # BatchWriteItem takes no more


class KmsSigner:
    """The `Signer` port on an asymmetric KMS key."""

    def __init__(self, key_arn: str, client: "KMSClient") -> None:
        self._key = key_arn
        self._client = client

    def sign(self, digest: bytes) -> Signature:
        """Sign a SHA-256 digest."""
        signed = self._client.sign(
            KeyId=self._key, Message=digest, MessageType="DIGEST", SigningAlgorithm=_ALGORITHM
        )
        return Signature(
            key=signed["KeyId"].rsplit("/", 1)[-1], value=base64.b64encode(signed["Signature"]).decode()
        )


class KmsPublicKey:
    """The `PublicKey` port; `client` is called when a key is asked for."""

    def __init__(self, key_arn: str, client: "Callable[[], KMSClient]") -> None:
        self._key = key_arn
        self._client = client

    def pem(self) -> tuple[str, str]:
        """The key's name and its PEM."""
        found = self._client().get_public_key(KeyId=self._key)
        lines = base64.encodebytes(found["PublicKey"]).decode().replace("\n", "")
        body = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
        pem = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
        return found["KeyId"].rsplit("/", 1)[-1], pem


class S3Anchors:
    """The `AnchorStore` and `Anchors` ports on one bucket; `client` is called when S3 is needed."""

    def __init__(self, bucket: str, client: "Callable[[], S3Client]") -> None:
        self._bucket = bucket
        self._client = client

    def put_new(self, anchor: Anchor) -> Place | None:
        """Store an anchor under its number, if that is free; else tell what is there.

        Raises:
            Retryable: another writer is at the same number just now.
        """
        seal = anchor.seal
        try:
            self._client().put_object(
                Bucket=self._bucket,
                Key=_key(seal.tenant, seal.number),
                Body=anchor.model_dump_json().encode(),
                ContentType="application/json",
                IfNoneMatch="*",
                ChecksumAlgorithm="SHA256",
            )
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") not in _TAKEN:
                raise
            taken = self.place(seal.tenant, seal.number)
            if taken is None:
                message = "another anchor of this number is being written"
                raise Retryable(message, code="anchor.taken") from exc
            return taken
        return None

    def place(self, tenant: TenantId, number: int) -> Place | None:
        """What stands under a number, or None."""
        client = self._client()
        try:
            body = client.get_object(Bucket=self._bucket, Key=_key(tenant, number))["Body"].read()
        except client.exceptions.NoSuchKey:
            return None
        anchor = _anchor(body)
        if anchor is None:  # verification will tell; the next anchor names what it found
            return Place(number=number, digest=hashlib.sha256(body).hexdigest())
        return Place(number=number, digest=digest_of(anchor.seal), root=anchor.seal.root)

    def kept(self, tenant: TenantId, *, after: int, limit: int) -> tuple[Kept, ...]:
        """The anchors with numbers above `after`, in order, from the bucket alone, at most `limit`."""
        start = _key(tenant, after) if after else ""
        groups = itertools.groupby(self._versions(f"{tenant}/", start), key=lambda version: version["Key"])
        found: list[Kept] = []
        for name, versions in groups:
            of = _number(name)
            if of is None or of <= after:
                continue
            found.append(self._kept(name, of, list(versions)))
            if len(found) == limit:
                break
        return tuple(found)

    def stored_at(self, tenant: TenantId, number: int) -> datetime | None:
        """When the bucket took an anchor, by its own clock; None: there is none under that number."""
        name = _key(tenant, number)
        times = [version["LastModified"] for version in self._versions(name, "") if not version["marker"]]
        return min(times, default=None)

    def _versions(self, prefix: str, start: str) -> Iterator[dict[str, Any]]:
        """Every version and delete marker, by key."""
        query: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        if start:
            query["KeyMarker"] = start
        while True:
            page = self._client().list_object_versions(**query)
            found: list[dict[str, Any]] = []
            found += [{**version, "marker": False} for version in page.get("Versions", [])]
            found += [{**marker, "marker": True} for marker in page.get("DeleteMarkers", [])]
            yield from sorted(found, key=lambda version: version["Key"])
            if not page.get("IsTruncated"):
                return
            query |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def _kept(self, name: str, of: int, versions: list[dict[str, Any]]) -> Kept:
        bodies = [version for version in versions if not version["marker"]]
        bodies.reverse()  # S3 gives the newest first, and so they stay within one second
        bodies.sort(key=lambda version: version["LastModified"])
        hidden = len(bodies) < len(versions)
        if not bodies:
            return Kept(number=of, anchor=None, hidden=hidden)
        oldest = self._client().get_object(Bucket=self._bucket, Key=name, VersionId=bodies[0]["VersionId"])
        anchor = _anchor(oldest["Body"].read())
        return Kept(number=of, anchor=anchor, hidden=hidden, written_over=len(bodies) > 1)


def _key(tenant: TenantId, number: int) -> str:
    return f"{tenant}/{number:012}.json"


def _number(name: str) -> int | None:
    digits = name.rsplit("/", 1)[-1].removesuffix(".json")
    return int(digits) if digits.isascii() and digits.isdigit() else None


def _anchor(body: bytes) -> Anchor | None:
    try:
        return Anchor.model_validate_json(body)
    except ValidationError:
        return None


class DynamoFingerPosts:
    """The `FingerPosts` port: `anchor#<root>` leads to anchors, `anchors#<tenant>` to the newest."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def last(self, tenant: TenantId) -> Place | None:
        """The newest anchor of a tenant, as far as it is known."""
        found = self._client.get_item(
            TableName=self._table, Key=key(f"anchors#{tenant}", "last"), ConsistentRead=True
        )
        if "Item" not in found:
            return None
        stored = found["Item"]
        return Place(
            number=int(stored["number"]["N"]), digest=stored["digest"]["S"], root=stored["root"]["S"]
        )

    def post(self, tenant: TenantId, place: Place, heads: tuple[Head, ...]) -> None:
        """Note that an anchor with these heads stands at a place, and that it is the newest.

        Raises:
            Retryable: DynamoDB took only some of the notes.
        """
        roots = sorted({root_of(head.stream) for head in heads})
        items = [key(f"anchor#{root}", f"{place.number:012}") for root in roots]
        newest = {
            "number": number(place.number),
            "digest": text(place.digest),
            "root": text(place.root),
        }
        items.append({**key(f"anchors#{tenant}", "last"), **newest})
        for at in range(0, len(items), _BATCH):
            self._put([{"PutRequest": {"Item": item}} for item in items[at : at + _BATCH]])

    def _put(self, requests: list[Any]) -> None:
        left = self._client.batch_write_item(RequestItems={self._table: requests})["UnprocessedItems"]
        if left:
            message = "DynamoDB took only some of the finger-posts"
            raise Retryable(message, code="aws.unavailable")

    def of_root(self, root: str) -> tuple[int, ...]:
        """The numbers of the anchors that hold heads of a case's streams, rising."""
        found = query_all(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :root",
            ExpressionAttributeValues={":root": text(f"anchor#{root}")},
            ConsistentRead=True,
        )
        return tuple(int(item["sk"]["S"]) for item in found)
