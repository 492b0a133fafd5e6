"""Mail: whose mailbox it is, where it is kept, how much of it is taken, and what SES says it sent."""

from datetime import datetime
from typing import Protocol

from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Noun

__all__ = ["MailRates", "MailStore", "Mailbox", "Mailboxes", "SentMail", "SentMails"]


class Mailbox(Noun):
    """A mail address that belongs to a channel: lower case, without a `+tag`."""

    address: str
    tenant: TenantId
    channel: ChannelId


class Mailboxes(Protocol):
    """Which channel an address belongs to."""

    def find(self, address: str) -> Mailbox | None:
        """The mailbox of an address, lower case and without a tag; None: it is nobody's."""


class MailStore(Protocol):
    """Raw mails as SES stored them, and the files that came with them."""

    def raw(self, message: str, most: int) -> bytes:
        """A raw mail by SES's message id.

        Raises:
            NotFound: it is not there, or not yet.
            BadInput: it has more than `most` bytes.
        """

    def ref(self, message: str) -> str:
        """Where a raw mail stands, as `Delivery.body_ref` names it."""

    def keep_file(self, tenant: TenantId, content: bytes) -> str:
        """Keep a file under its own digest; returns its reference. Nobody opens it."""


class MailRates(Protocol):
    """How much mail is taken from one sender, or into one mailbox, within an hour."""

    def admit(self, tenant: TenantId, who: str, message: str, *, at: datetime, most: int) -> bool:
        """Whether a mail is among the first `most` of its hour; the same mail again gets the same answer."""


class SentMail(Noun):
    """A mail that SES says it sent."""

    message: str
    sent_at: datetime


class SentMails(Protocol):
    """What SES told of mails we sent, by the key of their effect; kept for 30 days."""

    def record(self, tenant: TenantId, effect: str, sent: SentMail) -> None:
        """Keep what SES told; the first telling stands."""

    def find(self, tenant: TenantId, effect: str) -> SentMail | None:
        """What SES told of the effect with this key, or None: nothing, or nothing yet."""
