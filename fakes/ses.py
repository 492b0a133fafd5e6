"""A stand-in for one SES account: an outbox, the events it publishes, and mail that it receives for us."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fakes.faults import Broken, Fault, Faults, refusal

__all__ = ["Inbound", "SentMailRecord", "SesFake", "inbound"]

_HEADERS = 15
_FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:mail"
_REGION = "us-east-1"
_EVENT_NAMES = {
    "Send": "Email Sent",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
    "Reject": "Email Rejected",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Content(_Strict):
    Data: str = Field(min_length=1)
    Charset: str = "UTF-8"


class _Body(_Strict):
    Text: _Content


class _Header(_Strict):
    Name: str = Field(min_length=1, max_length=126, pattern=r"^[!-9;-@A-~]+$")
    Value: str = Field(min_length=1, max_length=995, pattern=r"^[ -~]*$")


class _Simple(_Strict):
    Subject: _Content
    Body: _Body
    Headers: list[_Header] = Field(default=[], max_length=_HEADERS)


class _Message(_Strict):
    Simple: _Simple


class _Destination(_Strict):
    ToAddresses: list[str] = Field(min_length=1, max_length=50)


class _Tag(_Strict):
    Name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,256}$")
    Value: str = Field(pattern=r"^[A-Za-z0-9_-]{1,256}$")


class _Send(_Strict):
    FromEmailAddress: str
    Destination: _Destination
    ReplyToAddresses: list[str] = []
    FeedbackForwardingEmailAddress: str = ""
    Content: _Message
    EmailTags: list[_Tag] = []
    ConfigurationSetName: str = ""


@dataclass(frozen=True, kw_only=True)
class SentMailRecord:
    """One mail in the outbox. `message_id` is what the receiver sees."""

    id: str
    message_id: str
    sender: str
    to: str
    reply_to: str
    subject: str
    text: str
    headers: dict[str, str]
    tags: dict[str, str]
    sent_at: str


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """A mail that SES received: what it stores under `id`, and the event that the Lambda gets."""

    id: str
    raw: bytes
    event: dict[str, Any]


class SesFake:
    """One account.

    Attributes:
        mails: the outbox, in order.
        requests: counted by operation (`SendEmail`).
        bodies: of the requests, as they came.
        events: what was published to EventBridge, in order.
        verified: addresses and domains that may be sent from; empty: any.
        entered: addresses and domains that were entered and are not verified yet.
        tags: of addresses and domains that were entered.
        suppressed: addresses whose mail comes back at once.
        listeners: each is called with every event as it is published, before the sender is answered.
        publishes: whether events are published at all; SES does so at best effort.
    """

    def __init__(self, account: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.account = account
        self.now = now
        self.faults = Faults()
        self._lock = threading.RLock()
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        self.reset()

    def reset(self) -> None:
        """An empty outbox, no faults; listeners stay."""
        with self._lock:
            self.mails: list[SentMailRecord] = []
            self.requests: Counter[str] = Counter()
            self.bodies: list[dict[str, Any]] = []
            self.events: list[dict[str, Any]] = []
            self.verified: set[str] = set()
            self.entered: set[str] = set()
            self.tags: dict[str, dict[str, str]] = {}
            self.suppressed: set[str] = set()
            self.configuration_sets = {"nightshift-dev"}
            self.publishes = True
            self.faults.clear()

    def fail(self, kind: str, operation: str = "*", *, times: int = 1, seconds: float = 30.0) -> None:
        """Ask for a fault; see `Fault`."""
        fields = {"kind": kind, "operation": operation, "times": times, "seconds": seconds}
        self.faults.add(Fault.model_validate(fields))

    def ledger(self) -> dict[str, Any]:
        """The outbox as JSON."""
        with self._lock:
            return {"mails": [asdict(m) for m in self.mails], "requests": dict(self.requests)}

    async def answer(self, request: Request, path: str) -> Response:
        """One HTTP request; `path` is what follows the account's address."""
        if path.startswith("_"):
            return await self._administer(request, path)
        if not request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
            return _error(403, "MissingAuthenticationTokenException")
        if (request.method, path) != ("POST", "v2/email/outbound-emails"):
            return self._read(path) if request.method == "GET" else _error(404, "NotFoundException")
        body = await request.body()
        with self._lock:
            self.requests["SendEmail"] += 1
        fault = self.faults.take(["SendEmail"])
        refused = await refusal(fault) if fault is not None else None
        if refused is not None:
            return refused
        done = self._send(body)
        if fault is not None and fault.kind in {"drop_after", "hang_after"}:
            return Broken(fault.seconds if fault.kind == "hang_after" else 0)
        return done

    def _read(self, path: str) -> Response:
        name = path.removeprefix("v2/email/identities/")
        if name == path or (self.verified and name not in self.verified and name not in self.entered):
            return _error(404, "NotFoundException", "Email identity does not exist.")
        tags = [{"Key": key, "Value": value} for key, value in self.tags.get(name, {}).items()]
        return JSONResponse(
            {"VerifiedForSendingStatus": not self.verified or name in self.verified, "Tags": tags}
        )

    def _send(self, body: bytes) -> Response:
        try:
            given = _Send.model_validate_json(body)
        except ValidationError as exc:
            return _error(400, "BadRequestException", str(exc.error_count()))
        if given.ConfigurationSetName not in self.configuration_sets:
            return _error(404, "NotFoundException", "no such configuration set")
        if (
            self.verified
            and not {given.FromEmailAddress, given.FromEmailAddress.partition("@")[2]} & self.verified
        ):
            return _error(400, "MessageRejected", "Email address is not verified.")
        with self._lock:
            self.bodies.append(json.loads(body))
            mail = self._booked(given)
        self._publish("Send", mail)
        if mail.to in self.suppressed:
            self.bounce(mail)
        return JSONResponse({"MessageId": mail.id})

    def _booked(self, given: _Send) -> SentMailRecord:
        name = f"0100{len(self.mails) + 1:012x}-{sha256(self.account.encode()).hexdigest()[:8]}-000000"
        simple = given.Content.Simple
        mail = SentMailRecord(
            id=name,
            message_id=f"<{name}@email.amazonses.com>",
            sender=given.FromEmailAddress,
            to=given.Destination.ToAddresses[0],
            reply_to=next(iter(given.ReplyToAddresses), ""),
            subject=simple.Subject.Data,
            text=simple.Body.Text.Data,
            headers={header.Name: header.Value for header in simple.Headers},
            tags={tag.Name: tag.Value for tag in given.EmailTags},
            sent_at=self.now().isoformat(),
        )
        self.mails.append(mail)
        return mail

    def bounce(self, mail: SentMailRecord, status: str = "5.1.1") -> dict[str, Any]:
        """A mail of ours comes back: published as an event."""
        returned = {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": mail.to, "action": "failed", "status": status}],
            "timestamp": self.now().isoformat(),
        }
        return self._publish("Bounce", mail, bounce=returned)

    def complain(self, mail: SentMailRecord) -> dict[str, Any]:
        """Its receiver marks a mail of ours as spam."""
        told = {"complainedRecipients": [{"emailAddress": mail.to}], "timestamp": self.now().isoformat()}
        return self._publish("Complaint", mail, complaint=told)

    def _publish(self, kind: str, mail: SentMailRecord, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
        tags = {name: [value] for name, value in mail.tags.items()}
        event = {
            "version": "0",
            "id": sha256(f"{kind}{mail.id}".encode()).hexdigest()[:32],
            "detail-type": _EVENT_NAMES[kind],
            "source": "aws.ses",
            "account": "000000000000",
            "time": self.now().isoformat(),
            "region": _REGION,
            "resources": [],
            "detail": {
                "eventType": kind,
                "mail": {
                    "timestamp": mail.sent_at,
                    "source": mail.sender,
                    "messageId": mail.id,
                    "destination": [mail.to],
                    "tags": {"ses:configuration-set": ["nightshift-dev"], **tags},
                },
                **({"send": {}} if kind == "Send" else more),
            },
        }
        if self.publishes:
            with self._lock:
                self.events.append(event)
            for listener in self.listeners:
                listener(event)
        return event

    def returned(self, mail: SentMailRecord) -> bytes:
        """The report that a mail server sends when it cannot deliver a mail of ours."""
        original = "".join(f"{name}: {value}\r\n" for name, value in mail.headers.items())
        return (
            f"From: MAILER-DAEMON@email.amazonses.com\r\nTo: {mail.reply_to}\r\n"
            f"Subject: Delivery Status Notification (Failure)\r\n"
            f"Message-ID: <dsn-{mail.id}@email.amazonses.com>\r\n"
            "MIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"\r\n\r\n'
            "--b1\r\nContent-Type: text/plain\r\n\r\nAn error occurred while trying to deliver the mail.\r\n"
            "--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; amazonses.com\r\n\r\n"
            f"Action: failed\r\nFinal-Recipient: rfc822; {mail.to}\r\nStatus: 5.1.1\r\n\r\n"
            f"--b1\r\nContent-Type: message/rfc822\r\n\r\nFrom: {mail.sender}\r\nTo: {mail.to}\r\n"
            f"Message-ID: {mail.message_id}\r\n{original}Subject: {mail.subject}\r\n\r\n"
            f"{mail.text}\r\n--b1--\r\n"
        ).encode()

    async def _administer(self, request: Request, path: str) -> Response:
        if request.method == "GET" and path == "_books":
            return JSONResponse(self.ledger())
        try:
            given = json.loads(await request.body() or b"{}")
            if path == "_faults":
                self.faults.add(Fault.model_validate(given))
            elif path == "_reset":
                self.reset()
            else:
                return JSONResponse({"error": f"no such endpoint: {path}"}, 400)
        except (ValidationError, ValueError) as exc:
            return JSONResponse({"error": str(exc)}, 400)
        return JSONResponse({"ok": True})


def _error(status: int, name: str, message: str = "") -> Response:
    return JSONResponse({"message": message or name}, status, {"x-amzn-ErrorType": name})


def inbound(
    raw: bytes,
    *recipients: str,
    at: datetime,
    verdicts: dict[str, str] | None = None,
    source: str | None = None,
    id: str | None = None,  # noqa: A002  # SES's own word
) -> Inbound:
    """What SES makes of a mail that comes in: the object it stores, and the event of its receipt rule.

    Args:
        raw: the mail as it came over the wire.
        recipients: of its envelope.
        at: when it came.
        verdicts: other than PASS, by name (`dmarc`, `spam`, `virus`, `spf`, `dkim`).
        source: the envelope's sender; as a rule that of the From. Empty: a bounce.
        id: SES's message id; as a rule made from the mail.
    """
    head = message_from_bytes(raw[:100_000])
    claimed = [str(value) for value in head.get_all("From", [])]
    name = id or sha256(raw + at.isoformat().encode()).hexdigest()[:40]
    given = {"dmarc": "PASS", "spam": "PASS", "virus": "PASS", "spf": "PASS", "dkim": "PASS"} | (
        verdicts or {}
    )
    mail = {
        "timestamp": at.isoformat(),
        "source": claimed[0] if source is None and claimed else source or "",
        "messageId": name,
        "destination": list(recipients),
        "headersTruncated": False,
        "headers": [{"name": n, "value": str(v)[:200]} for n, v in list(head.items())[:50]],
        "commonHeaders": {
            "from": claimed,
            "to": [str(value) for value in head.get_all("To", [])],
            "date": str(head.get("Date", format_datetime(at))),
            "messageId": str(head.get("Message-ID", "")),
            "subject": str(head.get("Subject", "")),
        },
    }
    receipt = {
        "timestamp": at.isoformat(),
        "processingTimeMillis": 574,
        "recipients": list(recipients),
        **{f"{verdict}Verdict": {"status": status} for verdict, status in given.items()},
        "action": {
            "type": "Lambda",
            "functionArn": _FUNCTION,
            "invocationType": "Event",
        },
    }
    record = {"eventSource": "aws:ses", "eventVersion": "1.0", "ses": {"mail": mail, "receipt": receipt}}
    return Inbound(id=name, raw=raw, event={"Records": [record]})
