"""The only HTTP of this adapter: one request per operation, and what each answer means."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar
from urllib.parse import quote

import httpx
from pydantic import JsonValue, ValidationError

from functions.adapters.amazon.marketplaces import Seller, seller_of, token_url
from functions.adapters.amazon.models import ErrorAnswer, Token, WireModel
from functions.adapters.amazon.operations import Operation
from nightshift.errors import Misconfigured, Rejected, Retryable, Throttled
from nightshift.model.tenant import Channel
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import DROPPED, TIMEOUT, TROUBLE, UNREACHED, Meaning, seconds
from nightshift.tools.oauth import Granted

__all__ = ["CODES", "STATUSES", "AmazonClient", "Budget", "connect", "grant"]

M = TypeVar("M", bound=WireModel)

CONNECT_SECONDS = 2.0
REQUEST_SECONDS = 6.0

_NO_ACCESS = Meaning.both(Misconfigured, "vendor.credentials", "does not know the access token")
_NO_ROLE = Meaning.both(
    Misconfigured, "vendor.unauthorised", "refuses it: a role of the app, or the seller's consent, is missing"
)
_NO_SUCH = Meaning.both(Misconfigured, "vendor.address", "has no such address")
_OUR_FAULT = Meaning.both(Misconfigured, "vendor.request", "does not understand the request")
_REFUSED = Meaning.both(Rejected, "listing.refused", "refuses the request")
_SLOW_DOWN = Meaning.both(Throttled, "vendor.throttled", "asks to slow down")
_REFUSED_GRANT = Meaning.both(Misconfigured, "oauth.refused", "grants no token for these credentials")
_SHAPE = Meaning.unclear("vendor.shape", "answered something that is not what its specification says")
_NO_GRANT = frozenset({400, 401, 403, 404})

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: _OUR_FAULT,
    401: _NO_ACCESS,
    403: _NO_ROLE,
    404: _NO_SUCH,
    406: _OUR_FAULT,
    408: TIMEOUT,
    413: _OUR_FAULT,
    415: _OUR_FAULT,
    422: _REFUSED,
    429: _SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
}
"""HTTP statuses; one that is not here is `vendor.trouble`: a read is tried again, a write is unknown."""

CODES: Mapping[str, Meaning] = {
    "NOT_FOUND": Meaning.both(Rejected, "listing.not_found", "has no such listing"),
    "InvalidInput": _REFUSED,
    "QuotaExceeded": _SLOW_DOWN,
}
"""`errors[].code` of a 4xx answer; an unknown one means what its status means."""

_ABOUT_THE_TOKEN = "access token"  # noqa: S105  # words of Amazon: an expired one is a 403 like a missing role
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Budget:
    """What is left of the seconds that one tool may take in all."""

    def __init__(self, given: float, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._until = tick() + given

    def left(self) -> float:
        """Seconds left; may be negative."""
        return self._until - self._tick()


class AmazonClient:
    """One seller on one marketplace.

    Args:
        channel: whose `base_url` is asked, the endpoint of the marketplace's region; its `account` says
            seller and marketplace.
        token: the access token; it goes into a header and nowhere else.
        request_seconds: how long one request may take.
        tick: monotonic seconds.
        pause: waits so many seconds between two looks at what was accepted.

    Raises:
        Misconfigured: the channel's account is none of Amazon's.
    """

    def __init__(
        self,
        channel: Channel,
        token: str,
        *,
        request_seconds: float = REQUEST_SECONDS,
        tick: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,  # noqa: TID251  # what is accepted often shows within seconds: cheaper than a state
    ) -> None:
        self.url = channel.base_url.rstrip("/")
        self.seller: Seller = seller_of(channel)
        self.heard = Heard()
        self.pause = pause
        self._headers = {"x-amz-access-token": token, "Accept": "application/json"}
        self._request_seconds = request_seconds
        self._tick = tick

    def budget(self, given: float) -> Budget:
        """A budget that starts now."""
        return Budget(given, self._tick)

    def send(
        self,
        operation: Operation,
        answer: type[M],
        budget: Budget,
        *,
        sku: str = "",
        body: Mapping[str, JsonValue] | None = None,
    ) -> M:
        """Carry out one operation.

        Raises:
            WireError: as `STATUSES` and `CODES` say; for a write, whatever may have happened is
                `OutcomeUnknown`.
        """
        response = self._asked(operation, budget, sku=sku, body=body)
        self.heard.date = response.headers.get("Date")
        if not response.is_success:
            self._refused(operation, response)
        try:
            parsed = answer.model_validate_json(response.content)
        except ValidationError:
            parsed = None  # the error quotes the body: it must not travel
        if parsed is None:
            self.heard.unexpected(response.content)
            _fail(operation, _SHAPE)
        return parsed

    def _asked(
        self, operation: Operation, budget: Budget, *, sku: str, body: Mapping[str, JsonValue] | None
    ) -> httpx.Response:
        left = min(self._request_seconds, budget.left())
        if left <= 0:
            _fail(operation, Meaning.both(Retryable, "vendor.slow", "left no time for this request"))
        path = operation.path.replace("{sellerId}", self.seller.id).replace("{sku}", quote(sku, safe=""))
        query = dict(operation.query)
        if operation.of_marketplace:
            query["marketplaceIds"] = self.seller.marketplace
        timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left))
        self.heard.sent()
        request = functools.partial(
            _http().request,
            operation.method,
            self.url + path,
            params=query,
            json=body,
            headers=self._headers,
            timeout=timeout,
        )
        return _sent(operation, request)

    def _refused(self, operation: Operation, response: httpx.Response) -> NoReturn:
        meaning = _meaning(response)
        wait = seconds(response.headers.get("Retry-After"))
        if wait is not None and response.status_code in {429, 503}:
            self.heard.asked_to_wait(wait)
        if meaning is _SLOW_DOWN:
            rate = seconds(response.headers.get("x-amzn-RateLimit-Limit"))
            if rate:  # of this operation for this seller; what is left of it Amazon does not say
                self.heard.per_second = rate
        _fail(operation, meaning, wait)


def connect(channel: Channel, secret: dict[str, str]) -> AmazonClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `access_token`, and none was granted.
    """
    token = secret.get("access_token", "")
    if not token:
        missing = next((n for n in ("client_id", "client_secret", "refresh_token") if not secret.get(n)), "")
        message = f"the secret of channel {channel.id} has no {missing or 'access_token'}"
        raise Misconfigured(message, code="secret.field")
    return AmazonClient(channel, token)


