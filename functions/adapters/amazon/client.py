"""The only HTTP of this adapter: one request per operation, and what each answer means."""

import time
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar
from urllib.parse import quote

import httpx
from pydantic import JsonValue, ValidationError

from functions.adapters.amazon.marketplaces import Seller, seller_of, token_url
from functions.adapters.amazon.models import ErrorAnswer, WireModel
from functions.adapters.amazon.operations import Operation
from nightshift.errors import Misconfigured, Rejected
from nightshift.model.tenant import Channel
from nightshift.outbound import TimeLeft, Vendor, pool, timeouts
from nightshift.tools.binding import required
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import OUR_FAULT, SLOW_DOWN, TIMEOUT, TROUBLE, Meaning, seconds
from nightshift.tools.oauth import Granted

__all__ = ["CODES", "STATUSES", "AmazonClient", "connect", "grant"]

M = TypeVar("M", bound=WireModel)

REQUEST_SECONDS = 6.0

_NO_ACCESS = Meaning.both(Misconfigured, "vendor.credentials", "does not know the access token")
_NO_ROLE = Meaning.both(
    Misconfigured, "vendor.unauthorised", "refuses it: a role of the app, or the seller's consent, is missing"
)
_NO_SUCH = Meaning.both(Misconfigured, "vendor.address", "has no such address")
_REFUSED = Meaning.both(Rejected, "listing.refused", "refuses the request")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: OUR_FAULT,
    401: _NO_ACCESS,
    403: _NO_ROLE,
    404: _NO_SUCH,
    406: OUR_FAULT,
    408: TIMEOUT,
    413: OUR_FAULT,
    415: OUR_FAULT,
    422: _REFUSED,
    429: SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
}
"""HTTP statuses; one that is not here is `vendor.trouble`: a read is tried again, a write is unknown."""

CODES: Mapping[str, Meaning] = {
    "NOT_FOUND": Meaning.both(Rejected, "listing.not_found", "has no such listing"),
    "InvalidInput": _REFUSED,
    "QuotaExceeded": SLOW_DOWN,
}
"""`errors[].code` of a 4xx answer; an unknown one means what its status means."""

_AMAZON = Vendor(who="Amazon", statuses=STATUSES, no_such=_NO_SUCH)

_ABOUT_THE_TOKEN = "access token"  # noqa: S105  # words of Amazon: an expired one is a 403 like a missing role


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

    def within(self, given: float) -> TimeLeft:
        """So many seconds from now, for all that a tool does."""
        return TimeLeft(given, self._tick)

    def send(
        self,
        operation: Operation,
        answer: type[M],
        time_left: TimeLeft,
        *,
        sku: str = "",
        body: Mapping[str, JsonValue] | None = None,
    ) -> M:
        """Carry out one operation.

        Raises:
            WireError: as `STATUSES` and `CODES` say; for a write, whatever may have happened is
                `OutcomeUnknown`.
        """
        response = self._asked(operation, time_left, sku=sku, body=body)
        self.heard.date = response.headers.get("Date")
        if not response.is_success:
            self._refused(operation, response)
        return _AMAZON.parsed(operation, answer, response.content, self.heard)

    def _asked(
        self, operation: Operation, time_left: TimeLeft, *, sku: str, body: Mapping[str, JsonValue] | None
    ) -> httpx.Response:
        left = min(self._request_seconds, time_left.left())
        timeout = _AMAZON.timeouts(operation, left)
        path = operation.path.replace("{sellerId}", self.seller.id).replace("{sku}", quote(sku, safe=""))
        query = dict(operation.query)
        if operation.of_marketplace:
            query["marketplaceIds"] = self.seller.marketplace
        self.heard.sent()
        return _AMAZON.exchange(
            operation,
            lambda: pool().request(
                operation.method,
                self.url + path,
                params=query,
                json=body,
                headers=self._headers,
                timeout=timeout,
            ),
        )

    def _refused(self, operation: Operation, response: httpx.Response) -> NoReturn:
        meaning = _meaning(response)
        wait = seconds(response.headers.get("Retry-After"))
        if wait is not None and response.status_code in {429, 503}:
            self.heard.asked_to_wait(wait)
        if meaning is SLOW_DOWN:
            rate = seconds(response.headers.get("x-amzn-RateLimit-Limit"))
            if rate:  # of this operation for this seller; what is left of it Amazon does not say
                self.heard.per_second = rate
        _AMAZON.fail(operation, meaning, wait)


def connect(channel: Channel, secret: dict[str, str]) -> AmazonClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `access_token`, and none was granted.
    """
    if not secret.get("access_token"):
        required(channel, secret, "client_id", "client_secret", "refresh_token", "access_token")
    return AmazonClient(channel, secret["access_token"])


def grant(channel: Channel, form: dict[str, str]) -> Granted:
    """Ask Login with Amazon once; see `nightshift.tools.oauth`. Its refresh tokens stay as they are.

    Raises:
        Misconfigured: `oauth.refused`: it knows no such app, secret or refresh token.
        WireError: it could not be asked.
    """
    operation = Operation(name="token", method="GET", path="")  # asking again harms nothing
    url, timeout = token_url(channel.base_url), timeouts(REQUEST_SECONDS)
    return _AMAZON.granted(operation, lambda: pool().post(url, data=form, timeout=timeout))


def _meaning(response: httpx.Response) -> Meaning:
    by_status = _AMAZON.meaning(response.status_code)
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return by_status
    try:
        said = ErrorAnswer.model_validate_json(response.content).errors
    except ValidationError:
        return by_status
    if by_status is _NO_ROLE and any(_ABOUT_THE_TOKEN in each.details.lower() for each in said):
        return _NO_ACCESS
    return CODES.get(said[0].code, by_status) if said else by_status
