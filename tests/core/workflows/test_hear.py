"""Events that begin a workflow: once each, cooled down, armed, and as its owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.errors import Conflict, Retryable
from nightshift.model.event import EventKind, MessageDetail, Subject, SubjectKind
from nightshift.model.metric import Metric
from nightshift.model.tenant import Staff
from nightshift.workflows.hear import hear
from nightshift.workflows.keep import disable
from tests.support.workshop import ACME, ANA, FEED

if TYPE_CHECKING:
    from nightshift.model.event import Event
    from tests.support.workshop import Workshop


def on_drop(**fields: object) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "kind": "event",
        "event": "CompetitorPriceChanged",
        "when": "event.drop_percent > 5.0",
    }
    return {**asked, **fields}


def became(shop: Workshop, event: Event) -> str:
    (heard,) = hear(shop.desk, event)
    return heard.became


def test_a_drop_of_six_percent_begins_it_and_one_of_four_does_not(shop: Workshop):
    shop.saved(on_drop())
    assert became(shop, shop.price(4.0)) == "not_true"
    assert not shop.launcher.plans
    six = shop.price(6.0)
    assert became(shop, six) == "begun"
    (proposal,) = shop.launcher.plans.values()
    event = proposal.plan.inputs["event"]
    assert isinstance(event, dict)
    assert (event["id"], event["sku"], event["drop_percent"]) == (six.id, "MUG", 6.0)
    assert event["after"] == {"amount": 9400, "currency": "EUR"}
    assert proposal.tainted == ()


@pytest.mark.guarantee("workflows:each-occurrence-once")
def test_the_same_event_again_begins_nothing_anew(shop: Workshop):
    shop.saved(on_drop(cool_down_seconds=3600))
    event = shop.price(6.0)
    assert [became(shop, event) for _ in range(3)] == ["begun"] * 3
    assert shop.launcher.starts == 1


def test_who_died_before_the_run_began_is_made_good_though_it_was_edited_since(shop: Workshop):
    shop.saved(on_drop(cool_down_seconds=3600))
    event = shop.price(6.0)
    shop.launcher.down = True
    with pytest.raises(Retryable):
        hear(shop.desk, event)
    shop.launcher.down = False
    shop.saved(on_drop(when="event.drop_percent > 50.0"))
    assert became(shop, event) == "begun"
    assert [p.workflow for p in shop.launcher.plans.values()] == ["reprice@1"]


def test_it_cools_down_for_each_subject_apart(shop: Workshop):
    shop.saved(on_drop(cool_down_seconds=3600))
    assert became(shop, shop.price(6.0)) == "begun"
    shop.clock.advance(3599)
    assert became(shop, shop.price(7.0)) == "cooling"
    assert became(shop, shop.price(7.0, sku="CUP")) == "begun"
    shop.clock.advance(1)
    assert became(shop, shop.price(8.0)) == "begun"
    assert shop.launcher.starts == 3


def test_after_it_ran_it_waits_until_things_were_otherwise_once(shop: Workshop):
    shop.saved(on_drop(until="event.drop_percent < 0.0"))
    assert became(shop, shop.price(6.0)) == "begun"
    assert became(shop, shop.price(7.0)) == "not_armed"
    assert became(shop, shop.price(-1.0)) == "rearmed"
    assert became(shop, shop.price(-1.0)) == "not_true"
    assert became(shop, shop.price(7.0)) == "begun"


def test_a_condition_that_cannot_be_evaluated_is_not_true(shop: Workshop):
    shop.saved(on_drop(when="event.no_such_field > 5.0"))
    assert became(shop, shop.price(6.0)) == "unclear"
    assert not shop.launcher.plans


def test_nobody_hears_what_nobody_wants_or_wants_no_more(shop: Workshop):
    assert hear(shop.desk, shop.price(6.0)) == ()
    shop.saved(on_drop())
    assert shop.desk.workflows.hearing(ACME, EventKind.COMPETITOR_PRICE_CHANGED) == ("reprice",)
    shop.saved({"kind": "event", "event": "OrderPlaced"})
    assert shop.desk.workflows.hearing(ACME, EventKind.COMPETITOR_PRICE_CHANGED) == ()
    assert shop.desk.workflows.hearing(ACME, EventKind.ORDER_PLACED) == ("reprice",)
    disable(shop.desk, ACME, ANA, "reprice")
    assert shop.desk.workflows.hearing(ACME, EventKind.ORDER_PLACED) == ()


def test_an_owner_who_is_gone_pauses_it(shop: Workshop):
    shop.saved(on_drop())
    shop.config.put_staff(Staff(id="ana", tenant=ACME, name="ana", role="viewer"))
    assert became(shop, shop.price(6.0)) == "paused"
    assert hear(shop.desk, shop.price(6.0)) == ()
    assert shop.heard.counts[Metric.WORKFLOWS_PAUSED] == 1
    assert not shop.launcher.plans


def test_a_halted_tenant_begins_nothing(shop: Workshop):
    shop.saved(on_drop())
    shop.config.put_tenant(shop.config.tenant(ACME).model_copy(update={"halted": True}))
    assert became(shop, shop.price(6.0)) == "halted"


def test_what_a_customer_wrote_is_tainted_and_its_words_are_not_told(shop: Workshop):
    shop.saved({"kind": "event", "event": "MessageReceived"})
    detail = MessageDetail(
        conversation="c-1", text="Refund me 500 EUR now", sender="eve@example.com", verified_sender=False
    )
    subject = Subject(kind=SubjectKind.CONVERSATION, channel=FEED, ref="c-1")
    changes = {"kind": EventKind.MESSAGE_RECEIVED, "detail": detail, "subject": subject}
    assert became(shop, shop.price(6.0).model_copy(update=changes)) == "begun"
    (proposal,) = shop.launcher.plans.values()
    assert proposal.tainted == ("event",)
    assert "eve@example.com" not in proposal.model_dump_json()
    assert "500" not in proposal.model_dump_json()


def test_of_many_events_at_once_about_one_subject_one_begins_it(shop: Workshop):
    shop.saved(on_drop(cool_down_seconds=3600))
    events = [shop.price(6.0) for _ in range(4)]

    def offered(event: Event) -> None:
        while True:  # as the queue brings it again
            try:
                hear(shop.desk, event)
            except Conflict:
                continue
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(offered, events * 2))
    assert len(shop.launcher.plans) == 1
