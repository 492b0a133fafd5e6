"""Channels' secrets on Secrets Manager: versions are put in and put in force, and never read."""

import json
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from nightshift.errors import Conflict

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef

__all__ = ["SecretsVault"]

_IN_FORCE: Final = "AWSCURRENT"
_TRIED: Final = "nightshift-tried"


class SecretsVault:
    """The `Vault` port. A version on trial has a label of its own until it is promoted."""

    def __init__(self, client: "SecretsManagerClient") -> None:
        self._client = client

    def present(self, ref: str) -> bool:
        """Whether a value is in force under this name."""
        found = self._described(ref)
        return found is not None and "DeletedDate" not in found and _current(found) is not None

    def stage(self, ref: str, fields: dict[str, str]) -> str:
        """Store a new version beside the one in force; gives its id."""
        found = self._described(ref)
        if found is not None and "DeletedDate" in found:
            message = f"the secret {ref} is being deleted; restore it, or wait until it is gone"
            raise Conflict(message)
        if found is None:
            self._create(ref)
        stored = self._client.put_secret_value(
            SecretId=ref, SecretString=json.dumps(fields), VersionStages=[_TRIED]
        )
        return stored["VersionId"]

    def promote(self, ref: str, version: str) -> None:
        """Put a version in force; functions read it within a minute."""
        found = self._described(ref)
        current = None if found is None else _current(found)
        if current == version:
            return
        before = {} if current is None else {"RemoveFromVersionId": current}
        self._client.update_secret_version_stage(
            SecretId=ref, VersionStage=_IN_FORCE, MoveToVersionId=version, **before
        )

    def _create(self, ref: str) -> None:
        try:
            self._client.create_secret(Name=ref, Description="A nightshift channel's credentials")
        except self._client.exceptions.ResourceExistsException:
            return  # another request was faster

    def _described(self, ref: str) -> "DescribeSecretResponseTypeDef | None":
        try:
            return self._client.describe_secret(SecretId=ref)
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                return None
            raise


def _current(found: "DescribeSecretResponseTypeDef") -> str | None:
    stages = found.get("VersionIdsToStages") or {}
    return next((version for version, labels in stages.items() if _IN_FORCE in labels), None)
