"""What SES tells us, as it comes: a mail was received, or what became of a mail of ours."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Notice", "Receipt", "receipts"]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True)


class _Verdict(_Told):
    status: str = ""


class _CommonHeaders(_Told):
    sender: tuple[str, ...] = Field(default=(), alias="from")


class _Mail(_Told):
    message_id: str = Field(alias="messageId", pattern=r"^[A-Za-z0-9._-]{1,128}$")
    source: str = ""
    timestamp: datetime
    common: _CommonHeaders = Field(default=_CommonHeaders(), alias="commonHeaders")


class _Action(_Told):
    recipients: tuple[str, ...] = ()
    spam: _Verdict = Field(default=_Verdict(), alias="spamVerdict")
    virus: _Verdict = Field(default=_Verdict(), alias="virusVerdict")
    dmarc: _Verdict = Field(default=_Verdict(), alias="dmarcVerdict")


class Receipt(_Told):
    """One received mail: its id, its envelope, and what SES thinks of it."""

    mail: _Mail
    receipt: _Action

    @property
    def is_vouched_for(self) -> bool:
        """Whether SES found the From genuine (DMARC) and the mail clean; anything but PASS is no."""
        told = self.receipt
        return {told.dmarc.status, told.spam.status, told.virus.status} == {"PASS"}

    @property
    def claimed_senders(self) -> tuple[str, ...]:
        """The From addresses as SES read them."""
        return self.mail.common.sender


class _Record(_Told):
    ses: Receipt


class _Event(_Told):
    records: tuple[_Record, ...] = Field(alias="Records", min_length=1)


def receipts(event: object) -> tuple[Receipt, ...]:
    """The mails of a receipt rule's Lambda event.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return tuple(record.ses for record in _Event.model_validate(event).records)


class _Bounce(_Told):
    type: str = Field(default="", alias="bounceType")
    recipients: tuple[dict[str, object], ...] = Field(default=(), alias="bouncedRecipients")


class _Sent(_Told):
    message_id: str = Field(alias="messageId", min_length=1, max_length=200)
    timestamp: datetime
    tags: dict[str, tuple[str, ...]] = {}


class _Detail(_Told):
    kind: str = Field(alias="eventType")
    mail: _Sent
    bounce: _Bounce = _Bounce()


class Notice(_Told):
    """What SES published about a mail of ours (EventBridge); our tags say which effect it was."""

    id: str = Field(min_length=1, max_length=100)
    source: Literal["aws.ses"]
    detail: _Detail

    def tag(self, name: str) -> str:
        """The value of one of our tags, or nothing."""
        return next(iter(self.detail.mail.tags.get(name, ())), "")

    @property
    def status(self) -> str:
        """Of a bounce: the status code of its first recipient, where there is one."""
        first = next(iter(self.detail.bounce.recipients), {})
        return str(first.get("status", ""))[:20]
