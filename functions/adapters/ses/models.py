"""SES's answer as it comes. Unknown fields are ignored."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Accepted", "Identity"]


class Accepted(BaseModel):
    """A mail that SES has taken: its id, which is also the local part of its Message-ID."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(alias="MessageId", min_length=1, max_length=200)


class _Tag(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(alias="Key")
    value: str = Field(alias="Value")


class Identity(BaseModel):
    """An address or domain that was entered to send from; its tag `tenant` says for whom, if it has one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    verified: bool = Field(alias="VerifiedForSendingStatus", default=False)
    tags: tuple[_Tag, ...] = Field(alias="Tags", default=())

    def is_of(self, tenant: str) -> bool:
        """Whether a tenant may have it: it is tagged as theirs, or as nobody's."""
        return all(tag.value == tenant for tag in self.tags if tag.key == "tenant")
