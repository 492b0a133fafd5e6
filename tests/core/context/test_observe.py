"""Observe: what one wake knows is read, kept and logged; vendors that fail are told by their errors."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.readtools import LambdaReadTools
from nightshift.context.intents import bundled_rules
from nightshift.context.observe import Observed, Observing, observe
from nightshift.context.outlived import Wake
from nightshift.errors import Misconfigured, NotFound, OutcomeUnknown, Rejected, Retryable, Throttled
from nightshift.ids import CaseId
from nightshift.model.case import CaseStatus, Episode, Signal, SignalKind
from nightshift.model.event import EventKind, PrivacyDetail, Subject, SubjectKind
from nightshift.model.order import RiskLevel
from nightshift.model.plan import HandOff
from nightshift.planner.choose import PlaybookPlanner
from nightshift.planner.playbook import bundled
from tests.support.case_life import Life, make_life
from tests.support.matters import (
    ACME,
    CUSTOMER,
    ORDER,
    SHOP,
    asked_return,
    event,
    happened,
    message,
    order,
    tenant,
)
from tests.support.tools_lambda import ToolsLambda

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def tools() -> Iterator[ToolsLambda]:
    with ToolsLambda(orders={ORDER: order()}) as running:
        yield running


@pytest.fixture
def life(tables: Tables, clock: FixedClock) -> Life:
    return make_life(tables, clock)


@pytest.fixture
def parts(life: Life, tools: ToolsLambda) -> Observing:
    return Observing(
        cases=life.cases,
        config=life.config,
        tools=LambdaReadTools(tools.prefix, life.config, tools.client()),
        episodes=life.episodes,
        log=life.log,
        subjects=life.subjects,
        clock=life.clock,
        rules=bundled_rules(),
        definition="now",
    )


def look(parts: Observing, case: CaseId, wake: int = 1) -> Observed:
    return observe(parts, Wake(case=case, generation=1, wake=wake))


def test_a_wake_knows_the_order_the_customer_and_what_is_wanted(
    life: Life, parts: Observing, tools: ToolsLambda
):
    case = life.open(message("my mug arrived broken")).id
    seen = look(parts, case)
    known = life.cases.context(case, 1)
    assert (seen.person, seen.woken) == (False, "opened")
    assert (known.order, known.order_channel, known.customer) == (order(), SHOP, CUSTOMER)
    assert (known.intents[0].name, known.sender_trusted, known.seen_seq) == ("damaged_item", True, 1)
    stands = life.cases.get(case)
    assert (stands.customer, stands.intent, stands.status) == (CUSTOMER, "damaged_item", CaseStatus.OPEN)
    assert tools.calls == [
        {
            "function": "tools-adapter-shopify",
            "tenant": ACME,
            "channel": SHOP,
            "tool": "orders.get",
            "args": {"order": ORDER},
        }
    ]


def test_a_case_whose_customer_is_known_is_found_when_they_are_forgotten(life: Life, parts: Observing):
    case = life.open(message("my mug arrived broken")).id
    look(parts, case)
    assert life.subjects.of_customer(ACME, CUSTOMER) == (case,)
    look(parts, case)
    assert life.subjects.of_customer(ACME, CUSTOMER) == (case,)


def test_the_same_wake_again_knows_the_same_and_adds_no_line(life: Life, parts: Observing):
    case = life.open(message("my mug arrived broken")).id
    first = look(parts, case)
    known = life.cases.context(case, 1)
    life.join(case, message("hello?", 2))
    assert look(parts, case) == first
    assert life.cases.context(case, 1) == known
    assert life.told(case) == ["context.read"]


def test_a_sleeper_that_was_locked_goes_to_a_person_and_not_on_sleeping(
    life: Life, parts: Observing, clock: FixedClock
):
    case = life.open(message("broken")).id
    look(parts, case)
    deadline = clock.now() + timedelta(days=1)
    assert life.cases.sleep(case, 1, wake=1, seen_seq=1, events=(), deadline=deadline)
    life.cases.lock(case, "legal")
    seen = look(parts, case, wake=2)
    assert (seen.next, life.cases.context(case, 2).person) == ("person", "legal")


def test_a_later_wake_knows_which_events_are_news(life: Life, parts: Observing):
    case = life.open(message("broken")).id
    look(parts, case)
    life.join(case, message("and cracked", 2))
    look(parts, case, wake=2)
    known = life.cases.context(case, 2)
    assert (known.seen_seq, known.known_seq) == (2, 1)


@pytest.mark.guarantee("privacy:no-personal-data-in-logs")
def test_the_log_tells_counts_and_rules_and_no_personal_data(life: Life, parts: Observing):
    case = life.open(message("my secret mug is broken")).id
    look(parts, case)
    (entry,) = life.log.read(case)
    assert entry.detail["intents"] == ["damaged_item 0.90"]
    assert entry.detail["order"] == ORDER
    assert entry.detail["events"] == 1
    for personal in ("kim", "Kim", "example.com", "secret"):
        assert personal not in entry.model_dump_json()


def test_episodes_of_this_customer_and_tenant_are_recalled(life: Life, parts: Observing, clock: FixedClock):
    for number, (owner, customer) in enumerate([(ACME, CUSTOMER), (ACME, "someone"), ("other", CUSTOMER)]):
        episode = Episode.model_validate(
            {
                "case": f"case_{number}",
                "tenant": owner,
                "customer": customer,
                "subject": "s",
                "intent": None,
                "outcome": "refund",
                "summary": "refund",
                "opened_at": clock.now(),
                "closed_at": clock.now() - timedelta(hours=1),
            }
        )
        life.episodes.keep(episode, until=clock.now() + timedelta(days=1))
    case = life.open(message("broken")).id
    look(parts, case)
    assert [e.case for e in life.cases.context(case, 1).episodes] == ["case_0"]


def test_an_order_that_is_not_there_is_a_finding_and_no_failure(
    life: Life, parts: Observing, tools: ToolsLambda
):
    tools.orders.clear()
    case = life.open(message("where is my order")).id
    assert look(parts, case).person is False
    known = life.cases.context(case, 1)
    assert (known.order, known.order_problem, known.sender_trusted) == (
        None,
        "the order cannot be found",
        False,
    )


@pytest.mark.parametrize(
    ("name", "raised"),
    [
        ("Retryable", Retryable),
        ("Throttled", Throttled),
        ("OutcomeUnknown", OutcomeUnknown),
        ("Misconfigured", Misconfigured),
        ("KeyError", Retryable),
        ("Sandbox.Timedout", Retryable),
    ],
)
def test_a_vendor_that_fails_is_told_by_its_error_and_tried_again(
    life: Life, parts: Observing, tools: ToolsLambda, name: str, raised: type[Exception]
):
    tools.failing.append((name, "no"))
    case = life.open(message("my mug is broken")).id
    with pytest.raises(raised):
        look(parts, case)
    assert look(parts, case).person is False
    assert life.cases.context(case, 1).order == order()


def test_the_message_of_a_crash_is_not_passed_on(life: Life, parts: Observing, tools: ToolsLambda):
    tools.failing.append(("ValidationError", "email kim@example.com is wrong"))
    case = life.open(message("my mug is broken")).id
    with pytest.raises(Retryable) as told:
        look(parts, case)
    assert "kim" not in str(told.value)


@pytest.mark.parametrize(("status", "raised"), [(429, Throttled), (404, Misconfigured)])
def test_lambda_itself_may_say_no(
    life: Life, parts: Observing, tools: ToolsLambda, status: int, raised: type[Exception]
):
    tools.status = status
    with pytest.raises(raised):
        look(parts, life.open(message("my mug is broken")).id)


@pytest.mark.parametrize(("answer", "raised"), [({"id": 1}, Retryable), ([1], Misconfigured)])
def test_an_order_in_another_shape_is_told(
    life: Life, parts: Observing, tools: ToolsLambda, answer: object, raised: type[Exception]
):
    tools.answering = answer
    with pytest.raises(raised):
        look(parts, life.open(message("my mug is broken")).id)


def test_a_read_that_was_refused_is_told_as_such(life: Life, tools: ToolsLambda):
    reader = LambdaReadTools(tools.prefix, life.config, tools.client())
    with pytest.raises(Rejected):
        reader.read(ACME, SHOP, "orders.get", {"order": "nothing"})
    with pytest.raises(NotFound):
        reader.read(ACME, "no-channel", "orders.get", {})  # type: ignore[arg-type]  # not a channel


def test_a_locked_case_goes_to_a_person_with_what_could_be_read(life: Life, parts: Observing):
    signal = Signal(kind=SignalKind.LEGAL, rule="legal.en:lawyer", evidence="detail.text")
    case = life.open(message("my mug is broken")).id
    life.cases.lock(case, "triage: legal", (signal,))
    assert look(parts, case).person is True
    known = life.cases.context(case, 1)
    assert (known.person, known.order) == ("triage: legal", order())


def test_a_person_gets_the_case_even_when_the_vendor_is_down(
    life: Life, parts: Observing, tools: ToolsLambda
):
    tools.failing.append(("Retryable", "down"))
    case = life.open(message("my lawyer")).id
    life.cases.lock(case, "triage: legal")
    assert look(parts, case).person is True
    assert life.cases.context(case, 1).order_problem == "the order could not be read"


def test_a_case_with_a_person_stays_there(life: Life, parts: Observing):
    case = life.open(message("hello")).id
    life.cases.hand_over(case, 1, "somebody asked for it")
    assert look(parts, case).person is True
    assert life.cases.context(case, 1).person == "somebody asked for it"


def test_a_privacy_request_is_for_a_person(life: Life, parts: Observing, tools: ToolsLambda):
    subject = Subject(kind=SubjectKind.CUSTOMER, channel=SHOP, ref=CUSTOMER)
    asked = event(EventKind.ERASURE_REQUESTED, PrivacyDetail(request="redact"), subject=subject)
    case = life.open(asked).id
    assert look(parts, case).person is True
    assert tools.calls == []


def test_a_high_risk_of_fraud_on_the_order_is_for_a_person(life: Life, parts: Observing, tools: ToolsLambda):
    tools.orders[ORDER] = order(risk=RiskLevel.HIGH)
    assert look(parts, life.open(message("my mug is broken")).id).person is True


def test_a_case_closed_meanwhile_is_led_to_its_end(life: Life, parts: Observing, tools: ToolsLambda):
    case = life.open(message("hello")).id
    life.wake(case, 1)
    life.cases.resolve(case, by="person:ana", note="done", seen_seq=1)
    assert look(parts, case).person is True
    assert (life.told(case), tools.calls) == ([], [])


def test_a_return_asked_for_in_the_shop_is_trusted_and_understood(life: Life, parts: Observing):
    case = life.open(asked_return("DEFECTIVE")).id
    look(parts, case)
    known = life.cases.context(case, 1)
    assert (known.intents[0].name, known.sender_trusted) == ("return_request", True)


@pytest.mark.parametrize("changes", [{"verified_sender": False}, {"sender": "mallory@example.com"}])
def test_an_unproven_sender_gets_no_order_data(life: Life, parts: Observing, changes: dict[str, object]):
    case = life.open(message("where is my order", **changes)).id
    look(parts, case)
    known = life.cases.context(case, 1)
    draft = PlaybookPlanner(bundled()).propose(known, tenant(), at=life.clock.now())
    assert known.sender_trusted is False
    assert draft.plan.steps == ()
    assert isinstance(draft.plan.after, HandOff)
    assert "DHL123" not in draft.model_dump_json()


def test_the_store_s_news_in_between_change_no_intent(life: Life, parts: Observing):
    case = life.open(message("my mug arrived broken")).id
    life.join(case, happened(EventKind.ORDER_UPDATED, 2))
    look(parts, case)
    assert [i.name for i in life.cases.context(case, 1).intents] == ["damaged_item"]


@pytest.mark.guarantee("recovery:sleepers-keep-their-deadline")
def test_a_sleeper_whose_execution_was_lost_sleeps_on_for_what_is_left(
    life: Life, parts: Observing, clock: FixedClock
):
    case = life.open(message("my mug is broken")).id
    look(parts, case)
    told = life.told(case)
    until = clock.now() + timedelta(seconds=100)
    events = (EventKind.MESSAGE_RECEIVED,)
    assert life.cases.sleep(case, 1, wake=1, seen_seq=1, events=events, deadline=until)
    clock.advance(39.5)
    observed = look(parts, case)
    assert (observed.next, observed.sleep_seconds, observed.seen_seq) == ("sleep", 61, 1)
    clock.advance(3600)
    assert look(parts, case).sleep_seconds == 1
    assert life.cases.get(case).status is CaseStatus.SLEEPING
    assert life.told(case) == told
