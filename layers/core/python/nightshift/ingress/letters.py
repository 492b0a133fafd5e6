"""A mail as an event: which conversation, which order, whether its sender is proven."""

import re
from dataclasses import dataclass
from datetime import datetime

from nightshift.ids import TenantId, opaque
from nightshift.ingress.machines import conversation_of
from nightshift.ingress.mime import MAX_TEXT, Mail, Report, message_ids
from nightshift.ingress.naming import language_of, named_order
from nightshift.ingress.quoting import new_text
from nightshift.ingress.ses import Receipt
from nightshift.model.event import Attachment, BounceDetail, MessageDetail
from nightshift.model.mail import is_conversation, mail_address
from nightshift.ports.mail import Mailbox, MailStore

__all__ = ["Arrived", "bare", "bounced", "identity", "letter"]

_REPLY = re.compile(r"\s*(re|aw|antw|sv|vs|rif|tr|fwd?|wg)\s?(\[\d+\])?:", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """One mail in one of our mailboxes; `tag` is what stood after a `+` in the address it came to."""

    receipt: Receipt
    mailbox: Mailbox
    tag: str
    at: datetime

    @property
    def id(self) -> str:
        """SES's message id."""
        return self.receipt.mail.message_id


def letter(arrived: Arrived, mail: Mail, *, store: MailStore, order_prefix: str) -> MessageDetail:
    """What a person wrote; its files are kept first.

    The sender is proven only where SES's DMARC, spam and virus verdicts are all PASS, and SES read the
    same single From address as we do: two readers that differ could be played against each other.
    """
    said = _said(mail)
    return MessageDetail(
        conversation=_conversation(arrived, mail),
        text=said[:MAX_TEXT],
        sender=mail.sender,
        verified_sender=_is_verified(arrived.receipt, mail),
        order_name=named_order(mail.subject, said, order_prefix),
        locale=language_of(mail.headers.get("content-language", ""), said),
        attachments=_files(arrived.mailbox.tenant, mail, store),
        medium="mail",
        message_id=_own_id(mail),
    )


def _said(mail: Mail) -> str:
    """What is new in it; the subject too, where it is the writer's own and not that of an earlier mail."""
    said = new_text(mail.text)
    is_answer = any(mail.headers.get(name) for name in ("in-reply-to", "references"))
    own = "" if is_answer or _REPLY.match(mail.subject) else mail.subject
    return "\n".join(part for part in (own, said) if part)


def _own_id(mail: Mail) -> str:
    return next(iter(message_ids(mail.headers.get("message-id", ""))), "")


def _conversation(arrived: Arrived, mail: Mail) -> str:
    """The thread: as the tag of the address says that we sent from, else by the first mail of it."""
    if is_conversation(arrived.tag):
        return arrived.tag
    named = ("references", "in-reply-to", "message-id")
    chain = [found for name in named for found in message_ids(mail.headers.get(name, ""))]
    box = arrived.mailbox
    return opaque("mail", box.tenant, box.channel, chain[0] if chain else arrived.id)


def _is_verified(receipt: Receipt, mail: Mail) -> bool:
    claimed = receipt.claimed_senders
    return (
        receipt.is_vouched_for and bool(mail.sender) and len(claimed) == 1 and bare(claimed[0]) == mail.sender
    )


def bare(claimed: str) -> str:
    """The address of a From as SES gives it, with or without a name before it."""
    return mail_address(claimed.rpartition("<")[2].partition(">")[0] if "<" in claimed else claimed)


def _files(tenant: TenantId, mail: Mail, store: MailStore) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(name=each.name, media_type=each.media_type, ref=store.keep_file(tenant, each.content()))
        for each in mail.enclosures
    )


def bounced(report: Report, tag: str) -> BounceDetail | None:
    """What a report says of a mail of ours; None: nothing that concerns anybody.

    Reports are not signed: one only counts where it names a conversation that nobody can guess.
    """
    conversation = tag if is_conversation(tag) else conversation_of(report)
    is_complaint = report.kind == "feedback-report"
    if not conversation or not (is_complaint or report.action == "failed"):
        return None
    return BounceDetail(
        conversation=conversation, reason="complaint" if is_complaint else "bounce", status=report.status
    )


def identity(arrived: Arrived, mail: Mail, said: MessageDetail) -> str:
    """What makes a mail the same mail when its sender's server delivers it twice."""
    return "\0".join(
        (_own_id(mail) or arrived.id, said.sender, said.text, *(file.ref for file in said.attachments))
    )
