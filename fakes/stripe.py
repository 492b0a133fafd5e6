"""A stand-in for one Stripe account: its REST API over its own books, served over HTTP."""

import asyncio
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fakes.faults import PERSONAL, Broken, Fault, Faults, refusal
from fakes.shopify_hooks import Delivery
from fakes.stripe_books import AccountBooks, StripeRefusal
from fakes.stripe_form import FormWrong, decode
from fakes.stripe_hooks import API_VERSION, event_body, sign_stripe
from fakes.stripe_objects import charge_object, credit_object, dispute_object, invoice_object, refund_object
from fakes.stripe_records import Charge, PaymentSpec
from fakes.stripe_routes import Asked, Route, find

__all__ = ["ANSWERED", "ASKED", "StripeAnswer", "StripeFake", "StripeRequest"]

_KEYS_KEPT = timedelta(hours=25)  # at least 24 hours: nobody may count on the hour
_NEWER = "2026-08-26.dahlia"
_SERVER_ERROR = 500
_KEPT_REFUSALS = {"balance_insufficient", "charge_disputed", "charge_already_refunded"}


@dataclass(frozen=True, kw_only=True)
class StripeRequest:
    """One request as it came in, for whoever checks requests against the official specification."""

    method: str
    path: str
    query: str
    body: str


@dataclass(frozen=True, kw_only=True)
class StripeAnswer:
    """What was answered to it."""

    request: StripeRequest
    status: int
    body: Mapping[str, Any]


ASKED: list[Callable[[StripeRequest], str | None]] = []
"""Called with each request before it is answered; a returned text is its fault, and it is refused."""

ANSWERED: list[Callable[[StripeAnswer], None]] = []
"""Called with each answer that came from the books."""


@dataclass
class _Kept:
    """What a key was used for; no answer yet means that it is under way."""

    asked: str
    at: datetime
    answer: tuple[int, dict[str, Any]] | None = None


