"""A stand-in for one seller at Amazon: the Selling Partner API over its own books, served over HTTP.

Its quirks: what is accepted is not there yet (`books.lag`); attributes show at once what the offer shows
later; an expired access token is a 403 like a missing role; no request takes an idempotency key; a patch
replaces whole attributes; 429 names a rate and no time to come back.
"""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fakes.amazon_books import ItemRecord, SellerBooks
from fakes.faults import Broken, Fault, Faults, refusal

__all__ = ["AMAZON_ANSWERED", "AMAZON_ASKED", "AmazonAnswer", "AmazonFake", "AmazonRequest"]

GERMANY = "A1PA6795UKMFR9"
_RATES = {
    "getListingsItem": (5.0, 10.0), "putListingsItem": (5.0, 10.0), "patchListingsItem": (5.0, 5.0),
    "deleteListingsItem": (5.0, 5.0), "searchListingsItems": (5.0, 5.0),
    "getMarketplaceParticipations": (0.016, 15.0),
}  # fmt: skip
_ITEM_VERBS = {
    "GET": "getListingsItem", "PUT": "putListingsItem", "PATCH": "patchListingsItem",
    "DELETE": "deleteListingsItem",
}  # fmt: skip
_DENIED = "Access to requested resource is denied."


@dataclass(frozen=True, kw_only=True)
class AmazonRequest:
    """One request as it came in, for whoever checks requests against the official specification."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    body: Any


@dataclass(frozen=True, kw_only=True)
class AmazonAnswer:
    """What was answered to it."""

    request: AmazonRequest
    status: int
    body: Any


AMAZON_ASKED: list[Callable[[AmazonRequest], str | None]] = []
"""Called with each request before it is answered; a returned text is its fault, and it is refused."""

AMAZON_ANSWERED: list[Callable[[AmazonAnswer], None]] = []
"""Called with each answer that came from the books."""


class AmazonFake:
    """One seller, in one marketplace.

    Attributes:
        seller: its id.
        client_id, client_secret, refresh_token: what Login with Amazon knows.
        access_token: one that lasts, for tests that grant none.
        grants: how many access tokens were granted.
        enforce_rates: answer 429 above the usage plan of an operation.
        books: all that happened, and the switches.
        faults: the faults asked for.
    """

    def __init__(self, seller: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.seller = seller
        self.marketplace = GERMANY
        self.client_id = "amzn1.application-oa2-client.nightshift"
        self.client_secret = f"amzn1.oa2-cs.v1.{seller}"
        self.refresh_token = f"Atzr|{seller}"
        self.access_token = f"Atza|lasting-{seller}"
        self.enforce_rates = False
        self.participating = True
        self.suspended = False
        self.grants = 0
        self.books = SellerBooks(now, GERMANY, "EUR")
        self.faults = Faults()
        self._tokens: dict[str, datetime] = {}
        self._buckets: dict[str, tuple[float, datetime]] = {}

    @property
    def account(self) -> str:
        """What `Channel.account` is."""
        return f"{self.seller}:{self.marketplace}"

    def fail(self, kind: str, operation: str = "*", *, times: int = 1, seconds: float = 30.0) -> None:
        """Ask for a fault; see `Fault`."""
        fields = {"kind": kind, "operation": operation, "times": times, "seconds": seconds}
        self.faults.add(Fault.model_validate(fields))

    def reset(self) -> None:
        """Empty books, no faults."""
        self.books.reset()
        self.faults.clear()
        self._buckets.clear()

    def revoke_tokens(self) -> None:
        """Let every access token that was granted end now."""
        self._tokens.clear()

    def ledger(self) -> dict[str, Any]:
        """The books as JSON."""
        books = self.books
        with books.lock:
            return {
                "items": [
                    {"sku": x.sku, "asin": x.asin, "price": books.shown_price(x.sku),
                     "quantity": books.shown_quantity(x.sku), "title": x.live["item_name"][0]["value"]}
                    for x in books.items.values() if "item_name" in x.live
                ],
                "changes": [asdict(each) for each in books.changes],
                "requests": dict(books.requests),
            }  # fmt: skip

    async def answer(self, request: Request, path: str) -> Response:
        """One HTTP request; `path` is what follows the seller's address, decoded."""
        if path.startswith("_"):
            return await self._administer(request, path)
        if (request.method, path) == ("POST", "auth/o2/token"):
            return await self._granted(request)
        denied = self._denied(request)
        if denied is not None:
            return denied
        seen = await self._seen(request, path)
        if seen is None:
            return _refused(404, "NotFound", "The requested resource doesn't exist.")
        return await self._served(seen)

    async def _granted(self, request: Request) -> Response:
        fault = self.faults.take(["token"])
        broken = await refusal(fault) if fault is not None else None
        if broken is not None:
            return broken
        given = dict(parse_qsl((await request.body()).decode()))
        if (given.get("client_id"), given.get("client_secret")) != (self.client_id, self.client_secret):
            return JSONResponse({"error": "invalid_client", "error_description": "no such client"}, 401)
        if given.get("grant_type") != "refresh_token" or given.get("refresh_token") != self.refresh_token:
            return JSONResponse({"error": "invalid_grant", "error_description": "no such token"}, 400)
        self.grants += 1
        token = f"Atza|{self.seller}-{self.grants}"
        self._tokens[token] = self.books.now() + timedelta(hours=1)
        granted = {"access_token": token, "refresh_token": self.refresh_token, "token_type": "bearer"}
        return JSONResponse({**granted, "expires_in": 3600})

    def _denied(self, request: Request) -> Response | None:
        token = request.headers.get("x-amz-access-token", "")
        if not token:
            return _refused(403, "MissingAuthenticationToken", "Missing Authentication Token")
        if token == self.access_token:
            return None
        until = self._tokens.get(token)
        if until is None:
            details = "The access token you provided is revoked, malformed or invalid."
            return _refused(403, "Unauthorized", _DENIED, details)
        if self.books.now() >= until:
            return _refused(403, "Unauthorized", _DENIED, "The access token you provided has expired.")
        return None

    async def _seen(self, request: Request, path: str) -> AmazonRequest | None:
        parts = request.scope["raw_path"].decode().split("/")[3:]  # undecoded: a SKU may hold a slash
        match parts:
            case ["sellers", "v1", "marketplaceParticipations"] if request.method == "GET":
                operation = "getMarketplaceParticipations"
            case ["listings", "2021-08-01", "items", _] if request.method == "GET":
                operation = "searchListingsItems"
            case ["listings", "2021-08-01", "items", _, _] if request.method in _ITEM_VERBS:
                operation = _ITEM_VERBS[request.method]
            case _:
                return None
        del path
        raw = await request.body()
        return AmazonRequest(
            operation=operation,
            method=request.method,
            path="/" + "/".join(parts),
            query=dict(request.query_params),
            body=json.loads(raw) if raw else None,
        )

    async def _served(self, seen: AmazonRequest) -> Response:
        rate, _ = _RATES[seen.operation]
        headers = {"x-amzn-RateLimit-Limit": f"{rate:g}", "x-amzn-RequestId": "req-1"}
        fault = self.faults.take([seen.operation])
        if fault is not None:
            broken = await refusal(fault)
            if broken is not None:
                return broken
        with self.books.lock:
            self.books.requests[seen.operation] += 1
            if self.enforce_rates and not self._within_rate(seen.operation):
                message = "You exceeded your quota for the requested resource."
                return _refused(429, "QuotaExceeded", message, headers=headers)
            problems = [text for text in (observe(seen) for observe in AMAZON_ASKED) if text]
            status, body = (
                _error(400, "InvalidInput", "; ".join(problems)) if problems else self._carried_out(seen)
            )
        for observe in AMAZON_ANSWERED:
            observe(AmazonAnswer(request=seen, status=status, body=body))
        if fault is not None and fault.kind in {"drop_after", "hang_after"}:
            return Broken(fault.seconds if fault.kind == "hang_after" else 0)
        return JSONResponse(body, status, headers)

    def _within_rate(self, operation: str) -> bool:
        rate, burst = _RATES[operation]
        now = self.books.now()
        left, at = self._buckets.get(operation, (burst, now))
        left = min(burst, left + (now - at).total_seconds() * rate)
        self._buckets[operation] = (left - 1 if left >= 1 else left, now)
        return left >= 1

    def _carried_out(self, seen: AmazonRequest) -> tuple[int, Any]:
        if seen.operation == "getMarketplaceParticipations":
            return 200, {"payload": [self._participation()]}
        parts = [unquote(each) for each in seen.path.split("/")[4:]]
        if parts[0] != self.seller:
            return _error(403, "Unauthorized", _DENIED)
        if seen.query.get("marketplaceIds") != self.marketplace:
            return _error(400, "InvalidInput", "Invalid 'marketplaceIds' provided.")
        if seen.operation == "searchListingsItems":
            return 200, {"numberOfResults": len(self.books.items), "items": []}
        return self._about_item(seen, parts[1])

    def _about_item(self, seen: AmazonRequest, sku: str) -> tuple[int, Any]:
        match seen.method:
            case "GET":
                return self._shown(sku, seen.query.get("includedData", "summaries").split(","))
            case "PUT":
                return self._put(sku, seen.body)
            case "PATCH":
                return self._patched(sku, seen.body)
            case _:
                return self._submitted("deleteListingsItem", sku, "", {})

    def _put(self, sku: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        if not str(body["productType"]).isupper():
            return _error(400, "InvalidInput", f"Invalid product type {body['productType']}")
        faults = self.books.faults_of(body.get("requirements", "LISTING"), body["attributes"])
        if faults:
            return 200, self._invalid(sku, faults)
        return self._submitted("putListingsItem", sku, body["productType"], body["attributes"])

    def _patched(self, sku: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        item = self.books.items.get(sku)
        if item is None:
            return _error(400, "InvalidInput", f"SKU '{sku}' not found")
        changed = copy.deepcopy(item.attributes)
        for each in body["patches"]:
            head, _, name = each["path"].removeprefix("/").partition("/")
            if head != "attributes" or not name or "/" in name:
                return _error(400, "InvalidInput", "Only top-level attributes can be patched.")
            if each["op"] == "delete":
                changed.pop(name, None)
            else:
                changed[name] = each["value"]
        faults = self.books.faults_of("LISTING_PRODUCT_ONLY", changed)
        if faults:
            return 200, self._invalid(sku, faults)
        return self._submitted("patchListingsItem", sku, item.product_type, changed)

    def _submitted(
        self, operation: str, sku: str, product_type: str, said: dict[str, Any]
    ) -> tuple[int, Any]:
        self.books.accept(operation, sku, product_type, said)
        return 200, {"sku": sku, "status": "ACCEPTED", "submissionId": self._submission(), "issues": []}

    def _invalid(self, sku: str, faults: list[dict[str, Any]]) -> dict[str, Any]:
        return {"sku": sku, "status": "INVALID", "submissionId": self._submission(), "issues": faults}

    def _submission(self) -> str:
        return f"f1dc2914-75dd-11ea-bc55-{sum(self.books.requests.values()):012}"

    def _shown(self, sku: str, wanted: list[str]) -> tuple[int, Any]:
        item = self.books.look(sku)
        if item is None:
            return _error(404, "NOT_FOUND", f"SKU '{sku}' not found in marketplace {self.marketplace}")
        sets = {
            "summaries": [self._summary(item)],
            "attributes": item.attributes,
            "issues": [{**each, "marketplaceIds": [self.marketplace]} for each in item.issues],
            "offers": self._offers(item),
            "fulfillmentAvailability": [
                {"fulfillmentChannelCode": each["fulfillment_channel_code"], "quantity": each["quantity"]}
                for each in item.live.get("fulfillment_availability", [])
            ],
        }
        return 200, {"sku": sku, **{name: sets[name] for name in wanted}}

    def _summary(self, item: ItemRecord) -> dict[str, Any]:
        errors = any(each["severity"] == "ERROR" for each in item.issues)
        stocked = any(each["quantity"] > 0 for each in item.live.get("fulfillment_availability", []))
        status = ["BUYABLE"] if stocked and item.live and not errors else []
        said = {
            "marketplaceId": self.marketplace,
            "asin": item.asin,
            "productType": item.product_type,
            "conditionType": "new_new",
            "status": [*status, "DISCOVERABLE"] if item.live else [],
            "createdDate": _stamp(item.created),
            "lastUpdatedDate": _stamp(item.updated),
        }
        name = item.live.get("item_name")
        return {**said, "itemName": name[0]["value"]} if name else said

    def _offers(self, item: ItemRecord) -> list[dict[str, Any]]:
        kinds = {"ALL": "B2C", "B2B": "B2B"}
        return [
            {
                "marketplaceId": self.marketplace,
                "offerType": kinds[each.get("audience", "ALL")],
                "price": {
                    "currencyCode": each["currency"],
                    "amount": f"{each['our_price'][0]['schedule'][0]['value_with_tax']:.2f}",
                },
                "audience": {"value": each.get("audience", "ALL")},
            }
            for each in item.live.get("purchasable_offer", [])
        ]

    def _participation(self) -> dict[str, Any]:
        return {
            "marketplace": {
                "id": self.marketplace, "name": "Amazon.de", "countryCode": "DE",
                "defaultCurrencyCode": "EUR", "defaultLanguageCode": "de_DE", "domainName": "www.amazon.de",
            },
            "participation": {
                "isParticipating": self.participating, "hasSuspendedListings": self.suspended,
            },
            "storeName": "Acme",
        }  # fmt: skip

    async def _administer(self, request: Request, path: str) -> Response:
        if request.method == "GET" and path == "_books":
            return JSONResponse(self.ledger())
        try:
            given = json.loads(await request.body() or b"{}")
            match path:
                case "_faults":
                    self.faults.add(Fault.model_validate(given))
                case "_reset":
                    self.reset()
                case "_items":
                    return JSONResponse({"asin": self.books.list_item(**given).asin})
                case "_lag":
                    self.books.lag = int(given["reads"])
                case _:
                    return JSONResponse({"error": f"no such endpoint: {path}"}, 400)
        except (ValidationError, ValueError, KeyError, TypeError) as exc:
            return JSONResponse({"error": str(exc)}, 400)
        return JSONResponse({"ok": True})


def _error(status: int, code: str, message: str, details: str = "") -> tuple[int, dict[str, Any]]:
    return status, {"errors": [{"code": code, "message": message, "details": details}]}


def _refused(
    status: int, code: str, message: str, details: str = "", *, headers: dict[str, str] | None = None
) -> Response:
    return JSONResponse(_error(status, code, message, details)[1], status, headers)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
