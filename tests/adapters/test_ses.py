"""Replies by mail: to whom, what stands in them, and at most once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from functions.adapters.ses.client import SesClient
from functions.adapters.ses.tools import ADAPTER, probe_reply, reply
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Throttled, WireError
from nightshift.ids import IdempotencyKey, opaque
from nightshift.model.mail import MARK
from nightshift.tools.binding import Call, Done, Found
from nightshift.tools.contracts.messaging import ReplyMessage
from tests.adapters.ses_account import CONFIGURATION_SET, Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes import SesFake
    from nightshift.model.tenant import Channel

CONVERSATION = opaque("mail", "one")
SEND = get_session().get_service_model("sesv2").operation_model("SendEmail").input_shape


@pytest.fixture
def client(ses: SesFake, mail_channel: Channel, published: Published) -> SesClient:
    del ses
    return SesClient(mail_channel, CONFIGURATION_SET, published)


def call(client: SesClient, key: str = "key_one", **args: Any) -> Call[SesClient]:  # noqa: ANN401  # arguments
    given = {
        "conversation": CONVERSATION,
        "template": "order_status@1",
        "fields": {"order": "#1001", "state": "shipped"},
        "to": "kim@example.com",
        "in_reply_to": "mail-1@example.com",
        **args,
    }
    return Call(client=client, args=ReplyMessage.model_validate(given), key=IdempotencyKey(key))


@pytest.mark.guarantee("mail:address-on-record")
def test_a_reply_goes_to_the_address_it_was_given_and_says_what_the_template_says(
    client: SesClient, ses: SesFake
) -> None:
    done = reply(call(client))
    (mail,) = ses.mails
    assert done.vendor_ref == mail.id
    assert (mail.sender, mail.to) == ("support@acme.example", "kim@example.com")
    assert mail.subject == "Your order #1001"
    assert mail.text == "Thank you for your message.\nYour order #1001 is on its way."
    assert mail.reply_to == f"support+{CONVERSATION}@acme.example"
    assert mail.headers == {
        "Auto-Submitted": "auto-replied",
        "X-Auto-Response-Suppress": "All",
        MARK: CONVERSATION,
        "In-Reply-To": "<mail-1@example.com>",
        "References": "<mail-1@example.com>",
    }
    assert mail.tags == {
        "tenant": "acme",
        "channel": "mail-eu",
        "key": "key_one",
        "conversation": CONVERSATION,
    }


def test_the_requests_fit_the_services_own_model(client: SesClient, ses: SesFake) -> None:
    for n, args in enumerate(
        ({}, {"in_reply_to": ""}, {"template": "handed_over@1", "fields": {}}, {"locale": "de"})
    ):
        reply(call(client, f"key_{n}", **args))
    assert len(ses.bodies) == 4
    for body in ses.bodies:
        problems = ParamValidator().validate(body, SEND)
        assert not problems.has_errors(), problems.generate_report()


def test_a_request_that_is_wrong_would_be_found(client: SesClient, ses: SesFake) -> None:
    reply(call(client))
    body = {**ses.bodies[0], "Destination": {"ToAddresses": "kim@example.com"}, "Unknown": 1}
    assert "Unknown" in ParamValidator().validate(body, SEND).generate_report()


@pytest.mark.guarantee("mail:address-on-record")
@pytest.mark.parametrize("to", ["", "nobody", "@example.com", "kim@", "a@b@c", '"kim"@example.com'])
def test_without_an_address_on_record_nothing_is_sent(client: SesClient, ses: SesFake, to: str) -> None:
    with pytest.raises(Rejected) as refused:
        reply(call(client, to=to))
    assert refused.value.code == "recipient.missing"
    assert ses.requests == {}


def test_only_conversations_that_came_by_mail_are_answered(client: SesClient, ses: SesFake) -> None:
    with pytest.raises(Rejected) as refused:
        reply(call(client, conversation="conv-1"))
    assert refused.value.code == "conversation.not_found"
    assert ses.requests == {}


@pytest.mark.parametrize("given", ["x@y\nBcc:all@example.com", "a b@c.example", "<x@y.example>"])
def test_no_header_can_be_smuggled_in_with_a_message_id(given: str) -> None:
    with pytest.raises(ValueError, match="in_reply_to"):
        ReplyMessage.model_validate({"conversation": "c", "template": "a@1", "in_reply_to": given})


def test_a_message_id_of_an_odd_form_is_left_out(client: SesClient, ses: SesFake) -> None:
    reply(call(client, in_reply_to="odd\u00e9@example.com"))
    assert "In-Reply-To" not in ses.mails[0].headers


def test_a_field_cannot_break_out_of_its_line(client: SesClient, ses: SesFake) -> None:
    reply(call(client, fields={"order": "#1001\r\nBcc: all@example.com", "state": "shipped"}))
    assert ses.mails[0].subject == "Your order #1001 Bcc: all@example.com"


@pytest.mark.parametrize(
    ("fault", "raised"),
    [("500", OutcomeUnknown), ("drop_before", OutcomeUnknown), ("drop_after", OutcomeUnknown)],
)
@pytest.mark.guarantee("effects:at-most-once")
def test_an_answer_that_is_lost_is_never_sent_for_again(
    client: SesClient, ses: SesFake, fault: str, raised: type[WireError]
) -> None:
    ses.fail(fault, "SendEmail")
    with pytest.raises(raised):
        reply(call(client))
    assert ses.requests["SendEmail"] == 1  # botocore would have tried three times
    found = probe_reply(call(client))
    assert isinstance(found, Done) if fault == "drop_after" else found is Found.UNSURE


def test_what_ses_never_published_is_for_a_person(client: SesClient, ses: SesFake) -> None:
    ses.publishes = False
    reply(call(client))
    assert probe_reply(call(client)) is Found.UNSURE


@pytest.mark.parametrize(
    ("arrange", "error", "code"),
    [
        (lambda ses: ses.verified.add("other.example"), Rejected, "vendor.refused"),
        (lambda ses: ses.configuration_sets.clear(), Misconfigured, "vendor.set_up"),
        (lambda ses: ses.fail("429", seconds=3), Throttled, "vendor.throttled"),
    ],
)
def test_ses_own_refusals_have_their_meaning(
    client: SesClient,
    ses: SesFake,
    arrange: Callable[[SesFake], None],
    error: type[WireError],
    code: str,  # a function
) -> None:
    arrange(ses)
    with pytest.raises(error) as refused:
        reply(call(client))
    assert type(refused.value) is error
    assert refused.value.code == code
    assert ses.mails == []


def test_its_binding_takes_no_key_and_has_a_probe() -> None:
    binding = ADAPTER.binding("messaging.reply")
    assert binding is not None
    assert binding.takes_key is False
    assert binding.probe is probe_reply
