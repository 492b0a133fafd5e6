"""The tools that the contact form serves, bound to their contracts."""

from pydantic import JsonValue

from functions.adapters.contact.client import ContactClient, connect
from functions.adapters.contact.models import Accepted
from functions.adapters.contact.onboard import ONBOARD
from nightshift.tools.binding import Adapter, Binding, Call, Done, Found
from nightshift.tools.breaker import Breaker
from nightshift.tools.budget import Budget
from nightshift.tools.contracts.messaging import REPLY, MessageSent, ReplyMessage
from nightshift.tools.templates import render

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
    onboard=ONBOARD,
    budget=Budget(unit="requests", per_second=50.0, burst=100.0),
    breaker=Breaker(failures=5, share=0.5, within_seconds=60.0, open_seconds=30.0),
    bindings=(
        Binding(
            contract=REPLY,
            call=reply,
            probe=probe_reply,
            takes_key=True,
            settle_after=20.0,
            timeout=12.0,
            ask_timeout=9.0,
        ),
    ),
)
