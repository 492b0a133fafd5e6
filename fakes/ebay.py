"""A stand-in for one eBay seller: inventory items, offers and listings over their own books, over HTTP."""

import base64
import hmac
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fakes.ebay_books import LOCATION, POLICIES, EbayRefusal, SellerBooks
from fakes.faults import Broken, Fault, Faults, refusal

__all__ = ["EBAY_ANSWERED", "EBAY_ASKED", "EbayAnswer", "EbayFake", "EbayRequest"]


@dataclass(frozen=True, kw_only=True)
class EbayRequest:
    """One request as it came in, for whoever checks requests against the official specification."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, kw_only=True)
class EbayAnswer:
    """What was answered to it; `body` is None where there is none."""

    request: EbayRequest
    status: int
    body: Any


EBAY_ASKED: list[Callable[[EbayRequest], str | None]] = []
"""Called with each request before it is answered; a returned text is its fault, and it is refused."""

EBAY_ANSWERED: list[Callable[[EbayAnswer], None]] = []
"""Called with each answer that came from the books."""

_ROUTES = tuple(
    (method, re.compile(pattern), name)
    for method, pattern, name in (
        ("GET", r"/sell/inventory/v1/inventory_item/([^/]+)", "getInventoryItem"),
        ("PUT", r"/sell/inventory/v1/inventory_item/([^/]+)", "createOrReplaceInventoryItem"),
        ("GET", r"/sell/inventory/v1/offer", "getOffers"),
        ("POST", r"/sell/inventory/v1/offer", "createOffer"),
        ("PUT", r"/sell/inventory/v1/offer/([^/]+)", "updateOffer"),
        ("POST", r"/sell/inventory/v1/offer/([^/]+)/publish", "publishOffer"),
        ("POST", r"/sell/inventory/v1/offer/([^/]+)/withdraw", "withdrawOffer"),
        ("POST", r"/sell/inventory/v1/bulk_update_price_quantity", "bulkUpdatePriceQuantity"),
        ("GET", r"/sell/inventory/v1/location/([^/]+)", "getInventoryLocation"),
        ("GET", r"/sell/account/v1/fulfillment_policy/([^/]+)", "getFulfillmentPolicy"),
    )
)
_WORDED = {"createOrReplaceInventoryItem", "createOffer", "updateOffer"}
_OK, _MULTI_STATUS = 200, 207


class EbayFake:
    """One seller.

    Attributes:
        account: what the address calls them.
        access_token: one that is good for ever.
        client_id, client_secret: of the app that is granted tokens.
        refresh_token: the seller's; it is not used up.
        token_seconds: how long a granted token lasts.
        grants: how many were granted.
        books: all that happened.
        faults: the faults asked for.
    """

    def __init__(self, account: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.account = account
        self.access_token = f"v^1.1-{account}"
        self.client_id = f"ebay-app-{account}"
        self.client_secret = f"PRD-{account}"
        self.refresh_token = f"v^1.1-refresh-{account}"
        self.token_seconds = 7200.0
        self.grants = 0
        self.books = SellerBooks()
        self.faults = Faults()
        self._now = now
        self._granted: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def terms(self) -> dict[str, str]:
        """The secret's fields that say what listings are made with."""
        return {"location": LOCATION, **{f"{kind}_policy": ref for kind, ref in POLICIES.items()}}

    def fail(self, kind: str, operation: str = "*", *, times: int = 1, seconds: float = 30.0) -> None:
        """Ask for a fault; see `Fault`."""
        fields = {"kind": kind, "operation": operation, "times": times, "seconds": seconds}
        self.faults.add(Fault.model_validate(fields))

    def reset(self) -> None:
        """Empty books, no faults."""
        with self.books.lock:
            self.books.reset()
            self.faults.clear()

    def ledger(self) -> dict[str, Any]:
        """The books as JSON."""
        books = self.books
        with books.lock:
            return {
                "items": dict(books.items),
                "offers": [books.shown(each) for each in books.offers.values()],
                "published": list(books.published),
                "withdrawn": list(books.withdrawn),
                "prices": [list(each) for each in books.prices],
                "quantities": [list(each) for each in books.quantities],
                "requests": dict(books.requests),
            }

    async def answer(self, request: Request, path: str) -> Response:
        """One HTTP request of this seller; `path` is what follows their address."""
        raw = await request.body()
        if path.startswith("_"):
            return self._administer(request.method, path, raw)
        if path == "identity/v1/oauth2/token" and request.method == "POST":
            return self._grant(request.headers.get("Authorization", ""), dict(parse_qsl(raw.decode())))
        if not self._knows(request.headers.get("Authorization", "")):
            return _errors(401, EbayRefusal(401, 1001, "Invalid access token", "REQUEST"))
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            return _errors(400, EbayRefusal(400, 25709, "The request has errors."))
        seen = EbayRequest(
            method=request.method,
            path="/" + _still_quoted(request),
            query=dict(request.query_params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        return await self._carried_out(seen)

    async def _carried_out(self, seen: EbayRequest) -> Response:
        name, ref = _route(seen.method, seen.path)
        with self.books.lock:
            self.books.requests[name] += 1
        problems = [text for text in (observe(seen) for observe in EBAY_ASKED) if text]
        if problems or not name:
            return JSONResponse({"problems": problems}, 400 if problems else 404)
        fault = self.faults.take((name,))
        if fault is not None:
            refused = await refusal(fault)
            if refused is not None:
                return refused
        with self.books.lock:
            status, body = self._done(name, ref, seen)
        for look in EBAY_ANSWERED:
            look(EbayAnswer(request=seen, status=status, body=body))
        if fault is not None and fault.kind in {"drop_after", "hang_after"}:
            return Broken(fault.seconds if fault.kind == "hang_after" else 0)
        return Response(status_code=status) if body is None else JSONResponse(body, status)

    def _done(self, name: str, ref: str, seen: EbayRequest) -> tuple[int, Any]:
        try:
            _spoken(name, seen)
            return (
                self._read(name, ref, seen.query)
                if seen.method == "GET"
                else self._write(name, ref, seen.body)
            )
        except EbayRefusal as exc:
            return exc.status, {"errors": [exc.node()]}

    def _read(self, name: str, ref: str, query: Mapping[str, str]) -> tuple[int, Any]:
        books = self.books
        match name:
            case "getInventoryItem":
                found: dict[str, Any] = books.item(ref)
            case "getOffers":
                offers = books.offers_of(query)
                found = {"total": len(offers), "size": len(offers), "offers": offers}
            case "getInventoryLocation" if ref == LOCATION:
                status = books.location_status
                found = {"merchantLocationKey": ref, "merchantLocationStatus": status, "name": "Berlin"}
            case "getFulfillmentPolicy" if ref == POLICIES["fulfillment"]:
                found = {"fulfillmentPolicyId": ref, "marketplaceId": books.marketplace, "name": "DHL"}
            case _:
                raise EbayRefusal(404, 25710, "We didn't find the entity you are requesting.")
        return 200, found

    def _write(self, name: str, ref: str, body: Any) -> tuple[int, Any]:  # noqa: ANN401  # as it came in
        books = self.books
        match name:
            case "createOrReplaceInventoryItem":
                answer: tuple[int, Any] = (
                    (201, {"warnings": []}) if books.put_item(ref, body) else (204, None)
                )
            case "createOffer":
                answer = 201, {"offerId": books.create_offer(body)}
            case "updateOffer":
                books.update_offer(ref, body)
                answer = 204, None
            case "publishOffer":
                answer = 200, {"listingId": books.publish(ref)}
            case "withdrawOffer":
                answer = 200, {"listingId": books.withdraw(ref)}
            case _:
                parts = books.bulk_update(body)
                good = all(each["statusCode"] == _OK for each in parts)
                answer = (_OK if good else _MULTI_STATUS), {"responses": parts}
        return answer

    def _knows(self, authorization: str) -> bool:
        token = authorization.removeprefix("Bearer ")
        until = self._granted.get(token)
        return hmac.compare_digest(token.encode(), self.access_token.encode()) or (
            until is not None and self._now() < until
        )

    def _grant(self, authorization: str, form: dict[str, str]) -> Response:
        app = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if authorization != f"Basic {app}":
            return JSONResponse(
                {"error": "invalid_client", "error_description": "client authentication failed"}, 401
            )
        if form != {"grant_type": "refresh_token", "refresh_token": self.refresh_token}:
            return JSONResponse({"error": "invalid_grant", "error_description": "the token is invalid"}, 400)
        with self._lock:
            self.grants += 1
            token = f"v^1.1-granted-{self.grants}-{self.account}"
            self._granted[token] = self._now() + timedelta(seconds=self.token_seconds)
        kind = "User Access Token"
        return JSONResponse(
            {"access_token": token, "expires_in": int(self.token_seconds), "token_type": kind}
        )

    def _administer(self, method: str, path: str, raw: bytes) -> Response:
        if method == "GET" and path == "_books":
            return JSONResponse(self.ledger())
        try:
            given = json.loads(raw or b"{}")
            match path:
                case "_listings":
                    with self.books.lock:
                        return JSONResponse({"offer": self.books.list_it(**given)["offerId"]})
                case "_faults":
                    self.faults.add(Fault.model_validate(given))
                case "_reset":
                    self.reset()
                case _:
                    return JSONResponse({"error": f"no such endpoint: {path}"}, 400)
        except (ValueError, TypeError, EbayRefusal) as exc:
            return JSONResponse({"error": str(exc)}, 400)
        return JSONResponse({"ok": True})


def _route(method: str, path: str) -> tuple[str, str]:
    for verb, pattern, name in _ROUTES:
        found = pattern.fullmatch(path)
        if verb == method and found is not None:
            return name, unquote(found.group(1)) if found.groups() else ""
    return "", ""


def _spoken(name: str, seen: EbayRequest) -> None:
    language = seen.headers.get("content-language", "")
    if name in _WORDED and not re.fullmatch(r"[a-z]{2}-[A-Z]{2}", language):
        raise EbayRefusal(400, 25709, "Invalid value for header Content-Language.")


def _still_quoted(request: Request) -> str:
    """The path after the seller's address as it was sent: a SKU may hold a slash."""
    raw: bytes = request.scope["raw_path"]
    return raw.decode("ascii").partition("?")[0].split("/", 3)[3]


def _errors(status: int, found: EbayRefusal) -> Response:
    return JSONResponse({"errors": [found.node()]}, status)
