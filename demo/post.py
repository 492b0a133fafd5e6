"""The post of the demo tenant: mails that customers write, and what SES says of the ones it sent for us."""

import json
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any, Final

from demo.shop import Shop
from demo.tenant import MAILBOX, STAGE, mail_of
from fakes.ses import Inbound, SentMailRecord, inbound
from nightshift.clock import SystemClock

__all__ = ["PostOffice"]

_FUNCTION: Final = f"nightshift-{STAGE}-mail"


class PostOffice:
    """SES on this machine: stores a mail as its receipt rule does, then calls the mail function."""

    def __init__(self, shop: Shop) -> None:
        self._stack = shop.stack
        self._ses = mail_of(shop.fakes)
        about = self._stack.client("lambda").get_function_configuration(FunctionName=_FUNCTION)
        self._bucket = about["Environment"]["Variables"]["BUCKET_MAIL"]
        self._ses.listeners = [self._tell]

    @property
    def outbox(self) -> tuple[SentMailRecord, ...]:
        """What was sent for us, in order."""
        return tuple(self._ses.mails)

    def write(
        self,
        sender: str,
        subject: str,
        text: str,
        *,
        verdicts: Mapping[str, str] | None = None,
        reply_to: str = "",
    ) -> Inbound:
        """A customer writes a mail to the store; `reply_to` is the Message-ID it answers."""
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = sender, MAILBOX, subject
        now = SystemClock().now()
        letter["Date"] = now
        letter["Message-ID"] = f"<{now.timestamp()}@mail.example>"
        if reply_to:
            letter["In-Reply-To"] = letter["References"] = reply_to
        letter.set_content(text)
        return self.deliver(letter.as_bytes(), verdicts=verdicts)

    def deliver(
        self, raw: bytes, *, verdicts: Mapping[str, str] | None = None, recipient: str = MAILBOX
    ) -> Inbound:
        """SES receives a mail: stored first, then the function is invoked asynchronously."""
        received = inbound(raw, recipient, at=SystemClock().now(), verdicts=dict(verdicts or {}))
        self._stack.client("s3").put_object(Bucket=self._bucket, Key=f"inbound/{received.id}", Body=raw)
        self.call(received)
        return received

    def call(self, received: Inbound) -> None:
        """Invoke the mail function with the event of one receipt."""
        self._stack.client("lambda").invoke(
            FunctionName=_FUNCTION, InvocationType="Event", Payload=json.dumps(received.event).encode()
        )

    def _tell(self, event: dict[str, Any]) -> None:
        """SES publishes to the account's event bus."""
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
        }
        self._stack.client("events").put_events(Entries=[entry])
