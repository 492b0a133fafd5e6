"""The only HTTP of this adapter: `SendEmail`, sent once, and what each answer means."""

import functools
import logging
from collections.abc import Mapping
from typing import Any, NoReturn

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ProxyConnectionError,
    ReadTimeoutError,
)
from botocore.session import get_session
from pydantic import ValidationError

from functions.adapters.ses.models import Accepted, Identity
from nightshift.aws.client import client as aws_client
from nightshift.aws.mail import DynamoSentMails
from nightshift.errors import Misconfigured, Rejected
from nightshift.ids import TenantId
from nightshift.model.tenant import Channel
from nightshift.ports.mail import SentMail, SentMails
from nightshift.settings import Settings
from nightshift.tools.binding import required
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import (
    DROPPED,
    OUR_FAULT,
    SLOW_DOWN,
    TIMEOUT,
    TROUBLE,
    UNREACHED,
    Meaning,
    seconds,
)

__all__ = ["CODES", "STATUSES", "SesClient", "SesSettings", "connect"]

CONNECT_SECONDS = 2.0
REQUEST_SECONDS = 8.0
_WHO = "SES"
_TOO_MANY = 30.0  # seconds to wait where SES names none and a quota is used up

# botocore writes whole requests at DEBUG: addresses and texts must not reach a log, whatever its level.
logging.getLogger("botocore").setLevel(logging.INFO)

_UNKNOWN = Meaning.both(Misconfigured, "vendor.credentials", "does not know this function's credentials")
_NO_ACCESS = Meaning.both(Misconfigured, "vendor.unauthorised", "does not let this function send")
_NOT_SET_UP = Meaning.both(
    Misconfigured, "vendor.set_up", "cannot send from this address: look at its identity"
)
_STOPPED = Meaning.both(Misconfigured, "vendor.stopped", "has stopped this account's sending")
_REFUSED = Meaning.both(Rejected, "vendor.refused", "refuses the message")
_MOVED = Meaning.both(Misconfigured, "vendor.address", "is somewhere else")
_SHAPE = Meaning.unclear("vendor.shape", "answered something else than its specification says")

STATUSES: Mapping[int, Meaning] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _MOVED),
    400: OUR_FAULT,
    401: _UNKNOWN,
    403: _NO_ACCESS,
    404: _NOT_SET_UP,
    408: TIMEOUT,
    413: OUR_FAULT,
    415: OUR_FAULT,
    422: _REFUSED,
    429: SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), TROUBLE),
}
"""HTTP statuses; one that is not here is `vendor.trouble`: whether it was sent is unknown."""

CODES: Mapping[str, Meaning] = {
    "AccountSuspendedException": _STOPPED,
    "SendingPausedException": _STOPPED,
    "MailFromDomainNotVerifiedException": _NOT_SET_UP,
    "NotFoundException": _NOT_SET_UP,
    "MessageRejected": _REFUSED,
    "LimitExceededException": SLOW_DOWN,
    "TooManyRequestsException": SLOW_DOWN,
}
"""SES's own names for errors; they say more than their status."""


class SesSettings(Settings):
    """What this adapter's functions have besides those of every adapter."""

    table_ingress: str


