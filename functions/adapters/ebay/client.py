"""The only HTTP of this adapter: one request per operation, and what each answer means."""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeVar
from urllib.parse import quote

import httpx
from pydantic import JsonValue, ValidationError

from functions.adapters.ebay.marketplaces import marketplace
from functions.adapters.ebay.models import ErrorAnswer, Nothing, Token, WireModel
from functions.adapters.ebay.operations import TOKEN, Operation
from nightshift.errors import Misconfigured, Rejected, Retryable, Throttled
from nightshift.model.tenant import Channel
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import DROPPED, TIMEOUT, TROUBLE, UNREACHED, Meaning, seconds
from nightshift.tools.oauth import Granted

__all__ = ["ERRORS", "STATUSES", "Budget", "EbayClient", "Terms", "connect", "grant"]

M = TypeVar("M", bound=WireModel)

CONNECT_SECONDS = 2.0
REQUEST_SECONDS = 8.0

_UNKNOWN_TOKEN = Meaning.both(Misconfigured, "vendor.credentials", "does not know the access token")
_NO_ACCESS = Meaning.both(Misconfigured, "vendor.unauthorised", "refuses what the seller consented to")
_NO_SUCH = Meaning.both(Misconfigured, "vendor.address", "has nothing at this address")
_OUR_FAULT = Meaning.both(Misconfigured, "vendor.request", "does not understand the request")
_SELLER = Meaning.both(Misconfigured, "vendor.set_up", "does not let this seller sell")
_SLOW_DOWN = Meaning.both(Throttled, "vendor.throttled", "asks to slow down")
_REFUSED = Meaning.both(Rejected, "listing.refused", "refuses it")
_NOT_THERE = Meaning.both(Rejected, "listing.not_found", "has no such listing")
_REFUSED_GRANT = Meaning.both(Misconfigured, "oauth.refused", "grants no token for these credentials")
_SHAPE = Meaning.unclear("vendor.shape", "answered something that is not what its specification says")
_NO_GRANT = frozenset({400, 401, 403, 404})
_OF_THE_REQUEST = frozenset({400, 404, 409})

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: _OUR_FAULT,
    401: _UNKNOWN_TOKEN,
    402: _SELLER,
    403: _NO_ACCESS,
    404: _NO_SUCH,
    406: _OUR_FAULT,
    408: TIMEOUT,
    413: _OUR_FAULT,
    415: _OUR_FAULT,
    422: _REFUSED,
    423: _SELLER,
    429: _SLOW_DOWN,
    430: _SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
}
"""HTTP statuses; one that is not here is `vendor.trouble`: a read is tried again, a write is unknown."""

ERRORS: Mapping[int, Meaning] = {
    25025: Meaning.both(Throttled, "vendor.busy", "lets nobody change this item twice at a time"),
    25702: _NOT_THERE,  # the SKU
    25710: _NOT_THERE,  # the resource
    25713: _NOT_THERE,  # the offer
    25019: Meaning.both(Rejected, "listing.refused", "lets nobody revise this listing now"),
    25026: Meaning.both(Rejected, "listing.refused", "has a limit on what this seller sells"),
}
"""`errors[].errorId` that say more than their status; another one of category REQUEST is a refusal."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Budget:
    """What is left of the seconds that one tool may take in all."""

    def __init__(self, given: float, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._until = tick() + given

    def left(self) -> float:
        """Seconds left; may be negative."""
        return self._until - self._tick()


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a listing is made with: where it ships from, and the seller's policies."""

    location: str
    fulfillment_policy: str
    payment_policy: str
    return_policy: str


