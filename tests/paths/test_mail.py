"""Mail through the running system: the real reply mails, an answer, and what must not be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.post import PostOffice
from demo.tenant import MAIL
from nightshift.model.case import CaseStatus
from nightshift.model.event import MessageDetail
from tests.adapters.official import CONTRACTS, IN_CI

if TYPE_CHECKING:
    from demo.shop import Shop
    from nightshift.ids import CaseId
    from tests.support.installation import Installation

pytestmark = pytest.mark.xdist_group("shop")

REPLIES = sorted((CONTRACTS / "ses-inbound" / "talon" / "standard_replies").glob("*.eml"))
CLOSED, PERSON = CaseStatus.CLOSED, CaseStatus.WITH_PERSON


@pytest.fixture(scope="module")
def post(shop: Shop) -> PostOffice:
    return PostOffice(shop)


def _by_mail(shop: Shop) -> dict[CaseId, CaseStatus]:
    """The cases that a mail without an order opened."""
    lines = shop.as_("ana").cases(limit=200).cases
    return {line.id: line.status for line in lines if line.subject.startswith(f"conversation:{MAIL}:")}


def test_every_real_reply_mail_reaches_a_person_once(
    shop: Shop, installed: Installation, post: PostOffice
) -> None:
    if not REPLIES and not IN_CI:
        pytest.skip("the vendor contracts are not beside the repository")
    assert REPLIES
    before = set(_by_mail(shop))
    for file in REPLIES:
        received = post.deliver(file.read_bytes(), verdicts={"dmarc": "GRAY"})
        post.call(received)  # SES and Lambda may both deliver twice

    def all_there() -> dict[CaseId, CaseStatus] | None:
        found = {case: status for case, status in _by_mail(shop).items() if case not in before}
        done = len(found) >= len(REPLIES) and set(found.values()) <= {PERSON}
        return found if done else None

    new = shop.wait_for(all_there, "a case with a person for each mail", seen=lambda: str(_by_mail(shop)))

    assert len(new) == len(REPLIES)
    for case in new:
        (event,) = installed.cases.events(case)
        assert isinstance(event.detail, MessageDetail)
        assert "Hello" in event.detail.text
        assert "wrote:" not in event.detail.text


def test_a_customers_mail_is_answered_once_at_the_address_on_record(shop: Shop, post: PostOffice) -> None:
    order = shop.place_order(
        name="#7301",
        customer={"email": "paula@example.com", "name": "Paula", "orders_count": 3},
        lines=({"title": "Pan", "sku": "PAN", "price": "20.00"},),
        fulfilment="shipped",
    )
    received = post.write("Paula <PAULA@example.com>", "My order #7301", "Where is my order?")
    post.call(received)
    assert shop.wait_for_case(order, CLOSED, PERSON).status is CLOSED
    sent = [mail for mail in post.outbox if mail.to == "paula@example.com"]
    assert len(sent) == 1
    assert "#7301" in sent[0].text
    assert sent[0].headers["Auto-Submitted"] == "auto-replied"


def test_an_automatic_answer_to_our_answer_is_not_answered_again(shop: Shop, post: PostOffice) -> None:
    before = len(post.outbox)
    cases = set(_by_mail(shop))
    away = (
        "From: Paula <paula@example.com>\r\nTo: help@demo-store.example\r\nSubject: Out of office #7301\r\n"
        "Message-ID: <away-1@mail.example>\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n"
    )
    post.deliver(away.encode())
    # a mail after it in the same group: once it is taken, so was the one before
    post.write("Paula <paula@example.com>", "Something else", "Hello, can I pay by invoice?")
    shop.wait_for(
        lambda: True if set(_by_mail(shop)) - cases else None, "the second mail's case", seen=lambda: ""
    )
    assert len(set(_by_mail(shop)) - cases) == 1
    assert len(post.outbox) == before
