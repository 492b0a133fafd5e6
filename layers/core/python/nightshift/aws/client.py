"""The one seam to AWS: every client is built here, and every call is counted.

The meter counts calls, consumed read and write units and request bytes per service and action; the
entrypoint logs it once per invocation, and the benchmark turns it into money.
"""

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004  # botocore's own
from botocore.handlers import add_expect_header
from botocore.loaders import Loader
from botocore.session import Session, get_session
from typing_extensions import override

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

__all__ = ["METER", "Meter", "client", "is_transient"]

_LIMITS: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 10,
    "retries": {"mode": "standard", "max_attempts": 3},
}


_SERVICES = frozenset({"dynamodb", "kms", "lambda", "s3", "secretsmanager", "sqs", "stepfunctions"})
_TRANSIENT = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_PASSING_REASONS = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})
"""Why a transaction was cancelled, where the same one goes through later."""


def is_transient(exc: Exception) -> bool:
    """Whether an AWS call failed in a way that passes: the same invocation later may go through."""
    if isinstance(exc, ClientError):
        response: Any = exc.response
        reasons = {reason.get("Code", "None") for reason in response.get("CancellationReasons", [])}
        passing = bool(reasons - {"None"}) and reasons <= {"None", *_PASSING_REASONS}
        return passing or response.get("Error", {}).get("Code") in _TRANSIENT
    return isinstance(exc, HTTPClientError | ConnectionError)


class Meter:
    """Counts of AWS use since the last `take`."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, float] = defaultdict(float)

    def count(self, key: str, amount: float = 1) -> None:
        """Add to one count."""
        self._counts[key] += amount

    def take(self) -> dict[str, float]:
        """The counts so far; starts again at nothing."""
        counts, self._counts = dict(self._counts), defaultdict(float)
        return counts


METER = Meter()


def _count_request(params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401  # botocore's event
    name = f"{model.service_model.service_name}.{model.name}"
    METER.count(name)
    body = params.get("body") or b""
    METER.count(f"{name}.bytes", len(body) if isinstance(body, bytes | str) else 0)


def _count_units(parsed: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401  # botocore's event
    used = parsed.get("ConsumedCapacity")
    for entry in used if isinstance(used, list) else [used] if used else []:
        METER.count(f"dynamodb.{model.name}.units", entry.get("CapacityUnits", 0))


def _ask_for_units(params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401  # botocore's event
    if "ReturnConsumedCapacity" in model.input_shape.members:
        params.setdefault("ReturnConsumedCapacity", "TOTAL")


class _Data(Loader):
    """botocore's descriptions of services, found without a look into the folders of all 400."""

    @override
    def list_available_services(self, type_name: str) -> list[str]:
        needed = type_name in {"service-2", "endpoint-rule-set-1"}  # every service has these two
        return sorted(_SERVICES) if needed else super().list_available_services(type_name)


@cache
def _session() -> Session:
    # botocore's own: boto3 would also load its managed file transfers, 25 ms of each cold start.
    session = get_session()
    session.register_component("data_loader", _Data())
    return session


@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["kms"]) -> "KMSClient": ...
@overload
def client(service: Literal["lambda"]) -> "LambdaClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client(service: Literal["stepfunctions"]) -> "SFNClient": ...
@cache
def client(service: str) -> Any:
    """One client per service and process."""
    # Its name is said once here: botocore puts it together anew for each request, 0.2 ms of a processor.
    config = BotoConfig(**_LIMITS, user_agent=_session().user_agent())
    built = _session().create_client(service, config=config)
    events = built.meta.events
    if service == "dynamodb":
        events.register("provide-client-params.dynamodb", _ask_for_units)
    events.register(
        f"before-call.{service}" if service != "stepfunctions" else "before-call.sfn",
        _count_request,
    )
    events.register("after-call.dynamodb", _count_units)
    if service == "s3":
        # It asks before each body, also the smallest, whether it may send it: one more way there and back.
        events.unregister("before-call.s3", add_expect_header)
    return built
