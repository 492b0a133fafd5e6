from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.model.case import SignalKind
from nightshift.model.event import EventKind, ReturnDetail, ReturnLine, Subject, SubjectKind
from nightshift.model.policy import TriageRules
from nightshift.money import Money
from nightshift.triage import signals
from nightshift.triage.words import sentences
from tests.conftest import FixedClock
from tests.support.intake import SHOP, Source

if TYPE_CHECKING:
    from nightshift.model.event import Event

RULES = TriageRules(
    legal={"en": ("lawyer", "small claims court", "sue"), "de": ("Anwalt",), "fr": ("procès",)},
    angry={"en": ("furious",), "es": ("estafadores",), "ja": ("ふざけるな",)},
    distressed={"en": ("suicidal",)},
    fraud={"en": ("chargeback",)},
    first_order_review_from=Money(amount=50_000, currency="EUR"),
)
SOURCE = Source(FixedClock())


def kinds(event: Event) -> list[str]:
    return [signal.kind.value for signal in signals(event, RULES)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("My lawyer will call", ["legal"]),
        ("MY LAWYER!", ["legal"]),
        ("see you in small  claims\tcourt", ["legal"]),
        ("Mein ANWALT meldet sich", ["legal"]),
        ("ce sera le proces", ["legal"]),
        ("PROCE\u0300S", ["legal"]),
        ("la\u200bwyer", ["legal"]),
        ("\uff4c\uff41\uff57\uff59\uff45\uff52", ["legal"]),
        ("もうふざけるなよ", ["angry"]),
        ("I am furious and will open a chargeback", ["fraud", "angry"]),
        ("do not make me sue", ["legal"]),
        ("I never lie; my lawyer knows", ["legal"]),
        ("I never felt so suicidal", ["distressed"]),
        ("I am not suicidal", ["distressed"]),  # distress is never talked away
    ],
)
def test_a_rule_word_is_found(text: str, found: list[str]):
    assert kinds(SOURCE.message(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Where is my order?",
        "the lawyers guild mug",
        "small claims",
        "small. claims court",
        "I need no lawyer",
        "I am not a lawyer",
        "Kein Anwalt",
        "I'm not furious",
        "without a chargeback",
        "the issue is resolved",
    ],
)
def test_other_words_parts_of_words_and_denied_words_are_not(text: str):
    assert kinds(SOURCE.message(text)) == []


def test_the_evidence_names_field_and_rule_and_never_the_text():
    (signal,) = signals(SOURCE.message("Kim Smith has a lawyer"), RULES)
    assert (signal.kind, signal.rule) == (SignalKind.LEGAL, "legal.en:lawyer")
    assert "detail.text" in signal.evidence
    assert "Kim" not in signal.evidence


def test_a_return_is_read_in_its_note_and_in_every_line():
    detail = ReturnDetail(
        return_ref="r",
        order_ref="o",
        note="furious",
        lines=(
            ReturnLine(line="1", quantity=1),
            ReturnLine(line="2", quantity=1, reason="my lawyer said so"),
        ),
    )
    subject = Subject(kind=SubjectKind.ORDER, channel=SHOP, ref="o")
    asked = SOURCE.event(EventKind.RETURN_REQUESTED, subject, detail)
    fields = {signal.kind.value: signal.evidence.split()[0] for signal in signals(asked, RULES)}
    assert fields == {"legal": "detail.lines[1].reason", "angry": "detail.note"}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"total": "500.00", "currency": "EUR", "first_order": True}, ["fraud"]),
        ({"total": "499.99", "currency": "EUR", "first_order": True}, []),
        ({"total": "500.00", "currency": "EUR", "first_order": False}, []),
        ({"total": "500.00", "currency": "EUR"}, []),
        ({"total": "500.00", "currency": "USD", "first_order": True}, []),
        ({"total": "lots", "currency": "EUR", "first_order": True}, []),
        ({"total": "500.00", "currency": "euros", "first_order": True}, []),
        ({"first_order": True}, []),
    ],
)
def test_a_large_first_order_is_looked_at_where_the_event_says_so(
    told: dict[str, str | bool], found: list[str]
):
    assert kinds(SOURCE.order(EventKind.ORDER_PLACED, 1, **told)) == found


def test_an_update_of_a_large_first_order_is_no_new_sign():
    told: dict[str, str | bool] = {"total": "900.00", "currency": "EUR", "first_order": True}
    assert kinds(SOURCE.order(EventKind.ORDER_UPDATED, 1, **told)) == []


def test_no_rules_find_nothing():
    assert signals(SOURCE.message("my lawyer is furious"), TriageRules(legal={"en": ("", "  ", "!")})) == ()


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error_and_twice_the_same(text: str):
    event = SOURCE.message(text)
    assert signals(event, RULES) == signals(event, RULES)


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_rule_word_between_clauses_is_always_found(before: str, after: str):
    assert "legal" in kinds(SOURCE.message(f"{before}. Lawyer! {after}"))


@given(st.text(max_size=200))
def test_words_are_folded(text: str):
    words = [word for clause in sentences(text) for word in clause]
    assert words == [word.casefold() for word in words]
