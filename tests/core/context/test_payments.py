"""A case about a payment: it is re-read, its customer proven, and disputes reach a person with their date."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.context.payments import person_by_payment
from nightshift.context.trust import sender_trusted
from nightshift.errors import Throttled
from nightshift.ids import ChannelId
from nightshift.model.event import Event, EventKind, MessageDetail, PaymentDetail, Subject, SubjectKind
from nightshift.model.payment import Dispute, GivenBack, GivenBackState
from nightshift.model.tenant import Channel
from nightshift.planner.choose import PlaybookPlanner
from nightshift.planner.playbook import bundled
from tests.core.context.test_observe import life, look, parts, tools  # noqa: F401  # fixtures
from tests.support.matters import ACME, AT, EMAIL, euro, event, message, order, payment, tenant

if TYPE_CHECKING:
    from nightshift.context.observe import Observing
    from tests.support.case_life import Life
    from tests.support.tools_lambda import ToolsLambda

STRIPE = ChannelId("stripe-eu")
SUBJECT = Subject(kind=SubjectKind.PAYMENT, channel=STRIPE, ref="pi_1")
DUE = AT + timedelta(days=9)


@pytest.fixture(autouse=True)
def _has_an_account(life: Life) -> None:  # noqa: F811
    life.config.put_channel(
        Channel(id=STRIPE, tenant=ACME, adapter="stripe", account="acct_1", base_url="-", secret_ref="-")
    )


def wrote(text: str = "I want my money back", **changes: object) -> Event:
    return message(text, order_name=None, payment_name="INV-0001", **changes).model_copy(
        update={"subject": SUBJECT, "channel": STRIPE}
    )


def told(kind: EventKind, number: int = 1) -> Event:
    detail = PaymentDetail(payment_ref="pi_1", due_at=DUE if kind is EventKind.DISPUTE_OPENED else None)
    return event(kind, detail, number, SUBJECT)


def dispute(**changes: object) -> Dispute:
    given = Dispute(
        id="dp_1", payment="pi_1", amount=euro(1250), reason="product_not_received", status="needs_response",
        open=True, blocks_refunds=True, evidence_due_at=DUE, created_at=AT,
    )  # fmt: skip
    return given.model_copy(update=changes)


def test_the_payment_is_read_and_its_customer_proven(life: Life, parts: Observing, tools: ToolsLambda):  # noqa: F811
    tools.answering = payment().model_dump(mode="json")
    case = life.open(wrote()).id
    assert look(parts, case).next == "plan"
    known = life.cases.context(case, 1)
    assert (known.payment, known.payment_channel, known.order) == (payment(), STRIPE, None)
    assert (known.customer, known.sender_trusted) == ("cus_7", True)
    assert known.intents[0].name == "payment_refund"
    assert [(call["tool"], call["args"]) for call in tools.calls] == [("payments.get", {"payment": "pi_1"})]
    plan = PlaybookPlanner(bundled()).propose(known, tenant(), at=AT).plan
    assert [step.tool for step in plan.steps][:3] == [
        "payments.get", "payments.quote_credit", "payments.credit_note",
    ]  # fmt: skip


def test_the_same_words_about_an_order_are_another_matter(life: Life, parts: Observing):  # noqa: F811
    case = life.open(message("I want my money back")).id
    look(parts, case)
    assert life.cases.context(case, 1).intents[0].name == "refund_request"


@pytest.mark.parametrize(
    "changes", [{"verified_sender": False}, {"sender": "someone@example.com"}, {"sender": "kim@example.co"}]
)
def test_only_the_address_of_the_receipt_is_trusted(changes: dict[str, object]):
    assert sender_trusted((wrote(),), None, payment())
    assert not sender_trusted((wrote(**changes),), None, payment())
    assert not sender_trusted((wrote(),), None, payment(email=None))
    # an order's own customer goes before: one address on record, never two
    assert not sender_trusted((wrote(sender="pay@example.com"),), order(), payment(email="pay@example.com"))
    assert isinstance(wrote().detail, MessageDetail)
    assert payment().email == EMAIL


def test_a_dispute_reaches_a_person_with_its_date(life: Life, parts: Observing, tools: ToolsLambda):  # noqa: F811
    tools.answering = payment(disputes=(dispute(),)).model_dump(mode="json")
    case = life.open(told(EventKind.DISPUTE_OPENED)).id
    assert look(parts, case).next == "person"
    reason = life.cases.context(case, 1).person or ""
    assert "2026-11-30 08:00" in reason
    assert "12.50 EUR" in reason


def test_a_dispute_reaches_a_person_though_the_processor_is_down(
    life: Life,  # noqa: F811
    parts: Observing,  # noqa: F811
    tools: ToolsLambda,  # noqa: F811
):
    tools.failing = [("Retryable", "down")] * 9
    case = life.open(told(EventKind.DISPUTE_OPENED)).id
    assert look(parts, case).next == "person"
    assert "2026-11-30 08:00" in (life.cases.context(case, 1).person or "")


def test_a_payment_that_cannot_be_read_now_is_tried_again(life: Life, parts: Observing, tools: ToolsLambda):  # noqa: F811
    tools.failing = [("Throttled", "slow down")]
    case = life.open(wrote()).id
    with pytest.raises(Throttled):
        look(parts, case)


def test_a_dispute_that_came_during_the_case_goes_to_a_person_too():
    assert person_by_payment((wrote(),), payment(disputes=(dispute(),))) is not None
    over = payment(disputes=(dispute(open=False, status="won"),))
    assert person_by_payment((wrote(),), over) is None
    # out of order: it was opened, and closed before it was looked at
    assert "none that is open" in (person_by_payment((told(EventKind.DISPUTE_OPENED),), over) or "")


def test_a_refund_that_bounced_goes_to_a_person():
    failed = GivenBack(id="re_1", amount=euro(500), state=GivenBackState.FAILED, created_at=AT)
    events = (told(EventKind.REFUND_FAILED),)
    assert "5.00 EUR" in (person_by_payment(events, payment(refunds=(failed,))) or "")
    assert person_by_payment(events, payment()) is not None
    assert person_by_payment(events, None) is not None
    assert person_by_payment((told(EventKind.REFUND_CREATED),), payment()) is None
