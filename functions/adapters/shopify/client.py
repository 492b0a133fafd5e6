"""The only HTTP of this adapter: one POST per GraphQL operation, and what each answer means."""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import httpx
from pydantic import JsonValue, ValidationError

from functions.adapters.shopify.models.wire import Envelope, WireModel
from functions.adapters.shopify.queries import API_VERSION, Operation
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled, WireError
from nightshift.model.tenant import Channel

__all__ = ["CODES", "STATUSES", "Budget", "Meaning", "ShopifyClient", "connect"]

M = TypeVar("M", bound=WireModel)

CONNECT_SECONDS = 2.0
REQUEST_SECONDS = 6.0
_DEFAULT_WAIT = 2.0


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What an answer means for a read and for a write, as a wire error with its code."""

    read: type[WireError]
    write: type[WireError]
    code: str
    says: str


def _both(error: type[WireError], code: str, says: str) -> Meaning:
    return Meaning(read=error, write=error, code=code, says=says)


def _unclear(code: str, says: str) -> Meaning:
    return Meaning(read=Retryable, write=OutcomeUnknown, code=code, says=says)


_NO_ACCESS = _both(Misconfigured, "vendor.unauthorised", "refuses the access token or its scopes")
_NO_SUCH = _both(Misconfigured, "vendor.address", "has no such shop or API version")
_OUR_FAULT = _both(Misconfigured, "vendor.request", "does not understand the request")
_SLOW_DOWN = _both(Throttled, "vendor.throttled", "asks to slow down")
_TROUBLE = _unclear("vendor.trouble", "is in trouble")
_TIMEOUT = _unclear("vendor.timeout", "did not answer in time")
_DROPPED = _unclear("vendor.dropped", "broke off before it answered")
_SHAPE = _unclear("vendor.shape", "answered something that is not what its schema says")
_UNREACHED = _both(Retryable, "vendor.unreached", "could not be reached")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: _OUR_FAULT,
    401: _NO_ACCESS,
    402: _both(Misconfigured, "vendor.shop_closed", "has frozen the shop"),
    403: _NO_ACCESS,
    404: _NO_SUCH,
    406: _OUR_FAULT,
    408: _TIMEOUT,
    413: _OUR_FAULT,
    415: _OUR_FAULT,
    422: _both(Rejected, "vendor.refused", "refuses the request"),
    423: _both(Misconfigured, "vendor.shop_closed", "has locked the shop"),
    429: _SLOW_DOWN,
    430: _SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), _TROUBLE),
}
"""HTTP statuses; one that is not here is `vendor.trouble`: a read is tried again, a write is unknown."""

CODES: Mapping[str, Meaning] = {
    "THROTTLED": _SLOW_DOWN,
    "ACCESS_DENIED": _NO_ACCESS,
    "SHOP_INACTIVE": _both(Misconfigured, "vendor.shop_closed", "says the shop is not active"),
    "MAX_COST_EXCEEDED": _OUR_FAULT,
    "BAD_REQUEST": _OUR_FAULT,
    **dict.fromkeys(
        ("undefinedField", "missingRequiredArguments", "argumentLiteralsIncompatible", "variableMismatch",
         "missingRequiredInputObjectAttribute", "INVALID_VARIABLE", "parseError"),
        _OUR_FAULT,
    ),
    "INTERNAL_SERVER_ERROR": _TROUBLE,
    "TIMEOUT": _TIMEOUT,
}  # fmt: skip
"""`errors[].extensions.code` of an answer with status 200; an unknown code is `vendor.trouble`."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Budget:
    """What is left of the seconds that one tool may take in all."""

    def __init__(self, seconds: float, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._until = tick() + seconds

    def left(self) -> float:
        """Seconds left; may be negative."""
        return self._until - self._tick()


class ShopifyClient:
    """One channel's shop.

    Args:
        channel: whose `base_url` is asked; `https://<shop>.myshopify.com` outside of tests.
        token: the Admin API access token; it goes into a header and nowhere else.
        request_seconds: how long one request may take.
        tick: monotonic seconds.
        pause: waits so many seconds between two looks at a job.
    """

    def __init__(
        self,
        channel: Channel,
        token: str,
        *,
        request_seconds: float = REQUEST_SECONDS,
        tick: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,  # noqa: TID251  # a cancel job ends within a second or two: cheaper than a state
    ) -> None:
        self.url = f"{channel.base_url.rstrip('/')}/admin/api/{API_VERSION}/graphql.json"
        self.pause = pause
        self._headers = {"X-Shopify-Access-Token": token, "Accept": "application/json"}
        self._request_seconds = request_seconds
        self._tick = tick

    def budget(self, seconds: float) -> Budget:
        """A budget that starts now."""
        return Budget(seconds, self._tick)

    def send(
        self, operation: Operation, variables: dict[str, JsonValue], answer: type[M], budget: Budget
    ) -> M:
        """Carry out one operation.

        Raises:
            WireError: as `STATUSES` and `CODES` say; for a write, whatever may have happened is
                `OutcomeUnknown`.
        """
        response = self._post(operation, variables, budget)
        if response.status_code != httpx.codes.OK:
            meaning = STATUSES.get(response.status_code, _TROUBLE)
            _fail(operation, meaning, _seconds(response.headers.get("Retry-After")))
        try:
            envelope = Envelope.model_validate_json(response.content)
        except ValidationError:
            envelope = None  # the error quotes the body: it must not travel
        if envelope is None:
            _fail(operation, _SHAPE)
        for error in envelope.errors:
            _fail(operation, CODES.get(error.extensions.code or "", _TROUBLE), envelope.retry_after())
        return _parsed(operation, envelope, answer)

    def _post(self, operation: Operation, variables: dict[str, JsonValue], budget: Budget) -> httpx.Response:
        seconds = min(self._request_seconds, budget.left())
        if seconds <= 0:
            _fail(operation, _both(Retryable, "vendor.slow", "left no time for this request"))
        body = {"query": operation.document, "operationName": operation.name, "variables": variables}
        timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        try:
            return _http().post(self.url, json=body, headers=self._headers, timeout=timeout)
        except _NEVER_SENT as exc:
            _fail(operation, _UNREACHED, cause=exc)
        except httpx.TimeoutException as exc:
            _fail(operation, _TIMEOUT, cause=exc)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            _fail(operation, _NO_SUCH, cause=exc)
        except httpx.TransportError as exc:
            _fail(operation, _DROPPED, cause=exc)


def connect(channel: Channel, secret: dict[str, str]) -> ShopifyClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `access_token`.
    """
    token = secret.get("access_token", "")
    if not token:
        message = f"the secret of channel {channel.id} has no access_token"
        raise Misconfigured(message, code="secret.field")
    return ShopifyClient(channel, token)


@functools.cache
def _http() -> httpx.Client:
    """One pool for the whole process: connections are reused between invocations."""
    return httpx.Client(follow_redirects=False, trust_env=False, limits=httpx.Limits(keepalive_expiry=5.0))


def _parsed(operation: Operation, envelope: Envelope, answer: type[M]) -> M:
    try:
        parsed = answer.model_validate(envelope.data)
    except ValidationError:
        parsed = None  # the error quotes the body: it must not travel
    if parsed is None:
        _fail(operation, _SHAPE)
    return parsed


def _fail(
    operation: Operation,
    meaning: Meaning,
    retry_after: float | None = None,
    *,
    cause: Exception | None = None,
) -> NoReturn:
    error = meaning.write if operation.writes else meaning.read
    if error is Throttled and retry_after is None:
        retry_after = _DEFAULT_WAIT
    message = f"Shopify {meaning.says} ({operation.name})"
    raise error(message, code=meaning.code, retry_after=retry_after) from cause


def _seconds(text: Any) -> float | None:  # noqa: ANN401  # a header, whatever it holds
    try:
        return max(0.0, float(text))
    except (TypeError, ValueError):
        return None
