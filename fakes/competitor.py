"""A stand-in for whoever watches the market: a signed feed of competitors' prices, in JSON or CSV."""

import csv
import hashlib
import hmac
import io
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fakes.faults import Broken, Fault, Faults, refusal

__all__ = ["FeedFake", "FeedRow", "sign_feed"]


class FeedRow(BaseModel):
    """One row as it is entered; nothing is checked, for a feed may hold anything."""

    model_config = ConfigDict(frozen=True, extra="allow")

    sku: str
    competitor: str = "mugs-r-us"
    price: str = "12.50"
    currency: str = "EUR"
    previous_price: str | None = None
    seen_at: datetime | str | None = None


def sign_feed(body: bytes, *, secret: str, account: str, at: datetime) -> dict[str, str]:
    """The headers of a feed: signed over its stamp, its account and its bytes."""
    stamp = str(int(at.timestamp()))
    signed = f"{stamp}.{account}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {
        "X-Nightshift-Timestamp": stamp,
        "X-Nightshift-Account": account,
        "X-Nightshift-Signature": f"v1={digest}",
    }


class FeedFake:
    """One feed.

    Attributes:
        account: whose it says it is.
        api_token: what `Authorization: Bearer` must carry.
        feed_secret: what it is signed with.
        rows: its prices; a row without `seen_at` was seen when the feed was made.
        made_at: when the feed was made; None: now.
        as_csv: whether it is CSV.
        tampered: whether a byte is changed after it was signed.
        requests: counted by operation (`prices`).
    """

    def __init__(self, account: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.account = account
        self.api_token = f"feed-{account}"
        self.feed_secret = f"feedsec-{account}"
        self.now = now
        self.faults = Faults()
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """An empty feed, made now, in JSON."""
        with self._lock:
            self.rows: list[FeedRow] = []
            self.made_at: datetime | None = None
            self.as_csv = False
            self.tampered = False
            self.requests: Counter[str] = Counter()
            self.faults.clear()

    def enter(self, **fields: object) -> FeedRow:
        """Enter a row; the fields of `FeedRow` (`sku` is needed)."""
        with self._lock:
            self.rows.append(FeedRow.model_validate(fields))
            return self.rows[-1]

    def change(self, sku: str, price: str) -> None:
        """Every competitor asks another price for a product from now on."""
        with self._lock:
            self.rows = [
                each.model_copy(update={"price": price, "previous_price": each.price, "seen_at": None})
                if each.sku == sku
                else each
                for each in self.rows
            ]

    def fail(self, kind: str, operation: str = "*", *, times: int = 1, seconds: float = 30.0) -> None:
        """Ask for a fault; see `Fault`."""
        fields = {"kind": kind, "operation": operation, "times": times, "seconds": seconds}
        self.faults.add(Fault.model_validate(fields))

    def ledger(self) -> dict[str, Any]:
        """The feed as JSON."""
        with self._lock:
            return {
                "rows": [row.model_dump(mode="json") for row in self.rows],
                "requests": dict(self.requests),
            }

    async def answer(self, request: Request, path: str) -> Response:
        """One HTTP request of this feed; `path` is what follows its address."""
        if path.startswith("_"):
            return await self._administer(request, path)
        wanted = f"Bearer {self.api_token}"
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode()):
            return JSONResponse({"error": "unknown token"}, 401)
        if path != "v1/prices" or request.method != "GET":
            return JSONResponse({"error": "not found"}, 404)
        self.requests["prices"] += 1
        fault = self.faults.take(("prices",))
        if fault is not None:
            refused = await refusal(fault)
            if refused is not None:
                return refused
            if fault.kind in {"drop_after", "hang_after"}:
                return Broken(fault.seconds if fault.kind == "hang_after" else 0)
        return self._feed()

    def _feed(self) -> Response:
        made = self.made_at or self.now()
        rows = [{**row.model_dump(mode="json"), "seen_at": _stamped(row, made)} for row in self.rows]
        body = _csv(rows) if self.as_csv else json.dumps({"prices": rows}).encode()
        headers = sign_feed(body, secret=self.feed_secret, account=self.account, at=made)
        if self.tampered:
            body = body.replace(b"1", b"2", 1)
        return Response(body, headers=headers, media_type="text/csv" if self.as_csv else "application/json")

    async def _administer(self, request: Request, path: str) -> Response:
        if request.method == "GET" and path == "_books":
            return JSONResponse(self.ledger())
        try:
            given = json.loads(await request.body() or b"{}")
            match path:
                case "_rows":
                    self.enter(**given)
                case "_change":
                    self.change(given["sku"], given["price"])
                case "_faults":
                    self.faults.add(Fault.model_validate(given))
                case "_reset":
                    self.reset()
                case _:
                    return JSONResponse({"error": f"no such endpoint: {path}"}, 400)
        except (ValidationError, ValueError, KeyError, TypeError) as exc:
            return JSONResponse({"error": str(exc)}, 400)
        return JSONResponse({"ok": True})


def _stamped(row: FeedRow, made: datetime) -> str:
    seen = row.seen_at or made
    return seen if isinstance(seen, str) else seen.isoformat()


def _csv(rows: list[dict[str, Any]]) -> bytes:
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(("sku", "competitor", "price", "currency", "previous_price", "seen_at"))
    for row in rows:
        writer.writerow(["" if value is None else value for value in row.values()])
    return made.getvalue().encode()
