"""The only HTTP of this adapter: one request per operation, and what each answer means."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeVar
from urllib.parse import quote

import httpx
from pydantic import JsonValue, ValidationError

from functions.adapters.ebay.marketplaces import marketplace
from functions.adapters.ebay.models import ErrorAnswer, Nothing, WireModel
from functions.adapters.ebay.operations import TOKEN, Operation
from nightshift.errors import Misconfigured, Rejected, Throttled
from nightshift.model.tenant import Channel
from nightshift.outbound import TimeLeft, Vendor, pool, timeouts
from nightshift.tools.binding import required
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import OUR_FAULT, SLOW_DOWN, TIMEOUT, TROUBLE, Meaning, seconds
from nightshift.tools.oauth import Granted

__all__ = ["ERRORS", "STATUSES", "EbayClient", "Terms", "connect", "grant"]

M = TypeVar("M", bound=WireModel)

REQUEST_SECONDS = 8.0

_UNKNOWN_TOKEN = Meaning.both(Misconfigured, "vendor.credentials", "does not know the access token")
_NO_ACCESS = Meaning.both(Misconfigured, "vendor.unauthorised", "refuses what the seller consented to")
_NO_SUCH = Meaning.both(Misconfigured, "vendor.address", "has nothing at this address")
_SELLER = Meaning.both(Misconfigured, "vendor.set_up", "does not let this seller sell")
_REFUSED = Meaning.both(Rejected, "listing.refused", "refuses it")
_NOT_THERE = Meaning.both(Rejected, "listing.not_found", "has no such listing")
_OF_THE_REQUEST = frozenset({400, 404, 409})

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: OUR_FAULT,
    401: _UNKNOWN_TOKEN,
    402: _SELLER,
    403: _NO_ACCESS,
    404: _NO_SUCH,
    406: OUR_FAULT,
    408: TIMEOUT,
    413: OUR_FAULT,
    415: OUR_FAULT,
    422: _REFUSED,
    423: _SELLER,
    429: SLOW_DOWN,
    430: SLOW_DOWN,
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

_EBAY = Vendor(who="eBay", statuses=STATUSES, no_such=_NO_SUCH)


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
        query: Mapping[str, str] | None = None,
        body: JsonValue = None,
    ) -> M:
        """Carry out one operation.

        Args:
            operation: what is asked.
            answer: what it comes back as.
            time_left: what is left for it.
            ref: the id in the path.
            query: what is asked for.
            body: what is sent.

        Raises:
            WireError: as `STATUSES` and `ERRORS` say; for a write, whatever may have happened is
                `OutcomeUnknown`.
        """
        response = self._asked(operation, time_left, ref=ref, query=query or {}, body=body)
        self.heard.date = response.headers.get("Date")
        if not response.is_success:
            self._refused(operation, response)
        says_nothing = answer is Nothing and not response.content
        said = b"{}" if says_nothing else response.content
        return _EBAY.parsed(operation, answer, said, self.heard)

    def _asked(
        self,
        operation: Operation,
        time_left: TimeLeft,
        *,
        ref: str,
        query: Mapping[str, str],
        body: JsonValue,
    ) -> httpx.Response:
        left = min(self._request_seconds, time_left.left())
        timeout = _EBAY.timeouts(operation, left)
        url = self.url + operation.path.replace("{id}", quote(ref, safe=""))
        headers = dict(self._headers)
        if operation.worded:
            headers["Content-Language"] = self.marketplace.language
        self.heard.sent()
        return _EBAY.exchange(
            operation,
            lambda: pool().request(
                operation.method, url, params=dict(query) or None, json=body, headers=headers, timeout=timeout
            ),
        )

    def _refused(self, operation: Operation, response: httpx.Response) -> NoReturn:
        wait = seconds(response.headers.get("Retry-After"))
        if wait is not None:
            self.heard.asked_to_wait(wait)
        by_status = _EBAY.meaning(response.status_code)
        try:
            errors = ErrorAnswer.model_validate_json(response.content).errors
        except ValidationError:
            _EBAY.fail(operation, by_status, wait)
        ids = ", ".join(str(each.error_id) for each in errors)
        known = next((ERRORS[each.error_id] for each in errors if each.error_id in ERRORS), None)
        refused = response.status_code in _OF_THE_REQUEST and any(e.category == "REQUEST" for e in errors)
        _EBAY.fail(operation, known or (_REFUSED if refused else by_status), wait, told=ids)


def connect(channel: Channel, secret: dict[str, str]) -> EbayClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret lacks a field, or the channel's account is no marketplace.
    """
    wanted = ("access_token", "location", "fulfillment_policy", "payment_policy", "return_policy")
    required(channel, secret, *wanted)
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
    timeout = timeouts(REQUEST_SECONDS)
    return _EBAY.granted(TOKEN, lambda: pool().post(url, data=sent, auth=app, timeout=timeout))
