"""Onboarding's questions, answered in the Lambda of the adapter: only there its secrets may be read."""

from typing import Any, Protocol

from nightshift.errors import Misconfigured
from nightshift.tools.binding import Adapter
from nightshift.tools.oauth import granted_once
from nightshift.tools.onboard import Account, Hooks, OnboardCall

__all__ = ["SecretVersions", "onboarded"]


class SecretVersions(Protocol):
    """Secrets in the version that is in force, and in one that is only tried."""

    def get(self, ref: str) -> dict[str, str]:
        """The fields in force."""

    def version(self, ref: str, version: str) -> dict[str, str]:
        """The fields of one version, read anew.

        Raises:
            Misconfigured: it is not there or not readable.
        """


def onboarded(adapter: Adapter, secrets: SecretVersions, given: OnboardCall) -> Account | Hooks:
    """Answer one question about a channel that may not be stored yet.

    Raises:
        Misconfigured: this adapter does not serve the channel, cannot be connected this way, or its
            secret cannot be used.
        WireError: as the vendor's client raised it.
    """
    channel = given.channel
    if adapter.onboard is None or channel.adapter != adapter.name:
        message = f"{adapter.name} does not connect this channel"
        raise Misconfigured(message, code="adapter.onboard")
    fields = _fields(secrets, given)
    if adapter.grant is not None:
        fields = granted_once(adapter.grant, channel, fields, refresh_lasts=adapter.refresh_lasts)
    client: Any = adapter.connect(channel, fields)
    match given.op:
        case "check":
            return adapter.onboard.check(client)
        case "hooks":
            return adapter.onboard.hooks(client, given.url)
        case "ensure":
            made = adapter.onboard.ensure(client, given.url)
            return made.model_copy(update={"learned": {**_kept(secrets, given), **made.learned}})


def _fields(secrets: SecretVersions, given: OnboardCall) -> dict[str, str]:
    ref = given.channel.secret_ref
    if not ref:
        return {}
    return secrets.get(ref) if given.version is None else secrets.version(ref, given.version)


def _kept(secrets: SecretVersions, given: OnboardCall) -> dict[str, str]:
    """Fields in force that the version on trial lacks: what a vendor told once must not be forgotten."""
    if given.version is None:
        return {}
    tried = secrets.version(given.channel.secret_ref, given.version)
    try:
        in_force = secrets.get(given.channel.secret_ref)
    except Misconfigured:
        return {}
    return {name: value for name, value in in_force.items() if name not in tried}
