"""The only HTTP of this adapter: one request per operation, and what each answer means."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, JsonValue, ValidationError

from functions.adapters.stripe.models.wire import ErrorAnswer, Page
from functions.adapters.stripe.operations import API_VERSION, Operation
from nightshift.errors import Misconfigured, Rejected
from nightshift.model.tenant import Channel
from nightshift.outbound import TimeLeft, Vendor, pool
from nightshift.tools.binding import required
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import OUR_FAULT, SLOW_DOWN, TIMEOUT, TROUBLE, Meaning, seconds

__all__ = ["CODES", "KEY_SPENT", "STATUSES", "StripeClient", "connect", "encoded"]

M = TypeVar("M", bound=BaseModel)
N = TypeVar("N", bound=BaseModel)

REQUEST_SECONDS = 6.0
KEY_SPENT = "vendor.key_spent"
"""Stripe keeps the answer to a key for a day, failures included: this one gives its failure again."""

_PAGE = 100
_PAGES = 5
_LONG_WAIT = 60.0

_NO_ACCESS = Meaning.both(Misconfigured, "vendor.credentials", "does not know the key")
_NO_SCOPE = Meaning.both(Misconfigured, "vendor.unauthorised", "does not let the key do this")
_NO_SUCH = Meaning.both(Misconfigured, "vendor.address", "has no such address or API version")
_REFUSED = Meaning.both(Rejected, "vendor.refused", "refuses the request")
_SPENT = Meaning.unclear(KEY_SPENT, "gave the failure of an earlier try again")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: OUR_FAULT,
    401: _NO_ACCESS,
    402: _REFUSED,
    403: _NO_SCOPE,
    404: _NO_SUCH,
    406: OUR_FAULT,
    408: TIMEOUT,
    409: Meaning.unclear("vendor.in_progress", "is still at work on an earlier try"),
    413: OUR_FAULT,
    415: OUR_FAULT,
    422: _REFUSED,
    429: SLOW_DOWN,
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
    "lock_timeout": SLOW_DOWN,
    "rate_limit": SLOW_DOWN,
    "platform_api_key_expired": _NO_ACCESS,
    "api_key_expired": _NO_ACCESS,
    "testmode_charges_only": Meaning.both(Misconfigured, "vendor.unauthorised", "is not activated"),
}
"""`error.code`, or else `error.type`, of a 4xx answer; an unknown one means what its status means."""

_AMOUNTS = frozenset({"amount", "refund_amount"})
_TOO_MUCH = CODES["amount_too_large"]
"""A write whose amount Stripe refuses without a code: somebody else refunded between reading and asking."""

_STRIPE = Vendor(who="Stripe", statuses=STATUSES, no_such=_NO_SUCH)


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

    def within(self, given: float) -> TimeLeft:
        """So many seconds from now, for all that a tool does."""
        return TimeLeft(given, self._tick)

    def send(
        self,
        operation: Operation,
        answer: type[M],
        time_left: TimeLeft,
        *,
        ref: str = "",
        params: Mapping[str, JsonValue] | None = None,
        key: str = "",
    ) -> M:
        """Carry out one operation.

        Args:
            operation: what is asked.
            answer: what it comes back as.
            time_left: what is left for it.
            ref: the id in the path.
            params: nested parameters, as JSON.
            key: the `Idempotency-Key` of a write.

        Raises:
            WireError: as `STATUSES` and `CODES` say; for a write, whatever may have happened is
                `OutcomeUnknown`.
        """
        response = self._asked(operation, time_left, ref=ref, params=params or {}, key=key)
        if not response.is_success:
            self._refused(operation, response)
        return _STRIPE.parsed(operation, answer, response.content, self.heard)

    def pages(
        self, operation: Operation, item: type[N], time_left: TimeLeft, params: Mapping[str, JsonValue]
    ) -> tuple[tuple[N, ...], bool]:
        """All of a list, and whether that was all: nobody reads more than 500.

        Raises:
            WireError: as `send`.
        """
        found: list[N] = []
        after: dict[str, JsonValue] = {}
        for _ in range(_PAGES):
            asked = {**params, "limit": _PAGE, **after}
            page = self.send(operation, Page[item], time_left, params=asked)  # type: ignore[valid-type]  # a model made of a model
            found += page.data
            if not page.has_more or not page.data:
                return tuple(found), True
            after = {"starting_after": str(getattr(page.data[-1], "id", ""))}
        return tuple(found), False

    def _asked(
        self,
        operation: Operation,
        time_left: TimeLeft,
        *,
        ref: str,
        params: Mapping[str, JsonValue],
        key: str,
    ) -> httpx.Response:
        left = min(self._request_seconds, time_left.left())
        timeout = _STRIPE.timeouts(operation, left)
        url = self.url + operation.path.replace("{id}", quote(ref, safe=""))
        expand: dict[str, JsonValue] = {"expand": list(operation.expand)} if operation.expand else {}
        form = encoded({**params, **expand})
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        self.heard.sent()
        if not operation.writes:
            asked = f"{url}?{form}" if form else url
            return _STRIPE.exchange(operation, lambda: pool().get(asked, headers=headers, timeout=timeout))
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return _STRIPE.exchange(
            operation, lambda: pool().post(url, content=form, headers=headers, timeout=timeout)
        )

    def _refused(self, operation: Operation, response: httpx.Response) -> NoReturn:
        status = response.status_code
        spent = status >= httpx.codes.INTERNAL_SERVER_ERROR and _says(response, "Idempotent-Replayed", "true")
        meaning = _SPENT if spent else _meaning(operation, response)
        wait = seconds(response.headers.get("Retry-After"))
        if meaning is SLOW_DOWN and _says(response, "Stripe-Should-Retry", "false"):
            wait = max(wait or 0.0, _LONG_WAIT)
        if wait is not None and status in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}:
            self.heard.asked_to_wait(wait)
        _STRIPE.fail(operation, meaning, wait)


def connect(channel: Channel, secret: dict[str, str]) -> StripeClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `api_key`.
    """
    required(channel, secret, "api_key")
    return StripeClient(channel, secret["api_key"])


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


def _says(response: httpx.Response, header: str, value: str) -> bool:
    return str(response.headers.get(header, "")).strip().lower() == value


def _meaning(operation: Operation, response: httpx.Response) -> Meaning:
    by_status = _STRIPE.meaning(response.status_code)
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return by_status
    try:
        said = ErrorAnswer.model_validate_json(response.content).error
    except ValidationError:
        return by_status
    if operation.writes and not said.code and said.param in _AMOUNTS:
        return _TOO_MUCH
    return CODES.get(said.code or "", CODES.get(said.type, by_status))
