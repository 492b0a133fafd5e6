"""Tools of the domain `messaging`: versioned templates only, never free text."""

from datetime import datetime

from pydantic import Field

from nightshift.ids import ChannelId
from nightshift.model.base import Noun, canonical_digest
from nightshift.model.effect import Claim
from nightshift.model.tool import EffectClass
from nightshift.tools.contract import ToolContract

__all__ = ["REPLY", "MessageSent", "ReplyMessage"]


class ReplyMessage(Noun):
    """Answer in a conversation the customer opened, with a template and its fields."""

    conversation: str = Field(min_length=1, max_length=200)
    template: str = Field(pattern=r"^[a-z][a-z0-9_]*@[0-9]+$", description="name@version")
    locale: str = Field(default="en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    fields: dict[str, str] = Field(default_factory=dict)
    to: str = Field(
        default="",
        max_length=320,
        pattern=r"^[^\s<>,;]*$",
        description="the customer's address on record, for channels that send mail; never a mail's From",
    )
    in_reply_to: str = Field(
        default="",
        max_length=200,
        pattern=r"^[^\s<>]*$",
        description="Message-ID of the mail that is answered, without angle brackets",
    )


class MessageSent(Noun):
    """A message the store has accepted."""

    message: str
    sent_at: datetime


_QUIET = 600  # seconds in which the same words are not sent again into one conversation


def _message_claim(channel: ChannelId, args: ReplyMessage) -> Claim:
    content = canonical_digest({"template": args.template, "fields": dict(args.fields)})[:16]
    return Claim(key=f"message:{channel}:{args.conversation}:{content}", hold_seconds=_QUIET)


REPLY = ToolContract(
    name="messaging.reply",
    summary="Answer a customer in their conversation with one of the approved templates.",
    input=ReplyMessage,
    output=MessageSent,
    effect=EffectClass.DESTRUCTIVE,
    permission="messaging:reply",
    customer_visible=True,
    irreversible=True,
    sensitive=("conversation", "template", "to"),
    errors=("conversation.not_found", "template.unknown", "recipient.missing", "vendor.refused"),
    once_per=_message_claim,
    example={
        "conversation": "conv-1",
        "template": "order_status@1",
        "fields": {"order": "#1001", "state": "shipped"},
    },
)
