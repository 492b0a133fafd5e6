"""The tools that the contact form serves, bound to their contracts."""

from pydantic import JsonValue

from functions.adapters.contact.client import ContactClient, connect
from functions.adapters.contact.models import Accepted
from functions.adapters.contact.templates import render
from nightshift.tools.binding import Adapter, Binding, Call, Done, Found
from nightshift.tools.contracts.messaging import REPLY, MessageSent, ReplyMessage

__all__ = ["ADAPTER", "probe_reply", "reply"]


def reply(call: Call[ContactClient]) -> Done:
    """Render the template and send it, once per key."""
    args: ReplyMessage = call.args
    message = render(args.template, args.locale, args.fields)
    fields: dict[str, JsonValue] = {**message.fields}
    body: dict[str, JsonValue] = {
        "template": args.template,
        "locale": message.locale,
        "text": message.text,
        "fields": fields,
    }
    return _done(call.client.reply(args.conversation, call.key, body))


def probe_reply(call: Call[ContactClient]) -> Done | Found:
    """Whether a message was sent with this key."""
    sent = call.client.find(call.key).messages
    return _done(sent[0]) if sent else Found.ABSENT


def _done(message: Accepted) -> Done:
    return Done(output=MessageSent(message=message.id, sent_at=message.sent_at), vendor_ref=message.id)


ADAPTER = Adapter(
    name="contact",
    connect=connect,
    bindings=(
        Binding(
            contract=REPLY, call=reply, probe=probe_reply, takes_key=True, settle_after=20.0, timeout=12.0
        ),
    ),
)
