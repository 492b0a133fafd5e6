"""Mail from SES's receipt to its case: the real reply mails, bounces, repetitions, and who is believed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nightshift.cases.dispatch import dispatch
from nightshift.context.observe import _person_by_record
from nightshift.context.trust import sender_trusted
from nightshift.ids import CaseId
from nightshift.model.event import EventKind, MessageDetail
from nightshift.model.mail import MARK
from tests.support.intake import Intake, make_intake, order_subject
from tests.support.matters import EMAIL, order
from tests.support.post_room import PostOffice, letter, make_post_office

if TYPE_CHECKING:
    from nightshift.ports.cases import Accepted
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

TALON = Path(__file__).parents[4] / "shared" / "contracts" / "ses-inbound" / "talon"
MAILS = sorted((TALON / "standard_replies").glob("*.eml"))


@pytest.fixture
def office(tables: Tables, clock: FixedClock) -> PostOffice:
    return make_post_office(tables, clock)


@pytest.fixture
def intake(tables: Tables, clock: FixedClock, office: PostOffice) -> Intake:
    del office  # its tenant is the same one, entered first
    return make_intake(tables, clock)


def taken(office: PostOffice, intake: Intake) -> list[Accepted]:
    """The dispatcher takes what is in the queue."""
    return [dispatch(event, intake.desk) for event in office.queued()]


@pytest.mark.skipif(not MAILS, reason="the reply mails of shared/contracts are not here")
def test_every_real_reply_mail_opens_a_case_with_what_its_writer_added(
    office: PostOffice, intake: Intake
) -> None:
    for file in MAILS:
        assert office.receive(file.read_bytes(), id=file.stem).done == "sent", file.stem
    cases = [accepted.case for accepted in taken(office, intake)]
    assert len({case for case in cases if case}) == len(MAILS)
    for case in cases:
        (event,) = intake.cases.events(CaseId(case or ""))
        assert isinstance(event.detail, MessageDetail)
        # Outlook's is no answer: its subject is the writer's own
        assert event.detail.text in {"Hello", "Test\nHello"}


def test_a_mail_that_names_an_order_joins_that_orders_case(office: PostOffice, intake: Intake) -> None:
    placed = intake.source.order(EventKind.ORDER_PLACED, 1, first_order=False)
    dispatch(intake.stored(placed), intake.desk)
    office.receive(letter("Where is it?", subject="My order #1001"))
    office.receive(letter("Hello?", number=2, subject="Re: My order", In_Reply_To="<mail-1@example.com>"))
    first, second = taken(office, intake)
    assert first.case == second.case
    assert intake.cases.get(CaseId(first.case or "")).subject == order_subject(1)


def test_a_mail_delivered_twice_opens_one_case(office: PostOffice, intake: Intake) -> None:
    office.receive(letter(), id="first")
    office.receive(b"Received: by another.example\r\n" + letter(), id="second")
    first, second = taken(office, intake)
    assert first.case == second.case
    assert second.repeated == "body"


def test_a_bounce_of_our_answer_reaches_a_person_even_after_the_case_is_closed(
    office: PostOffice, intake: Intake
) -> None:
    placed = intake.source.order(EventKind.ORDER_PLACED, 1, first_order=False)
    dispatch(intake.stored(placed), intake.desk)
    office.receive(letter(subject="My order #1001"))
    (asked,) = office.queued()
    opened = dispatch(asked, intake.desk)
    conversation = asked.subject.ref
    returned = (
        "From: MAILER-DAEMON@mx.example\r\nMessage-ID: <dsn@mx.example>\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{MARK}: {conversation}\r\n\r\n--b--\r\n"
    ).encode()
    office.receive(returned, source="")
    (joined,) = taken(office, intake)
    assert joined.case == opened.case
    case = intake.cases.get(CaseId(joined.case or ""))
    assert "came back" in (_person_by_record(case, intake.cases.events(case.id)) or "")


def test_a_bounce_that_somebody_invented_opens_nothing(office: PostOffice, intake: Intake) -> None:
    invented = f"support+mail_{'a' * 26}@acme.example"
    returned = (
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n\r\n--b--\r\n"
    )
    assert office.receive(returned, invented, source="").done == "sent"
    (accepted,) = taken(office, intake)
    assert accepted.case is None


@pytest.mark.guarantee("mail:proven-sender")
@pytest.mark.parametrize(
    ("sender", "verdict", "trusted"),
    [
        ("kim@example.com", "PASS", True),
        ("kim@example.com", "FAIL", False),
        ("kim@example.com", "GRAY", False),
        ("thief@example.com", "PASS", False),
        ("KIM@EXAMPLE.COM", "PASS", True),
        ("k\u0131m@example.com", "PASS", False),
    ],
)
def test_only_a_proven_sender_with_the_orders_address_is_trusted(
    office: PostOffice, sender: str, verdict: str, *, trusted: bool
) -> None:
    office.receive(letter(sender=sender), verdicts={"dmarc": verdict})
    assert EMAIL == "kim@example.com"
    assert sender_trusted(tuple(office.queued()), order()) is trusted
