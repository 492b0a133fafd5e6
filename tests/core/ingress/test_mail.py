"""Mail comes in: what becomes an event, what is noted or parked, and that it does so once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fakes.ses import inbound
from nightshift.aws.client import client
from nightshift.aws.setup import DynamoSetup
from nightshift.errors import NotFound
from nightshift.ids import ChannelId, opaque
from nightshift.ingress.mail import PER_MAILBOX, PER_SENDER
from nightshift.model.event import BounceDetail, EventKind
from nightshift.model.mail import MARK, is_conversation
from nightshift.model.metric import Metric
from nightshift.ports.setup import AddressOwner
from tests.support.post_room import ACME, BOX, MAIL, PostOffice, letter, make_post_office

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

CONVERSATION = opaque("mail", "a conversation")


@pytest.fixture
def office(tables: Tables, clock: FixedClock) -> PostOffice:
    return make_post_office(tables, clock)


# what a mail says


def test_a_mail_is_an_event_in_the_order_of_its_sender(office: PostOffice) -> None:
    assert office.receive(letter(number=1)).done == "sent"
    assert office.receive(letter(number=2, sender="KIM@example.com")).done == "sent"
    assert office.receive(letter(number=3, sender="ada@example.com")).done == "sent"
    (first, group), (second, same), (_, other) = office.queued_with_groups()
    assert (first.tenant, first.channel, first.kind) == (ACME, MAIL, EventKind.MESSAGE_RECEIVED)
    assert first.body_ref == f"inbound/{first.delivery}"
    assert first.subject != second.subject
    assert group == same != other
    message = first.detail
    assert message.type == "message"
    assert (message.sender, message.verified_sender) == ("kim@example.com", True)
    assert message.text == "A question\nWhere is my order #1001?"
    assert (message.order_name, message.medium, message.message_id) == ("#1001", "mail", "mail-1@example.com")
    assert is_conversation(message.conversation)


def test_a_retried_call_gives_the_same_event_and_no_second_delivery(office: PostOffice) -> None:
    mail = office.store(inbound(letter(), BOX, at=office.clock.now()))
    (first,) = office.told(mail)
    office.clock.advance(120)
    (again,) = office.told(mail)
    assert first.event == again.event
    assert {event.id for event in office.queued()} == {first.event}
    (stored,) = office.post.deliveries.pending(office.clock.now(), 10)
    assert stored.delivery == mail.id


def test_a_mail_that_its_sender_delivers_twice_is_one_body(office: PostOffice) -> None:
    office.receive(letter(), id="first")
    office.receive(b"Received: by another.example\r\n" + letter(), id="second")
    one, other = office.queued()
    assert one.id != other.id
    assert one.body_digest == other.body_digest  # the dispatcher lets one of them pass


def test_a_mail_that_ses_has_not_stored_yet_comes_again(office: PostOffice) -> None:
    with pytest.raises(NotFound):
        office.told(inbound(letter(), BOX, at=office.clock.now()))
    assert office.queued() == []


@pytest.mark.parametrize(
    "box", ["support+tag@acme.example", "SUPPORT@Acme.Example", "Support+A+b@acme.example"]
)
def test_tags_and_case_of_a_mailbox_do_not_matter(office: PostOffice, box: str) -> None:
    assert office.receive(letter(), box).done == "sent"


NOBODYS = ["other@acme.example", "support@other.example", "no address", "@", "", "+tag@acme.example"]


@pytest.mark.parametrize("box", NOBODYS)
def test_a_mail_to_nobody_is_counted_and_nothing_else(office: PostOffice, tables: Tables, box: str) -> None:
    whole_domain = AddressOwner(tenant=ACME, channel=ChannelId("*"))
    DynamoSetup(tables.config, client("dynamodb")).claim_address("@acme.example", whole_domain)
    assert office.receive(letter(), box).done == "refused"
    assert office.queued() == []
    assert office.counts.of[Metric.MAIL_REFUSED] == 1


def test_a_thread_is_one_conversation(office: PostOffice) -> None:
    root = "<mail-1@example.com>"
    office.receive(letter(number=1))
    office.receive(letter(number=2, In_Reply_To=root))
    references = f"{root} <ours@email.amazonses.com>"
    office.receive(letter(number=3, References=references, In_Reply_To="<x@y.example>"))
    office.receive(letter(number=4))
    names = [event.subject.ref for event in office.queued()]
    assert names[0] == names[1] == names[2] != names[3]


def test_the_tag_of_the_address_we_send_from_names_the_conversation(office: PostOffice) -> None:
    office.receive(
        letter(In_Reply_To="<0100-ours@email.amazonses.com>"), f"support+{CONVERSATION}@acme.example"
    )
    assert office.message().conversation == CONVERSATION


def test_a_file_is_kept_under_its_digest_and_never_opened(office: PostOffice) -> None:
    raw = (
        b"From: kim@example.com\r\nSubject: broken mug\r\nMessage-ID: <m@example.com>\r\n"
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
        b"--x\r\nContent-Type: text/plain\r\n\r\nsee photo\r\n"
        b'--x\r\nContent-Type: image/jpeg; name="../../etc/mug.jpg"\r\nContent-Transfer-Encoding: base64\r\n'
        b"Content-Disposition: attachment\r\n\r\n/9j/4AAQ\r\n--x--\r\n"
    )
    office.receive(raw)
    (file,) = office.message().attachments
    assert (file.name, file.media_type) == ("mug.jpg", "image/jpeg")
    assert office.files() == {file.ref: b"\xff\xd8\xff\xe0\x00\x10"}
    assert file.ref.startswith(f"media/{ACME}/")


# who wrote it


@pytest.mark.guarantee("mail:proven-sender")
@pytest.mark.parametrize("verdict", ["FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED", ""])
@pytest.mark.parametrize("name", ["dmarc", "spam", "virus"])
def test_a_sender_is_proven_by_nothing_less_than_three_passes(
    office: PostOffice, name: str, verdict: str
) -> None:
    received = office.receive(letter(), verdicts={name: verdict})
    if verdict == "FAIL" and name != "dmarc":
        assert received.done == "parked"
    else:
        assert office.message().verified_sender is False


@pytest.mark.guarantee("mail:proven-sender")
@pytest.mark.parametrize(
    "head",
    [
        "From: kim@example.com\r\nFrom: ada@example.com",
        "From: kim@example.com, ada@example.com",
        "From: kim@example.com <ada@example.com>, x",
        "From: <kim@example.com> <ada@example.com>",
        "From: nobody",
        "X-Nothing: here",
        'From: "kim@example.com" <>',
        "From: kim@example.com\x00.evil.example",
    ],
)
def test_a_from_that_can_be_read_in_two_ways_proves_nobody(office: PostOffice, head: str) -> None:
    raw = f"{head}\r\nSubject: hi\r\n\r\nWhere is my order #1001?".encode()
    office.receive(raw)
    assert office.message().verified_sender is False


def test_a_from_that_ses_read_otherwise_proves_nobody(office: PostOffice) -> None:
    mail = office.store(inbound(letter(), BOX, at=office.clock.now()))
    mail.event["Records"][0]["ses"]["mail"]["commonHeaders"]["from"] = ["ada@example.com"]
    office.told(mail)
    assert office.message().verified_sender is False


# what is not acted on


@pytest.mark.guarantee("mail:never-answers-machines")
@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Auto_Submitted": "auto-replied"}, "auto-reply"),
        ({"Auto_Submitted": "auto-generated (rejected)"}, "auto-reply"),
        ({"X_Auto_Response_Suppress": "OOF, AutoReply"}, "auto-reply"),
        ({"X_Autoreply": "yes"}, "auto-reply"),
        ({"Precedence": "Bulk"}, "list"),
        ({"Precedence": "auto_reply"}, "list"),
        ({"List_Id": "<news.example.com>"}, "list"),
        ({MARK: CONVERSATION}, "loop"),
        ({"From": BOX}, "loop"),
        ({"From": f"Support <{BOX.upper()}>"}, "loop"),
    ],
)
def test_what_a_machine_wrote_is_noted_and_never_acted_on(
    office: PostOffice, headers: dict[str, str], why: str
) -> None:
    received = office.receive(letter("Where is my order #1001?", **headers))
    assert (received.done, received.reason) == ("noted", why)
    assert office.queued() == []
    assert office.parked() == []
    assert office.counts.of[Metric.MAIL_REFUSED] == 1


def test_a_person_who_says_that_no_machine_wrote_is_believed(office: PostOffice) -> None:
    assert office.receive(letter(Auto_Submitted="no")).done == "sent"


@pytest.mark.parametrize("name", ["spam", "virus"])
def test_spam_and_viruses_are_parked_unread(office: PostOffice, name: str) -> None:
    mail = inbound(letter(), BOX, at=office.clock.now(), verdicts={name: "FAIL"})  # never stored: never read
    (received,) = office.told(mail)
    assert received.done == "parked"
    assert office.queued() == []
    assert office.parked() == [f"{name}: SES found it in the mail"]
    assert office.counts.of[Metric.MAIL_REFUSED] == 1
    assert office.counts.of[Metric.DELIVERIES_PARKED] == 0  # any stranger could wake an operator with it


@pytest.mark.guarantee("mail:bombs")
def test_spam_is_parked_no_more_often_than_a_person_can_look_at(office: PostOffice) -> None:
    outcomes = [
        office.receive(letter(number=n), verdicts={"spam": "FAIL"}).done for n in range(PER_SENDER + 2)
    ]
    assert outcomes == ["parked"] * PER_SENDER + ["noted"] * 2


@pytest.mark.guarantee("mail:bombs")
def test_who_writes_in_a_customers_name_does_not_shut_the_customer_out(office: PostOffice) -> None:
    forged = [
        office.receive(letter(number=n), verdicts={"dmarc": "FAIL"}).done for n in range(PER_SENDER + 1)
    ]
    assert forged == ["sent"] * PER_SENDER + ["noted"]
    assert office.receive(letter(number=99)).done == "sent"


@pytest.mark.guarantee("mail:bombs")
def test_the_mails_of_one_sender_beyond_the_cap_make_no_events(office: PostOffice) -> None:
    outcomes = [office.receive(letter(number=n)).done for n in range(PER_SENDER + 5)]
    assert outcomes == ["sent"] * PER_SENDER + ["noted"] * 5
    assert len(office.queued()) == PER_SENDER
    assert office.receive(letter(number=99, sender="ada@example.com")).done == "sent"
    office.clock.advance(3600)
    assert office.receive(letter(number=100)).done == "sent"


@pytest.mark.guarantee("mail:bombs")
def test_a_call_that_comes_again_counts_once(office: PostOffice) -> None:
    mails = [
        office.store(inbound(letter(number=n), BOX, at=office.clock.now())) for n in range(PER_SENDER + 1)
    ]
    first = [office.told(mail)[0].done for mail in mails]
    again = [office.told(mail)[0].done for mail in mails]
    assert first == again == ["sent"] * PER_SENDER + ["noted"]


def test_a_bomb_of_many_invented_senders_meets_the_cap_of_the_mailbox(office: PostOffice) -> None:
    at = office.clock.now()
    for n in range(PER_MAILBOX):
        assert office.post.rates.admit(ACME, f"to:{BOX}", f"m{n}", at=at, most=PER_MAILBOX)
    unproven = office.receive(letter(sender="new@example.org"), verdicts={"dmarc": "GRAY"})
    assert (unproven.done, unproven.reason) == ("noted", "flood")
    assert office.receive(letter(number=2)).done == "sent"  # a proven sender is not shut out by it


# what came back


def report(*, to: str, original: str = "", action: str = "failed", kind: str = "delivery-status") -> bytes:
    parts = (
        "Content-Type: text/plain\r\n\r\nIt failed. My order #1001 was refunded twice!",
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Action: {action}\r\nStatus: 5.1.1 (no such user)\r\n",
        f"Content-Type: text/rfc822-headers\r\n\r\nFrom: {BOX}\r\n{original}\r\n",
    )
    return (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nSubject: Undeliverable\r\n"
        "Message-ID: <dsn@mx.example>\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="b"\r\n\r\n'
        + "".join(f"--b\r\n{part}\r\n" for part in parts)
        + "--b--\r\n"
    ).encode()


@pytest.mark.parametrize("by", ["tag", "mark"])
def test_a_bounce_becomes_an_event_in_the_conversation_of_our_mail(office: PostOffice, by: str) -> None:
    to = f"support+{CONVERSATION}@acme.example" if by == "tag" else BOX
    raw = report(to=to, original=f"{MARK}: {CONVERSATION}" if by == "mark" else "")
    assert office.receive(raw, to, source="").done == "sent"
    (event,) = office.queued()
    assert event.kind is EventKind.MESSAGE_BOUNCED
    assert event.subject.ref == CONVERSATION
    assert event.detail == BounceDetail(conversation=CONVERSATION, reason="bounce", status="5.1.1")


def test_a_complaint_becomes_an_event_too(office: PostOffice) -> None:
    raw = (
        report(to=BOX, original=f"{MARK}: {CONVERSATION}", kind="feedback-report")
        .replace(b"message/delivery-status", b"message/feedback-report")
        .replace(b"Action: failed", b"Feedback-Type: abuse")
    )
    office.receive(raw, source="")
    (event,) = office.queued()
    assert event.detail == BounceDetail(conversation=CONVERSATION, reason="complaint")


@pytest.mark.parametrize(
    "raw",
    [
        report(to=BOX),
        report(to=BOX, original=f"{MARK}: {CONVERSATION}", action="delayed"),
        report(to=BOX, original=f"{MARK}: mail_guessed"),
        report(
            to=BOX, original=f"{MARK}: {CONVERSATION}", kind="disposition-notification", action="displayed"
        ),
    ],
    ids=["of-nothing-of-ours", "still-trying", "invented", "read-receipt"],
)
def test_a_report_that_concerns_nobody_is_noted(office: PostOffice, raw: bytes) -> None:
    assert office.receive(raw, source="").reason == "report"
    assert office.queued() == []


def test_bounces_are_not_taken_for_the_bomb_of_one_sender(office: PostOffice) -> None:
    tagged = f"support+{CONVERSATION}@acme.example"
    done = [
        office.receive(report(to=tagged), tagged, source="", id=f"bounce{n}").done
        for n in range(PER_SENDER + 3)
    ]
    assert set(done) == {"sent"}
