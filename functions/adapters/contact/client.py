"""The only HTTP of this adapter: two requests, and what each answer means."""

import functools
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, JsonValue, ValidationError

from functions.adapters.contact.models import Accepted, Form, Found
from nightshift.errors import Misconfigured, Rejected, Throttled
from nightshift.model.tenant import Channel
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import DROPPED, TIMEOUT, TROUBLE, UNREACHED, Meaning, seconds

__all__ = ["STATUSES", "ContactClient", "connect"]

M = TypeVar("M", bound=BaseModel)

CONNECT_SECONDS = 2.0
REQUEST_SECONDS = 8.0
_WHO = "the contact form"


_UNKNOWN_TOKEN = Meaning.both(Misconfigured, "vendor.credentials", "does not know the token")
_NO_ACCESS = Meaning.both(Misconfigured, "vendor.unauthorised", "does not allow it with this token")
_OUR_FAULT = Meaning.both(Misconfigured, "vendor.request", "does not understand the request")
_SHAPE = Meaning.unclear("vendor.shape", "answered something else than the protocol says")
_NO_CONVERSATION = Meaning(
    read=Misconfigured, write=Rejected, code="conversation.not_found", says="has no such conversation"
)
_MOVED = Meaning.both(Misconfigured, "vendor.address", "is somewhere else")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _MOVED),
    400: _OUR_FAULT,
    401: _UNKNOWN_TOKEN,
    403: _NO_ACCESS,
    404: _NO_CONVERSATION,
    408: TIMEOUT,
    409: Meaning.both(Misconfigured, "vendor.key_reused", "has another message under this key"),
    413: _OUR_FAULT,
    415: _OUR_FAULT,
    422: Meaning.both(Rejected, "vendor.refused", "refuses the message"),
    429: Meaning.both(Throttled, "vendor.throttled", "asks to slow down"),
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
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
        self.heard = Heard()
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._timeout = httpx.Timeout(request_seconds, connect=min(CONNECT_SECONDS, request_seconds))

    def reply(self, conversation: str, key: str, body: dict[str, JsonValue]) -> Accepted:
        """Send a message into a conversation, once per key.

        Raises:
            WireError: as `STATUSES` says; whatever may have happened is `OutcomeUnknown`.
        """
        url = f"{self.url}/v1/conversations/{quote(conversation, safe='')}/messages"
        headers = {**self._headers, "Idempotency-Key": key}
        self.heard.sent()
        response = _sent(
            lambda: _http().post(url, json=body, headers=headers, timeout=self._timeout), writes=True
        )
        return self._parsed(response, Accepted, writes=True)

    def find(self, key: str) -> Found:
        """The messages that were sent with a key.

        Raises:
            WireError: as `STATUSES` says.
        """
        url = f"{self.url}/v1/messages?key={quote(key, safe='')}"
        self.heard.sent()
        response = _sent(lambda: _http().get(url, headers=self._headers, timeout=self._timeout), writes=False)
        return self._parsed(response, Found, writes=False)

    def form(self) -> Form:
        """Whose contact form it is, and where it posts messages to.

        Raises:
            WireError: as `STATUSES` says.
        """
        self.heard.sent()
        url = f"{self.url}/v1/form"
        response = _sent(lambda: _http().get(url, headers=self._headers, timeout=self._timeout), writes=False)
        return self._parsed(response, Form, writes=False)

    def post_to(self, webhook_url: str) -> Form:
        """Have the form post its messages to an address; the same again changes nothing.

        Raises:
            WireError: as `STATUSES` says.
        """
        self.heard.sent()
        url, body = f"{self.url}/v1/form", {"webhook_url": webhook_url}
        response = _sent(
            lambda: _http().put(url, json=body, headers=self._headers, timeout=self._timeout), writes=False
        )
        return self._parsed(response, Form, writes=False)

    def _parsed(self, response: httpx.Response, answer: type[M], *, writes: bool) -> M:
        self.heard.date = response.headers.get("Date")
        if not response.is_success:
            wait = seconds(response.headers.get("Retry-After"))
            self.heard.asked_to_wait(wait or 0.0)
            STATUSES.get(response.status_code, TROUBLE).fail(_WHO, writes=writes, retry_after=wait)
        try:
            parsed = answer.model_validate_json(response.content)
        except ValidationError:
            parsed = None  # the error quotes the body: it must not travel
        if parsed is None:
            self.heard.unexpected(response.content)
            _SHAPE.fail(_WHO, writes=writes)
        return parsed


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
        UNREACHED.fail(_WHO, writes=writes, cause=exc)
    except httpx.TimeoutException as exc:
        TIMEOUT.fail(_WHO, writes=writes, cause=exc)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        _MOVED.fail(_WHO, writes=writes, cause=exc)
    except httpx.TransportError as exc:
        DROPPED.fail(_WHO, writes=writes, cause=exc)
