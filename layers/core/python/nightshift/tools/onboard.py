"""How an adapter connects a channel: whose credentials these are, and whether the vendor calls us.

Optional on an adapter (`Adapter.onboard`). All of it is called in the adapter's own Lambda, because only
that one may read the vendor's secrets, and only on behalf of `functions/onboarding`.
"""

from typing import Any, Literal, Protocol

from pydantic import Field

from nightshift.model.base import Noun
from nightshift.model.hook import Hook, HookState
from nightshift.model.tenant import Channel

__all__ = ["Account", "Hook", "HookState", "Hooks", "Onboard", "OnboardCall"]


class Account(Noun):
    """What the vendor says about a channel's credentials.

    Args:
        account: the vendor's name of the account they belong to, in the form `Channel.account` has
            (`acme.myshopify.com`, `acct_…`, a mail address); compared with what the operator wrote.
        name: what people call it.
        scopes: what the credentials may do, in the vendor's words; those of `adapter.toml` that are not
            among them are reported as missing. Empty where the vendor has no scopes.
        skew_seconds: the vendor's clock (`Date` of its answer) minus ours; None: it did not say.
        remarks: anything else a person should know, one sentence each, with the fix ("the account may
            only send to verified addresses: ask AWS for production access").
    """

    account: str
    name: str = ""
    scopes: frozenset[str] = frozenset()
    skew_seconds: float | None = None
    remarks: tuple[str, ...] = ()


class Hooks(Noun):
    """The registrations of one channel.

    `learned` are fields that the vendor gives out once, when it makes a registration (Stripe's signing
    secret): onboarding stores them with the channel's secret. They are in no log and no answer. A field
    in force that the secret on trial lacks is added to them by the runtime, not by the adapter.
    """

    hooks: tuple[Hook, ...] = ()
    learned: dict[str, str] = Field(default_factory=dict, repr=False)


class Onboard(Protocol):
    """What an adapter implements, stateless; `client` is what `Adapter.connect` gives.

    Each raises wire errors, `Misconfigured` for credentials that do not work.
    """

    def check(self, client: Any) -> Account:  # noqa: ANN401  # the adapter's own client
        """Ask the vendor whose credentials these are; changes nothing."""

    def hooks(self, client: Any, url: str) -> Hooks:  # noqa: ANN401  # the adapter's own client
        """How the registrations of every topic stand against `url`; changes nothing.

        Empty where a person registers at the vendor by hand, or there is nothing to register.
        """

    def ensure(self, client: Any, url: str) -> Hooks:  # noqa: ANN401  # the adapter's own client
        """Make every topic's registration right: keep what is, mend what is wrong, add what is missing.

        Registrations that do not point to a path of ours for this very channel are another's: left alone.
        The same call again changes nothing.
        """


class OnboardCall(Noun):
    """What onboarding sends to an adapter's Lambda, as `{"onboard": {...}}`.

    Args:
        op: which function of `Onboard`.
        channel: the channel as it would be stored; it need not be stored yet.
        version: which version of its secret is tried; None: the one in force.
        url: where the vendor is to call; for `hooks` and `ensure`.
    """

    op: Literal["check", "hooks", "ensure"]
    channel: Channel
    version: str | None = None
    url: str = ""
