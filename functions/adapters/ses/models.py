"""SES's answer as it comes. Unknown fields are ignored."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Accepted", "Identity"]


class Accepted(BaseModel):
    """A mail that SES has taken: its id, which is also the local part of its Message-ID."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(alias="MessageId", min_length=1, max_length=200)


class Identity(BaseModel):
    """An address or domain that was entered to send from."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    verified: bool = Field(alias="VerifiedForSendingStatus", default=False)