def grant(channel: Channel, form: dict[str, str]) -> Granted:
    """Ask Login with Amazon once; see `nightshift.tools.oauth`. Its refresh tokens stay as they are.

    Raises:
        Misconfigured: `oauth.refused`: it knows no such app, secret or refresh token.
        WireError: it could not be asked.
    """
    operation = Operation(name="token", method="GET", path="")  # asking again harms nothing
    timeout = httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS)
    url = token_url(channel.base_url)
    response = _sent(operation, lambda: _http().post(url, data=form, timeout=timeout))
    if response.status_code in _NO_GRANT:
        _fail(operation, _REFUSED_GRANT)
    if not response.is_success:
        wait = seconds(response.headers.get("Retry-After"))
        _fail(operation, STATUSES.get(response.status_code, TROUBLE), wait)
    try:
        token = Token.model_validate_json(response.content)
    except ValidationError:
        token = None  # the error quotes the token
    if token is None:
        _fail(operation, TROUBLE)
    return Granted(access_token=token.access_token, expires_in=token.expires_in)


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


def _meaning(response: httpx.Response) -> Meaning:
    by_status = STATUSES.get(response.status_code, TROUBLE)
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return by_status
    try:
        said = ErrorAnswer.model_validate_json(response.content).errors
    except ValidationError:
        return by_status
    if by_status is _NO_ROLE and any(_ABOUT_THE_TOKEN in each.details.lower() for each in said):
        return _NO_ACCESS
    return CODES.get(said[0].code, by_status) if said else by_status


def _fail(
    operation: Operation,
    meaning: Meaning,
    retry_after: float | None = None,
    *,
    cause: Exception | None = None,
) -> NoReturn:
    meaning.fail("Amazon", writes=operation.writes, what=operation.name, retry_after=retry_after, cause=cause)
