"""The contact form's answers as they come. Unknown fields are ignored."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

__all__ = ["Accepted", "Form", "Found", "Message"]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Accepted(_Answer):
    """A message the store has taken."""

    id: str
    sent_at: datetime


Message = Accepted


class Found(_Answer):
    """The messages that were sent with a key."""

    messages: tuple[Message, ...]


class Form(_Answer):
    """The contact form itself: the account its webhooks name, and where it posts messages to."""

    account: str
    name: str = ""
    webhook_url: str | None = None
