"""The tools that mail serves, bound to their contracts."""

from typing import Any

from functions.adapters.ses.client import SesClient, connect
from functions.adapters.ses.onboard import ONBOARD
from nightshift.clock import SystemClock
from nightshift.errors import Rejected
from nightshift.model.lane import Breaker, Budget
from nightshift.model.mail import MARK, is_conversation, is_message_id, mail_address
from nightshift.tools.binding import Adapter, Binding, Call, Done, Found
from nightshift.tools.contracts.messaging import REPLY, MessageSent, ReplyMessage
from nightshift.tools.templates import Rendered, render

__all__ = ["ADAPTER", "probe_reply", "reply"]


def reply(call: Call[SesClient]) -> Done:
    """Render the template and send it to the address on record, unless SES says that it was sent already."""
    args: ReplyMessage = call.args
    if not is_conversation(args.conversation):
        message = "this is no conversation that came by mail"
        raise Rejected(message, code="conversation.not_found")
    if not mail_address(args.to):
        message = "the customer's record has no address that mail can be sent to"
        raise Rejected(message, code="recipient.missing")
    rendered = render(args.template, args.locale, args.fields)
    known = call.client.find(call.key)
    if known is not None:
        return _done(known.message, known.sent_at.isoformat())
    accepted = call.client.send(_mail(call, rendered))
    return _done(accepted.id, SystemClock().now().isoformat())


def probe_reply(call: Call[SesClient]) -> Done | Found:
    """Whether SES published that it sent this.

    Its silence proves nothing: events come by EventBridge, at best effort. So an unknown send that is
    never published stays unknown, and a person settles it; it is not sent again.
    """
    known = call.client.find(call.key)
    return Found.UNSURE if known is None else _done(known.message, known.sent_at.isoformat())


def _mail(call: Call[SesClient], rendered: Rendered) -> dict[str, Any]:
    """The members of `SendEmail`. Every value is ours or was checked; no line break gets into a header."""
    args: ReplyMessage = call.args
    client = call.client
    answers_to = _tagged(client.account, args.conversation)
    headers = {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All", MARK: args.conversation}
    if is_message_id(args.in_reply_to):
        headers |= {"In-Reply-To": f"<{args.in_reply_to}>", "References": f"<{args.in_reply_to}>"}
    tags = {
        "tenant": client.tenant,
        "channel": client.channel,
        "key": call.key,
        "conversation": args.conversation,
    }
    return {
        "FromEmailAddress": client.account,
        "Destination": {"ToAddresses": [args.to]},
        "ReplyToAddresses": [answers_to],
        "FeedbackForwardingEmailAddress": answers_to,
        "Content": {
            "Simple": {
                "Subject": {"Data": rendered.subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": rendered.text, "Charset": "UTF-8"}},
                "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
            }
        },
        "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
    }


def _tagged(account: str, conversation: str) -> str:
    """Our address with the conversation as its tag, so that answers and bounces find it; or without."""
    local, _, host = account.rpartition("@")
    tagged = f"{local}+{conversation}"
    return f"{tagged}@{host}" if len(tagged) <= 64 else account  # noqa: PLR2004  # RFC 5321


def _done(message: str, sent_at: str) -> Done:
    return Done(
        output=MessageSent.model_validate({"message": message, "sent_at": sent_at}), vendor_ref=message
    )


ADAPTER = Adapter(
    name="ses",
    connect=connect,
    onboard=ONBOARD,
    bindings=(
        Binding(
            contract=REPLY, call=reply, probe=probe_reply, settle_after=60.0, timeout=12.0, ask_timeout=9.0
        ),
    ),
    budget=Budget(unit="requests", per_second=14.0, burst=14.0),
    breaker=Breaker(failures=5, share=0.5, within_seconds=60.0, open_seconds=30.0),
)
