"""The only HTTP of this adapter: one GET of a signed feed, and what each answer means."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

import httpx

from nightshift.clock import Clock, SystemClock
from nightshift.errors import Misconfigured, Rejected
from nightshift.model.tenant import Channel
from nightshift.outbound import READ, Vendor, pool, timeouts
from nightshift.tools.binding import required
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import OUR_FAULT, SLOW_DOWN, TIMEOUT, TROUBLE, Meaning, seconds

__all__ = ["SHAPE", "STATUSES", "FeedClient", "SignedFeed", "connect"]

REQUEST_SECONDS = 10.0
MOST_BYTES = 8_000_000
_STAMP = 12  # digits of a stamp; more is no time

_UNKNOWN_TOKEN = Meaning.both(Misconfigured, "vendor.credentials", "does not know the token")
_NO_ACCESS = Meaning.both(Misconfigured, "vendor.unauthorised", "does not let this token read it")
_NO_SUCH = Meaning.both(Misconfigured, "vendor.address", "is not at this address")
_TOO_LARGE = Meaning.both(Misconfigured, "feed.too_large", f"has more than {MOST_BYTES} bytes")
_FORGED = Meaning.both(Misconfigured, "feed.signature", "is not signed with the secret that we share")
_ANOTHERS = Meaning.both(Misconfigured, "feed.account", "is another account's")
SHAPE = Meaning.unclear("vendor.shape", "is not what its protocol says")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_SUCH),
    400: OUR_FAULT,
    401: _UNKNOWN_TOKEN,
    402: _NO_ACCESS,
    403: _NO_ACCESS,
    404: _NO_SUCH,
    406: OUR_FAULT,
    408: TIMEOUT,
    413: OUR_FAULT,
    415: OUR_FAULT,
    422: Meaning.both(Rejected, "vendor.refused", "refuses the request"),
    423: _NO_ACCESS,
    429: SLOW_DOWN,
    430: SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
}
"""HTTP statuses; one that is not here is `vendor.trouble`."""

_FEED = Vendor(who="The price feed", statuses=STATUSES, no_such=_NO_SUCH, shape=SHAPE)


@dataclass(frozen=True, kw_only=True)
class SignedFeed:
    """A feed whose signature fits: when it was made, its bytes, and whether they are CSV."""

    as_of: datetime
    body: bytes
    csv: bool


class FeedClient:
    """One channel's feed.

    Args:
        channel: whose `base_url` is asked, and whose `account` the feed must name.
        token: goes into a header and nowhere else.
        secrets: what the feed may be signed with: two while one is rolled.
        clock: says how old a feed is.
        request_seconds: how long the request may take in all.
        tick: monotonic seconds.
    """

    def __init__(
        self,
        channel: Channel,
        token: str,
        secrets: tuple[str, ...],
        *,
        clock: Clock | None = None,
        request_seconds: float = REQUEST_SECONDS,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = f"{channel.base_url.rstrip('/')}/v1/prices"
        self.account = channel.account
        self.clock = clock or SystemClock()
        self.heard = Heard()
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/csv;q=0.9"}
        self._secrets = secrets
        self._seconds = request_seconds
        self._tick = tick

    def feed(self) -> SignedFeed:
        """The feed as it is now.

        Raises:
            WireError: as `STATUSES` says; `Misconfigured`, `feed.signature` or `feed.account`: it is
                not the feed that we agreed on.
        """
        response, body = self._fetched()
        self.heard.date = response.headers.get("Date")
        if response.status_code != httpx.codes.OK:
            wait = seconds(response.headers.get("Retry-After"))
            if wait is not None:
                self.heard.asked_to_wait(wait)
            _FEED.fail(READ, _FEED.meaning(response.status_code), wait)
        return self._verified(response, body)

    def odd(self, body: bytes) -> NoReturn:
        """Say that a signed feed has another shape than its protocol.

        Raises:
            Retryable: `vendor.shape`.
        """
        _FEED.drifted(READ, body, self.heard)

    def _verified(self, response: httpx.Response, body: bytes) -> SignedFeed:
        stamp = response.headers.get("X-Nightshift-Timestamp", "")
        account = response.headers.get("X-Nightshift-Account", "")
        signature = response.headers.get("X-Nightshift-Signature", "")
        a_stamp = stamp.isascii() and stamp.isdecimal() and len(stamp) <= _STAMP
        if not a_stamp or not account or not signature.startswith("v1="):
            self.odd(body)
        signed = f"{stamp}.{account}.".encode() + body
        expected = [hmac.new(each.encode(), signed, hashlib.sha256).hexdigest() for each in self._secrets]
        given = signature.removeprefix("v1=").encode()
        if not any(hmac.compare_digest(each.encode(), given) for each in expected):
            _FEED.fail(READ, _FORGED)
        if account != self.account:
            _FEED.fail(READ, _ANOTHERS)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in {"application/json", "text/csv"}:
            self.odd(body)
        try:
            as_of = datetime.fromtimestamp(int(stamp), tz=UTC)
        except (ValueError, OverflowError, OSError):
            self.odd(body)
        return SignedFeed(as_of=as_of, body=body, csv=kind == "text/csv")

    def _fetched(self) -> tuple[httpx.Response, bytes]:
        until = self._tick() + self._seconds
        self.heard.sent()
        return _FEED.exchange(READ, lambda: self._streamed(until))

    def _streamed(self, until: float) -> tuple[httpx.Response, bytes]:
        timeout = timeouts(self._seconds)
        with pool().stream("GET", self.url, headers=self._headers, timeout=timeout) as response:
            return response, self._read(response, until)

    def _read(self, response: httpx.Response, until: float) -> bytes:
        """The body, as long as it comes in time and is not too large."""
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                _FEED.fail(READ, _TOO_LARGE)
            if self._tick() > until:
                _FEED.fail(READ, TIMEOUT)
        return bytes(body)


def connect(channel: Channel, secret: dict[str, str]) -> FeedClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `api_token` or no `feed_secret`.
    """
    required(channel, secret, "api_token", "feed_secret")
    shared = (secret["feed_secret"], secret.get("feed_secret_previous", ""))
    return FeedClient(channel, secret["api_token"], tuple(filter(None, shared)))
