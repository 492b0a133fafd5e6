"""The only HTTP of this adapter: one POST per GraphQL operation, and what each answer means."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar

import httpx
from pydantic import JsonValue, ValidationError

from functions.adapters.shopify.models.wire import Envelope, Token, WireModel
from functions.adapters.shopify.queries import API_VERSION, Operation
from nightshift.errors import Misconfigured, Rejected, Retryable, Throttled
from nightshift.model.tenant import Channel
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import DROPPED, TIMEOUT, TROUBLE, UNREACHED, Meaning, seconds
from nightshift.tools.oauth import Granted

__all__ = ["CODES", "STATUSES", "Budget", "ShopifyClient", "connect", "grant"]

M = TypeVar("M", bound=WireModel)

CONNECT_SECONDS = 2.0
REQUEST_SECONDS = 6.0


_UNKNOWN_TOKEN = Meaning.both(Misconfigured, "vendor.credentials", "does not know the access token")
_NO_ACCESS = Meaning.both(
    Misconfigured, "vendor.unauthorised", "refuses what the token may do: a scope is missing"
)
_NO_SUCH = Meaning.both(Misconfigured, "vendor.address", "has no such shop or API version")
_OUR_FAULT = Meaning.both(Misconfigured, "vendor.request", "does not understand the request")
_SLOW_DOWN = Meaning.both(Throttled, "vendor.throttled", "asks to slow down")
_REFUSED_GRANT = Meaning.both(Misconfigured, "oauth.refused", "grants no token for these credentials")
_NO_GRANT = frozenset({400, 401, 403, 404})
_SHAPE = Meaning.unclear("vendor.shape", "answered something that is not what its schema says")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: _OUR_FAULT,
    401: _UNKNOWN_TOKEN,
    402: Meaning.both(Misconfigured, "vendor.shop_closed", "has frozen the shop"),
    403: _NO_ACCESS,
    404: _NO_SUCH,
    406: _OUR_FAULT,
    408: TIMEOUT,
    413: _OUR_FAULT,
    415: _OUR_FAULT,
    422: Meaning.both(Rejected, "vendor.refused", "refuses the request"),
    423: Meaning.both(Misconfigured, "vendor.shop_closed", "has locked the shop"),
    429: _SLOW_DOWN,
    430: _SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
}
"""HTTP statuses; one that is not here is `vendor.trouble`: a read is tried again, a write is unknown."""

CODES: Mapping[str, Meaning] = {
    "THROTTLED": _SLOW_DOWN,
    "ACCESS_DENIED": _NO_ACCESS,
    "SHOP_INACTIVE": Meaning.both(Misconfigured, "vendor.shop_closed", "says the shop is not active"),
    "MAX_COST_EXCEEDED": _OUR_FAULT,
    "BAD_REQUEST": _OUR_FAULT,
    **dict.fromkeys(
        ("undefinedField", "missingRequiredArguments", "argumentLiteralsIncompatible", "variableMismatch",
         "missingRequiredInputObjectAttribute", "INVALID_VARIABLE", "parseError"),
        _OUR_FAULT,
    ),
    "INTERNAL_SERVER_ERROR": TROUBLE,
    "TIMEOUT": TIMEOUT,
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
        self.heard = Heard()
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
        self.heard.date = response.headers.get("Date")
        if response.status_code != httpx.codes.OK:
            wait = seconds(response.headers.get("Retry-After"))
            self.heard.asked_to_wait(wait or 0.0)
            _fail(operation, STATUSES.get(response.status_code, TROUBLE), wait)
        try:
            envelope = Envelope.model_validate_json(response.content)
        except ValidationError:
            envelope = None  # the error quotes the body: it must not travel
        if envelope is None:
            self.heard.unexpected(response.content)
            _fail(operation, _SHAPE)
        budget_left = envelope.left()
        if budget_left is not None:
            self.heard.budget(left=budget_left[0], per_second=budget_left[1])
        for error in envelope.errors:
            _fail(operation, CODES.get(error.extensions.code or "", TROUBLE), envelope.retry_after())
        parsed = _parsed(envelope, answer)
        if parsed is None:
            self.heard.unexpected(response.content)
            _fail(operation, _SHAPE)
        return parsed

    def _post(self, operation: Operation, variables: dict[str, JsonValue], budget: Budget) -> httpx.Response:
        left = min(self._request_seconds, budget.left())
        if left <= 0:
            _fail(operation, Meaning.both(Retryable, "vendor.slow", "left no time for this request"))
        body = {"query": operation.document, "operationName": operation.name, "variables": variables}
        timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left))
        self.heard.sent()
        return _sent(
            operation, lambda: _http().post(self.url, json=body, headers=self._headers, timeout=timeout)
        )


def connect(channel: Channel, secret: dict[str, str]) -> ShopifyClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `access_token`, and none was granted.
    """
    token = secret.get("access_token", "")
    if not token:
        message = f"the secret of channel {channel.id} has no access_token"
        raise Misconfigured(message, code="secret.field")
    return ShopifyClient(channel, token)


def grant(channel: Channel, form: dict[str, str]) -> Granted:
    """Ask the shop's token endpoint once; see `nightshift.tools.oauth`.

    Raises:
        Misconfigured: `oauth.refused`: the shop knows no such app, secret or refresh token.
        WireError: it could not be asked.
    """
    url = f"{channel.base_url.rstrip('/')}/admin/oauth/access_token"
    operation = Operation(name="access_token", document="")
    timeout = httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS)
    response = _sent(operation, lambda: _http().post(url, data=form, timeout=timeout))
    if response.status_code in _NO_GRANT:
        _fail(operation, _REFUSED_GRANT)
    if response.status_code != httpx.codes.OK:
        _fail(
            operation,
            STATUSES.get(response.status_code, TROUBLE),
            seconds(response.headers.get("Retry-After")),
        )
    try:
        token = Token.model_validate_json(response.content)
    except ValidationError:
        token = None  # the error quotes the token
    if token is None:
        _fail(operation, TROUBLE)
    return Granted(
        access_token=token.access_token, expires_in=token.expires_in, refresh_token=token.refresh_token
    )


@functools.cache
def _http() -> httpx.Client:
    """One pool for the whole process: connections are reused between invocations."""
    return httpx.Client(follow_redirects=False, trust_env=False, limits=httpx.Limits(keepalive_expiry=5.0))


def _sent(operation: Operation, request: Callable[[], httpx.Response]) -> httpx.Response:
    try:
        return request()
    except _NEVER_SENT as exc:
        _fail(operation, UNREACHED, cause=exc)
    except httpx.TimeoutException as exc:
        _fail(operation, TIMEOUT, cause=exc)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        _fail(operation, _NO_SUCH, cause=exc)
    except httpx.TransportError as exc:
        _fail(operation, DROPPED, cause=exc)


def _parsed(envelope: Envelope, answer: type[M]) -> M | None:
    try:
        return answer.model_validate(envelope.data)
    except ValidationError:
        return None  # the error quotes the body: it must not travel


def _fail(
    operation: Operation,
    meaning: Meaning,
    retry_after: float | None = None,
    *,
    cause: Exception | None = None,
) -> NoReturn:
    meaning.fail(
        "Shopify", writes=operation.writes, what=operation.name, retry_after=retry_after, cause=cause
    )
