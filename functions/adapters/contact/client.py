"""The only HTTP of this adapter: two requests, and what each answer means."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, JsonValue, ValidationError

from functions.adapters.contact.models import Accepted, Found
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled, WireError
from nightshift.model.tenant import Channel

__all__ = ["STATUSES", "ContactClient", "Meaning", "connect"]

M = TypeVar("M", bound=BaseModel)

CONNECT_SECONDS = 2.0
REQUEST_SECONDS = 8.0
_DEFAULT_WAIT = 2.0


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What an answer means for a read and for a write, as a wire error with its code."""

    read: type[WireError]
    write: type[WireError]
    code: str
    says: str


def _both(error: type[WireError], code: str, says: str) -> Meaning:
    return Meaning(read=error, write=error, code=code, says=says)


def _unclear(code: str, says: str) -> Meaning:
    return Meaning(read=Retryable, write=OutcomeUnknown, code=code, says=says)


_NO_ACCESS = _both(Misconfigured, "vendor.unauthorised", "refuses the token")
_OUR_FAULT = _both(Misconfigured, "vendor.request", "does not understand the request")
_TROUBLE = _unclear("vendor.trouble", "is in trouble")
_TIMEOUT = _unclear("vendor.timeout", "did not answer in time")
_DROPPED = _unclear("vendor.dropped", "broke off before it answered")
_SHAPE = _unclear("vendor.shape", "answered something else than the protocol says")
_UNREACHED = _both(Retryable, "vendor.unreached", "could not be reached")
_NO_CONVERSATION = Meaning(
    read=Misconfigured, write=Rejected, code="conversation.not_found", says="has no such conversation"
)
_MOVED = _both(Misconfigured, "vendor.address", "is somewhere else")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _MOVED),
    400: _OUR_FAULT,
    401: _NO_ACCESS,
    403: _NO_ACCESS,
    404: _NO_CONVERSATION,
    408: _TIMEOUT,
    409: _both(Misconfigured, "vendor.key_reused", "has another message under this key"),
    413: _OUR_FAULT,
    415: _OUR_FAULT,
    422: _both(Rejected, "vendor.refused", "refuses the message"),
    429: _both(Throttled, "vendor.throttled", "asks to slow down"),
    **dict.fromkeys((500, 502, 503, 504), _TROUBLE),
}  # fmt: skip
"""HTTP statuses; one that is not here is `vendor.trouble`: a read is tried again, a write is unknown."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class ContactClient:
    """One channel's contact form.

    Args:
        channel: whose `base_url` is asked.
        token: the bearer token; it goes into a header and nowhere else.
        request_seconds: how long one request may take.
    """

    def __init__(self, channel: Channel, token: str, *, request_seconds: float = REQUEST_SECONDS) -> None:
        self.url = channel.base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._timeout = httpx.Timeout(request_seconds, connect=min(CONNECT_SECONDS, request_seconds))

    def reply(self, conversation: str, key: str, body: dict[str, JsonValue]) -> Accepted:
        """Send a message into a conversation, once per key.

        Raises:
            WireError: as `STATUSES` says; whatever may have happened is `OutcomeUnknown`.
        """
        url = f"{self.url}/v1/conversations/{quote(conversation, safe='')}/messages"
        headers = {**self._headers, "Idempotency-Key": key}
        response = _sent(
            lambda: _http().post(url, json=body, headers=headers, timeout=self._timeout), writes=True
        )
        return _parsed(response, Accepted, writes=True)

    def find(self, key: str) -> Found:
        """The messages that were sent with a key.

        Raises:
            WireError: as `STATUSES` says.
        """
        url = f"{self.url}/v1/messages?key={quote(key, safe='')}"
        response = _sent(lambda: _http().get(url, headers=self._headers, timeout=self._timeout), writes=False)
        return _parsed(response, Found, writes=False)


def connect(channel: Channel, secret: dict[str, str]) -> ContactClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `api_token`.
    """
    token = secret.get("api_token", "")
    if not token:
        message = f"the secret of channel {channel.id} has no api_token"
        raise Misconfigured(message, code="secret.field")
    return ContactClient(channel, token)


@functools.cache
def _http() -> httpx.Client:
    """One pool for the whole process: connections are reused between invocations."""
    return httpx.Client(follow_redirects=False, trust_env=False, limits=httpx.Limits(keepalive_expiry=5.0))


def _sent(request: Callable[[], httpx.Response], *, writes: bool) -> httpx.Response:
    try:
        return request()
    except _NEVER_SENT as exc:
        _fail(_UNREACHED, writes=writes, cause=exc)
    except httpx.TimeoutException as exc:
        _fail(_TIMEOUT, writes=writes, cause=exc)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        _fail(_MOVED, writes=writes, cause=exc)
    except httpx.TransportError as exc:
        _fail(_DROPPED, writes=writes, cause=exc)


def _parsed(response: httpx.Response, answer: type[M], *, writes: bool) -> M:
    if not response.is_success:
        meaning = STATUSES.get(response.status_code, _TROUBLE)
        _fail(meaning, writes=writes, retry_after=_seconds(response.headers.get("Retry-After", "")))
    try:
        parsed = answer.model_validate_json(response.content)
    except ValidationError:
        parsed = None  # the error quotes the body: it must not travel
    if parsed is None:
        _fail(_SHAPE, writes=writes)
    return parsed


def _fail(
    meaning: Meaning, *, writes: bool, retry_after: float | None = None, cause: Exception | None = None
) -> NoReturn:
    error = meaning.write if writes else meaning.read
    if error is Throttled and retry_after is None:
        retry_after = _DEFAULT_WAIT
    message = f"the contact form {meaning.says}"
    raise error(message, code=meaning.code, retry_after=retry_after) from cause


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        return None