class EbayClient:
    """One seller on one marketplace.

    Args:
        channel: whose `account` is the marketplace, and whose `base_url` is asked.
        token: the user's access token; it goes into a header and nowhere else.
        terms: what listings are made with.
        request_seconds: how long one request may take.
        tick: monotonic seconds.

    Raises:
        Misconfigured: the channel's account is no marketplace.
    """

    def __init__(
        self,
        channel: Channel,
        token: str,
        terms: Terms,
        *,
        request_seconds: float = REQUEST_SECONDS,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = channel.base_url.rstrip("/")
        self.heard = Heard()
        self.marketplace = marketplace(channel.account)
        self.terms = terms
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
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
        ref: str = "",
        query: Mapping[str, str] | None = None,
        body: JsonValue = None,
    ) -> M:
        """Carry out one operation.

        Args:
            operation: what is asked.
            answer: what it comes back as.
            budget: what is left for it.
            ref: the id in the path.
            query: what is asked for.
            body: what is sent.

        Raises:
            WireError: as `STATUSES` and `ERRORS` say; for a write, whatever may have happened is
                `OutcomeUnknown`.
        """
        response = self._asked(operation, budget, ref=ref, query=query or {}, body=body)
        self.heard.date = response.headers.get("Date")
        if not response.is_success:
            self._refused(operation, response)
        says_nothing = answer is Nothing and not response.content
        try:
            parsed = answer.model_validate_json(b"{}" if says_nothing else response.content)
        except ValidationError:
            parsed = None  # the error quotes the body: it must not travel
        if parsed is None:
            self.heard.unexpected(response.content)
            _fail(operation, _SHAPE)
        return parsed

    def _asked(
        self, operation: Operation, budget: Budget, *, ref: str, query: Mapping[str, str], body: JsonValue
    ) -> httpx.Response:
        left = min(self._request_seconds, budget.left())
        if left <= 0:
            _fail(operation, Meaning.both(Retryable, "vendor.slow", "left no time for this request"))
        url = self.url + operation.path.replace("{id}", quote(ref, safe=""))
        headers = dict(self._headers)
        if operation.worded:
            headers["Content-Language"] = self.marketplace.language
        timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left))
        self.heard.sent()
        return _sent(
            operation,
            lambda: _http().request(
                operation.method, url, params=dict(query) or None, json=body, headers=headers, timeout=timeout
            ),
        )

    def _refused(self, operation: Operation, response: httpx.Response) -> NoReturn:
        wait = seconds(response.headers.get("Retry-After"))
        if wait is not None:
            self.heard.asked_to_wait(wait)
        by_status = STATUSES.get(response.status_code, TROUBLE)
        try:
            errors = ErrorAnswer.model_validate_json(response.content).errors
        except ValidationError:
            _fail(operation, by_status, wait)
        ids = ", ".join(str(each.error_id) for each in errors)
        known = next((ERRORS[each.error_id] for each in errors if each.error_id in ERRORS), None)
        refused = response.status_code in _OF_THE_REQUEST and any(e.category == "REQUEST" for e in errors)
        _fail(operation, known or (_REFUSED if refused else by_status), wait, ids=ids)


def connect(channel: Channel, secret: dict[str, str]) -> EbayClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret lacks a field, or the channel's account is no marketplace.
    """
    wanted = ("access_token", "location", "fulfillment_policy", "payment_policy", "return_policy")
    missing = [name for name in wanted if not secret.get(name)]
    if missing:
        message = f"the secret of channel {channel.id} has no {missing[0]}"
        raise Misconfigured(message, code="secret.field")
    terms = Terms(**{name: secret[name] for name in wanted[1:]})
    return EbayClient(channel, secret["access_token"], terms)


def grant(channel: Channel, form: dict[str, str]) -> Granted:
    """Ask eBay's token endpoint once; see `nightshift.tools.oauth`. A refresh token lasts, for 18 months.

    Raises:
        Misconfigured: `oauth.refused`: eBay knows no such app or refresh token, or the seller withdrew.
        WireError: it could not be asked.
    """
    url = channel.base_url.rstrip("/") + TOKEN.path
    app = httpx.BasicAuth(form.get("client_id", ""), form.get("client_secret", ""))
    sent = {name: value for name, value in form.items() if name in {"grant_type", "refresh_token"}}
    timeout = httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS)
    response = _sent(TOKEN, lambda: _http().post(url, data=sent, auth=app, timeout=timeout))
    if response.status_code in _NO_GRANT:
        _fail(TOKEN, _REFUSED_GRANT)
    if response.status_code != httpx.codes.OK:
        wait = seconds(response.headers.get("Retry-After"))
        _fail(TOKEN, STATUSES.get(response.status_code, TROUBLE), wait)
    try:
        token = Token.model_validate_json(response.content)
    except ValidationError:
        token = None  # the error quotes the token
    if token is None:
        _fail(TOKEN, TROUBLE)
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


def _fail(
    operation: Operation,
    meaning: Meaning,
    retry_after: float | None = None,
    *,
    ids: str = "",
    cause: Exception | None = None,
) -> NoReturn:
    what = f"{operation.name}: {ids}" if ids else operation.name
    meaning.fail("eBay", writes=operation.writes, what=what, retry_after=retry_after, cause=cause)
