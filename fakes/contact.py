"""A stand-in for one store's contact form: conversations, an outbox, and messages it passes on."""

import hashlib
import hmac
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fakes.faults import Broken, Fault, Faults, refusal
from fakes.shopify_hooks import Delivery

__all__ = ["ContactFake", "SentMessage", "sign_contact"]

_ADDRESS = r"https://|http://127\.0\.0\.1|http://[a-z0-9.-]+\.localhost:"  # the local AWS has no TLS
_SEND = re.compile(r"v1/conversations/([^/]+)/messages")


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")

    template: str
    locale: str
    text: str = Field(min_length=1)
    fields: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    """One message in the outbox."""

    id: str
    conversation: str
    key: str
    template: str
    locale: str
    text: str
    fields: dict[str, str]
    sent_at: str


def sign_contact(body: bytes, *, secret: str, account: str, delivery: str, at: datetime) -> Delivery:
    """Sign a raw body as the contact form does: over its timestamp and its bytes."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Nightshift-Signature": f"v1={digest}",
        "X-Nightshift-Timestamp": stamp,
        "X-Nightshift-Delivery": delivery,
        "X-Nightshift-Account": account,
    }
    return Delivery(topic="message", body=body, headers=headers)


class ContactFake:
    """One store's contact form.

    Attributes:
        store: its account, as its webhooks name it.
        api_token: what `Authorization: Bearer` must carry.
        webhook_secret: what messages to us are signed with.
        messages: the outbox: what customers were sent, in order.
        requests: counted by operation (`reply`, `find`).
        honour_keys: whether a second message with the same key gives the first one back.
        strict: whether only conversations that were opened exist.
        webhook_url: where the form posts its messages to, if it was told.
    """

    def __init__(self, store: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.store = store
        self.api_token = f"contact-{store}"
        self.webhook_secret = f"whsec-{store}"
        self.now = now
        self.faults = Faults()
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """An empty outbox, no faults, keys honoured again."""
        with self._lock:
            self.messages: list[SentMessage] = []
            self.conversations: set[str] = set()
            self.requests: Counter[str] = Counter()
            self.honour_keys = True
            self.webhook_url: str | None = None
            self.strict = True
            self._deliveries = 0
            self.faults.clear()

    def fail(self, kind: str, operation: str = "*", *, times: int = 1, seconds: float = 30.0) -> None:
        """Ask for a fault; see `Fault`."""
        fields = {"kind": kind, "operation": operation, "times": times, "seconds": seconds}
        self.faults.add(Fault.model_validate(fields))

    def message(
        self,
        conversation: str,
        text: str,
        *,
        sender: str = "kim@example.com",
        verified_sender: bool = True,
        order_name: str | None = None,
        payment_name: str | None = None,
        locale: str = "en",
        attachments: tuple[dict[str, str], ...] = (),
        delivery: str | None = None,
        at: datetime | None = None,
    ) -> Delivery:
        """What a customer writes, as a signed webhook; opens the conversation."""
        with self._lock:
            self.conversations.add(conversation)
            self._deliveries += 1
            name = delivery or f"{self.store}-{self._deliveries:06}"
        body: dict[str, Any] = {
            "conversation": conversation,
            "text": text,
            "sender": sender,
            "verified_sender": verified_sender,
            "locale": locale,
            "attachments": list(attachments),
        }
        if order_name is not None:
            body["order_name"] = order_name
        if payment_name is not None:
            body["payment_name"] = payment_name
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return sign_contact(
            raw, secret=self.webhook_secret, account=self.store, delivery=name, at=at or self.now()
        )

    def ledger(self) -> dict[str, Any]:
        """The outbox as JSON."""
        with self._lock:
            return {"messages": [asdict(m) for m in self.messages], "requests": dict(self.requests)}

    async def answer(self, request: Request, path: str) -> Response:
        """One HTTP request of this store; `path` is what follows its address."""
        if path.startswith("_"):
            return await self._administer(request, path)
        wanted = f"Bearer {self.api_token}"
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode()):
            return JSONResponse({"error": "unauthorised"}, 401)
        sending = _SEND.fullmatch(path)
        operation = "reply" if sending else "find"
        with self._lock:
            self.requests[operation] += 1
        fault = self.faults.take([operation])
        if fault is not None:
            refused = await refusal(fault)
            if refused is not None:
                return refused
        done = await self._carry_out(request, path, sending.group(1) if sending else None)
        if fault is not None and fault.kind in {"drop_after", "hang_after"}:
            return Broken(fault.seconds if fault.kind == "hang_after" else 0)
        return done

    async def _carry_out(self, request: Request, path: str, conversation: str | None) -> Response:
        if conversation is not None and request.method == "POST":
            body = await request.body()
            return self._reply(conversation, body, request.headers.get("Idempotency-Key", ""))
        if path == "v1/form" and request.method in {"GET", "PUT"}:
            return self._form(await request.body() if request.method == "PUT" else None)
        if path == "v1/messages" and request.method == "GET":
            key = request.query_params.get("key", "")
            with self._lock:
                found = [_shown(m) for m in self.messages if m.key == key]
            return JSONResponse({"messages": found})
        return JSONResponse({"error": "not_found"}, 404)

    def _form(self, body: bytes | None) -> Response:
        if body is not None:
            url = json.loads(body).get("webhook_url")
            if not isinstance(url, str) or not re.match(_ADDRESS, url):
                return JSONResponse({"error": "invalid"}, 422)
            self.webhook_url = url
        form = {"account": self.store, "name": f"Store {self.store}", "webhook_url": self.webhook_url}
        return JSONResponse(form)

    def _reply(self, conversation: str, body: bytes, key: str) -> Response:
        try:
            given = _Given.model_validate_json(body)
        except ValidationError:
            return JSONResponse({"error": "invalid"}, 422)
        if not key:
            return JSONResponse({"error": "key_missing"}, 400)
        with self._lock:
            if self.strict and conversation not in self.conversations:
                return JSONResponse({"error": "conversation_not_found"}, 404)
            known = next((m for m in self.messages if m.key == key), None)
            if known is not None and self.honour_keys:
                same = (known.conversation, known.text) == (conversation, given.text)
                return JSONResponse(_shown(known)) if same else JSONResponse({"error": "key_reused"}, 409)
            sent = SentMessage(
                id=f"msg-{len(self.messages) + 1}",
                conversation=conversation,
                key=key,
                sent_at=self.now().isoformat(),
                **given.model_dump(),
            )
            self.messages.append(sent)
        return JSONResponse(_shown(sent), 201)

    async def _administer(self, request: Request, path: str) -> Response:
        if request.method == "GET" and path == "_books":
            return JSONResponse(self.ledger())
        try:
            given = json.loads(await request.body() or b"{}")
            return JSONResponse(self._order_of(path, given))
        except (ValidationError, ValueError, KeyError, TypeError) as exc:
            return JSONResponse({"error": str(exc)}, 400)

    def _order_of(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        match path:
            case "_faults":
                self.faults.add(Fault.model_validate(given))
            case "_reset":
                self.reset()
            case "_switches":
                for name, value in given.items():
                    if name not in {"honour_keys", "strict"} or not isinstance(value, bool):
                        message = f"{name}: not a switch; there are honour_keys, strict"
                        raise ValueError(message)
                    setattr(self, name, value)
            case "_deliveries":
                given["attachments"] = tuple(given.get("attachments", ()))
                made = self.message(**given)
                return {"headers": dict(made.headers), "body": made.body.decode()}
            case _:
                message = f"no such endpoint: {path}"
                raise ValueError(message)
        return {"ok": True}


def _shown(message: SentMessage) -> dict[str, Any]:
    return {"id": message.id, "sent_at": message.sent_at}
