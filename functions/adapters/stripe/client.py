"""The only HTTP of this adapter: one request per operation, and what each answer means."""

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, JsonValue, ValidationError

from functions.adapters.stripe.models.wire import ErrorAnswer, Page
from functions.adapters.stripe.operations import API_VERSION, Operation
from nightshift.errors import Misconfigured, Rejected, Retryable, Throttled
from nightshift.model.tenant import Channel
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import DROPPED, TIMEOUT, TROUBLE, UNREACHED, Meaning, seconds

__all__ = ["CODES", "KEY_SPENT", "STATUSES", "Budget", "StripeClient", "connect", "encoded"]

M = TypeVar("M", bound=BaseModel)
N = TypeVar("N", bound=BaseModel)

CONNECT_SECONDS = 2.0
REQUEST_SECONDS = 6.0
KEY_SPENT = "vendor.key_spent"
"""Stripe keeps the answer to a key for a day, failures included: this one gives its failure again."""

_PAGE = 100
_PAGES = 5
_LONG_WAIT = 60.0

_NO_ACCESS = Meaning.both(Misconfigured, "vendor.credentials", "does not know the key")
_NO_SCOPE = Meaning.both(Misconfigured, "vendor.unauthorised", "does not let the key do this")
_NO_SUCH = Meaning.both(Misconfigured, "vendor.address", "has no such address or API version")
_OUR_FAULT = Meaning.both(Misconfigured, "vendor.request", "does not understand the request")
_REFUSED = Meaning.both(Rejected, "vendor.refused", "refuses the request")
_SLOW_DOWN = Meaning.both(Throttled, "vendor.throttled", "asks to slow down")
_SHAPE = Meaning.unclear("vendor.shape", "answered something that is not what its specification says")
_SPENT = Meaning.unclear(KEY_SPENT, "gave the failure of an earlier try again")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: _OUR_FAULT,
    401: _NO_ACCESS,
    402: _REFUSED,
    403: _NO_SCOPE,
    404: _NO_SUCH,
    406: _OUR_FAULT,
    408: TIMEOUT,
    409: Meaning.unclear("vendor.in_progress", "is still at work on an earlier try"),
    413: _OUR_FAULT,
    415: _OUR_FAULT,
    422: _REFUSED,
    429: _SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
}
"""HTTP statuses; one that is not here is `vendor.trouble`: a read is tried again, a write is unknown."""

CODES: Mapping[str, Meaning] = {
    "resource_missing": Meaning.both(Rejected, "payment.not_found", "has no such object"),
    "charge_already_refunded": Meaning.both(Rejected, "refund.nothing_left", "has refunded it already"),
    "charge_disputed": Meaning.both(Rejected, "payment.disputed", "says the charge is disputed"),
    "charge_not_refundable": Meaning.both(Rejected, "refund.nothing_left", "cannot refund this charge"),
    "refund_disputed_payment": Meaning.both(Rejected, "payment.disputed", "says the charge is disputed"),
    "amount_too_large": Meaning.both(Rejected, "refund.too_much", "has less left"),
    "amount_too_small": Meaning.both(Rejected, "vendor.refused", "moves no amount so small"),
    "balance_insufficient": Meaning.both(Rejected, "balance.insufficient", "has too little in the balance"),
    "idempotency_error": Meaning.both(Misconfigured, "vendor.key_reused", "has this key for another request"),
    "idempotency_key_in_use": STATUSES[409],
    "lock_timeout": _SLOW_DOWN,
    "rate_limit": _SLOW_DOWN,
    "platform_api_key_expired": _NO_ACCESS,
    "api_key_expired": _NO_ACCESS,
    "testmode_charges_only": Meaning.both(Misconfigured, "vendor.unauthorised", "is not activated"),
}
"""`error.code`, or else `error.type`, of a 4xx answer; an unknown one means what its status means."""

