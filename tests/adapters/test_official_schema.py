"""Every GraphQL request of the adapter, and the stand-in's own schema, against Shopify's introspection."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    NoDeprecatedCustomRule,
    parse,
    validate,
)

from fakes import OBSERVERS, GraphRequest, ShopifyFake
from fakes.shopify_graph import schema as served
from functions.adapters.shopify import queries
from functions.adapters.shopify.client import ShopifyClient
from functions.adapters.shopify.tools import ADAPTER
from nightshift.tools.binding import Call
from tests.adapters.official import IN_CI, SCHEMA, Official


@pytest.fixture
def judge() -> Official:
    if not SCHEMA.exists() and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    return Official()


def read(client: ShopifyClient, tool: str, key: str = "key_one", **args: object) -> object:
    binding = ADAPTER.binding(tool)
    assert binding is not None
    return binding.call(Call(client=client, args=binding.contract.input.model_validate(args), key=key)).output


def test_every_document_was_sent_and_found_valid(
    judge: Official, shop: ShopifyFake, client: ShopifyClient
) -> None:
    OBSERVERS.append(judge.check)
    try:
        _send_everything(shop, client)
    finally:
        OBSERVERS.remove(judge.check)
    assert judge.problems == []
    assert sum(judge.validated.values()) > 0
    assert set(judge.validated) == {operation.document for operation in queries.ALL}


def _send_everything(shop: ShopifyFake, client: ShopifyClient) -> None:
    lines = [{"sku": f"SKU-{n}", "price": "1.00"} for n in range(120)]
    order = shop.create_order(name="#1001", lines=lines, risk="high", fulfilment="shipped", tracking={})
    assert len(read(client, "orders.get", order="#1001").lines) == 120  # type: ignore[attr-defined]  # an Order
    read(client, "orders.get", order=order.id)
    read(client, "orders.get_customer", customer=(order.customer or {})["id"])
    quoted = read(
        client, "payments.quote_refund", order=order.id, lines=[{"line": order.lines[0].id, "quantity": 1}]
    )
    said = quoted.model_dump(mode="json")  # type: ignore[attr-defined]  # a RefundQuote
    for restock, expected in (("return", said["refunded"]), ("no_restock", said["amount"])):
        read(
            client,
            "payments.refund",
            key=f"key_{restock}",
            order=order.id,
            amount=said["amount"],
            expected_refunded=expected,
            lines=said["lines"] if restock == "return" else [],
            transactions=said["transactions"],
            restock=restock,
            note="broken",
        )
    other = shop.create_order(name="#1002")
    shop.books.job_polls = 3
    read(
        client,
        "orders.set_address",
        order=other.id,
        address={
            "name": "Kim",
            "line1": "Ringstr. 9",
            "city": "Köln",
            "postcode": "50667",
            "country": "DE",
            "region": "NW",
        },
    )
    read(
        client,
        "orders.cancel",
        order=other.id,
        reason="fraud",
        amount={"amount": 4200, "currency": "EUR"},
        expected_refunded={"amount": 0, "currency": "EUR"},
        restock=False,
    )
    binding = ADAPTER.binding("payments.refund")
    assert binding is not None
    assert binding.room is not None
    args = binding.contract.input.model_validate({**binding.contract.example, "order": order.id})
    assert binding.room(Call(client=client, args=args, key="key_room")).left == 11_800
    _stock_shelves(shop, client)
    _connect(shop, client)


def _stock_shelves(shop: ShopifyFake, client: ShopifyClient) -> None:
    shop.create_product(sku="MUG-1")
    read(client, "catalog.get_product", sku="MUG-1")
    read(client, "pricing.set", sku="MUG-1", price={"amount": 999, "currency": "EUR"})
    read(client, "inventory.set", sku="MUG-1", quantity=7)


def _connect(shop: ShopifyFake, client: ShopifyClient) -> None:
    assert ADAPTER.onboard is not None
    url = "https://api.example.com/webhooks/shopify/acme/shopify-eu"
    assert ADAPTER.onboard.check(client).account == shop.shop
    ADAPTER.onboard.ensure(client, url)
    next(iter(shop.books.webhooks.values()))["format"] = "XML"
    ADAPTER.onboard.ensure(client, url)


def test_no_document_uses_what_shopify_deprecates(judge: Official) -> None:
    for operation in queries.ALL:
        errors = validate(judge.schema, parse(operation.document), [NoDeprecatedCustomRule])
        assert errors == [], operation.name


def test_the_judge_finds_what_is_wrong(judge: Official) -> None:
    wrong = {
        "unknown field": ("query { shop { nam } }", {}),
        "missing input field": (queries.REFUND_CREATE.document, {"input": {"note": "x"}, "key": "k"}),
        "wrong enum": (
            queries.QUOTE.document,
            {
                "id": "1",
                "shipping": False,
                "full": False,
                "lines": [{"lineItemId": "1", "quantity": 1, "restockType": "X"}],
            },
        ),
        "missing variable": (queries.ORDER.document, {}),
    }
    for what, (document, variables) in wrong.items():
        request = GraphRequest(document=document, variables=variables, operation=None)
        assert judge.check(request) is not None, what
    assert not judge.validated


def test_the_stand_in_serves_a_part_of_the_official_schema(judge: Official) -> None:
    compared = 0
    for name, ours in served().type_map.items():
        if name.startswith("__"):
            continue
        theirs = judge.schema.type_map.get(name)
        assert theirs is not None, f"{name}: Shopify has no such type"
        compared += _compare(name, ours, theirs)
    assert compared > 150
    directive = judge.schema.get_directive("idempotent")
    assert directive is not None
    assert {name: str(arg.type) for name, arg in directive.args.items()} == {"key": "String!"}


def _compare(name: str, ours: GraphQLNamedType, theirs: GraphQLNamedType) -> int:
    assert type(ours) is type(theirs), name
    if isinstance(ours, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
        assert set(ours.values) <= set(theirs.values), name
        return len(ours.values)
    if isinstance(ours, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
        for field, given in ours.fields.items():
            assert str(given.type) == str(theirs.fields[field].type), f"{name}.{field}"
        needed = {f for f, given in theirs.fields.items() if str(given.type).endswith("!")}
        assert needed <= set(ours.fields), f"{name} lacks a required field"
        return len(ours.fields)
    if isinstance(ours, GraphQLObjectType) and isinstance(theirs, GraphQLObjectType):
        for field, served_field in ours.fields.items():
            official = theirs.fields.get(field)
            assert official is not None, f"{name}.{field}: Shopify has no such field"
            assert str(served_field.type) == str(official.type), f"{name}.{field}"
            for argument, given in served_field.args.items():
                assert str(given.type) == str(official.args[argument].type), f"{name}.{field}({argument})"
        return len(ours.fields)
    return 0


def test_no_document_is_missing_from_the_list() -> None:
    found = {value.name for value in vars(queries).values() if isinstance(value, queries.Operation)}
    assert found == {operation.name for operation in queries.ALL}
    assert len({operation.document for operation in queries.ALL}) == len(queries.ALL)
    assert Path(queries.__file__).read_text(encoding="utf-8").count("Operation(") == len(queries.ALL)
