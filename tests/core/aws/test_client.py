"""Which failures of AWS pass by themselves: a call that met one is made again, and no case ends for it."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from nightshift.aws.client import is_transient

URL = "https://dynamodb.invalid"


def cancelled(*codes: str) -> ClientError:
    answer = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(answer, "TransactWriteItems")  # type: ignore[arg-type]  # as the wire has it


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "PutItem")


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        ReadTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
        refused("ThrottlingException"),
        refused("TransactionConflictException"),
        cancelled("None", "ThrottlingError"),
        cancelled("ProvisionedThroughputExceeded", "None"),
        cancelled("TransactionConflict", "ThrottlingError"),
    ],
)
def test_a_service_that_is_not_there_or_asks_to_slow_down_is_back_soon(error: Exception):
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        NoCredentialsError(),
        refused("AccessDeniedException"),
        refused("ValidationException"),
        cancelled("None", "ValidationError"),
        cancelled("ThrottlingError", "ConditionalCheckFailed"),
        cancelled("None", "None"),
        ValueError("ours"),
    ],
)
def test_what_the_same_call_would_meet_again_does_not_pass(error: Exception):
    assert not is_transient(error)
