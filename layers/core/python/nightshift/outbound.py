"""How an adapter's client asks its vendor over HTTP: the pool, the seconds left, and what ends a request.

For clients of adapters' tools alone: httpx stands in a layer that no other function has. What a vendor's
answers mean stays with its adapter, as tables of `Meaning`.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightshift.errors import Misconfigured, Retryable
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import DROPPED, TIMEOUT, TROUBLE, UNREACHED, Meaning, seconds
from nightshift.tools.oauth import Granted

__all__ = [
    "CONNECT_SECONDS",
    "READ",
    "SHAPE",
    "WRITE",
    "Asked",
    "TimeLeft",
    "Token",
    "Vendor",
    "pool",
    "timeouts",
]

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")

CONNECT_SECONDS = 2.0
SHAPE = Meaning.unclear("vendor.shape", "answered something that is not what its specification says")

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NO_TIME = Meaning.both(Retryable, "vendor.slow", "left no time for this request")
_REFUSED_GRANT = Meaning.both(Misconfigured, "oauth.refused", "grants no token for these credentials")
_NO_GRANT = frozenset({400, 401, 403, 404})


class TimeLeft:
    """What is left of the seconds that one tool may take in all.

    Args:
        given: seconds from now on.
        tick: monotonic seconds.
    """

    def __init__(self, given: float, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._until = tick() + given

    def left(self) -> float:
        """Seconds left; may be negative."""
        return self._until - self._tick()


class Asked(Protocol):
    """What is to be known of a request when it fails: an adapter's `Operation`, or `READ` or `WRITE`."""

    @property
    def name(self) -> str:
        """What messages call it; empty: they do not."""

    @property
    def writes(self) -> bool:
        """Whether it could change something: an unclear answer to it is `OutcomeUnknown`."""


@dataclass(frozen=True, kw_only=True)
class _Unnamed:
    writes: bool
    name: str = ""


READ, WRITE = _Unnamed(writes=False), _Unnamed(writes=True)
"""Requests of a client that has too few of them to name them."""


class Token(BaseModel):
    """What a token endpoint grants (RFC 6749 §5.1)."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    access_token: str = Field(min_length=1, repr=False)
    expires_in: float = Field(gt=0)
    refresh_token: str | None = Field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """Who is asked, and what its answers mean.

    Args:
        who: its name, as messages begin.
        statuses: what an HTTP status means; one that is not there is `vendor.trouble`.
        no_such: what it means that no request can go to the address.
        shape: what it means that an answer does not fit its model.
    """

    who: str
    statuses: Mapping[int, Meaning]
    no_such: Meaning
    shape: Meaning = SHAPE

    def exchange(self, asked: Asked, request: Callable[[], R]) -> R:
        """Send a request of `pool()`, once, and give its answer whatever its status.

        Raises:
            WireError: there was no answer. What was never sent is no `OutcomeUnknown`.
        """
        try:
            return request()
        except _NEVER_SENT as exc:
            self.fail(asked, UNREACHED, cause=exc)
        except httpx.TimeoutException as exc:
            self.fail(asked, TIMEOUT, cause=exc)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            self.fail(asked, self.no_such, cause=exc)
        except (httpx.TransportError, httpx.DecodingError) as exc:  # cut off, or packed as nothing unpacks
            self.fail(asked, DROPPED, cause=exc)

    def parsed(self, asked: Asked, answer: type[M], body: bytes, heard: Heard) -> M:
        """An answer's body as its model; one that does not fit is reported as drift.

        Raises:
            WireError: it does not fit (`shape`).
        """
        try:
            found = answer.model_validate_json(body)
        except ValidationError:
            found = None  # the error quotes the body: it must not travel
        if found is None:
            self.drifted(asked, body, heard)
        return found

    def drifted(self, asked: Asked, body: bytes, heard: Heard) -> NoReturn:
        """Keep a body that nobody expected for whoever looks into it, and fail.

        Raises:
            WireError: always (`shape`).
        """
        heard.unexpected(body)
        self.fail(asked, self.shape)

    def granted(
        self, asked: Asked, request: Callable[[], httpx.Response], token: type[Token] = Token
    ) -> Granted:
        """Ask a token endpoint once; see `nightshift.tools.oauth.Grant`.

        Raises:
            Misconfigured: `oauth.refused`: it knows no such app, secret or refresh token.
            WireError: it could not be asked.
        """
        response = self.exchange(asked, request)
        if response.status_code in _NO_GRANT:
            self.fail(asked, _REFUSED_GRANT)
        if not response.is_success:
            wait = seconds(response.headers.get("Retry-After"))
            self.fail(asked, self.meaning(response.status_code), wait)
        try:
            found = token.model_validate_json(response.content)
        except ValidationError:
            found = None  # the error quotes the token
        if found is None:
            self.fail(asked, TROUBLE)
        return Granted(
            access_token=found.access_token, expires_in=found.expires_in, refresh_token=found.refresh_token
        )

    def meaning(self, status: int) -> Meaning:
        """What a status means by itself."""
        return self.statuses.get(status, TROUBLE)

    def timeouts(self, asked: Asked, left: float) -> httpx.Timeout:
        """Those of a request that may take so many seconds.

        Raises:
            Retryable: `vendor.slow`: none is left; nothing was sent.
        """
        if left <= 0:
            self.fail(asked, _NO_TIME)
        return timeouts(left)

    def fail(
        self,
        asked: Asked,
        meaning: Meaning,
        retry_after: float | None = None,
        *,
        told: str = "",
        cause: Exception | None = None,
    ) -> NoReturn:
        """Raise what an answer means.

        Args:
            asked: the request.
            meaning: what its answer means.
            retry_after: seconds the vendor asked for.
            told: what else the message may say of the answer; never the vendor's own words.
            cause: what was caught.

        Raises:
            WireError: always.
        """
        what = f"{asked.name}: {told}" if told else asked.name
        meaning.fail(self.who, writes=asked.writes, what=what, retry_after=retry_after, cause=cause)


@functools.cache
def pool() -> httpx.Client:
    """One pool for the whole process: connections are reused between invocations."""
    return httpx.Client(follow_redirects=False, trust_env=False, limits=httpx.Limits(keepalive_expiry=5.0))


def timeouts(given: float) -> httpx.Timeout:
    """Those of a request that may take so many seconds; connecting takes two of them at most."""
    return httpx.Timeout(given, connect=min(CONNECT_SECONDS, given))