_AMOUNTS = frozenset({"amount", "refund_amount"})
_TOO_MUCH = CODES["amount_too_large"]
"""A write whose amount Stripe refuses without a code: somebody else refunded between reading and asking."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Budget:
    """What is left of the seconds that one tool may take in all."""

    def __init__(self, given: float, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._until = tick() + given

    def left(self) -> float:
        """Seconds left; may be negative."""
        return self._until - self._tick()


class StripeClient:
    """One channel's account.

    Args:
        channel: whose `base_url` is asked; `https://api.stripe.com` outside of tests.
        key: the secret or restricted API key; it goes into a header and nowhere else.
        request_seconds: how long one request may take.
        tick: monotonic seconds.
    """

    def __init__(
        self,
        channel: Channel,
        key: str,
        *,
        request_seconds: float = REQUEST_SECONDS,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = channel.base_url.rstrip("/")
        self.heard = Heard()
        self._headers = {"Authorization": f"Bearer {key}", "Stripe-Version": API_VERSION}
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
        params: Mapping[str, JsonValue] | None = None,
        key: str = "",
    ) -> M:
        """Carry out one operation.

        Args:
            operation: what is asked.
            answer: what it comes back as.
            budget: what is left for it.
            ref: the id in the path.
            params: nested parameters, as JSON.
            key: the `Idempotency-Key` of a write.

        Raises:
            WireError: as `STATUSES` and `CODES` say; for a write, whatever may have happened is
                `OutcomeUnknown`.
        """
        response = self._asked(operation, budget, ref=ref, params=params or {}, key=key)
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

    def pages(
        self, operation: Operation, item: type[N], budget: Budget, params: Mapping[str, JsonValue]
    ) -> tuple[tuple[N, ...], bool]:
        """All of a list, and whether that was all: nobody reads more than 500.

        Raises:
            WireError: as `send`.
        """
        found: list[N] = []
        after: dict[str, JsonValue] = {}
        for _ in range(_PAGES):
            asked = {**params, "limit": _PAGE, **after}
            page = self.send(operation, Page[item], budget, params=asked)  # type: ignore[valid-type]  # a model made of a model
            found += page.data
            if not page.has_more or not page.data:
                return tuple(found), True
            after = {"starting_after": str(getattr(page.data[-1], "id", ""))}
        return tuple(found), False

    def _asked(
        self,
        operation: Operation,
        budget: Budget,
        *,
        ref: str,
        params: Mapping[str, JsonValue],
        key: str,
    ) -> httpx.Response:
        left = min(self._request_seconds, budget.left())
        if left <= 0:
            _fail(operation, Meaning.both(Retryable, "vendor.slow", "left no time for this request"))
        url = self.url + operation.path.replace("{id}", quote(ref, safe=""))
        expand: dict[str, JsonValue] = {"expand": list(operation.expand)} if operation.expand else {}
        form = encoded({**params, **expand})
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left))
        self.heard.sent()
        try:
            if not operation.writes:
                return _http().get(f"{url}?{form}" if form else url, headers=headers, timeout=timeout)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return _http().post(url, content=form, headers=headers, timeout=timeout)
        except _NEVER_SENT as exc:
            _fail(operation, UNREACHED, cause=exc)
        except httpx.TimeoutException as exc:
            _fail(operation, TIMEOUT, cause=exc)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            _fail(operation, _NO_SUCH, cause=exc)
        except httpx.TransportError as exc:
            _fail(operation, DROPPED, cause=exc)

    def _refused(self, operation: Operation, response: httpx.Response) -> NoReturn:
        status = response.status_code
        spent = status >= httpx.codes.INTERNAL_SERVER_ERROR and _says(response, "Idempotent-Replayed", "true")
        meaning = _SPENT if spent else _meaning(operation, response)
        wait = seconds(response.headers.get("Retry-After"))
        if meaning is _SLOW_DOWN and _says(response, "Stripe-Should-Retry", "false"):
            wait = max(wait or 0.0, _LONG_WAIT)
        if wait is not None and status in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}:
            self.heard.asked_to_wait(wait)
        _fail(operation, meaning, wait)


def connect(channel: Channel, secret: dict[str, str]) -> StripeClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `api_key`.
    """
    key = secret.get("api_key", "")
    if not key:
        message = f"the secret of channel {channel.id} has no api_key"
        raise Misconfigured(message, code="secret.field")
    return StripeClient(channel, key)


def encoded(params: Mapping[str, JsonValue]) -> str:
    """Nested parameters as Stripe's form: `lines[0][type]=custom_line_item`; null is left out."""
    return urlencode([pair for name, value in params.items() for pair in _pairs(name, value)])


def _pairs(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case dict():
            for inner, held in value.items():
                yield from _pairs(f"{name}[{inner}]", held)
        case list():
            for index, held in enumerate(value):
                yield from _pairs(f"{name}[{index}]", held)
        case bool():
            yield name, "true" if value else "false"
        case _:
            yield name, str(value)


@functools.cache
def _http() -> httpx.Client:
    """One pool for the whole process: connections are reused between invocations."""
    return httpx.Client(follow_redirects=False, trust_env=False, limits=httpx.Limits(keepalive_expiry=5.0))


def _says(response: httpx.Response, header: str, value: str) -> bool:
    return str(response.headers.get(header, "")).strip().lower() == value


def _meaning(operation: Operation, response: httpx.Response) -> Meaning:
    by_status = STATUSES.get(response.status_code, TROUBLE)
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return by_status
    try:
        said = ErrorAnswer.model_validate_json(response.content).error
    except ValidationError:
        return by_status
    if operation.writes and not said.code and said.param in _AMOUNTS:
        return _TOO_MUCH
    return CODES.get(said.code or "", CODES.get(said.type, by_status))


def _fail(
    operation: Operation,
    meaning: Meaning,
    retry_after: float | None = None,
    *,
    cause: Exception | None = None,
) -> NoReturn:
    meaning.fail("Stripe", writes=operation.writes, what=operation.name, retry_after=retry_after, cause=cause)
