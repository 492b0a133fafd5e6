"""Sealing personal fields: AES-256-GCM under a subject's data key, that KMS wraps and DynamoDB keeps."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from nightshift.aws.items import key
from nightshift.aws.subject_keys import KEY, subject_key
from nightshift.clock import Clock
from nightshift.errors import BadInput
from nightshift.ids import TenantId
from nightshift.model.log import Sealed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient

__all__ = ["KmsSealing"]

_NONCE_BYTES = 12
_CACHED = timedelta(minutes=5)
_CACHED_KEYS = 500


class _DataKey(NamedTuple):
    id: str
    plain: bytes
    until: datetime


class KmsSealing:
    """The `Sealing` port.

    A data key is cached for five minutes to seal with. To open, it is fetched each time, so that what
    was forgotten is gone at once. Only a call that seals or opens something costs an AWS call or loads
    `cryptography`.

    Args:
        table: of wrapped keys.
        wrapping_key: the KMS key (ARN) that wraps data keys.
        db: DynamoDB.
        kms: gives the KMS client; called when one is needed.
        clock: tells when a cached key is old.
    """

    def __init__(
        self,
        table: str,
        wrapping_key: str,
        *,
        db: "DynamoDBClient",
        kms: "Callable[[], KMSClient]",
        clock: Clock,
    ) -> None:
        self._table = table
        self._wrapping_key = wrapping_key
        self._db = db
        self._kms = kms
        self._clock = clock
        self._cached: dict[tuple[TenantId, str], _DataKey] = {}

    def seal(self, tenant: TenantId, subject: str, *, entry: str, fields: Mapping[str, str]) -> Sealed:
        """Seal the fields of one entry; makes the subject's data key if it has none."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # only here

        data_key = self._to_seal_with(tenant, subject)
        cipher = AESGCM(data_key.plain)
        sealed: dict[str, str] = {}
        for name, value in fields.items():
            nonce = secrets.token_bytes(_NONCE_BYTES)
            whole = nonce + cipher.encrypt(nonce, value.encode(), _bound_to(entry, name))
            sealed[name] = base64.b64encode(whole).decode()
        return Sealed(subject=subject, key=data_key.id, fields=sealed)

    def unseal(self, tenant: TenantId, sealed: Sealed, *, entry: str) -> dict[str, str] | None:
        """The fields in clear; None when their data key was destroyed.

        Raises:
            BadInput: the key is there and the fields are not what it sealed for this entry.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        wrapped = self._wrapped(tenant, sealed.subject)
        if wrapped is None or _id_of(wrapped) != sealed.key:
            return None
        cipher = AESGCM(self._unwrapped(tenant, sealed.subject, wrapped))
        clear: dict[str, str] = {}
        for name, value in sealed.fields.items():
            try:
                whole = base64.b64decode(value, validate=True)
                nonce, rest = whole[:_NONCE_BYTES], whole[_NONCE_BYTES:]
                clear[name] = cipher.decrypt(nonce, rest, _bound_to(entry, name)).decode()
            except (InvalidTag, ValueError) as exc:  # cut short, or no base64
                fix = "Verify the log: the entry, or where it stands, was changed."
                raise BadInput(f"sealed.{name}", "it was not sealed for this entry", fix) from exc
        return clear

    def _to_seal_with(self, tenant: TenantId, subject: str) -> _DataKey:
        now = self._clock.now()
        cached = self._cached.get((tenant, subject))
        if cached is not None and now < cached.until:
            return cached
        wrapped = self._wrapped(tenant, subject)
        if wrapped is None:
            made = self._made(tenant, subject, until=now + _CACHED)
        else:
            plain = self._unwrapped(tenant, subject, wrapped)
            made = _DataKey(_id_of(wrapped), plain, now + _CACHED)
        if len(self._cached) >= _CACHED_KEYS:
            self._cached.clear()
        self._cached[tenant, subject] = made
        return made

    def _made(self, tenant: TenantId, subject: str, *, until: datetime) -> _DataKey:
        fresh = self._kms().generate_data_key(
            KeyId=self._wrapping_key, KeySpec="AES_256", EncryptionContext=_context(tenant, subject)
        )
        wrapped = fresh["CiphertextBlob"]
        try:
            self._db.put_item(
                TableName=self._table,
                Item={**key(subject_key(tenant, subject), KEY), "wrapped": {"B": wrapped}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self._db.exceptions.ConditionalCheckFailedException:
            return self._to_seal_with(tenant, subject)  # another writer made it meanwhile
        return _DataKey(_id_of(wrapped), fresh["Plaintext"], until)

    def _wrapped(self, tenant: TenantId, subject: str) -> bytes | None:
        found = self._db.get_item(
            TableName=self._table, Key=key(subject_key(tenant, subject), KEY), ConsistentRead=True
        )
        return found["Item"]["wrapped"]["B"] if "Item" in found else None

    def _unwrapped(self, tenant: TenantId, subject: str, wrapped: bytes) -> bytes:
        return self._kms().decrypt(
            CiphertextBlob=wrapped, KeyId=self._wrapping_key, EncryptionContext=_context(tenant, subject)
        )["Plaintext"]


def _context(tenant: TenantId, subject: str) -> dict[str, str]:
    return {"tenant": tenant, "subject": subject}


def _bound_to(entry: str, field: str) -> bytes:
    """A ciphertext opens only as this field of this entry."""
    return f"{entry}/{field}".encode()


def _id_of(wrapped: bytes) -> str:
    return hashlib.sha256(wrapped).hexdigest()[:16]