class SesClient:
    """One channel's way of sending mail.

    SES takes no idempotency key, so nothing here ever sends a second time: botocore's own retries are off.

    Args:
        channel: whose `account` is the address we send from, and whose `base_url` is asked.
        configuration_set: makes SES publish what becomes of each mail, which is how it is found again.
        sent: what SES published.
        request_seconds: how long the request may take.
    """

    def __init__(
        self,
        channel: Channel,
        configuration_set: str,
        sent: SentMails,
        *,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self.url = channel.base_url.rstrip("/")
        self.account = channel.account
        self.channel = channel.id
        self.tenant: TenantId = channel.tenant
        self.heard = Heard()
        self._configuration_set = configuration_set
        self._sent = sent
        self._seconds = request_seconds

    def send(self, message: dict[str, Any]) -> Accepted:
        """Send one mail: the members of `SendEmail`, but for the configuration set.

        Raises:
            WireError: as `STATUSES` and `CODES` say; whatever may have happened is `OutcomeUnknown`.
        """
        self.heard.sent()
        wire = _wire(self.url, self._seconds)
        try:
            answer = wire.ses.send_email(**message, ConfigurationSetName=self._configuration_set)
        except ClientError as exc:
            self._refused(exc)
        except BotoCoreError as exc:
            _failed(exc)
        try:
            parsed = Accepted.model_validate(answer)
        except ValidationError:
            parsed = None  # the error quotes the answer: it must not travel
        if parsed is None:
            self.heard.unexpected(wire.body)
            _SHAPE.fail(_WHO, writes=True)
        return parsed

    def identity(self, name: str) -> Identity | None:
        """An address or domain as SES knows it; None: it was never entered.

        Raises:
            WireError: as `STATUSES` and `CODES` say, of a read.
        """
        self.heard.sent()
        wire = _wire(self.url, self._seconds)
        try:
            answer = wire.ses.get_email_identity(EmailIdentity=name)
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") == "NotFoundException":
                return None
            self._refused(exc, writes=False)
        except BotoCoreError as exc:
            _failed(exc, writes=False)
        self.heard.date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return Identity.model_validate(answer)

    def find(self, key: str) -> SentMail | None:
        """What SES published of the mail with this key; None: nothing, or nothing yet."""
        return self._sent.find(self.tenant, key)

    def _refused(self, error: ClientError, *, writes: bool = True) -> NoReturn:
        response: Mapping[str, Any] = error.response
        code = str(response.get("Error", {}).get("Code", ""))
        told = response.get("ResponseMetadata", {})
        meaning = CODES.get(code) or STATUSES.get(told.get("HTTPStatusCode", 0), TROUBLE)
        wait = seconds(told.get("HTTPHeaders", {}).get("retry-after"))
        if meaning is SLOW_DOWN:
            wait = wait if wait is not None else _TOO_MANY if code == "LimitExceededException" else None
            self.heard.asked_to_wait(wait or 1.0)
        meaning.fail(_WHO, writes=writes, retry_after=wait)


def _failed(error: BotoCoreError, *, writes: bool = True) -> NoReturn:
    match error:
        case EndpointConnectionError() | ConnectTimeoutError() | ProxyConnectionError():
            meaning = UNREACHED
        case ReadTimeoutError():
            meaning = TIMEOUT
        case HTTPClientError():
            meaning = DROPPED
        case NoCredentialsError() | NoRegionError():
            meaning = _NO_ACCESS
        case ParamValidationError():
            meaning = OUR_FAULT
        case _:
            meaning = _SHAPE
    meaning.fail(_WHO, writes=writes)  # without its cause: botocore quotes what it could not send or read


class _Wire:
    """A client of one endpoint, and the body of its last answer as it came."""

    def __init__(self, ses: Any) -> None:  # noqa: ANN401  # botocore makes its clients when they are asked for
        self.ses = ses
        self.body = b""
        ses.meta.events.register("before-parse.sesv2.SendEmail", self._keep)

    def _keep(self, response_dict: Mapping[str, Any], **_: object) -> None:
        body = response_dict.get("body", b"")
        self.body = body if isinstance(body, bytes) else b""


@functools.cache
def _wire(url: str, request_seconds: float) -> _Wire:
    config = Config(
        connect_timeout=min(CONNECT_SECONDS, request_seconds),
        read_timeout=request_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    return _Wire(get_session().create_client("sesv2", endpoint_url=url, config=config))


def connect(channel: Channel, secret: dict[str, str]) -> SesClient:
    """The client of one channel; credentials are those of the function's own role.

    Raises:
        Misconfigured: the secret has no `configuration_set`.
    """
    required(channel, secret, "configuration_set")
    table = SesSettings.load().table_ingress
    return SesClient(channel, secret["configuration_set"], DynamoSentMails(table, aws_client("dynamodb")))
