"""The stand-in's GraphQL: the books seen through Shopify's schema, executed by graphql-core."""

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    graphql_sync,
    parse,
)
from graphql.execution.values import get_directive_values

from fakes.shopify_books import ShopBooks
from fakes.shopify_records import LineRecord, OrderRecord, RefundRecord
from fakes.shopify_shelf import VariantRecord
from nightshift.money import Money

__all__ = ["execute", "operations", "schema"]

_FULFILMENT = {
    "unfulfilled": ("UNFULFILLED", "OPEN", "UNSUBMITTED"),
    "in_progress": ("IN_PROGRESS", "IN_PROGRESS", "ACCEPTED"),
    "partial": ("PARTIALLY_FULFILLED", "IN_PROGRESS", "ACCEPTED"),
    "shipped": ("FULFILLED", "CLOSED", "CLOSED"),
    "delivered": ("FULFILLED", "CLOSED", "CLOSED"),
}
_RECOMMENDED = {"none": "NONE", "low": "ACCEPT", "medium": "INVESTIGATE", "high": "CANCEL"}


@functools.cache
def schema() -> GraphQLSchema:
    """The part of the schema that is served."""
    return build_schema((Path(__file__).parent / "shopify_schema.graphql").read_text(encoding="utf-8"))


def operations(document: str) -> tuple[str, tuple[str, ...]]:
    """The name of a document's operation and the root fields it asks for; empty if unreadable."""
    try:
        parsed = parse(document)
    except GraphQLError:
        return "", ()
    for part in parsed.definitions:
        if isinstance(part, OperationDefinitionNode):
            fields = part.selection_set.selections
            name = part.name.value if part.name else ""
            return name, tuple(each.name.value for each in fields if isinstance(each, FieldNode))
    return "", ()


def execute(
    books: ShopBooks, document: str, variables: Mapping[str, Any], operation: str | None
) -> dict[str, Any]:
    """Carry out a document against the books; the answer as Shopify words it."""
    root = _Root(books)
    result = graphql_sync(
        schema(),
        document,
        root_value=root,
        variable_values=dict(variables),
        operation_name=operation,
        field_resolver=_resolve,
    )
    answer: dict[str, Any] = {}
    if result.errors:
        answer["errors"] = [{"message": e.message, "extensions": _extensions(e)} for e in result.errors]
    if result.data is not None:
        answer["data"] = result.data
    return answer


def _extensions(error: GraphQLError) -> dict[str, Any]:
    if error.extensions:
        return dict(error.extensions)
    if error.original_error is not None:
        return {"code": "INTERNAL_SERVER_ERROR"}
    return {"code": "undefinedField" if error.message.startswith("Cannot query") else "INVALID_VARIABLE"}


def _resolve(source: object, info: GraphQLResolveInfo, **arguments: object) -> object:
    value = source.get(info.field_name) if isinstance(source, dict) else getattr(source, info.field_name)
    if not callable(value):
        return value
    return value(info, **arguments) if isinstance(source, _Root) else value(**arguments)


