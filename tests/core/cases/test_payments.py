"""Events about payments: which case they open or join, and what names they teach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.cases.dispatch import dispatch
from nightshift.cases.routing import Bearing, bearing, name_of, payment_name, route
from nightshift.ids import ChannelId
from nightshift.model.event import EventKind, MessageDetail, PaymentDetail, Subject, SubjectKind
from tests.support.intake import ACME, CHAT, SHOP

if TYPE_CHECKING:
    from nightshift.model.event import Event
    from tests.support.intake import Intake

STRIPE = ChannelId("stripe-eu")
PAID = "payment:stripe-eu:pi_1"
ECHOES = (EventKind.REFUND_CREATED, EventKind.CREDIT_NOTE_ISSUED, EventKind.DISPUTE_UPDATED)


@pytest.fixture(autouse=True)
def _sells_by_payment_links(intake: Intake) -> None:
    tenant = intake.desk.config.tenant(ACME)
    intake.desk.config.put_tenant(tenant.model_copy(update={"payment_channel": STRIPE}))


def told(intake: Intake, kind: EventKind, ref: str = "pi_1", *names: str) -> Event:
    subject = Subject(kind=SubjectKind.PAYMENT, channel=STRIPE, ref=ref)
    return intake.source.event(kind, subject, PaymentDetail(payment_ref=ref, names=names))


def written(intake: Intake, about: str, conversation: str = "c1") -> Event:
    event = intake.source.message("I want a refund", conversation=conversation)
    assert isinstance(event.detail, MessageDetail)
    return event.model_copy(update={"detail": event.detail.model_copy(update={"payment_name": about})})


def test_a_dispute_opens_a_case_and_what_follows_joins_it(intake: Intake):
    opened = dispatch(intake.stored(told(intake, EventKind.DISPUTE_OPENED)), intake.desk).case
    assert opened is not None
    assert intake.cases.get(opened).subject == PAID
    for kind in (EventKind.DISPUTE_UPDATED, EventKind.DISPUTE_CLOSED):
        assert dispatch(intake.stored(told(intake, kind)), intake.desk).case == opened


@pytest.mark.parametrize("kind", ECHOES)
def test_an_echo_of_our_own_effect_joins_and_never_opens(intake: Intake, kind: EventKind):
    assert bearing(kind) is Bearing.JOINS
    assert dispatch(intake.stored(told(intake, kind)), intake.desk).case is None
    case = dispatch(intake.stored(written(intake, "pi_1")), intake.desk).case
    assert case is not None
    assert dispatch(intake.stored(told(intake, kind)), intake.desk).case == case


def test_a_refund_that_failed_later_opens_a_case(intake: Intake):
    assert dispatch(intake.stored(told(intake, EventKind.REFUND_FAILED)), intake.desk).case is not None


def test_a_success_is_noted_and_teaches_the_names_customers_know(intake: Intake):
    event = told(intake, EventKind.PAYMENT_SUCCEEDED, "pi_1", "ch_1", "in_1", "INV-0001")
    assert dispatch(intake.stored(event), intake.desk).case is None
    case = dispatch(intake.stored(written(intake, " inv-0001 ")), intake.desk).case
    assert case is not None
    assert intake.cases.get(case).subject == PAID
    # an event that knows the payment only by its invoice, and a reply that names nothing, find it too
    assert (
        dispatch(intake.stored(told(intake, EventKind.CREDIT_NOTE_ISSUED, "in_1")), intake.desk).case == case
    )
    assert dispatch(intake.stored(intake.source.message("hello?")), intake.desk).case == case


def test_a_number_nobody_taught_is_a_subject_of_its_own(intake: Intake):
    case = dispatch(intake.stored(written(intake, "inv-0009")), intake.desk).case
    assert case is not None
    assert intake.cases.get(case).subject == "payment:stripe-eu:INV-0009"


def test_an_order_goes_before_a_payment_and_no_channel_means_neither(intake: Intake):
    event = written(intake, "pi_1")
    assert isinstance(event.detail, MessageDetail)
    both = event.model_copy(update={"detail": event.detail.model_copy(update={"order_name": "1001"})})
    name = name_of(both, SHOP, STRIPE)
    assert name is not None
    assert (name.channel, name.name) == (SHOP, "#1001")
    unsold = route(event, SHOP, known=None, signalled=False)
    assert unsold.subjects == (f"conversation:{CHAT}:c1",)


def test_ids_keep_their_letters_and_numbers_have_one_spelling():
    assert payment_name(" pi_3AbC ") == "pi_3AbC"
    assert payment_name("inv-0001") == "INV-0001"
