"""Which request does what: paths, parameters, expansion and pages of the stand-in Stripe account."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakes.stripe_books import AccountBooks, StripeRefusal
from fakes.stripe_objects import (
    charge_object,
    credit_object,
    dispute_object,
    endpoint_object,
    intent_object,
    invoice_object,
    listed,
    refund_object,
    session_object,
)
from fakes.stripe_records import Charge, Endpoint

__all__ = ["Asked", "Route", "find"]

_MOST, _USUAL = 100, 10
_NUMBER = re.compile(r'number:[\'"]([^\'"]+)[\'"]')
_EXPANDABLE = {
    "charge": {"payment_intent": "payment_intent", "invoice": "invoice", "customer": ""},
    "payment_intent": {"latest_charge": "charge", "invoice": "invoice", "customer": ""},
    "invoice": {"charge": "charge", "payment_intent": "payment_intent", "customer": ""},
    "refund": {"charge": "charge", "payment_intent": "payment_intent"},
    "credit_note": {"invoice": "invoice", "refund": "refund"},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, its form read."""

    ref: str
    params: Mapping[str, Any]


Handler = Callable[[AccountBooks, Asked], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One operation; `permission` is what a restricted key needs for it."""

    operation: str
    handler: Handler
    permission: str


def find(method: str, path: str) -> tuple[Route, str] | None:
    """The operation of a request and the id in its path."""
    for (verb, pattern), route in _ROUTES.items():
        found = pattern.fullmatch(path) if verb == method else None
        if found is not None:
            return route, found.groupdict().get("id", "")
    return None


def _shown(books: AccountBooks, kind: str, ref: str) -> dict[str, Any]:
    """The object of a kind with an id."""
    if kind == "charge" and ref in books.charges:
        return charge_object(books.charges[ref], books.gone(ref))
    if kind == "payment_intent" and ref in books.intents:
        return intent_object(books.intents[ref])
    if kind == "invoice" and ref in books.invoices:
        return invoice_object(books.invoices[ref])
    if kind == "refund" and ref in books.refunds:
        return refund_object(books.refunds[ref])
    if kind == "dispute" and ref in books.disputes:
        return dispute_object(books.disputes[ref])
    raise StripeRefusal.missing(kind, ref)


def _expanded(books: AccountBooks, shown: dict[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    for path in paths:
        head, _, rest = path.partition(".")
        kind = _EXPANDABLE.get(str(shown.get("object")), {}).get(head)
        if kind is None:
            raise StripeRefusal.bad(f"This property cannot be expanded ({head}).", param="expand")
        ref = shown.get(head)
        if isinstance(ref, str) and kind:
            shown[head] = _shown(books, kind, ref)
        if rest and isinstance(shown.get(head), dict):
            shown[head] = _expanded(books, shown[head], [rest])
    return shown


def _retrieve(kind: str) -> Handler:
    def handle(books: AccountBooks, asked: Asked) -> dict[str, Any]:
        return _expanded(books, _shown(books, kind, asked.ref), asked.params.get("expand", []))

    return handle


def _page(asked: Asked, url: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Newest first, ten at a time unless asked otherwise, after a given id."""
    limit = int(asked.params.get("limit", _USUAL))
    if not 1 <= limit <= _MOST:
        raise StripeRefusal.bad("limit must be between 1 and 100", param="limit")
    ordered = list(reversed(items))
    after = asked.params.get("starting_after")
    if after is not None:
        ids = [item["id"] for item in ordered]
        if after not in ids:
            raise StripeRefusal.missing("object", after, "starting_after")
        ordered = ordered[ids.index(after) + 1 :]
    return listed(url, ordered[:limit], more=len(ordered) > limit)


def _wanted(asked: Asked, item: Mapping[str, Any], *names: str) -> bool:
    return all(item.get(name) == asked.params[name] for name in names if name in asked.params)


def _refunds(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    found = [refund_object(each) for each in books.refunds.values()]
    return _page(asked, "/v1/refunds", [x for x in found if _wanted(asked, x, "charge", "payment_intent")])


def _disputes(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    found = [dispute_object(each) for each in books.disputes.values()]
    return _page(asked, "/v1/disputes", [x for x in found if _wanted(asked, x, "charge", "payment_intent")])


def _sessions(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    found = [session_object(each) for each in books.sessions.values()]
    return _page(asked, "/v1/checkout/sessions", [x for x in found if _wanted(asked, x, "payment_intent")])


def _invoices_found(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    query = _NUMBER.fullmatch(str(asked.params.get("query", "")))
    if query is None:
        raise StripeRefusal.bad("We were unable to parse your search query", param="query")
    found = [invoice_object(each) for each in books.invoices.values() if each.number == query.group(1)]
    limit = int(asked.params.get("limit", _USUAL))
    shown = listed("/v1/invoices/search", found[:limit], more=len(found) > limit)
    return {**shown, "object": "search_result", "next_page": None, "total_count": len(found)}


def _refund(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    given = asked.params
    charge = _charge_of(books, given)
    made = books.refund(
        charge,
        int(given["amount"]) if "amount" in given else None,
        metadata=dict(given.get("metadata") or {}),
        reason=given.get("reason"),
    )
    return refund_object(made)


def _charge_of(books: AccountBooks, given: Mapping[str, Any]) -> Charge:
    ref = given.get("charge")
    if ref is None and "payment_intent" in given:
        intent = books.intents.get(given["payment_intent"])
        if intent is None:
            raise StripeRefusal.missing("payment_intent", given["payment_intent"], "payment_intent")
        ref = intent.charge
    if ref is None:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise StripeRefusal.bad(message, code="parameter_missing")
    if ref not in books.charges:
        raise StripeRefusal.missing("charge", str(ref), "charge")
    return books.charges[ref]


def _credits(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    found = [_credit_shown(books, note) for note in books.notes]
    return _page(asked, "/v1/credit_notes", [x for x in found if _wanted(asked, x, "invoice")])


def _credit_shown(books: AccountBooks, note: str) -> dict[str, Any]:
    of = books.notes[note]
    return credit_object(of, books.invoices[of.invoice].customer)


def _credit(*, preview: bool) -> Handler:
    def handle(books: AccountBooks, asked: Asked) -> dict[str, Any]:
        ref = str(asked.params.get("invoice"))
        if ref not in books.invoices:
            raise StripeRefusal.missing("invoice", ref, "invoice")
        invoice = books.invoices[ref]
        return credit_object(books.credit(invoice, dict(asked.params), preview=preview), invoice.customer)

    return handle


def _account(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    del asked
    return {"id": books.account, "object": "account", "business_profile": {"name": "Acme"}}


def _endpoints(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    return _page(asked, "/v1/webhook_endpoints", [endpoint_object(x) for x in books.endpoints.values()])


def _endpoint_made(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    given = asked.params
    ref = books.new_id("we")
    made = Endpoint(
        ref,
        given["url"],
        list(given["enabled_events"]),
        given.get("api_version"),
        books.now(),
        f"whsec_{ref}",
    )
    books.endpoints[ref] = made
    return endpoint_object(made, secret=True)


def _endpoint_changed(books: AccountBooks, asked: Asked) -> dict[str, Any]:
    if asked.ref not in books.endpoints:
        raise StripeRefusal.missing("webhook endpoint", asked.ref)
    found, given = books.endpoints[asked.ref], asked.params
    found.events = list(given.get("enabled_events", found.events))
    if "disabled" in given:
        found.status = "disabled" if given["disabled"] == "true" else "enabled"
    return endpoint_object(found)


def _route(operation: str, handler: Handler, permission: str) -> Route:
    return Route(operation=operation, handler=handler, permission=permission)


_ID = r"(?P<id>[^/]+)"
_ROUTES = {
    (method, re.compile(path)): _route(operation, handler, permission)
    for method, path, operation, handler, permission in (
        ("GET", r"v1/account", "account.retrieve", _account, "read"),
        (
            "GET",
            rf"v1/payment_intents/{_ID}",
            "payment_intents.retrieve",
            _retrieve("payment_intent"),
            "read",
        ),
        ("GET", rf"v1/charges/{_ID}", "charges.retrieve", _retrieve("charge"), "read"),
        ("GET", r"v1/invoices/search", "invoices.search", _invoices_found, "read"),
        ("GET", rf"v1/invoices/{_ID}", "invoices.retrieve", _retrieve("invoice"), "read"),
        ("GET", r"v1/refunds", "refunds.list", _refunds, "read"),
        ("GET", rf"v1/refunds/{_ID}", "refunds.retrieve", _retrieve("refund"), "read"),
        ("POST", r"v1/refunds", "refunds.create", _refund, "write"),
        ("GET", r"v1/disputes", "disputes.list", _disputes, "read"),
        ("GET", rf"v1/disputes/{_ID}", "disputes.retrieve", _retrieve("dispute"), "read"),
        ("GET", r"v1/checkout/sessions", "checkout.sessions.list", _sessions, "read"),
        ("GET", r"v1/credit_notes/preview", "credit_notes.preview", _credit(preview=True), "read"),
        ("GET", r"v1/credit_notes", "credit_notes.list", _credits, "read"),
        ("POST", r"v1/credit_notes", "credit_notes.create", _credit(preview=False), "write"),
        ("GET", r"v1/webhook_endpoints", "webhook_endpoints.list", _endpoints, "read"),
        ("POST", r"v1/webhook_endpoints", "webhook_endpoints.create", _endpoint_made, "write"),
        ("POST", rf"v1/webhook_endpoints/{_ID}", "webhook_endpoints.update", _endpoint_changed, "write"),
    )
}
