"""An adapter as data: what connecting a channel needs to know of it without importing it."""

from pydantic import Field

from nightshift.model.base import Noun

__all__ = ["AdapterSpec"]


class AdapterSpec(Noun):
    """What `adapter.toml` says, and whether the adapter can be asked about credentials.

    Args:
        hosts: patterns a channel's `base_url` must fit; `*` stands for any public host.
        secret_fields: fields the channel's secret must have.
        secret_optional: fields it may have as well.
        secret_instead: which fields may stand instead of a required one (an app's, that is granted tokens).
        learned_fields: those of `secret_fields` that the vendor gives out when webhooks are registered, so
            that nobody need give them.
        scopes: what the credentials should be allowed, in the vendor's words.
        topics: what the vendor calls our webhook about; none: it has no webhook.
        addresses: channels of this adapter receive mail.
        default_base_url: used where the operator gives none; `{account}` stands for the account.
        onboards: its Lambda answers onboarding's questions.
    """

    name: str
    hosts: tuple[str, ...]
    secret_fields: tuple[str, ...]
    secret_optional: tuple[str, ...] = ()
    secret_instead: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    learned_fields: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    addresses: bool = False
    default_base_url: str = ""
    onboards: bool = False
