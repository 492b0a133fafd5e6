"""Intents by rules: whole words, folded, in any of the languages, with evidence that quotes nothing."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nightshift.context.intents import IntentRule, bundled_rules, intents_of
from nightshift.context.trust import sender_trusted
from nightshift.model.event import EventKind
from nightshift.model.order import Customer
from tests.support.matters import CUSTOMER, asked_return, happened, message, order

RULES = bundled_rules()


def best(text: str, locale: str = "en") -> str:
    found = intents_of(RULES, (message(text, locale=locale),))
    return found[0].name if found else ""


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("My mug arrived broken!", "damaged_item"),
        ("Der Becher ist KAPUTT angekommen", "damaged_item"),
        ("Die Tasse ist beschadigt", "damaged_item"),
        ("The parcel never arrived, I want my money back", "refund_request"),
        ("Ich möchte mein Geld zurück", "refund_request"),
        ("Where is my order?", "order_status"),
        ("Wo ist mein Paket?", "order_status"),
        ("Please cancel my order", "cancel_order"),
        ("Bitte stornieren", "cancel_order"),
        ("Please change my address:\nLindenstr. 5, 10969 Berlin, Germany", "address_change"),
        ("You charged me twice. Please refund it", "duplicate_charge"),
        ("I would like to send it back", "return_request"),
        ("my mug is broken, refund please", "damaged_item"),
        ("What a lovely mug", ""),
        ("Is the unbroken seal cancellable and refundable?", ""),
        ("", ""),
    ],
)
def test_a_message_says_what_it_wants(text: str, intent: str):
    assert best(text) == intent


def test_a_german_message_in_an_english_shop_is_understood():
    assert (
        best("wo bleibt meine Bestellung", locale="en")
        == best("wo bleibt sie", locale="de")
        == "order_status"
    )


def test_a_return_request_says_so_itself():
    (found,) = intents_of(RULES, (asked_return("DEFECTIVE"),))
    assert (found.name, found.confidence) == ("return_request", 1.0)


def test_the_store_s_own_events_want_nothing():
    assert intents_of(RULES, (happened(EventKind.ORDER_UPDATED, 1),)) == ()


def test_the_evidence_names_the_rule_and_never_the_text():
    (found,) = intents_of(RULES, (happened(EventKind.ORDER_UPDATED, 1), message("it is shattered, says Kim")))
    assert found.evidence == "event 2: text (en): rule damaged.words"


def test_a_matter_under_way_stays_the_matter():
    told = (message("I want my money back"), message("the photo, it is broken", 2))
    assert intents_of(RULES, told)[0].name == "damaged_item"
    assert intents_of(RULES, told, settled="refund_request")[0].name == "refund_request"
    assert intents_of(RULES, told, settled="order_status")[0].name == "damaged_item"


def test_a_rule_that_can_never_fire_is_refused():
    with pytest.raises(ValidationError):
        IntentRule(id="x", confidence=0.5)


def test_the_order_s_own_customer_is_trusted():
    assert sender_trusted((message("hello", sender="KIM@Example.com "),), order())


@pytest.mark.parametrize(
    "changes",
    [
        {"verified_sender": False},
        {"sender": "mallory@example.com"},
        {"sender": "K\u0131m@example.com"},
        {"sender": "\u212aim@example.com"},
        {"sender": ""},
    ],
)
def test_anyone_else_is_not(changes: dict[str, object]):
    assert not sender_trusted((message("hello", **changes),), order())


def test_one_message_of_a_stranger_makes_the_case_untrusted():
    assert not sender_trusted((message("hello"), message("me too", 2, sender="mallory@example.com")), order())


@pytest.mark.parametrize(
    "customer", [None, Customer(id=CUSTOMER, email=None), Customer(id=CUSTOMER, email="")]
)
def test_without_an_address_on_the_order_nobody_is_trusted(customer: Customer | None):
    assert not sender_trusted((message("hello", sender=""),), order(customer=customer))
    assert not sender_trusted((message("hello"),), None)


def test_what_the_store_itself_tells_needs_no_sender():
    assert sender_trusted((asked_return("DEFECTIVE"),), order())
