"""Every request of the adapter, and every answer of the stand-in, against Stripe's specification."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes import ANSWERED, ASKED, StripeAnswer, StripeFake, StripeRequest
from functions.adapters.stripe import operations
from functions.adapters.stripe.client import StripeClient
from functions.adapters.stripe.models.credits import CreditNoteNode
from functions.adapters.stripe.models.payments import (
    ChargeNode,
    DisputeNode,
    IntentNode,
    InvoiceNode,
    RefundNode,
)
from functions.adapters.stripe.models.wire import WireModel
from functions.adapters.stripe.onboarding import ONBOARD
from functions.adapters.stripe.tools import ADAPTER
from nightshift.tools.binding import Call
from tests.adapters.official import CONTRACTS, IN_CI
from tests.adapters.official_stripe import SPEC, OfficialStripe

FIXTURES = ("fixtures3.2023-08-16.json", "fixtures3.latest.json")


@pytest.fixture(scope="module")
def judge() -> OfficialStripe:
    if not SPEC.exists() and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    found = OfficialStripe()
    found.warm()
    return found


def use(client: StripeClient, tool: str, key: str = "key_one", **args: object) -> Any:  # noqa: ANN401  # any output
    binding = ADAPTER.binding(tool)
    assert binding is not None
    return binding.call(Call(client=client, args=binding.contract.input.model_validate(args), key=key)).output


def test_every_operation_was_sent_and_found_valid(
    judge: OfficialStripe, account: StripeFake, stripe_client: StripeClient
) -> None:
    ASKED.append(judge.check)
    ANSWERED.append(judge.look)
    try:
        _send_everything(account, stripe_client)
    finally:
        ASKED.remove(judge.check)
        ANSWERED.remove(judge.look)
    assert judge.problems == []
    wanted = {judge.operation(each.method, each.path.replace("{id}", "x")) for each in operations.ALL}
    assert None not in wanted
    assert set(judge.asked) == wanted
    assert set(judge.answered) == wanted
    assert sum(judge.asked.values()) > len(wanted)


def _send_everything(account: StripeFake, client: StripeClient) -> None:
    paid = account.paid(amount=4200, receipt_number="1234-5678")
    old = account.paid(intent=False, origin="invoice")
    billed = account.paid(
        origin="invoice", number="INV-7", lines=[{"amount": 1000, "tax": 190, "quantity": 2}]
    )
    account.books.dispute(old.id)
    for ref in (paid.intent, old.id, "INV-7"):
        use(client, "payments.get", payment=ref)
    use(client, "payments.get_dispute", dispute=next(iter(account.books.disputes)))
    quote = use(client, "payments.quote_refund", order=paid.intent, everything=True)
    spec: dict[str, Any] = {
        "order": quote.order, "amount": quote.amount, "expected_refunded": quote.refunded,
        "restock": "no_restock", "transactions": quote.transactions, "note": "Späte Lieferung & mehr [1]",
    }  # fmt: skip
    use(client, "payments.refund", **spec)
    invoice = account.books.invoices[billed.invoice or ""]
    lines = [{"line": invoice.lines[0].id, "quantity": 1}]
    credit = use(client, "payments.quote_credit", invoice=invoice.id, lines=lines)
    given = {"invoice": invoice.id, "payment": credit.payment, "settlement": credit.settlement,
             "amount": credit.amount, "expected_credited": credit.credited, "lines": lines,
             "reason": "duplicate", "memo": "as agreed"}  # fmt: skip
    use(client, "payments.credit_note", "key_two", **given)
    ONBOARD.check(client)
    ONBOARD.ensure(client, "https://api.example/webhooks/stripe/acme/stripe")
    next(iter(account.books.endpoints.values())).events = ["charge.refunded"]
    ONBOARD.ensure(client, "https://api.example/webhooks/stripe/acme/stripe")


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/v1/refunds", "charge=ch_1&amount=1.5"),
        ("POST", "/v1/refunds", "charge=ch_1&amount=12&surprise=1"),
        ("POST", "/v1/refunds", "charge=ch_1&reason=because"),
        ("POST", "/v1/refunds", "charge=ch_1&metadata[a][b]=c"),
        ("POST", "/v1/credit_notes", "amount=12"),
        ("POST", "/v1/credit_notes", "invoice=in_1&lines[0][type]=nonsense"),
        ("POST", "/v1/credit_notes", "invoice=in_1&lines[0][quantity]=1"),
        ("POST", "/v1/credit_notes", "invoice=in_1&lines[0][type]=custom_line_item&lines[0][colour]=red"),
        ("POST", "/v1/webhook_endpoints", "url=https://a.example&enabled_events[0]=refund.failed"),
        ("GET", "/v1/refunds", "charge=ch_1&limit=many"),
        ("GET", "/v1/invoices/search", "limit=2"),
        ("GET", "/v1/refund", ""),
        ("PATCH", "/v1/refunds", ""),
    ],
)
def test_the_judge_finds_what_is_wrong(method: str, path: str, sent: str) -> None:
    if not SPEC.exists() and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    judge = _JUDGE
    judge.problems.clear()
    query, body = (sent, "") if method == "GET" else ("", sent)
    request = StripeRequest(method=method, path=path, query=query, body=body)
    assert judge.check(request) is not None
    assert judge.problems


_JUDGE = OfficialStripe()


@pytest.mark.parametrize(
    "changed", [{"amount": "12"}, {"object": "charge"}, {"created": None}, {"currency": None}, {"status": 7}]
)
def test_the_judge_finds_what_is_wrong_with_an_answer(
    judge: OfficialStripe, account: StripeFake, changed: dict[str, Any]
) -> None:
    charge = account.paid()
    made = account.books.refund(charge, 100, metadata={}, reason=None)
    request = StripeRequest(method="GET", path=f"/v1/refunds/{made.id}", query="", body="")
    before = len(judge.problems)
    judge.look(StripeAnswer(request=request, status=200, body=account.shown(made.id)))
    assert len(judge.problems) == before
    judge.look(StripeAnswer(request=request, status=200, body={**account.shown(made.id), **changed}))
    assert len(judge.problems) == before + 1
    del judge.problems[before:]


@pytest.mark.parametrize("fixtures", FIXTURES)
@pytest.mark.parametrize(
    ("resource", "model"),
    [
        ("charge", ChargeNode),
        ("payment_intent", IntentNode),
        ("refund", RefundNode),
        ("dispute", DisputeNode),
        ("invoice", InvoiceNode),
        ("credit_note", CreditNoteNode),
    ],
)
def test_the_models_read_the_official_objects(fixtures: str, resource: str, model: type[WireModel]) -> None:
    path = CONTRACTS / "stripe" / fixtures
    if not path.exists() and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    shown = json.loads(path.read_text(encoding="utf-8"))["resources"][resource]
    if fixtures == FIXTURES[1] and resource == "invoice":
        shown.pop("post_payment_credit_notes_amount", None)
    assert getattr(model.model_validate(shown), "id", "")


def test_what_is_registered_are_events_of_our_version(judge: OfficialStripe) -> None:
    form = judge.spec["paths"]["/v1/webhook_endpoints"]["post"]["requestBody"]["content"]
    schema = form["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert set(operations.REGISTERED) <= set(schema["enabled_events"]["items"]["enum"])
    assert operations.API_VERSION in schema["api_version"]["enum"]


def test_no_operation_is_missing_from_the_list() -> None:
    found = {each.name for each in vars(operations).values() if isinstance(each, operations.Operation)}
    assert found == {each.name for each in operations.ALL}
