"""A stand-in for one Shopify shop: the Admin GraphQL API over its own books, served over HTTP."""

import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fakes.faults import Broken, Fault, Faults, refusal
from fakes.shopify_books import OrderRecord, OrderSpec, RefundRecord, ShopBooks
from fakes.shopify_graph import execute, operations
from fakes.shopify_hooks import Delivery, body_of, sign_shopify
from fakes.shopify_shelf import ProductSpec, VariantRecord

__all__ = ["OBSERVERS", "GraphRequest", "ShopifyFake"]

API_VERSION = "2026-07"
_BUCKET, _RESTORE = 2000.0, 100.0


@dataclass(frozen=True, kw_only=True)
class GraphRequest:
    """One request as it came in, for whoever checks requests against the official schema."""

    document: str
    variables: Mapping[str, Any]
    operation: str | None


OBSERVERS: list[Callable[[GraphRequest], str | None]] = []
"""Called with each request before it is answered; a returned text is its fault, and it is refused."""


class ShopifyFake:
    """One shop.

    Attributes:
        shop: its domain, as webhooks name it.
        access_token: what `X-Shopify-Access-Token` must be.
        webhook_secret: the client secret webhooks are signed with; the app's, so tokens are granted for it.
        client_id: the app's; with the client secret it is granted tokens that last `token_seconds`.
        refresh_token: the one that is good for one more token; None: the app uses none.
        grants: how many tokens were granted.
        books: all that happened: `orders`, `refunds`, `requests` (by root field: `refundCreate`), switches.
        faults: the faults asked for.
    """

    def __init__(self, shop: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.shop = shop
        self.access_token = f"shpat-{shop}"
        self.webhook_secret = f"whsec-{shop}"
        self.client_id = f"client-{shop}"
        self.refresh_token: str | None = None
        self.token_seconds = 86_400.0
        self.grants = 0
        self._granted: dict[str, datetime] = {}
        self._now = now
        self.books = ShopBooks(now, shop)
        self.faults = Faults()
        self._lock = threading.Lock()
        self._deliveries = 0

    def knows(self, token: str) -> bool:
        """Whether a token is good now."""
        until = self._granted.get(token)
        return hmac.compare_digest(token.encode(), self.access_token.encode()) or (
            until is not None and self._now() < until
        )

    def revoke_tokens(self) -> None:
        """End every token that was granted, as a person does who suspects a leak."""
        with self._lock:
            self._granted.clear()

    def create_order(self, **fields: object) -> OrderRecord:
        """Enter an order; the fields of `OrderSpec` (`name` is needed)."""
        return self.books.create_order(OrderSpec.model_validate(fields))

    def create_product(self, **fields: object) -> VariantRecord:
        """Enter a product; the fields of `ProductSpec` (`sku` is needed)."""
        with self.books.lock:
            return self.books.shelf.enter(ProductSpec.model_validate(fields))

    def fail(self, kind: str, operation: str = "*", *, times: int = 1, seconds: float = 30.0) -> None:
        """Ask for a fault; see `Fault`."""
        fields = {"kind": kind, "operation": operation, "times": times, "seconds": seconds}
        self.faults.add(Fault.model_validate(fields))

    def delivery(
        self,
        topic: str,
        order: OrderRecord | None = None,
        *,
        refund: RefundRecord | None = None,
        delivery: str | None = None,
        **extra: object,
    ) -> Delivery:
        """A signed webhook about an order; `extra` overrides or completes the body's fields.

        For `returns/request`, `lines=[{"sku", "quantity", "reason", "note"}]` says what comes back.
        """
        with self._lock:
            self._deliveries += 1
            name = delivery or f"{self.shop}-{self._deliveries:06}"
        body = body_of(topic, order, shop=self.shop, refund=refund, extra=extra)
        at = self.books.now()
        return sign_shopify(
            body, secret=self.webhook_secret, topic=topic, shop=self.shop, delivery=name, at=at
        )

    def reset(self) -> None:
        """Empty books, no faults, keys honoured again."""
        with self.books.lock:
            self.books.reset()
            self.faults.clear()

    def ledger(self) -> dict[str, Any]:
        """The books as JSON."""
        books = self.books
        with books.lock:
            return {
                "orders": [
                    {
                        "id": o.id,
                        "name": o.name,
                        "captured": o.captured().decimal(),
                        "left": o.left().decimal(),
                        "currency": o.currency,
                        "fulfilment": o.fulfilment,
                        "cancelled_at": o.cancelled_at.isoformat() if o.cancelled_at else None,
                        "address": o.address,
                        "lines": [
                            {"id": x.id, "sku": x.sku, "quantity": x.quantity, "left": x.left}
                            for x in o.lines
                        ],
                    }
                    for o in books.orders.values()
                ],
                "refunds": [
                    {
                        "id": r.id,
                        "order": r.order,
                        "order_name": r.order_name,
                        "amount": r.amount.decimal(),
                        "currency": r.amount.currency,
                        "key": r.key,
                        "note": r.note,
                        "status": r.status,
                    }
                    for r in books.refunds
                ],
                "cancellations": list(books.cancellations),
                "products": books.shelf.ledger(),
                "requests": dict(books.requests),
            }

    async def answer(self, request: Request, path: str) -> Response:
        """One HTTP request of this shop; `path` is what follows its address."""
        if path.startswith("_"):
            return await self._administer(request, path)
        if path == "admin/oauth/access_token" and request.method == "POST":
            return self._grant(dict(parse_qsl((await request.body()).decode())))
        if path != f"admin/api/{API_VERSION}/graphql.json" or request.method != "POST":
            return JSONResponse({"errors": "Not Found"}, 404)
        token = request.headers.get("X-Shopify-Access-Token", "")
        if not self.knows(token):
            return JSONResponse({"errors": "[API] Invalid API key or access token"}, 401)
        try:
            asked = json.loads(await request.body())
            seen = GraphRequest(
                document=asked["query"],
                variables=asked.get("variables") or {},
                operation=asked.get("operationName"),
            )
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"errors": {"query": "Required parameter missing or invalid"}}, 400)
        return await self._graph(seen)

    def _grant(self, form: dict[str, str]) -> Response:
        """A token for the app; a refresh token is good once and ends the tokens granted before."""
        app = (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.webhook_secret)
        kind = form.get("grant_type")
        with self._lock:
            if not app or kind not in {"client_credentials", "refresh_token"}:
                return JSONResponse({"error": "application_cannot_be_found"}, 400)
            refreshes = kind == "refresh_token"
            if refreshes and (self.refresh_token is None or form.get("refresh_token") != self.refresh_token):
                return JSONResponse({"error": "invalid_grant"}, 400)
            self.grants += 1
            token = f"shpat-granted-{self.grants}-{self.shop}"
            said: dict[str, Any] = {"access_token": token, "scope": "", "expires_in": self.token_seconds}
            if refreshes:
                self._granted.clear()
                self.refresh_token = said["refresh_token"] = f"shprt-{self.grants}-{self.shop}"
            self._granted[token] = self._now() + timedelta(seconds=self.token_seconds)
        return JSONResponse(said)

    async def _graph(self, seen: GraphRequest) -> Response:
        name, fields = operations(seen.document)
        with self.books.lock:
            self.books.requests.update(fields)
        problems = [text for text in (observe(seen) for observe in OBSERVERS) if text]
        if problems:
            return JSONResponse({"errors": "; ".join(problems)}, 400)
        fault = self.faults.take((name, *fields))
        if fault is not None:
            refused = _graph_refusal(fault) or await refusal(fault)
            if refused is not None:
                return refused
        self.books.tick()
        with self.books.lock:
            answer = execute(self.books, seen.document, seen.variables, seen.operation)
        if fault is not None and fault.kind in {"drop_after", "hang_after"}:
            return Broken(fault.seconds if fault.kind == "hang_after" else 0)
        return JSONResponse({**answer, "extensions": _cost(10, _BUCKET - 10)})

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
            case "_orders":
                order = self.create_order(**given)
                return {"id": order.id, "name": order.name, "lines": [x.id for x in order.lines]}
            case "_products":
                return {"id": self.create_product(**given).id}
            case "_faults":
                self.faults.add(Fault.model_validate(given))
            case "_reset":
                self.reset()
            case "_settle":
                return {"settled": self.books.settle_refunds(given.get("status", "SUCCESS"))}
            case "_switches":
                self._switch(given)
            case "_deliveries":
                order_name = given.pop("order", None)
                order_known = self.books.by_name(order_name) if order_name else None
                made = self.delivery(given.pop("topic"), order_known, **given)
                return {"headers": dict(made.headers), "body": made.body.decode()}
            case _:
                message = f"no such endpoint: {path}"
                raise ValueError(message)
        return {"ok": True}

    def _switch(self, given: dict[str, Any]) -> None:
        known = {"honour_keys": bool, "pending_refunds": bool, "job_polls": int}
        for name, value in given.items():
            if name not in known or not isinstance(value, known[name]):
                message = f"{name}: not a switch; there are {', '.join(known)}"
                raise ValueError(message)
            setattr(self.books, name, value)


def _graph_refusal(fault: Fault) -> Response | None:
    match fault.kind:
        case "throttled":
            errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
            return JSONResponse({"errors": errors, "extensions": _cost(700, 200)})
        case "access_denied":
            text = "Access denied for order field. Required access: `read_orders` access scope."
            return JSONResponse({"errors": [{"message": text, "extensions": {"code": "ACCESS_DENIED"}}]})
        case "internal":
            text = "Internal error. Looks like something went wrong on our end."
            return JSONResponse(
                {"errors": [{"message": text, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}
            )
        case _:
            return None


def _cost(requested: int, available: float) -> dict[str, Any]:
    status = {"maximumAvailable": _BUCKET, "currentlyAvailable": available, "restoreRate": _RESTORE}
    return {"cost": {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}}