class StripeFake:
    """One account.

    Attributes:
        account: its id.
        api_key: what `Authorization: Bearer` must carry.
        permissions: what the key may do (`read`, `write`); a restricted key has fewer.
        webhook_secrets: what events are signed with; two while one is rolled.
        books: all that happened, and the switches.
        faults: the faults asked for; besides those of all stand-ins `error_after`: it is done, and the
            answer is an error that its key keeps.
    """

    def __init__(self, account: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.account = account
        self.api_key = f"rk_test_{account}"
        self.permissions = {"read", "write"}
        self.webhook_secrets = [f"whsec_{account}"]
        self.books = AccountBooks(account, now)
        self.faults = Faults()
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._events = 0

    def pay(self, **fields: object) -> Charge | None:
        """Enter a payment; the fields of `PaymentSpec`."""
        return self.books.pay(PaymentSpec.model_validate(fields))

    def paid(self, **fields: object) -> Charge:
        """Enter a payment that took money."""
        charge = self.pay(**fields)
        if charge is None:
            message = "nothing was paid: the invoice is open"
            raise ValueError(message)
        return charge

    def fail(self, kind: str, operation: str = "*", *, times: int = 1, seconds: float = 30.0) -> None:
        """Ask for a fault; see `Fault`."""
        fields = {"kind": kind, "operation": operation, "times": times, "seconds": seconds}
        self.faults.add(Fault.model_validate(fields))

    def reset(self) -> None:
        """Empty books, no faults, keys forgotten."""
        with self.books.lock:
            self.books.reset()
            self.faults.clear()
            self._kept.clear()

    def shown(self, ref: str) -> dict[str, Any]:
        """An object as the API and events show it."""
        books = self.books
        with books.lock:
            match ref.partition("_")[0]:
                case "ch":
                    return charge_object(books.charges[ref], books.gone(ref))
                case "re":
                    return refund_object(books.refunds[ref])
                case "in":
                    return invoice_object(books.invoices[ref])
                case "dp":
                    return dispute_object(books.disputes[ref])
                case _:
                    note = books.notes[ref]
                    return credit_object(note, books.invoices[note.invoice].customer)

    def delivery(
        self,
        topic: str,
        ref: str,
        *,
        event: str | None = None,
        at: datetime | None = None,
        api_version: str = API_VERSION,
        livemode: bool = False,
        account: str | None = None,
        **changed: object,
    ) -> Delivery:
        """A signed event about an object; `changed` are fields it had other than it has now."""
        with self._lock:
            self._events += 1
            name = event or f"evt_{self.account}{self._events:06}"
        now = at or self.books.now()
        body = event_body(
            topic,
            {**self.shown(ref), **changed},
            event=name,
            at=now,
            api_version=api_version,
            livemode=livemode,
            account=account,
        )
        return sign_stripe(body, secrets=self.webhook_secrets, at=now, topic=topic)

    def ledger(self) -> dict[str, Any]:
        """The books as JSON."""
        books = self.books
        with books.lock:
            return {
                "charges": [
                    {"id": c.id, "intent": c.intent, "amount": c.amount, "currency": c.currency,
                     "gone": books.gone(c.id), "invoice": c.invoice}
                    for c in books.charges.values()
                ],
                "refunds": [{**asdict(r), "created": r.created.isoformat()} for r in books.refunds.values()],
                "credit_notes": [
                    {"id": n.id, "invoice": n.invoice, "total": n.total, "refund": n.refund, "key": n.key}
                    for n in books.notes.values()
                ],
                "requests": dict(books.requests),
            }  # fmt: skip

    async def answer(self, request: Request, path: str) -> Response:
        """One HTTP request of this account; `path` is what follows its address."""
        if path.startswith("_"):
            return await self._administer(request, path)
        refused = self._unauthorised(request)
        if refused is not None:
            return refused
        found = find(request.method, path)
        if found is None:
            return _error(404, f"Unrecognized request URL ({request.method}: /{path}).")
        body = (await request.body()).decode()
        seen = StripeRequest(method=request.method, path=f"/{path}", query=request.url.query, body=body)
        return self._misread(request, seen, found[0]) or await self._served(request, seen, *found)

    def _misread(self, request: Request, seen: StripeRequest, route: Route) -> Response | None:
        """What is wrong with a request before anything is looked at."""
        with self.books.lock:
            self.books.requests[route.operation] += 1
        if route.permission not in self.permissions:
            message = f"The provided key 'rk_test_*********' does not have access to account '{self.account}'"
            return _error(403, message)
        if seen.body and "application/x-www-form-urlencoded" not in request.headers.get("Content-Type", ""):
            return _error(400, "Invalid request: send application/x-www-form-urlencoded")
        problems = [text for text in (observe(seen) for observe in ASKED) if text]
        return _error(400, "; ".join(problems)) if problems else None

    def _unauthorised(self, request: Request) -> Response | None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.api_key}".encode()):
            return _error(401, "Invalid API Key provided: rk_test_****")
        if request.headers.get("Stripe-Version", _NEWER) not in {API_VERSION, _NEWER}:
            return _error(400, "Invalid Stripe API version")
        return None

    async def _served(self, request: Request, seen: StripeRequest, route: Route, ref: str) -> Response:
        key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
        fault = self.faults.take([route.operation])
        if fault is not None and fault.kind != "slow":
            refused = _stripe_refusal(fault) or await refusal(fault)
            if refused is not None:
                if fault.kind.startswith("5") and key:
                    self._keep(key, seen, (int(fault.kind), _body(refused)))
                return refused
        known = self._begin(key, seen)
        if known is not None:
            return known
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        status, answer = self._carried_out(seen, route, ref)
        if fault is not None and fault.kind == "error_after":
            status, answer = _SERVER_ERROR, {"error": {"type": "api_error", "message": "An error occurred."}}
        kept = status >= _SERVER_ERROR or status == 200 or _code(answer) in _KEPT_REFUSALS  # OK
        self._end(key, seen, (status, answer) if kept else None)
        if fault is not None and fault.kind in {"drop_after", "hang_after"}:
            return Broken(fault.seconds if fault.kind == "hang_after" else 0)
        if request.headers.get("Stripe-Version", _NEWER) == _NEWER:
            answer = {name: held for name, held in answer.items() if name != "invoice"}
        return JSONResponse(answer, status, {"Request-Id": "req_1", "Stripe-Version": API_VERSION})

    def _carried_out(self, seen: StripeRequest, route: Route, ref: str) -> tuple[int, dict[str, Any]]:
        try:
            params = decode(seen.query if seen.method == "GET" else seen.body)
        except (FormWrong, ValueError):
            return 400, {"error": {"type": "invalid_request_error", "message": "Invalid form"}}
        with self.books.lock:
            try:
                status, answer = 200, route.handler(self.books, Asked(ref=ref, params=params))
            except StripeRefusal as refused:
                error = {name: held for name, held in refused.error.items() if held is not None}
                status, answer = refused.status, {"error": error}
        for observe in ANSWERED:
            observe(StripeAnswer(request=seen, status=status, body=answer))
        return status, answer

    def _begin(self, key: str, seen: StripeRequest) -> Response | None:
        """What a key already stands for; None: go on, it is taken."""
        if not key or not self.books.honour_keys:
            return None
        asked = f"{seen.path}?{seen.body}"
        with self._lock:
            known = self._kept.get(key)
            if known is None or self.books.now() - known.at > _KEYS_KEPT:
                self._kept[key] = _Kept(asked=asked, at=self.books.now())
                return None
        if known.asked != asked:
            message = "Keys for idempotent requests can only be used with the parameters of their first use."
            return JSONResponse({"error": {"type": "idempotency_error", "message": message}}, 400)
        if known.answer is None:
            message = "There is currently another in-progress request using this Idempotent Key."
            error = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": message}
            return JSONResponse({"error": error}, 409, {"Stripe-Should-Retry": "true"})
        status, answer = known.answer
        return JSONResponse(answer, status, {"Idempotent-Replayed": "true", "Original-Request": "req_1"})

    def _end(self, key: str, seen: StripeRequest, answer: tuple[int, dict[str, Any]] | None) -> None:
        if not key:
            return
        with self._lock:
            if answer is None:
                self._kept.pop(key, None)
            else:
                self._kept[key] = _Kept(asked=f"{seen.path}?{seen.body}", at=self.books.now(), answer=answer)

    def _keep(self, key: str, seen: StripeRequest, answer: tuple[int, dict[str, Any]]) -> None:
        with self._lock:
            known = self._kept.get(key)
            if known is None or known.answer is None:
                self._kept[key] = _Kept(asked=f"{seen.path}?{seen.body}", at=self.books.now(), answer=answer)

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
            case "_payments":
                charge = self.paid(**given)
                return {"charge": charge.id, "payment_intent": charge.intent, "invoice": charge.invoice}
            case "_faults":
                self.faults.add(Fault.model_validate(given))
            case "_reset":
                self.reset()
            case "_settle":
                return {"settled": self.books.settle_refunds(given.get("status", "succeeded"))}
            case "_disputes":
                return {"dispute": self.books.dispute(given.pop("charge"), **given).id}
            case "_switches":
                self._switch(given)
            case "_deliveries":
                made = self.delivery(given.pop("topic"), given.pop("ref"), **given)
                return {"headers": dict(made.headers), "body": made.body.decode()}
            case _:
                message = f"no such endpoint: {path}"
                raise ValueError(message)
        return {"ok": True}

    def _switch(self, given: dict[str, Any]) -> None:
        known = {"honour_keys": bool, "refund_status": str, "balance": int}
        for name, value in given.items():
            if name not in known or not isinstance(value, known[name]):
                message = f"{name}: not a switch; there are {', '.join(known)}"
                raise ValueError(message)
            setattr(self.books, name, value)


def _error(status: int, message: str, **more: str) -> JSONResponse:
    return JSONResponse({"error": {"type": "invalid_request_error", "message": message, **more}}, status)


def _stripe_refusal(fault: Fault) -> Response | None:
    """The fault in Stripe's own form."""
    again = {"Stripe-Should-Retry": "true"}
    match fault.kind:
        case "429" | "throttled":
            error = {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}
            headers = {
                **again,
                "Retry-After": f"{fault.seconds:g}",
                "Stripe-Rate-Limited-Reason": "global-rate",
            }
            return JSONResponse({"error": error}, 429, headers)
        case "access_denied":
            return _error(403, f"The provided key does not have the required permissions. {PERSONAL}")
        case "internal":
            error = {"type": "api_error", "message": f"An error occurred. {PERSONAL}"}
            return JSONResponse({"error": error}, 500, again)
        case kind if kind.isdigit():
            error = {"type": "api_error", "message": f"a fault was asked for; {PERSONAL}"}
            return JSONResponse({"error": error}, int(kind))
        case _:
            return None


def _body(response: Response) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bytes(response.body))
    return found


def _code(answer: Mapping[str, Any]) -> str:
    return str((answer.get("error") or {}).get("code", ""))