class _Root:
    """The fields of queries and mutations, by their official names."""

    def __init__(self, books: ShopBooks) -> None:
        self._books = books

    def order(self, _info: GraphQLResolveInfo, *, id: str) -> dict[str, Any] | None:  # noqa: A002  # Shopify's name
        if not id.startswith("gid://shopify/Order/"):
            message = f"Invalid global id '{id}'"
            raise GraphQLError(message, extensions={"code": "argumentLiteralsIncompatible"})
        found = self._books.orders.get(id)
        return _order(self._books, found) if found else None

    def orders(
        self, _info: GraphQLResolveInfo, *, first: int = 50, query: str = "", after: str | None = None
    ) -> dict[str, Any]:
        """A name matches where it begins with the words, as Shopify's search does."""
        del after
        wanted = re.fullmatch(r'name:"?([^"]*)"?', query)
        names = wanted.group(1) if wanted else None
        found = [o for o in self._books.orders.values() if names is None or o.name.startswith(names)]
        return _connection([_order(self._books, each) for each in found], first=first)

    def customer(self, _info: GraphQLResolveInfo, *, id: str) -> dict[str, Any] | None:  # noqa: A002  # Shopify's name
        owners = (o.customer for o in self._books.orders.values())
        return _customer(next((c for c in owners if c is not None and c["id"] == id), None))

    def job(self, _info: GraphQLResolveInfo, *, id: str) -> dict[str, Any] | None:  # noqa: A002  # Shopify's name
        found = self._books.jobs.get(id)
        return {"id": found.id, "done": found.done} if found else None

    def shop(self, _info: GraphQLResolveInfo) -> dict[str, Any]:
        return {
            "name": self._books.shop.partition(".")[0],
            "myshopifyDomain": self._books.shop,
            "currencyCode": self._books.shelf.currency,
        }

    def productVariants(  # noqa: N802  # Shopify's name
        self, _info: GraphQLResolveInfo, *, first: int = 50, query: str = "", after: str | None = None
    ) -> dict[str, Any]:
        wanted = re.fullmatch(r'sku:"((?:[^"\\]|\\.)*)"', query)
        words = re.sub(r"\\(.)", r"\1", wanted.group(1)) if wanted else ""
        found = self._books.shelf.find(words)
        return _connection([_variant(each) for each in found], first=first, after=after)

    def productVariantsBulkUpdate(  # noqa: N802  # Shopify's name
        self,
        _info: GraphQLResolveInfo,
        *,
        productId: str,  # noqa: N803  # Shopify's name
        variants: list[dict[str, Any]],
    ) -> dict[str, Any]:
        made, problem = self._books.shelf.set_prices(productId, variants)
        return {"productVariants": [_variant(each) for each in made], "userErrors": _coded(problem)}

    def inventorySetQuantities(  # noqa: N802  # Shopify's name
        self,
        info: GraphQLResolveInfo,
        *,
        input: dict[str, Any],  # noqa: A002  # Shopify's name
    ) -> dict[str, Any]:
        made, problem = self._books.shelf.set_quantities(input, _idempotent(info))
        return {"inventoryAdjustmentGroup": {"id": made} if made else None, "userErrors": _coded(problem)}

    def currentAppInstallation(self, _info: GraphQLResolveInfo) -> dict[str, Any]:  # noqa: N802  # Shopify's name
        return {"accessScopes": [{"handle": each} for each in self._books.scopes]}

    def webhookSubscriptions(  # noqa: N802  # Shopify's name
        self,
        _info: GraphQLResolveInfo,
        *,
        first: int = 50,
        after: str | None = None,
        topics: list[str] | None = None,
    ) -> dict[str, Any]:
        found = [each for each in self._books.webhooks.values() if topics is None or each["topic"] in topics]
        return _connection(found, first=first, after=after)

    def webhookSubscriptionCreate(  # noqa: N802  # Shopify's name
        self,
        _info: GraphQLResolveInfo,
        *,
        topic: str,
        webhookSubscription: dict[str, Any],  # noqa: N803  # Shopify's name
    ) -> dict[str, Any]:
        made, problem = self._books.subscribe(topic, webhookSubscription)
        return {"webhookSubscription": made, "userErrors": _errors(problem)}

    def webhookSubscriptionUpdate(  # noqa: N802  # Shopify's name
        self,
        _info: GraphQLResolveInfo,
        *,
        id: str,  # noqa: A002  # Shopify's name
        webhookSubscription: dict[str, Any],  # noqa: N803  # Shopify's name
    ) -> dict[str, Any]:
        made, problem = self._books.resubscribe(id, webhookSubscription)
        return {"webhookSubscription": made, "userErrors": _errors(problem)}

    def refundCreate(self, info: GraphQLResolveInfo, *, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802  # Shopify's names
        made, problem = self._books.refund(input, _idempotent(info))
        order = self._books.orders.get(input["orderId"])
        return {
            "refund": _refund(made) if made else None,
            "order": _order(self._books, order) if order else None,
            "userErrors": _errors(problem),
        }

    def orderCancel(self, _info: GraphQLResolveInfo, **given: object) -> dict[str, Any]:  # noqa: N802  # Shopify's name
        words = {re.sub(r"(?=[A-Z])", "_", name).lower(): value for name, value in given.items()}
        job, problem, code = self._books.cancel(words)
        errors = [{"field": ["orderId"], "message": problem, "code": code}] if problem else []
        return {"job": {"id": job.id, "done": job.done} if job else None, "orderCancelUserErrors": errors}

    def orderUpdate(self, _info: GraphQLResolveInfo, *, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802  # Shopify's names
        order, problem = self._books.set_address(input["id"], input.get("shippingAddress") or {})
        return {"order": _order(self._books, order) if order else None, "userErrors": _errors(problem)}


def _idempotent(info: GraphQLResolveInfo) -> str:
    directive = info.schema.get_directive("idempotent")
    said = directive and get_directive_values(directive, info.field_nodes[0], info.variable_values)
    if not said or not str(said["key"]).strip():
        message = "The @idempotent directive is required for this mutation but was not provided."
        raise GraphQLError(message, extensions={"code": "BAD_REQUEST"})
    return str(said["key"])


def _coded(problem: tuple[str, str] | None) -> list[dict[str, Any]]:
    return [{"field": None, "message": problem[1], "code": problem[0]}] if problem else []


def _errors(problem: str | None) -> list[dict[str, Any]]:
    return [{"field": None, "message": problem}] if problem else []


def _variant(variant: VariantRecord) -> dict[str, Any]:
    spec = variant.spec

    def levels(first: int = 10, after: str | None = None) -> dict[str, Any]:
        found = [
            {
                "location": {"id": location},
                "quantities": lambda names, units=units: [
                    {"name": n, "quantity": units} for n in names if n == "available"
                ],
            }
            for location, units in variant.stock.items()
        ]
        return _connection(found, first=first, after=after)

    pictures = [{"__typename": "MediaImage", "preview": {"image": {"url": url}}} for url in spec.images]
    return {
        "id": variant.id,
        "sku": spec.sku,
        "price": variant.price.decimal(),
        "barcode": spec.barcode,
        "inventoryQuantity": sum(variant.stock.values()),
        "inventoryItem": {"id": variant.item, "tracked": spec.tracked, "inventoryLevels": levels},
        "product": {
            "id": variant.product,
            "title": spec.title,
            "description": spec.description,
            "vendor": spec.vendor,
            "status": spec.status,
            "media": lambda first=10: _connection(pictures, first=first),
        },
    }


def _bag(money: Money) -> dict[str, Any]:
    one = {"amount": money.decimal(), "currencyCode": money.currency}
    return {"presentmentMoney": one, "shopMoney": one}


def _connection(nodes: Sequence[Any], *, first: int, after: str | None = None) -> dict[str, Any]:
    start = int(after) if after else 0
    page = nodes[start : start + first]
    more = len(nodes) > start + first
    return {"nodes": list(page), "pageInfo": {"hasNextPage": more, "endCursor": str(start + len(page))}}


def _customer(customer: dict[str, Any] | None) -> dict[str, Any] | None:
    if customer is None:
        return None
    return {
        "id": customer["id"],
        "displayName": customer["name"],
        "locale": customer["locale"],
        "numberOfOrders": str(customer["orders_count"]),
        "defaultEmailAddress": {"emailAddress": customer["email"]},
    }


def _transaction(order: OrderRecord, wanted: str | None) -> dict[str, Any] | None:
    each = next((t for t in order.transactions if t.id == wanted), None)
    if each is None:
        return None
    return {
        "id": each.id,
        "kind": each.kind,
        "status": each.status,
        "gateway": each.gateway,
        "amountSet": _bag(each.amount),
        "parentTransaction": lambda: _transaction(order, each.parent),
    }


def _refund(made: RefundRecord) -> dict[str, Any]:
    def transactions(first: int = 10) -> dict[str, Any]:
        return _connection(
            [
                {
                    "id": t.id,
                    "kind": t.kind,
                    "status": t.status,
                    "gateway": t.gateway,
                    "amountSet": _bag(t.amount),
                }
                for t in made.transactions
            ],
            first=first,
        )

    settled = Money.zero(made.amount.currency)
    for each in made.transactions:
        settled = settled + each.amount if each.status == "SUCCESS" else settled
    return {
        "id": made.id,
        "note": made.note,
        "createdAt": made.created_at.isoformat(),
        "totalRefundedSet": _bag(settled),
        "transactions": transactions,
    }


def _line(line: LineRecord) -> dict[str, Any]:
    return {
        "id": line.id,
        "sku": line.sku,
        "title": line.title,
        "quantity": line.quantity,
        "refundableQuantity": line.left,
        "discountedUnitPriceAfterAllDiscountsSet": _bag(line.price),
    }


def _address(address: dict[str, str | None] | None) -> dict[str, Any] | None:
    if address is None:
        return None
    name = " ".join(part for part in (address["firstName"], address["lastName"]) if part)
    return {**address, "name": name, "countryCodeV2": address["countryCode"]}


def _fulfilments(order: OrderRecord) -> list[dict[str, Any]]:
    if order.fulfilment not in {"partial", "shipped", "delivered"}:
        return []
    delivered = order.fulfilment == "delivered"
    tracking = [order.tracking.model_dump()] if order.tracking else []
    return [
        {
            "id": order.id.replace("/Order/", "/Fulfillment/"),
            "status": "SUCCESS",
            "displayStatus": "DELIVERED" if delivered else "IN_TRANSIT",
            "createdAt": order.updated_at.isoformat(),
            "deliveredAt": order.updated_at.isoformat() if delivered else None,
            "estimatedDeliveryAt": None,
            "trackingInfo": lambda first=1: tracking[:first],
        }
    ]


def _suggested(
    books: ShopBooks,
    order: OrderRecord,
    *,
    refundLineItems: list[dict[str, Any]] | None = None,  # noqa: N803  # Shopify's names
    refundShipping: bool | None = None,  # noqa: N803
    suggestFullRefund: bool | None = None,  # noqa: N803
) -> dict[str, Any]:
    units, over = books.suggest(
        order,
        refundLineItems or [],
        shipping=bool(refundShipping),
        full=bool(suggestFullRefund),
    )
    total = Money.zero(order.currency)
    for _, part in over:
        total = total + part
    return {
        "amountSet": _bag(total),
        "maximumRefundableSet": _bag(order.left()),
        "refundLineItems": [
            {
                "lineItem": _line(line),
                "quantity": quantity,
                "location": {"id": "gid://shopify/Location/1"},
                "restockType": "NO_RESTOCK",
            }
            for line, quantity in units
        ],
        "suggestedTransactions": [
            {
                "gateway": payment.gateway,
                "amountSet": _bag(part),
                "maximumRefundableSet": _bag(order.left_of(payment)),
                "parentTransaction": _transaction(order, payment.id),
            }
            for payment, part in over
        ],
    }


def _order(books: ShopBooks, order: OrderRecord) -> dict[str, Any]:
    shown, status, request = _FULFILMENT[order.fulfilment]
    pieces = [
        {"id": order.id.replace("/Order/", "/FulfillmentOrder/"), "status": status, "requestStatus": request}
    ]
    editable = order.editable and order.cancelled_at is None
    level = order.risk.upper()
    return {
        "id": order.id,
        "name": order.name,
        "note": None,
        "createdAt": order.created_at.isoformat(),
        "updatedAt": order.updated_at.isoformat(),
        "cancelledAt": order.cancelled_at.isoformat() if order.cancelled_at else None,
        "cancellation": {"staffNote": order.staff_note} if order.cancelled_at else None,
        "merchantEditable": editable,
        "merchantEditableErrors": [] if editable else ["The order can't be edited"],
        "displayFulfillmentStatus": shown,
        "fulfillmentOrders": lambda first=10: _connection(pieces, first=first),
        "fulfillments": lambda first=10: _fulfilments(order)[:first],
        "customer": _customer(order.customer),
        "shippingAddress": _address(order.address),
        "currencyCode": order.shop_currency,
        "presentmentCurrencyCode": order.currency,
        "totalPriceSet": _bag(order.total()),
        "totalReceivedSet": _bag(order.captured()),
        "totalRefundedSet": _bag(order.summed({"REFUND"}, {"SUCCESS"})),
        "risk": {"recommendation": _RECOMMENDED[order.risk], "assessments": [{"riskLevel": level}]},
        "lineItems": lambda first=10, after=None: _connection(
            [_line(each) for each in order.lines], first=first, after=after
        ),
        "transactions": lambda first=100: [_transaction(order, t.id) for t in order.transactions[:first]],
        "refunds": lambda first=100: [_refund(each) for each in order.refunds[:first]],
        "suggestedRefund": lambda **given: _suggested(books, order, **given),
    }
