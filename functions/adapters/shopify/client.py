"""The only HTTP of this adapter: one POST per GraphQL operation, and what each answer means."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import httpx
from pydantic import Field, JsonValue, ValidationError

from functions.adapters.shopify.models.wire import Envelope, WireModel
from functions.adapters.shopify.queries import API_VERSION, Operation
from nightshift.errors import Misconfigured, Rejected
from nightshift.model.tenant import Channel
from nightshift.outbound import TimeLeft, Token, Vendor, pool, timeouts
from nightshift.tools.binding import required
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import OUR_FAULT, SLOW_DOWN, TIMEOUT, TROUBLE, Meaning, seconds
from nightshift.tools.oauth import Granted

__all__ = ["CODES", "STATUSES", "ShopifyClient", "connect", "grant"]

M = TypeVar("M", bound=WireModel)

REQUEST_SECONDS = 6.0
_LASTS = 86_400.0

_UNKNOWN_TOKEN = Meaning.both(Misconfigured, "vendor.credentials", "does not know the access token")
_NO_ACCESS = Meaning.both(
    Misconfigured, "vendor.unauthorised", "refuses what the token may do: a scope is missing"
)
_NO_SUCH = Meaning.both(Misconfigured, "vendor.address", "has no such shop or API version")
_SHAPE = Meaning.unclear("vendor.shape", "answered something that is not what its schema says")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: OUR_FAULT,
    401: _UNKNOWN_TOKEN,
    402: Meaning.both(Misconfigured, "vendor.shop_closed", "has frozen the shop"),
    403: _NO_ACCESS,
    404: _NO_SUCH,
    406: OUR_FAULT,
    408: TIMEOUT,
    413: OUR_FAULT,
    415: OUR_FAULT,
    422: Meaning.both(Rejected, "vendor.refused", "refuses the request"),
    423: Meaning.both(Misconfigured, "vendor.shop_closed", "has locked the shop"),
    429: SLOW_DOWN,
    430: SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
}
"""HTTP statuses; one that is not here is `vendor.trouble`: a read is tried again, a write is unknown."""

CODES: Mapping[str, Meaning] = {
    "THROTTLED": SLOW_DOWN,
    "ACCESS_DENIED": _NO_ACCESS,
    "SHOP_INACTIVE": Meaning.both(Misconfigured, "vendor.shop_closed", "says the shop is not active"),
    "MAX_COST_EXCEEDED": OUR_FAULT,
    "BAD_REQUEST": OUR_FAULT,
    **dict.fromkeys(
        ("undefinedField", "missingRequiredArguments", "argumentLiteralsIncompatible", "variableMismatch",
         "missingRequiredInputObjectAttribute", "INVALID_VARIABLE", "parseError"),
        OUR_FAULT,
    ),
    "INTERNAL_SERVER_ERROR": TROUBLE,
    "TIMEOUT": TIMEOUT,
}  # fmt: skip
"""`errors[].extensions.code` of an answer with status 200; an unknown code is `vendor.trouble`."""

_SHOPIFY = Vendor(who="Shopify", statuses=STATUSES, no_such=_NO_SUCH, shape=_SHAPE)


class _Token(Token):
    """Without `expires_in` it lasts."""

    expires_in: float = Field(default=_LASTS, gt=0)


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

    def within(self, given: float) -> TimeLeft:
        """So many seconds from now, for all that a tool does."""
        return TimeLeft(given, self._tick)

    def send(
        self, operation: Operation, variables: dict[str, JsonValue], answer: type[M], time_left: TimeLeft
    ) -> M:
        """Carry out one operation.

        Raises:
            WireError: as `STATUSES` and `CODES` say; for a write, whatever may have happened is
                `OutcomeUnknown`.
        """
        response = self._post(operation, variables, time_left)
        self.heard.date = response.headers.get("Date")
        if response.status_code != httpx.codes.OK:
            wait = seconds(response.headers.get("Retry-After"))
            self.heard.asked_to_wait(wait or 0.0)
            _SHOPIFY.fail(operation, _SHOPIFY.meaning(response.status_code), wait)
        envelope = _SHOPIFY.parsed(operation, Envelope, response.content, self.heard)
        points = envelope.left()
        if points is not None:
            self.heard.budget(left=points[0], per_second=points[1])
        for error in envelope.errors:
            _SHOPIFY.fail(operation, CODES.get(error.extensions.code or "", TROUBLE), envelope.retry_after())
        parsed = _parsed(envelope, answer)
        if parsed is None:
            _SHOPIFY.drifted(operation, response.content, self.heard)
        return parsed

    def _post(
        self, operation: Operation, variables: dict[str, JsonValue], time_left: TimeLeft
    ) -> httpx.Response:
        timeout = _SHOPIFY.timeouts(operation, min(self._request_seconds, time_left.left()))
        body = {"query": operation.document, "operationName": operation.name, "variables": variables}
        self.heard.sent()
        return _SHOPIFY.exchange(
            operation, lambda: pool().post(self.url, json=body, headers=self._headers, timeout=timeout)
        )


def connect(channel: Channel, secret: dict[str, str]) -> ShopifyClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `access_token`, and none was granted.
    """
    required(channel, secret, "access_token")
    return ShopifyClient(channel, secret["access_token"])


def grant(channel: Channel, form: dict[str, str]) -> Granted:
    """Ask the shop's token endpoint once; see `nightshift.tools.oauth`.

    Raises:
        Misconfigured: `oauth.refused`: the shop knows no such app, secret or refresh token.
        WireError: it could not be asked.
    """
    url = f"{channel.base_url.rstrip('/')}/admin/oauth/access_token"
    operation = Operation(name="access_token", document="")
    timeout = timeouts(REQUEST_SECONDS)
    return _SHOPIFY.granted(operation, lambda: pool().post(url, data=form, timeout=timeout), _Token)


def _parsed(envelope: Envelope, answer: type[M]) -> M | None:
    try:
        return answer.model_validate(envelope.data)
    except ValidationError:
        return None  # the error quotes the body: it must not travel
