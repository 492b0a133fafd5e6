"""Stored bodies on S3, and the webhook functions that take them in again."""

import json
from typing import TYPE_CHECKING

from nightshift.errors import BadInput, NotFound, Retryable
from nightshift.ids import TenantId
from nightshift.model.recovery import Progress, RecoveryRequest
from nightshift.ports.restore import StoredBody

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

__all__ = ["LambdaRecoveries", "LambdaReplays", "S3Bodies"]

_PASSING = frozenset({"Retryable", "Sandbox.Timedout", "Runtime.ExitError"})
_TAKEN_IN = frozenset({"sent", "stored", "kept", "parked"})


class S3Bodies:
    """The `Bodies` port on one bucket."""

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self._bucket = bucket
        self._client = client

    def of_day(self, prefix: str) -> tuple[StoredBody, ...]:
        """Everything under a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return tuple(
            StoredBody(key=found["Key"], stored_at=found["LastModified"])
            for page in pages
            for found in page.get("Contents", [])
        )


class LambdaReplays:
    """The `Replays` port; a vendor's webhook function is named `prefix` + vendor."""

    def __init__(self, prefix: str, client: "LambdaClient") -> None:
        self._prefix = prefix
        self._client = client

    def replay(self, vendor: str, tenant: TenantId, key: str) -> bool:
        """Take one in again; False: it cannot be read, or says no longer what it was."""
        answer = self._client.invoke(
            FunctionName=f"{self._prefix}{vendor}",
            Payload=json.dumps({"replay": {"tenant": tenant, "ref": key}}).encode(),
        )
        said = json.loads(answer["Payload"].read())
        if said.get("errorType") in _PASSING:
            message = f"the webhook function of {vendor} did not take {key} in"
            raise Retryable(message, code="replay.failed")
        return "FunctionError" not in answer and said.get("done") in _TAKEN_IN


class LambdaRecoveries:
    """The `Recoveries` port on the function `recovery`."""

    def __init__(self, function: str, client: "LambdaClient") -> None:
        self._function = function
        self._client = client

    def ask(self, request: RecoveryRequest) -> Progress:
        """Do the next part of what is asked."""
        payload = {"op": "recover", **request.model_dump(mode="json")}
        answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps(payload).encode())
        said = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            if said.get("errorType") == "NotFound":
                message = "there is no such case, or no such tenant"
                raise NotFound(message)
            message = "recovery broke off; the same again goes on"
            raise Retryable(message, code="recovery.failed")
        if "refused" in said:
            raise BadInput(**said["refused"])
        return Progress.model_validate(said)
