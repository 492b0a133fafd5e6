"""Secrets on Secrets Manager, read again after a minute, so that a rotation needs no deploy."""

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pydantic import TypeAdapter, ValidationError

from nightshift.clock import Clock
from nightshift.errors import Misconfigured

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

__all__ = ["ManagedSecrets"]

_KEPT_FOR = timedelta(seconds=60)
_FIELDS = TypeAdapter(dict[str, str])
_FOR_A_PERSON = frozenset(
    {
        "AccessDeniedException",
        "DecryptionFailure",
        "InvalidParameterException",
        "InvalidRequestException",
        "ResourceNotFoundException",
    }
)


class ManagedSecrets:
    """The `Secrets` port: each secret is one JSON object of strings."""

    def __init__(self, client: "SecretsManagerClient", clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, tuple[datetime, dict[str, str]]] = {}

    def get(self, ref: str, *, fresh: bool = False) -> dict[str, str]:
        """The fields of one secret, at most 60 seconds old; `fresh`: read now.

        Raises:
            Misconfigured: it is not there, not readable, or not a JSON object of strings.
        """
        now = self._clock.now()
        kept = self._kept.get(ref)
        if not fresh and kept is not None and now - kept[0] < _KEPT_FOR:
            return kept[1]
        fields = self._read(ref)
        self._kept[ref] = (now, fields)
        return fields

    def beside(self, ref: str) -> tuple[dict[str, str], ...]:
        """Its fields as a rotation that is under way has them; none where there is no rotation.

        A rotation makes the vendor know the pending ones before they are in force, and the vendor may
        end the previous ones a little later than they are replaced here.
        """
        found = []
        for stage in ("AWSPENDING", "AWSPREVIOUS"):
            try:
                found.append(self._read(ref, VersionStage=stage))
            except Misconfigured:
                continue
        return tuple(found)

    def put(self, ref: str, fields: dict[str, str]) -> None:
        """Store new fields and go on with them."""
        self._client.put_secret_value(SecretId=ref, SecretString=json.dumps(fields))
        self._kept[ref] = (self._clock.now(), fields)

    def version(self, ref: str, version: str) -> dict[str, str]:
        """The fields of one version of a secret, read anew: onboarding tries one before it is in force.

        Raises:
            Misconfigured: as `get`.
        """
        return self._read(ref, VersionId=version)

    def _read(self, ref: str, **which: str) -> dict[str, str]:
        try:
            stored = self._client.get_secret_value(SecretId=ref, **which)
        except ClientError as exc:
            if exc.response["Error"]["Code"] not in _FOR_A_PERSON:
                raise
            message = f"the secret {ref} is not there or may not be read"
            raise Misconfigured(message, code="secret.missing") from exc
        try:
            return _FIELDS.validate_json(stored.get("SecretString", ""))
        except ValidationError:
            message = f"the secret {ref} must be a JSON object of strings"
            # the cause would quote the secret
            raise Misconfigured(message, code="secret.shape") from None
