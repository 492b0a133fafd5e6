"""The only HTTP of this adapter: two requests, and what each answer means."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, JsonValue

from functions.adapters.contact.models import Accepted, Form, Found
from nightshift.errors import Misconfigured, Rejected
from nightshift.model.tenant import Channel
from nightshift.outbound import READ, WRITE, Asked, Vendor, pool, timeouts
from nightshift.tools.binding import required
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import OUR_FAULT, SLOW_DOWN, TIMEOUT, TROUBLE, Meaning, seconds

__all__ = ["STATUSES", "ContactClient", "connect"]

M = TypeVar("M", bound=BaseModel)

REQUEST_SECONDS = 8.0

_UNKNOWN_TOKEN = Meaning.both(Misconfigured, "vendor.credentials", "does not know the token")
_NO_ACCESS = Meaning.both(Misconfigured, "vendor.unauthorised", "does not allow it with this token")
_SHAPE = Meaning.unclear("vendor.shape", "answered something else than the protocol says")
_NO_CONVERSATION = Meaning(
    read=Misconfigured, write=Rejected, code="conversation.not_found", says="has no such conversation"
)
_MOVED = Meaning.both(Misconfigured, "vendor.address", "is somewhere else")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _MOVED),
    400: OUR_FAULT,
    401: _UNKNOWN_TOKEN,
    403: _NO_ACCESS,
    404: _NO_CONVERSATION,
    408: TIMEOUT,
    409: Meaning.both(Misconfigured, "vendor.key_reused", "has another message under this key"),
    413: OUR_FAULT,
    415: OUR_FAULT,
    422: Meaning.both(Rejected, "vendor.refused", "refuses the message"),
    429: SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
}  # fmt: skip
"""HTTP statuses; one that is not here is `vendor.trouble`: a read is tried again, a write is unknown."""

_FORM = Vendor(who="the contact form", statuses=STATUSES, no_such=_MOVED, shape=_SHAPE)


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
        self._timeout = timeouts(request_seconds)

    def reply(self, conversation: str, key: str, body: dict[str, JsonValue]) -> Accepted:
        """Send a message into a conversation, once per key.

        Raises:
            WireError: as `STATUSES` says; whatever may have happened is `OutcomeUnknown`.
        """
        url = f"{self.url}/v1/conversations/{quote(conversation, safe='')}/messages"
        headers = {**self._headers, "Idempotency-Key": key}
        self.heard.sent()
        response = _FORM.exchange(
            WRITE, lambda: pool().post(url, json=body, headers=headers, timeout=self._timeout)
        )
        return self._parsed(response, Accepted, WRITE)

    def find(self, key: str) -> Found:
        """The messages that were sent with a key.

        Raises:
            WireError: as `STATUSES` says.
        """
        url = f"{self.url}/v1/messages?key={quote(key, safe='')}"
        self.heard.sent()
        response = _FORM.exchange(READ, lambda: pool().get(url, headers=self._headers, timeout=self._timeout))
        return self._parsed(response, Found, READ)

    def form(self) -> Form:
        """Whose contact form it is, and where it posts messages to.

        Raises:
            WireError: as `STATUSES` says.
        """
        self.heard.sent()
        url = f"{self.url}/v1/form"
        response = _FORM.exchange(READ, lambda: pool().get(url, headers=self._headers, timeout=self._timeout))
        return self._parsed(response, Form, READ)

    def post_to(self, webhook_url: str) -> Form:
        """Have the form post its messages to an address; the same again changes nothing.

        Raises:
            WireError: as `STATUSES` says.
        """
        self.heard.sent()
        url, body = f"{self.url}/v1/form", {"webhook_url": webhook_url}
        response = _FORM.exchange(
            READ, lambda: pool().put(url, json=body, headers=self._headers, timeout=self._timeout)
        )
        return self._parsed(response, Form, READ)

    def _parsed(self, response: httpx.Response, answer: type[M], asked: Asked) -> M:
        self.heard.date = response.headers.get("Date")
        if not response.is_success:
            wait = seconds(response.headers.get("Retry-After"))
            self.heard.asked_to_wait(wait or 0.0)
            _FORM.fail(asked, _FORM.meaning(response.status_code), wait)
        return _FORM.parsed(asked, answer, response.content, self.heard)


def connect(channel: Channel, secret: dict[str, str]) -> ContactClient:
    """The client of one channel.

    Raises:
        Misconfigured: the secret has no `api_token`.
    """
    required(channel, secret, "api_token")
    return ContactClient(channel, secret["api_token"])
