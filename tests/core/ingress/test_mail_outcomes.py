"""What SES publishes about mails of ours: it settles their effects, and a bounce reaches a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import pytest

from fakes.ses import SentMailRecord, SesFake
from nightshift.ids import opaque
from nightshift.model.event import BounceDetail
from tests.support.post_room import ACME, MAIL, PostOffice, make_post_office

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

CONVERSATION = opaque("mail", "a conversation")
AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture
def office(tables: Tables, clock: FixedClock) -> PostOffice:
    return make_post_office(tables, clock)


@pytest.fixture
def ses(clock: FixedClock) -> SesFake:
    return SesFake("acme", clock.now)


def sent(**tags: str) -> SentMailRecord:
    return SentMailRecord(
        id="0100-1",
        message_id="<0100-1@email.amazonses.com>",
        sender="support@acme.example",
        to="kim@example.com",
        reply_to="",
        subject="",
        text="",
        headers={},
        tags={"tenant": ACME, "channel": MAIL, "key": "key_one", "conversation": CONVERSATION, **tags},
        sent_at=AT.isoformat(),
    )


def published(ses: SesFake, mail: SentMailRecord) -> dict[str, Any]:
    return ses._publish("Send", mail)  # what it does on its own when it sends


def test_what_ses_says_it_sent_is_kept_under_the_key_of_its_effect(office: PostOffice, ses: SesFake) -> None:
    assert office.post.sent.find(ACME, "key_one") is None
    assert office.heard(published(ses, sent())).done == "recorded"
    found = office.post.sent.find(ACME, "key_one")
    assert found is not None
    assert (found.message, found.sent_at) == ("0100-1", AT)
    assert office.post.sent.find(ACME, "key_two") is None
    assert office.queued() == []


@pytest.mark.parametrize("reason", ["bounce", "complaint"])
def test_a_mail_that_came_back_is_an_event_once(
    office: PostOffice, ses: SesFake, reason: Literal["bounce", "complaint"]
) -> None:
    event = ses.bounce(sent()) if reason == "bounce" else ses.complain(sent())
    first, again = office.heard(event), office.heard(event)
    assert first.event == again.event
    (found,) = {e.id: e for e in office.queued()}.values()
    status = "5.1.1" if reason == "bounce" else ""
    assert found.detail == BounceDetail(conversation=CONVERSATION, reason=reason, status=status)
    assert office.post.sent.find(ACME, "key_one") is not None  # what came back was sent


def test_mail_of_somebody_else_in_the_account_is_nothing_to_us(office: PostOffice, ses: SesFake) -> None:
    assert office.heard(ses.bounce(sent(tenant=""))).done == "noted"
    assert office.queued() == []


def test_events_out_of_order_and_repeated_change_nothing(office: PostOffice, ses: SesFake) -> None:
    mail = sent()
    office.heard(ses.bounce(mail))
    office.heard(published(ses, mail))
    office.heard(ses.bounce(mail))
    assert len({event.id for event in office.queued()}) == 1
